//! What is answered to a request: status, headers and body, or a failure.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::{Answer, Response};
use crate::config::layers;
use crate::config::loader::Loader;
use crate::config::tree::{Member, Node};
use crate::config::values::{self, Unit};
use crate::model::code::Code;
use crate::model::failure::FailureKind;
use crate::model::span::Mistake;

/// The largest body that a file of tests names.
const BODY_BYTES_MAX: u64 = 16 << 20;

/// Keys that say which body there is.
const BODIES: [&str; 3] = ["json", "body", "body_file"];

/// Keys that only a response has.
const OF_RESPONSE: [&str; 5] = ["json", "body", "body_file", "status", "headers"];

/// Returns what a table says is answered; absent if it says nothing of it, or if that was reported.
pub(super) fn read(loader: &mut Loader<'_>, table: &Node, usually: Duration) -> Option<Answer> {
    let elapsed = table.get("ms");
    let elapsed = elapsed.and_then(|node| values::duration(node, Unit::Milliseconds).ok());
    let elapsed = elapsed.unwrap_or(usually);
    if let Some(error) = table.member("error") {
        if let Some(second) = OF_RESPONSE.iter().find_map(|key| table.member(key)) {
            let message = format!("`{}` beside `error`", second.key);
            let mistake = Mistake::error(Code::Conflict, second.key_span.clone(), message);
            loader.report(mistake.help("either a response comes or an error: leave one out"));
        }
        let result = Err(failure(loader, error)?);
        return Some(Answer { elapsed, result });
    }
    if !says_response(table) {
        return None;
    }
    let body = body(loader, table);
    let status = table.get("status").and_then(layers::integer::<u16>);
    let response = Response {
        status: status
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or_default(),
        headers: headers(loader, table, body)?,
        body: bytes(loader, body)?,
    };
    Some(Answer {
        elapsed,
        result: Ok(response),
    })
}

/// Returns the one body of a response.
pub(super) fn body<'t>(loader: &mut Loader<'_>, table: &'t Node) -> Option<&'t Member> {
    let mut bodies = BODIES.iter().filter_map(|key| table.member(key));
    let body = bodies.next();
    if let (Some(first), Some(second)) = (body, bodies.next()) {
        let message = format!("`{}` beside `{}`", second.key, first.key);
        let mistake = Mistake::error(Code::Conflict, second.key_span.clone(), message);
        loader.report(mistake.help("a response has one body: leave one out"));
    }
    body
}

/// Tells whether a table says that there is a response.
pub(super) fn says_response(table: &Node) -> bool {
    OF_RESPONSE.iter().any(|key| table.get(key).is_some())
}

/// Tells whether a table says what is answered at all.
pub(super) fn says_answer(table: &Node) -> bool {
    says_response(table) || table.get("error").is_some()
}

fn failure(loader: &mut Loader<'_>, member: &Member) -> Option<FailureKind> {
    let text = member.node.text()?;
    let kinds = || FailureKind::ALL.into_iter().map(FailureKind::as_str);
    let found = match &**text {
        "timeout" => Some(FailureKind::TimeoutWait),
        text => FailureKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text),
    };
    if found.is_none() {
        let message = format!("there is no failure `{}`", values::shorten(text));
        let mistake = Mistake::error(Code::Value, member.node.span.clone(), message);
        loader.report(match values::near(text, kinds().chain(["timeout"])) {
            Some(near) => mistake.help(format!("did you mean `{near}`?")),
            None => mistake.help(format!(
                "write `timeout`, or one of {}",
                kinds().collect::<Vec<_>>().join(", ")
            )),
        });
    }
    found
}

/// Returns the bytes of a body; absent if they cannot be read, which was reported.
pub(super) fn bytes(loader: &mut Loader<'_>, body: Option<&Member>) -> Option<Bytes> {
    let Some(body) = body else {
        return Some(Bytes::new());
    };
    match (&*body.key, body.node.text()) {
        ("json", _) => Some(body.node.json().to_string().into()),
        ("body", Some(text)) => Some(Bytes::copy_from_slice(text.as_bytes())),
        (_, Some(written)) => {
            let path = loader.path(written);
            let shown = path.display().to_string();
            match loader.file(path, BODY_BYTES_MAX) {
                Ok(bytes) => Some(Bytes::copy_from_slice(&bytes)),
                Err(problem) => {
                    let message = format!("{shown}: {problem}");
                    let mistake = Mistake::error(Code::File, body.node.span.clone(), message);
                    loader.report(mistake.help("paths start at the folder of this file"));
                    None
                }
            }
        }
        _ => None,
    }
}

/// Returns the headers of a response with this body; absent if one is none, which was reported.
pub(super) fn headers(
    loader: &mut Loader<'_>,
    table: &Node,
    body: Option<&Member>,
) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    if body.is_some_and(|body| *body.key == *"json") {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    let written = table.get("headers").map_or(&[][..], Node::members);
    for member in written {
        let Some(text) = member.node.text() else {
            continue;
        };
        let name = HeaderName::from_bytes(member.key.as_bytes());
        let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(text)) else {
            let message = format!("`{}` is no header", values::shorten(&member.key));
            let mistake = Mistake::error(Code::Value, member.key_span.clone(), message);
            loader.report(mistake.help("write x-name = \"value\", each on one line"));
            return None;
        };
        headers.insert(name, value);
    }
    Some(headers)
}
