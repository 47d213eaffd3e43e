//! `exact`: the body equals a sample, as JSON, as text or by hash.

use std::borrow::Cow;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::model::code::FindingCode;
use crate::model::exchange::Response;
use crate::model::json::{Json, JsonError, Kind};
use crate::model::judgement::Finding;
use crate::policy::shape::{Pattern, count};

use super::body::{self, at_root};

/// What the body must equal; at least one of the two is there.
#[derive(Debug)]
pub(super) struct Exact {
    /// The sample.
    pub(super) pattern: Option<Pattern>,
    /// SHA-256 of the bytes, 64 hexadecimal digits in lower case.
    pub(super) sha256: Option<String>,
}

impl Exact {
    /// Returns what is wrong with the body.
    pub(super) fn judge(&self, response: &Response) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .sha256
            .as_ref()
            .and_then(|wanted| hash(wanted, response))
            .into_iter()
            .collect();
        if let Some(pattern) = &self.pattern {
            findings.extend(held_against(pattern, response));
        }
        findings
    }
}

fn held_against(pattern: &Pattern, response: &Response) -> Vec<Finding> {
    if !pattern.takes_text() || !is_text(response) {
        return body::judge(response, |root| pattern.findings(root));
    }
    match text(&response.body.bytes) {
        Ok(text) => pattern.findings(&Json::string(text)),
        Err(size) => vec![at_root(
            FindingCode::Value,
            format!(
                "expected text, got {} that are not UTF-8",
                count(size, "byte")
            ),
        )],
    }
}

/// Tells whether the body is text rather than JSON: it is no JSON, or JSON of another kind that does not claim to be.
fn is_text(response: &Response) -> bool {
    if body::says_json(response) || response.body.truncated {
        return false;
    }
    match response.body.json() {
        Ok(document) => document.root.kind() != Kind::String,
        Err(JsonError::Empty | JsonError::Syntax { .. }) => true,
        Err(JsonError::TooDeep(_) | JsonError::TooMany(_)) => false,
    }
}

/// Returns the bytes as text without a byte order mark.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, usize> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(text)
        .map(Cow::Borrowed)
        .map_err(|_| bytes.len())
}

fn hash(wanted: &str, response: &Response) -> Option<Finding> {
    let body = &response.body;
    let size = count(body.bytes.len(), "byte");
    if body.truncated {
        let message = format!("expected SHA-256 {wanted}, got only the first {size} of the body");
        return Some(finding(wanted, None, message));
    }
    let mut actual = String::with_capacity(64);
    for byte in Sha256::digest(&body.bytes) {
        // Writing to a string cannot fail.
        write!(actual, "{byte:02x}").unwrap_or_default();
    }
    if actual == wanted {
        return None;
    }
    let message = format!("expected SHA-256 {wanted}, got {actual} of {size}");
    Some(finding(wanted, Some(actual), message))
}

fn finding(wanted: &str, actual: Option<String>, message: String) -> Finding {
    let mut finding = at_root(FindingCode::Value, message);
    finding.expected = Some(Json::from(wanted));
    finding.actual = actual.map(Json::from);
    finding
}
