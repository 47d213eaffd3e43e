//! Where OES answers, and who may ask.

use std::net::SocketAddr;

use crate::config::Server;
use crate::config::check;
use crate::config::loader::Loader;
use crate::config::tree::Node;
use crate::config::values::shorten;
use crate::model::code::Code;
use crate::model::secret::Secret;
use crate::model::span::Mistake;
use crate::web::auth::{Scope, Token};

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
        // A token that cannot be used was meant all the same.
        let guarded = ["token", "tokens"]
            .iter()
            .any(|key| table.get(key).is_some());
        let allowed = public || guarded;
        server.listen = listen(loader, node, allowed).unwrap_or(server.listen);
    }
    server.open = public || check::is_local(&server.listen);
    server
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
    let scope = node.get("scope").and_then(Node::text);
    let scope = scope.and_then(|word| {
        let scopes = Scope::OF_TOKENS.into_iter();
        scopes.clone().find(|scope| scope.as_str() == &**word)
    });
    let digest = written.strip_prefix(DIGEST).and_then(digest);
    if digest.is_none() {
        let message = format!("`{}` is no digest of a token", shorten(written));
        let mistake = Mistake::error(Code::Value, hash.span.clone(), message);
        loader.report(mistake.help(
            "write sha256: and 64 hexadecimal digits; `oes token new` makes a token and prints its digest",
        ));
    }
    Some(Token::of_digest(
        &**name,
        scope.unwrap_or(Scope::Read),
        digest?,
    ))
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
fn listen(loader: &mut Loader<'_>, node: &Node, allowed: bool) -> Option<SocketAddr> {
    let text = node.text()?;
    // `localhost:9115` and `:9115` are what people write; both have one meaning here.
    let written = text
        .strip_prefix("localhost:")
        .map_or_else(|| text.to_string(), |port| format!("127.0.0.1:{port}"));
    let written = written
        .strip_prefix(':')
        .map_or_else(|| written.clone(), |port| format!("0.0.0.0:{port}"));
    match written.parse::<SocketAddr>() {
        Ok(address) if allowed || check::is_local(&address) => return Some(address),
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
            let help =
                "write 127.0.0.1:9115 or [::1]:9115; names other than localhost are not looked up";
            loader.report(Mistake::error(Code::Value, node.span.clone(), message).help(help));
        }
    }
    None
}
