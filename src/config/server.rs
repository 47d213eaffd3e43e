//! Where OES answers, and who may ask.

mod oidc;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;

use url::Url;

use crate::config::Server;
use crate::config::loader::Loader;
use crate::config::request;
use crate::config::tree::Node;
use crate::config::values::shorten;
use crate::model::code::Code;
use crate::model::secret::Secret;
use crate::model::span::Mistake;
use crate::web::auth::{Scope, Token, is_loopback};
use crate::web::{Certificate, Pair, Place};

/// A token of the API has at least so many characters.
const TOKEN_CHARS_MIN: usize = 16;
/// How a digest begins.
const DIGEST: &str = "sha256:";

/// Reads where OES answers.
pub(super) fn read(loader: &mut Loader<'_>, table: Option<&Node>) -> Server {
    let mut server = Server::default();
    let Some(table) = table else {
        return server;
    };
    server.tokens = tokens(loader, table);
    let public = table.get("public").and_then(Node::boolean).unwrap_or(false);
    if let Some(node) = table.get("listen") {
        // What cannot be used was meant all the same.
        let guarded = ["token", "tokens", "oidc"]
            .iter()
            .any(|key| table.get(key).is_some());
        let allowed = public || guarded;
        server.listen = listen(loader, node, allowed).unwrap_or(server.listen);
    }
    server.open = public || server.listen.is_local();
    server.base = table
        .get("base_path")
        .and_then(|node| base(loader, node))
        .unwrap_or_default();
    let proxies = table.get("proxies").map_or(&[][..], Node::items);
    server.proxies = proxies
        .iter()
        .filter_map(|node| proxy(loader, node))
        .collect();
    server.tls = table.get("tls").and_then(|node| pair(loader, node));
    if let Some(title) = table.get("title").and_then(Node::text) {
        title.trim().clone_into(&mut server.title);
    }
    server.url = table.get("url").and_then(|node| address(loader, node));
    if let (Some(node), Some(url)) = (table.get("url"), &server.url) {
        check_below(loader, node, url, &server.base);
    }
    server.oidc = oidc::read(loader, table, server.url.as_ref());
    let elsewhere = public || server.url.as_ref().is_some_and(|url| !is_loopback(url));
    // Behind a socket in the file system there is a proxy, and behind that anybody.
    let loopback = matches!(server.listen, Place::Tcp(_)) && server.listen.is_local();
    server.is_local = loopback && !elsewhere;
    server
}

/// Reads the address of the status page. It ends with a slash, so that others can be told from it.
fn address(loader: &mut Loader<'_>, node: &Node) -> Option<Url> {
    let (mut url, _) = request::url(loader, node)?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        let mistake = Mistake::error(
            Code::Value,
            node.span.clone(),
            "the address of the status page has more than a host and a path",
        );
        loader
            .report(mistake.help("write https://status.example.org, or with the path of a proxy"));
        return None;
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Some(url)
}

/// Warns of an address of the status page that is not where its pages are.
fn check_below(loader: &mut Loader<'_>, node: &Node, url: &Url, base: &str) {
    if base.is_empty() || url.path().trim_end_matches('/') == base {
        return;
    }
    let mut right = url.clone();
    right.set_path(base);
    let message = format!(
        "`url` leads to {}, and every page is below {base}",
        url.path()
    );
    let mistake = Mistake::warning(Code::Conflict, node.span.clone(), message);
    loader.report(mistake.help(format!(
        "write url = \"{right}\": links of messages and the way back from a login lead there"
    )));
}

/// Reads what every path begins with.
fn base(loader: &mut Loader<'_>, node: &Node) -> Option<Arc<str>> {
    let text = node.text()?;
    let sane = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        !matches!(part, "" | "." | "..") && part.chars().all(known)
    };
    let parts = text.trim_end_matches('/').strip_prefix('/');
    match parts {
        Some(parts) if parts.split('/').all(sane) => Some(format!("/{parts}").into()),
        _ if &**text == "/" => None,
        _ => {
            let message = format!("`{}` is no path to put before all pages", shorten(text));
            let mistake = Mistake::error(Code::Value, node.span.clone(), message);
            loader.report(
                mistake.help("write one such as /oes: letters, digits and - . _ ~ between slashes"),
            );
            None
        }
    }
}

/// Reads an address or a network.
fn proxy(loader: &mut Loader<'_>, node: &Node) -> Option<IpNet> {
    let text = node.text()?;
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let network = address.or_else(|_| text.parse::<IpNet>());
    if network.is_err() {
        let message = format!("`{}` is no address and no network", shorten(text));
        let mistake = Mistake::error(Code::Value, node.span.clone(), message);
        loader.report(
            mistake.help("write 10.0.0.7, 10.0.0.0/8 or fd00::/8; names are not looked up"),
        );
    }
    network.ok()
}

/// Reads a certificate and its key, which must fit.
fn pair(loader: &mut Loader<'_>, table: &Node) -> Option<Pair> {
    let certificate = table.get("cert").and_then(|node| loader.pem(node));
    let key = table.get("key").and_then(|node| loader.pem(node));
    let pair = Pair {
        certificate: certificate?,
        key: key?,
    };
    match Certificate::new(&pair) {
        Ok(_) => Some(pair),
        Err(error) => {
            let message = format!("certificate and key cannot be used: {error}");
            let mistake = Mistake::error(Code::File, table.span.clone(), message);
            loader.report(mistake.help(
                "the certificate stands first in its file, and the key is PKCS #8, BEGIN PRIVATE KEY: openssl pkcs8 -topk8 -nocrypt",
            ));
            None
        }
    }
}

