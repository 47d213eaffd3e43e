//! The keys of a channel that sends mail.

use std::ops::Range;
use std::time::Duration;

use crate::channel::delivery::DEADLINE;
use crate::channel::email::{Email, Login, Mailbox, Security};
use crate::config::layers;
use crate::config::loader::Loader;
use crate::config::tree::{Node, Value};
use crate::config::values;
use crate::model::code::Code;
use crate::model::counted::counted;
use crate::model::secret::Secret;
use crate::model::span::Mistake;

/// So many recipients every server takes.
const RECIPIENTS_MAX: usize = 100;

/// Headers that OES writes, or the servers on the way.
const OURS: [&str; 20] = [
    "auto-submitted",
    "bcc",
    "cc",
    "content-transfer-encoding",
    "content-type",
    "date",
    "from",
    "in-reply-to",
    "message-id",
    "mime-version",
    "received",
    "references",
    "reply-to",
    "return-path",
    "sender",
    "subject",
    "to",
    "x-auto-response-suppress",
    "x-oes-incident",
    "x-oes-kind",
];

/// Reads what a channel says of mail; absent if it cannot be used, which was reported. Every key is looked at, so that
/// every mistake is told at once.
pub(super) fn read(loader: &mut Loader<'_>, node: &Node) -> Option<Email> {
    let security = security(node);
    let host = host(loader, node);
    let login = login(loader, node);
    if security == Some(Security::None)
        && let (Some(host), Some(at)) = (&host, node.get("tls"))
        && !is_local(host)
    {
        let what = if node.get("password").is_some() {
            "messages and the password"
        } else {
            "messages"
        };
        let message = format!("{what} go to {} unencrypted", values::shorten(host));
        let mistake = Mistake::warning(Code::Value, at.span.clone(), message);
        loader.report(mistake.help("write tls = \"starttls\" or \"implicit\""));
    }
    let port = port(loader, node, security.unwrap_or_default());
    let from = node.get("from").and_then(|node| mailbox(loader, node));
    let to = node.get("to").map(|node| mailboxes(loader, node));
    let cc = node.get("cc").map(|node| mailboxes(loader, node));
    let reply_to = node.get("reply_to").map(|node| mailbox(loader, node));
    let ca_pem = node.get("ca").map(|node| loader.pem(node));
    let headers = headers(loader, node);
    let (to, cc) = (to??, cc.unwrap_or_else(|| Some(Vec::new()))?);
    if to.len() + cc.len() > RECIPIENTS_MAX
        && let Some(at) = node.get("to")
    {
        let all = counted(to.len() + cc.len(), "recipient");
        let mistake = Mistake::error(Code::Value, at.span.clone(), format!("{all} of one mail"));
        let most = format!("at most {RECIPIENTS_MAX}; a mailing list takes more");
        loader.report(mistake.help(most));
        return None;
    }
    Some(Email {
        security: security?,
        host: host?,
        port: port?,
        login: login.ok()?,
        ca_pem: match ca_pem {
            None => None,
            Some(pem) => Some(pem?),
        },
        timeout: node
            .get("timeout")
            .and_then(layers::seconds)
            .map_or(DEADLINE, |timeout: Duration| timeout.min(DEADLINE)),
        from: from?,
        to,
        cc,
        reply_to: match reply_to {
            None => None,
            Some(mailbox) => Some(mailbox?),
        },
        headers: headers?,
    })
}

fn security(node: &Node) -> Option<Security> {
    match node.get("tls") {
        None => Some(Security::default()),
        Some(node) => Security::named(node.text()?),
    }
}

fn host(loader: &mut Loader<'_>, node: &Node) -> Option<String> {
    let node = node.get("host")?;
    let text = node.text().filter(|text| !text.is_empty())?;
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let bare = bare.unwrap_or(text);
    let is_address = bare.parse::<std::net::IpAddr>().is_ok();
    let help = if text.contains("//") {
        "leave `smtp://` out; `tls` says how the connection is encrypted"
    } else if !is_address && text.contains(':') {
        "the port is a key of its own: port = 587"
    } else if !is_address
        && !text
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || "-._".contains(one))
    {
        "write a name such as smtp.example.io, or an address"
    } else {
        return Some(bare.to_owned());
    };
    let message = format!("`{}` is no name of a server", values::shorten(text));
    loader.report(Mistake::error(Code::Value, node.span.clone(), message).help(help));
    None
}

