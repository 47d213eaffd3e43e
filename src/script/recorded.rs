//! A script's own requests as data: what `oes dry-run --record` writes and the daemon keeps; and their answers again.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::host::{HostFailure, HostReply, HostRequest, HostResponse};
use crate::model::recorded::carries_credentials;
use crate::model::redaction::Redaction;

/// One request of a script, with what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordedCall {
    method: String,
    url: String,
    /// What the request's body was, so that two requests to one URL are told apart; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<String>,
    #[serde(flatten)]
    reply: Reply,
}

/// What came of a recorded request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Reply {
    Response {
        status: u16,
        headers: Vec<(String, String)>,
        elapsed_ns: u64,
        #[serde(flatten)]
        body: RecordedBody,
    },
    Failure {
        failure: String,
        message: String,
    },
}

/// A body, as text where it is text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum RecordedBody {
    Text { body: String },
    Base64 { body_base64: String },
}

impl RecordedBody {
    fn of(bytes: &Bytes) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text {
                body: text.to_owned(),
            },
            Err(_) => Self::Base64 {
                body_base64: BASE64_STANDARD.encode(bytes),
            },
        }
    }

    /// Returns the bytes; none if somebody edited them into what is no base64.
    fn bytes(&self) -> Bytes {
        match self {
            Self::Text { body } => Bytes::from(body.clone()),
            Self::Base64 { body_base64 } => {
                Bytes::from(BASE64_STANDARD.decode(body_base64).unwrap_or_default())
            }
        }
    }
}

impl RecordedCall {
    /// Returns a request and its reply as data, without what is hidden.
    pub fn of(request: &HostRequest, reply: &HostReply, hidden: &Redaction) -> Self {
        Self {
            method: request.method.clone(),
            url: hidden.applied(request.url.as_str()).into_owned(),
            sent: print_of(request, hidden),
            reply: Reply::of(reply, hidden),
        }
    }

    /// Takes the answer's body out, to be kept elsewhere; absent if there was no answer.
    pub fn take_body(&mut self) -> Option<Bytes> {
        let Reply::Response { body, .. } = &mut self.reply else {
            return None;
        };
        let bytes = body.bytes();
        *body = RecordedBody::of(&Bytes::new());
        Some(bytes)
    }

    /// Tells whether there was an answer, which has a body.
    pub fn has_body(&self) -> bool {
        matches!(self.reply, Reply::Response { .. })
    }

    /// Puts the answer's body back.
    pub fn put_body(&mut self, bytes: &Bytes) {
        if let Reply::Response { body, .. } = &mut self.reply {
            *body = RecordedBody::of(bytes);
        }
    }

    fn is_of(&self, asked: &Asked) -> bool {
        self.method == asked.method && self.url == asked.url && self.sent == asked.sent
    }
}

impl Reply {
    fn of(reply: &HostReply, hidden: &Redaction) -> Self {
        let shown = |text: &str| hidden.applied(text).into_owned();
        // Cookies and tokens are for whoever asked.
        let header = |name: &str, value: &str| {
            if carries_credentials(name) {
                "***".to_owned()
            } else {
                shown(value)
            }
        };
        match reply {
            Ok(response) => Self::Response {
                status: response.status,
                headers: response
                    .headers
                    .iter()
                    .map(|(name, value)| (name.clone(), header(name, value)))
                    .collect(),
                elapsed_ns: u64::try_from(response.elapsed.as_nanos()).unwrap_or(u64::MAX),
                body: RecordedBody::of(&hidden.applied_bytes(&response.body)),
            },
            Err(failure) => Self::Failure {
                failure: failure.kind.clone(),
                message: shown(&failure.message),
            },
        }
    }

    fn to_host(&self) -> HostReply {
        match self {
            Self::Response {
                status,
                headers,
                elapsed_ns,
                body,
            } => Ok(HostResponse {
                status: *status,
                headers: headers.clone(),
                body: body.bytes(),
                elapsed: Duration::from_nanos(*elapsed_ns),
            }),
            Self::Failure { failure, message } => Err(HostFailure {
                kind: failure.clone(),
                message: message.clone(),
            }),
        }
    }
}

/// Returns what tells the bodies of requests apart: a part of the hash of the body without secrets.
fn print_of(request: &HostRequest, hidden: &Redaction) -> Option<String> {
    let body = hidden.applied_bytes(request.body.as_ref()?);
    let mut text = String::with_capacity(16);
    for byte in Sha256::digest(&body).iter().take(8) {
        let _infallible = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// A request, as far as it tells which recorded one it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    method: String,
    url: String,
    sent: Option<String>,
}

/// Answers requests with what was recorded, in the order in which it was.
#[derive(Debug, Default)]
pub struct Replay {
    state: Mutex<Playing>,
}

#[derive(Debug, Default)]
struct Playing {
    calls: Vec<RecordedCall>,
    /// How often each was asked for.
    asked: HashMap<Asked, usize>,
    /// The first request that nobody has recorded.
    missing: Option<String>,
}

impl Replay {
    /// Goes on with other calls.
    pub fn begin(&self, calls: Vec<RecordedCall>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Playing {
            calls,
            ..Playing::default()
        };
    }

    /// Begins anew with the same calls.
    pub fn rewind(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked.clear();
        state.missing = None;
    }

    /// Returns the first request since the beginning that was not recorded, without secrets.
    pub fn missing(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.missing.clone()
    }

    /// Returns the next recorded answer to this request; the last one is repeated.
    ///
    /// # Errors
    /// The failure that was recorded, or that there was no such request.
    pub fn answer(&self, request: &HostRequest, hidden: &Redaction) -> HostReply {
        let asked = Asked {
            method: request.method.clone(),
            url: hidden.applied(request.url.as_str()).into_owned(),
            sent: print_of(request, hidden),
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let position = state.asked.get(&asked).copied().unwrap_or_default();
        let mut same = state.calls.iter().filter(|call| call.is_of(&asked));
        let answer = same.clone().nth(position).or(same.next_back());
        let reply = answer.map(|call| call.reply.to_host());
        let Some(reply) = reply else {
            let request = format!("{} {}", asked.method, asked.url);
            state.missing.get_or_insert(request);
            return Err(HostFailure {
                kind: "replay".to_owned(),
                message: "no such request was recorded".to_owned(),
            });
        };
        *state.asked.entry(asked).or_default() += 1;
        reply
    }
}