/// Reads all tokens.
fn tokens(loader: &mut Loader<'_>, table: &Node) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    tokens.extend(table.get("token").and_then(|node| plain(loader, node)));
    for node in table.get("tokens").map_or(&[][..], Node::items) {
        let Some(token) = hashed(loader, node) else {
            continue;
        };
        if tokens.iter().any(|other| other.name == token.name) {
            let message = format!("another token is called `{}`", token.name);
            let mistake = Mistake::error(Code::Conflict, node.span.clone(), message);
            loader.report(mistake.help("logs name a token by it: give each its own"));
        }
        tokens.push(token);
    }
    tokens
}

/// Reads the token that may everything, which is written as it is.
fn plain(loader: &mut Loader<'_>, node: &Node) -> Option<Token> {
    let token = token(loader, node)?;
    Some(Token::new("server.token", Scope::Admin, token.expose()))
}

/// Reads a token that is written as it is.
pub(super) fn token(loader: &mut Loader<'_>, node: &Node) -> Option<Secret> {
    let token = loader.secret(node)?;
    let text = token.expose();
    let sane = text.chars().all(|c| c.is_ascii_graphic());
    if text.len() >= TOKEN_CHARS_MIN && sane {
        return Some(Secret::hidden(text));
    }
    let message = if sane {
        format!("a token of fewer than {TOKEN_CHARS_MIN} characters can be guessed")
    } else {
        "a token is of ASCII letters, digits and signs, without spaces".to_owned()
    };
    let mistake = Mistake::error(Code::Value, node.span.clone(), message);
    loader.report(mistake.help("make one with: oes token new"));
    None
}

/// Reads a token of which the config knows only a digest.
fn hashed(loader: &mut Loader<'_>, node: &Node) -> Option<Token> {
    let name = node.get("name")?.text()?;
    let hash = node.get("hash")?;
    let written = hash.text()?;
    let digest = written.strip_prefix(DIGEST).and_then(digest);
    if digest.is_none() {
        let message = format!("`{}` is no digest of a token", shorten(written));
        let mistake = Mistake::error(Code::Value, hash.span.clone(), message);
        loader.report(mistake.help(
            "write sha256: and 64 hexadecimal digits; `oes token new` makes a token and prints its digest",
        ));
    }
    Some(Token::of_digest(&**name, scope(node), digest?))
}

/// Returns what a table allows.
fn scope(table: &Node) -> Scope {
    let word = table.get("scope").and_then(Node::text);
    let scope = word.and_then(|word| {
        let mut scopes = Scope::OF_TOKENS.into_iter();
        scopes.find(|scope| scope.as_str() == &**word)
    });
    scope.unwrap_or(Scope::Read)
}

/// Returns the bytes of 64 hexadecimal digits.
fn digest(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 2 * bytes.len())?;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::try_from(pair.iter().fold(0, |value, digit| value << 4 | digit)).ok()?;
    }
    Some(bytes)
}

/// Reads the address; one that other machines reach only where that is `allowed`.
fn listen(loader: &mut Loader<'_>, node: &Node, allowed: bool) -> Option<Place> {
    let text = node.text()?;
    if let Some(path) = text.strip_prefix("unix:") {
        return unix(loader, node, path);
    }
    // `localhost:9115` and `:9115` are what people write; both have one meaning here.
    let written = text
        .strip_prefix("localhost:")
        .map_or_else(|| text.to_string(), |port| format!("127.0.0.1:{port}"));
    let written = written
        .strip_prefix(':')
        .map_or_else(|| written.clone(), |port| format!("0.0.0.0:{port}"));
    match written.parse::<SocketAddr>().map(Place::Tcp) {
        Ok(place) if allowed || place.is_local() => return Some(place),
        Ok(_) => {
            let message = format!("`{}` can be reached from other machines", shorten(text));
            let mistake = Mistake::error(Code::Value, node.span.clone(), message);
            loader.report(mistake.help(
                "anyone who reaches it sees every service: listen on 127.0.0.1, have tokens (oes token new), or write \
                 public = true beside it",
            ));
        }
        Err(_) => {
            let message = format!("`{}` is no address with a port", shorten(text));
            let help = "write 127.0.0.1:9115, [::1]:9115 or unix:/run/oes/oes.sock; names other than localhost are not \
                        looked up";
            loader.report(Mistake::error(Code::Value, node.span.clone(), message).help(help));
        }
    }
    None
}

/// Reads the path of a unix socket.
fn unix(loader: &mut Loader<'_>, node: &Node, path: &str) -> Option<Place> {
    let problem = if path.is_empty() {
        "a unix socket has a path"
    } else if cfg!(unix) {
        return Some(Place::Unix(loader.path(path)));
    } else {
        "there are no unix sockets on this system"
    };
    let mistake = Mistake::error(Code::Value, node.span.clone(), problem);
    loader.report(mistake.help("write unix:/run/oes/oes.sock, or an address with a port"));
    None
}