/// Tells whether only this machine is meant.
fn is_local(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

fn port(loader: &mut Loader<'_>, node: &Node, security: Security) -> Option<u16> {
    let Some(node) = node.get("port") else {
        return Some(security.usual_port());
    };
    let port = layers::integer::<u16>(node).filter(|port| *port > 0)?;
    let other = match (port, security) {
        (465, Security::StartTls | Security::None) => Security::Implicit,
        (587, Security::Implicit) => Security::StartTls,
        _ => return Some(port),
    };
    let message = format!("servers expect tls = \"{}\" on port {port}", other.as_str());
    let mistake = Mistake::warning(Code::Value, node.span.clone(), message);
    loader.report(mistake.help("otherwise both sides wait for each other until the deadline"));
    Some(port)
}

/// What was reported.
struct Reported;

/// Returns who logs in.
fn login(loader: &mut Loader<'_>, node: &Node) -> Result<Option<Login>, Reported> {
    for (one, other) in [("username", "password"), ("password", "username")] {
        if let Some(member) = node.member(one)
            && node.get(other).is_none()
        {
            let message = format!("`{one}` without `{other}`");
            let mistake = Mistake::error(Code::Missing, member.key_span.clone(), message);
            loader.report(mistake.help("a login is a pair: username and password"));
        }
    }
    let username = node.get("username").map(|node| loader.secret(node));
    let password = node.get("password").map(|node| loader.secret(node));
    match (username, password) {
        (None, None) => Ok(None),
        // A password is hidden even where it is written out.
        (Some(Some(username)), Some(Some(password))) => Ok(Some(Login {
            username,
            password: Secret::hidden(password.expose()),
        })),
        _ => Err(Reported),
    }
}

/// Reads one address or a list of them.
fn mailboxes(loader: &mut Loader<'_>, node: &Node) -> Option<Vec<Mailbox>> {
    let single = std::slice::from_ref(node);
    let nodes = match &node.value {
        Value::List(items) => items,
        _ => single,
    };
    if nodes.is_empty() {
        let mistake = Mistake::error(
            Code::Useless,
            node.span.clone(),
            "an empty list of addresses",
        );
        loader.report(mistake.help("write at least one"));
        return None;
    }
    let read: Vec<Option<Mailbox>> = nodes.iter().map(|node| mailbox(loader, node)).collect();
    read.into_iter().collect()
}

fn mailbox(loader: &mut Loader<'_>, node: &Node) -> Option<Mailbox> {
    let text = node.text().filter(|text| !text.is_empty())?;
    let address = text
        .rsplit_once('<')
        .map_or(&**text, |(_, address)| address);
    let help = if text.contains(char::is_control) {
        "an address stands on one line"
    } else if !address.is_ascii() {
        "write the domain in its ASCII form: xn--…"
    } else if text.contains("${") {
        "an address takes no secrets"
    } else if text.matches('@').count() > 1 && text.contains([',', ';']) {
        "one address a string: [\"a@example.io\", \"b@example.io\"]"
    } else if let Ok(mailbox) = text.parse::<Mailbox>() {
        return Some(mailbox);
    } else {
        "write name@example.io, or Name <name@example.io>"
    };
    let message = format!("`{}` is no address", values::shorten(text).escape_debug());
    loader.report(Mistake::error(Code::Value, node.span.clone(), message).help(help));
    None
}

fn headers(loader: &mut Loader<'_>, node: &Node) -> Option<Vec<(String, String)>> {
    let members = node.get("headers").map_or(&[][..], Node::members);
    let mut headers = Vec::new();
    let mut bad = |at: &Range<usize>, message: String, help: &str| {
        loader.report(Mistake::error(Code::Value, at.clone(), message).help(help));
    };
    let mut fine = true;
    for member in members {
        let name = values::shorten(&member.key);
        let Some(value) = member.node.text() else {
            fine = false;
            continue;
        };
        let is_name = !member.key.is_empty()
            && member.key.len() <= 70
            && member
                .key
                .chars()
                .all(|one| one.is_ascii_alphanumeric() || one == '-');
        if !is_name {
            let message = format!("`{}` is no header name", name.escape_debug());
            bad(
                &member.key_span,
                message,
                "a name has letters, digits and dashes: X-Team",
            );
        } else if OURS
            .iter()
            .any(|ours| member.key.eq_ignore_ascii_case(ours))
        {
            let message = format!("OES sets the header `{name}` itself");
            bad(&member.key_span, message, "leave it out");
        } else if value.contains(char::is_control) {
            let message =
                format!("the value of the header `{name}` has characters that no header may have");
            bad(&member.node.span, message, "write it without line breaks");
        } else {
            headers.push((member.key.to_string(), value.to_string()));
            continue;
        }
        fine = false;
    }
    fine.then_some(headers)
}
