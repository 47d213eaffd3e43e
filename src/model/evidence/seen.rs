//! What may be shown of an exchange and of what scripts remember: without secrets, and without the credentials that a
//! service has just given out, which are in no config.

use std::sync::Arc;
use std::time::Duration;

use super::{BODY_BYTES_MAX, SeenExchange, SeenFailure, SeenResponse};
use crate::model::exchange::{Body, Exchange, Response};
use crate::model::json::Json;
use crate::model::judgement::MemoryDiff;
use crate::model::recorded::{carries_credentials, shown_request_headers, shown_response_headers};
use crate::model::redaction::Redaction;

/// A longer body is not read as JSON for this, and only its beginning is looked at.
const READ_BYTES_MAX: usize = 256 * 1024;

impl SeenExchange {
    /// Returns what may be shown of an exchange.
    pub fn of(exchange: &Exchange, hidden: &Redaction) -> Self {
        let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let phases = exchange.timings.present();
        Self {
            method: exchange.sent.method.clone(),
            url: hidden.applied(&exchange.sent.url).into_owned(),
            request_headers: shown_request_headers(&exchange.sent),
            request_bytes: exchange.sent.body_bytes,
            peer: exchange.peer.map(|peer| peer.to_string()),
            elapsed_us: us(exchange.timings.total),
            phases_us: phases.map(|(phase, spent)| (phase, us(spent))).collect(),
            certificate: exchange.certificate.clone(),
            response: exchange
                .result
                .as_ref()
                .ok()
                .map(|response| shown(response, hidden)),
            failure: exchange.result.as_ref().err().map(|failure| SeenFailure {
                kind: failure.kind,
                phase: failure.phase,
                message: hidden.applied(&failure.message).into_owned(),
            }),
        }
    }
}

fn shown(response: &Response, hidden: &Redaction) -> SeenResponse {
    let mut headers = shown_response_headers(&response.headers);
    for (_, value) in &mut headers {
        hidden.apply(value);
    }
    let (body, is_cut) = excerpt(&response.body, hidden);
    SeenResponse {
        status: response.status.as_u16(),
        version: format!("{:?}", response.version),
        headers,
        body,
        body_bytes: response.body.bytes.len() as u64,
        is_cut: is_cut || response.body.truncated,
    }
}

/// Returns the beginning of a body without secrets, and whether there is more of it.
fn excerpt(body: &Body, hidden: &Redaction) -> (String, bool) {
    let bytes = &body.bytes;
    let is_whole = bytes.len() <= READ_BYTES_MAX;
    let json = if is_whole { body.json().ok() } else { None };
    let mut text = match json {
        Some(document) if names_credentials(&document.root) => {
            let mut root = without_credentials(&document.root);
            hidden.apply_json(&mut root);
            root.to_string()
        }
        _ => {
            let read = bytes.slice(..bytes.len().min(READ_BYTES_MAX));
            String::from_utf8_lossy(&hidden.applied_bytes(&read)).into_owned()
        }
    };
    if !is_whole {
        // A secret that goes on where the reading ends was not seen.
        let seen = text.len().saturating_sub(hidden.reach());
        cut(&mut text, seen);
    }
    let is_cut = cut(&mut text, BODY_BYTES_MAX);
    (text, is_cut || !is_whole)
}

/// Cuts a text to so many bytes at most; tells whether it was longer.
pub fn cut(text: &mut String, bytes: usize) -> bool {
    let is_longer = text.len() > bytes;
    if is_longer {
        text.truncate(text.floor_char_boundary(bytes));
    }
    is_longer
}

fn names_credentials(json: &Json) -> bool {
    match json {
        Json::Array(items) => items.iter().any(names_credentials),
        Json::Object(members) => members
            .iter()
            .any(|(key, item)| carries_credentials(key) || names_credentials(item)),
        _ => false,
    }
}

/// Returns a value with `***` in place of what its name says to be a credential: one that a service has just given out is in
/// no config.
fn without_credentials(json: &Json) -> Json {
    match json {
        Json::Array(items) => items.iter().map(without_credentials).collect(),
        Json::Object(members) => Json::object(members.iter().map(|(key, item)| {
            let shown = if carries_credentials(key) {
                Json::from("***")
            } else {
                without_credentials(item)
            };
            (key.to_string(), shown)
        })),
        other => other.clone(),
    }
}

/// Returns what may be shown of what was changed in a memory.
pub fn shown_memory(memory: &MemoryDiff, hidden: &Redaction) -> MemoryDiff {
    let key = |key: &Arc<str>| Arc::from(&*hidden.applied(key));
    let set = memory.set.iter().map(|(name, entry)| {
        let mut entry = entry.clone();
        entry.value = if carries_credentials(name) {
            Json::from("***")
        } else {
            without_credentials(&entry.value)
        };
        hidden.apply_json(&mut entry.value);
        (key(name), entry)
    });
    MemoryDiff {
        set: set.collect(),
        removed: memory.removed.iter().map(key).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json;
    use crate::model::judgement::MemoryEntry;
    use crate::model::secret::Secret;

    fn hiding_hunter() -> Redaction {
        let mut hidden = Redaction::default();
        hidden.add(&Secret::hidden("hunter2hunter2"));
        hidden
    }

    #[test]
    fn a_body_shows_no_secret_however_long_it_is() {
        let mut hidden = hiding_hunter();
        let token = "0123456789abcdef-".repeat(30);
        hidden.add(&Secret::hidden(token.clone()));
        let tokens = token.repeat(READ_BYTES_MAX / 400);
        let long = "x".repeat(READ_BYTES_MAX - 7) + "hunter2hunter2";
        let only = "hunter2hunter2".repeat(READ_BYTES_MAX / 10);
        let json = r#"{"a":"hunter2hunter2","access_token":"fresh","n":[{"password":1}],"b":2}"#;
        for body in ["hunter2hunter2", &long, &only, &tokens, json] {
            let (shown, _) = excerpt(&Body::new(body.to_owned()), &hidden);
            for secret in ["hunter", "fresh", ":1", "0123"] {
                assert!(!shown.contains(secret), "{shown}");
            }
            assert!(shown.len() <= BODY_BYTES_MAX);
        }
        let (shown, is_cut) = excerpt(&Body::new(json.to_owned()), &hidden);
        let expected = r#"{"a":"***","access_token":"***","n":[{"password":"***"}],"b":2}"#;
        assert_eq!((&*shown, is_cut), (expected, false));
    }

    #[test]
    fn memory_shows_no_secret() {
        let value = json::parse(br#"{"x":"hunter2hunter2","token":"t"}"#)
            .unwrap()
            .root;
        let entry = MemoryEntry {
            value,
            expires_at: None,
        };
        let mut memory = MemoryDiff::default();
        memory.set.insert("kept".into(), entry.clone());
        memory.set.insert("session_token".into(), entry);
        let shown = shown_memory(&memory, &hiding_hunter());
        assert_eq!(
            shown.set["kept"].value.to_string(),
            r#"{"x":"***","token":"***"}"#
        );
        assert_eq!(shown.set["session_token"].value.to_string(), r#""***""#);
    }
}
