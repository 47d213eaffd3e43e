//! The login by OpenID Connect.

use std::sync::Arc;

use url::Url;

use super::scope;
use crate::config::layers;
use crate::config::loader::Loader;
use crate::config::request;
use crate::config::tree::Node;
use crate::config::values::shorten;
use crate::model::code::Code;
use crate::model::secret::Secret;
use crate::model::span::Mistake;
use crate::web::auth::{CALLBACK, OidcSettings, Rule, Whom, is_private};

/// What is asked for where nothing is said.
const SCOPES: [&str; 1] = ["email"];
/// The claim that lists groups where nothing is said.
const GROUPS: &str = "groups";
/// The keys of which a rule has one.
const WHOM: [&str; 3] = ["email", "subject", "group"];

/// Reads a provider and who is let in, if `server` says so; `site` is where people find the pages.
pub(super) fn read(
    loader: &mut Loader<'_>,
    server: &Node,
    site: Option<&Url>,
) -> Option<OidcSettings> {
    let table = server.get("oidc")?;
    if server.get("url").is_none() {
        let mistake = Mistake::error(
            Code::Missing,
            table.span.clone(),
            "a login by OpenID Connect, and no `url` of the status page",
        );
        loader.report(mistake.help(format!(
            "write url = \"https://status.example.org\" in [server]: the provider sends browsers back to it, at /{CALLBACK}"
        )));
    }
    let issuer = table.get("issuer").and_then(|node| issuer(loader, node));
    let secret = table
        .get("client_secret")
        .and_then(|node| loader.secret(node));
    let ca = table.get("ca").and_then(|node| loader.pem(node));
    let rules = rules(loader, table);
    let (issuer, host) = issuer?;
    if table.get("client_secret").is_some() != secret.is_some() {
        return None;
    }
    let word = |key| table.get(key).and_then(Node::text).map(Arc::clone);
    Some(OidcSettings {
        issuer,
        client_id: word("client_id")?,
        client_secret: secret.map(|secret| Secret::hidden(secret.expose())),
        name: word("name").unwrap_or(host),
        scopes: match table.get("scopes") {
            Some(node) => layers::words(node).into_iter().map(Arc::from).collect(),
            None => SCOPES.map(Arc::from).to_vec(),
        },
        groups_claim: word("groups_claim").unwrap_or_else(|| GROUPS.into()),
        ca,
        rules,
        callback: site?.join(CALLBACK).ok()?,
    })
}

/// Reads who the provider is, as written, and its host.
fn issuer(loader: &mut Loader<'_>, node: &Node) -> Option<(Arc<str>, Arc<str>)> {
    let (url, shown) = request::url(loader, node)?;
    let (message, help) = if url.query().is_some() || url.fragment().is_some() {
        let message = format!("`{}` has more than a host and a path", shorten(&shown));
        let help = "write what the provider calls itself, such as https://login.example.org/realms/main; \
                    /.well-known/openid-configuration is found below it";
        (message, help)
    } else if is_private(&url) {
        let host = url.host_str().unwrap_or_default().into();
        // A URL ends with a slash where what was written may not.
        return Some((loader.secret(node)?.expose().into(), host));
    } else {
        let message = format!("`{}` is not https", shorten(&shown));
        (
            message,
            "whoever is in between could log in as anybody: only a provider on this machine may be http",
        )
    };
    loader.report(Mistake::error(Code::Value, node.span.clone(), message).help(help));
    None
}

/// Reads who is let in.
fn rules(loader: &mut Loader<'_>, table: &Node) -> Vec<Rule> {
    // Where it is not there at all, that is said already.
    let Some(list) = table.get("allow") else {
        return Vec::new();
    };
    if list.items().is_empty() {
        let mistake = Mistake::error(
            Code::Useless,
            list.span.clone(),
            "`allow` is empty: nobody could log in",
        );
        loader.report(mistake.help(
            "write allow = [{ email = \"ada@example.org\", scope = \"admin\" }, { email = \"@example.org\" }]",
        ));
    }
    let rules = list.items().iter();
    rules.filter_map(|node| rule(loader, node)).collect()
}

/// Reads whom one rule lets in.
fn rule(loader: &mut Loader<'_>, node: &Node) -> Option<Rule> {
    let given = WHOM.map(|key| node.get(key).and_then(Node::text));
    let mut report = |span: &std::ops::Range<usize>, message: String, help: &str| {
        loader.report(Mistake::error(Code::Value, span.clone(), message).help(help));
        None
    };
    let whom = match given {
        [Some(email), None, None] => match email.split_once('@') {
            Some(("", domain)) if !domain.is_empty() && !domain.contains('@') => {
                Whom::Domain(domain.into())
            }
            Some((name, domain)) if !name.is_empty() && !domain.is_empty() => {
                Whom::Email(Arc::clone(email))
            }
            _ => {
                let span = node.get("email").map_or(&node.span, |node| &node.span);
                let message = format!("`{}` is no e-mail address", shorten(email));
                return report(
                    span,
                    message,
                    "write ada@example.org, or @example.org for everybody there",
                );
            }
        },
        [None, Some(subject), None] => Whom::Subject(Arc::clone(subject)),
        [None, None, Some(group)] => Whom::Group(Arc::clone(group)),
        _ => {
            let message = "a rule of `allow` has one of `email`, `subject` and `group`".to_owned();
            return report(
                &node.span,
                message,
                "write one rule for each; whom several fit gets the most of them",
            );
        }
    };
    Some(Rule {
        whom,
        scope: scope(node),
    })
}
