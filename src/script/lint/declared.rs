//! What a script uses and its header must declare: secrets, sources of tokens. And the hosts that it asks by name, which
//! only the config can hold against what it grants.

use std::sync::Arc;

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};
use url::Url;

use super::chains::{Link, links};
use super::{Subject, is_of_oes};
use crate::model::code::Code;
use crate::model::span::{Mistake, did_you_mean};
use crate::script::error::span;
use crate::script::source::{AskedHost, Header, Part};

/// What was found, in no order.
#[derive(Default)]
pub(super) struct Uses {
    pub(super) mistakes: Vec<Mistake>,
    pub(super) hosts: Vec<AskedHost>,
}

/// Reads what a script uses that others must allow.
pub(super) fn find(ast: &AST, subject: &Subject<'_>) -> Uses {
    let (header, text) = (subject.header, subject.text);
    let mut uses = Uses::default();
    ast.walk(&mut |path| {
        match path.last() {
            Some(
                ASTNode::Expr(Expr::FnCall(call, position))
                | ASTNode::Stmt(Stmt::FnCall(call, position)),
            ) => {
                let found = secret(call, *position, header, text);
                // Whoever declares it once has mended it everywhere.
                let is_told = |mistake: &Mistake| {
                    let mut told = uses.mistakes.iter();
                    told.any(|told| told.message == mistake.message)
                };
                let found = found.filter(|found| !is_told(found));
                uses.mistakes.extend(found);
            }
            Some(ASTNode::Expr(expression)) => {
                let Some((root, links)) = links(expression) else {
                    return true;
                };
                if let (Some(handle), [Link::Method(call, at), ..]) =
                    (is_of_oes(root), links.as_slice())
                {
                    if handle == "auth" {
                        uses.mistakes.extend(oauth2(call, *at, header, text));
                    }
                    uses.hosts.extend(asked(handle, call, *at, subject.file));
                }
            }
            _ => {}
        }
        true
    });
    if subject.part == Part::Library {
        // What a library needs is declared by the script that uses it.
        uses.mistakes.clear();
    }
    uses
}

fn secret(call: &FnCallExpr, position: Position, header: &Header, text: &str) -> Option<Mistake> {
    let ("secret", [Expr::StringConstant(name, _)]) = (call.name.as_str(), call.args.as_slice())
    else {
        return None;
    };
    if header.secrets.iter().any(|known| *known == name.as_str()) {
        return None;
    }
    let message = format!("the header does not say that the script needs the secret `{name}`");
    let near = did_you_mean(name, header.secrets.iter().map(String::as_str));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "add `//! secrets = [\"{name}\"]` below `//! ---`, so that a config without it is refused before it runs"
        ),
    };
    let mistake = Mistake::warning(Code::UndeclaredSecret, span(text, position), message);
    Some(mistake.help(help))
}

fn oauth2(call: &FnCallExpr, position: Position, header: &Header, text: &str) -> Option<Mistake> {
    let ("oauth2", [Expr::StringConstant(name, _)]) = (call.name.as_str(), call.args.as_slice())
    else {
        return None;
    };
    let names = || header.oauth2.iter().map(|known| known.name.as_str());
    if names().any(|known| known == name.as_str()) {
        return None;
    }
    let message = format!("the header does not say where the token `{name}` comes from");
    let help = match did_you_mean(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "add `//! [oauth2.{name}]` with token_url, client_id and client_secret to the header"
        ),
    };
    let mistake = Mistake::error(Code::UndeclaredOauth2, span(text, position), message);
    Some(mistake.help(help))
}

/// Returns the host that a call asks, where it is written out.
fn asked(
    handle: &str,
    call: &FnCallExpr,
    position: Position,
    file: &Arc<str>,
) -> Option<AskedHost> {
    let line = position.line()?;
    let (url, any_port) = match (handle, call.args.as_slice()) {
        ("http", [_, url, ..]) if call.name == "request" => (literal_url(url)?, false),
        ("http", [url, ..]) => (literal_url(url)?, false),
        ("tcp", [host, Expr::IntegerConstant(port, _), ..]) => {
            (url_of("http", literal(host)?, *port)?, false)
        }
        ("tls", [host]) => (url_of("https", literal(host)?, 443)?, false),
        ("tls", [host, Expr::IntegerConstant(port, _)]) => {
            (url_of("https", literal(host)?, *port)?, false)
        }
        ("dns", [name, ..]) => (url_of("http", literal(name)?, 53)?, true),
        _ => return None,
    };
    Some(AskedHost {
        url,
        any_port,
        file: Arc::clone(file),
        line,
    })
}

fn literal(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::StringConstant(text, _) => Some(text.as_str()),
        _ => None,
    }
}

fn url_of(scheme: &str, host: &str, port: i64) -> Option<Url> {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    Url::parse(&format!("{scheme}://{host}:{port}/")).ok()
}

/// Returns a URL that is written out, at least up to its path.
fn literal_url(expression: &Expr) -> Option<Url> {
    let text = match expression {
        Expr::StringConstant(text, _) => text.as_str(),
        Expr::InterpolatedString(parts, _) => {
            let first = literal(parts.first()?)?;
            let (scheme, rest) = first.split_once("://")?;
            // The host ends within the literal part, else a value goes on with it.
            let end = rest.find(['/', '?', '#'])?;
            first.get(..scheme.len() + "://".len() + end)?
        }
        _ => return None,
    };
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}
