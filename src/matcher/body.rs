//! A body as JSON, or why it cannot be judged.

use crate::model::code::FindingCode;
use crate::model::exchange::Response;
use crate::model::json::{Document, Json, JsonError};
use crate::model::judgement::{Finding, Severity};
use crate::model::path::Path;
use crate::policy::shape::{count, one_line, quoted};

/// Bytes from which the beginning of a body is shown.
const BEGINNING_BYTES: usize = 320;
/// Characters of a content type that are shown.
const CONTENT_TYPE_SHOWN: usize = 60;
/// Repeated keys that are named.
const REPEATED_NAMED: usize = 3;

/// Judges the body as JSON.
pub(super) fn judge(
    response: &Response,
    judge: impl FnOnce(&Json) -> Vec<Finding>,
) -> Vec<Finding> {
    match json(response) {
        Ok(document) => {
            let mut findings = judge(&document.root);
            findings.extend(repeated(document));
            findings
        }
        Err(finding) => vec![*finding],
    }
}

/// Returns the body as JSON.
///
/// # Errors
/// The finding that says why it is none.
fn json(response: &Response) -> Result<&Document, Box<Finding>> {
    let wrong = |code, message| Box::new(at_root(code, message));
    if response.body.truncated {
        // A part of a text may be JSON of another meaning: 123 of 123456.
        return Err(wrong(
            FindingCode::NotJson,
            format!("expected JSON, got {}", words(response)),
        ));
    }
    response.body.json().map_err(|error| match error {
        JsonError::Empty => wrong(
            FindingCode::EmptyBody,
            "expected JSON, got an empty body".to_owned(),
        ),
        JsonError::TooDeep(_) | JsonError::TooMany(_) => wrong(
            FindingCode::TooDeep,
            format!("the JSON {error}, so it is not judged"),
        ),
        JsonError::Syntax { .. } => {
            let problem = if says_json(response) {
                format!(": {}", one_line(&error.to_string()))
            } else {
                String::new()
            };
            wrong(
                FindingCode::NotJson,
                format!("expected JSON, got {}{problem}", words(response)),
            )
        }
    })
}

/// Returns the warning that keys came more than once.
fn repeated(document: &Document) -> Option<Finding> {
    let keys = &document.repeated_keys;
    if keys.is_empty() {
        return None;
    }
    let named: Vec<String> = keys
        .iter()
        .take(REPEATED_NAMED)
        .map(|key| quoted(key))
        .collect();
    let more = match keys.len().saturating_sub(REPEATED_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!(
        "an object repeats {} {}{more}; the last one counts",
        if keys.len() == 1 {
            "the key"
        } else {
            "the keys"
        },
        named.join(", ")
    );
    Some(at_root(FindingCode::RepeatedKey, message).weighing(Severity::Warning))
}

/// Returns an error finding on the whole body.
pub(super) fn at_root(code: FindingCode, message: String) -> Finding {
    Finding::error(code, message).at_path(Path::root())
}

/// Tells whether the content type is one of JSON.
pub(super) fn says_json(response: &Response) -> bool {
    let essence = essence(response);
    let suffix = essence.rsplit_once('+').map(|(_, suffix)| suffix);
    ["application/json", "text/json"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("json"))
}

/// Returns the content type without its parameters; empty if there is none.
fn essence(response: &Response) -> &str {
    let content_type = response.header("content-type").unwrap_or_default();
    content_type
        .split_once(';')
        .map_or(content_type, |(essence, _)| essence)
        .trim()
}

/// Returns what the body is: `text/html, 512 bytes starting "<html>…"`.
fn words(response: &Response) -> String {
    let body = &response.body;
    let content_type: String = one_line(essence(response))
        .chars()
        .take(CONTENT_TYPE_SHOWN)
        .collect();
    let content_type = if content_type.is_empty() {
        "no content type".to_owned()
    } else {
        content_type
    };
    let bytes = body
        .bytes
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(&body.bytes);
    let beginning = bytes.get(..BEGINNING_BYTES).unwrap_or(bytes);
    let size = count(body.bytes.len(), "byte");
    let cut = if body.truncated {
        " (cut there by the body limit)"
    } else {
        ""
    };
    format!(
        "{content_type}, {size}{cut} starting {}",
        quoted(&String::from_utf8_lossy(beginning))
    )
}
