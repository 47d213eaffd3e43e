//! The scripts' own requests in a dry run: made, refused, recorded to a folder, or answered from one.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::cli::output::save_file;
use crate::model::json;
use crate::model::redaction::Redaction;
use crate::script::host::{Ask, Host, HostFailure, HostReply, HostRequest, HostResponse};

/// What becomes of the scripts' own requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HttpMode {
    /// They are made.
    Live,
    /// They are refused.
    Deny,
    /// They are answered from what was recorded in this folder.
    Replay(PathBuf),
}

impl HttpMode {
    /// Reads `live`, `deny` or `replay:FOLDER`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match (text, text.strip_prefix("replay:")) {
            ("live", _) => Some(Self::Live),
            ("deny", _) => Some(Self::Deny),
            (_, Some(folder)) if !folder.is_empty() => Some(Self::Replay(folder.into())),
            _ => None,
        }
    }
}

/// One recorded exchange of a script.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Recorded {
    method: String,
    url: String,
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

impl Reply {
    fn of(reply: &HostReply, hidden: &Redaction) -> Self {
        let shown = |text: &str| hidden.applied(text).into_owned();
        match reply {
            Ok(response) => Self::Response {
                status: response.status,
                headers: response
                    .headers
                    .iter()
                    .map(|(name, value)| (name.clone(), shown(value)))
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
            Self::Failure { failure, message } => Err(refusal(failure, message)),
        }
    }
}

/// The file of recorded exchanges within a folder.
const FILE: &str = "http.json";

/// Answers or makes the requests of scripts.
pub(super) struct Cassette {
    mode: HttpMode,
    live: Arc<dyn Host>,
    /// What is left out of what is recorded.
    hidden: Mutex<Redaction>,
    recorded: Mutex<Vec<Recorded>>,
    played: Mutex<HashMap<(String, String), usize>>,
}

impl Cassette {
    /// Returns the host for `mode`, which makes live requests through `live` and writes nothing of what is `hidden`.
    ///
    /// # Errors
    /// If the folder to replay from cannot be read.
    pub(super) fn new(mode: HttpMode, live: Arc<dyn Host>, hidden: Redaction) -> io::Result<Self> {
        let recorded = match &mode {
            HttpMode::Replay(folder) => {
                serde_json::from_slice(&fs::read(folder.join(FILE))?).map_err(io::Error::other)?
            }
            _ => Vec::new(),
        };
        Ok(Self {
            mode,
            live,
            hidden: Mutex::new(hidden),
            recorded: Mutex::new(recorded),
            played: Mutex::default(),
        })
    }

    /// Writes what was asked live to a folder.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        let recorded = lock(&self.recorded);
        save_file(&folder.join(FILE), &serde_json::to_vec_pretty(&*recorded)?)
    }

    /// Returns the URL of a request without secrets.
    fn shown_url(&self, request: &HostRequest) -> String {
        lock(&self.hidden)
            .applied(request.url.as_str())
            .into_owned()
    }

    /// Returns the next recorded answer to this request; the last one is repeated.
    fn replay(&self, request: &HostRequest) -> HostReply {
        let recorded = lock(&self.recorded);
        let key = (request.method.clone(), self.shown_url(request));
        let same: Vec<&Recorded> = recorded
            .iter()
            .filter(|one| one.method == key.0 && one.url == key.1)
            .collect();
        let mut played = lock(&self.played);
        let position = played.entry(key).or_default();
        let answer = same.get(*position).or(same.last());
        *position += 1;
        match answer {
            Some(one) => one.reply.to_host(),
            None => Err(refusal("replay", "no such request was recorded")),
        }
    }

    /// Forgets what was asked live, so that what is saved is of one probe; what is replayed begins anew.
    pub(super) fn begin_round(&self) {
        if self.mode == HttpMode::Live {
            lock(&self.recorded).clear();
        }
        lock(&self.played).clear();
    }

    /// Keeps the token of an answer out of everything that is recorded from here on.
    fn hide_token(&self, reply: &HostReply) {
        let body = reply.as_ref().map(|response| &response.body[..]);
        let document = json::parse(body.unwrap_or_default());
        let token = document.as_ref().ok().and_then(|document| {
            let token = document.root.get("access_token")?;
            token.as_str()
        });
        if let Some(token) = token {
            lock(&self.hidden).add_text(token);
        }
    }

    fn remember(&self, request: &HostRequest, reply: &HostReply) {
        if request.answer_is_secret {
            self.hide_token(reply);
        }
        lock(&self.recorded).push(Recorded {
            method: request.method.clone(),
            url: self.shown_url(request),
            reply: Reply::of(reply, &lock(&self.hidden)),
        });
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refusal(kind: &str, message: &str) -> HostFailure {
    HostFailure {
        kind: kind.to_owned(),
        message: message.to_owned(),
    }
}

/// A cassette that scripts and the command share.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Arc<Cassette>);

impl Host for Shared {
    fn http(&self, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.answer(request, |live, request| live.http(request))
    }

    fn ask(
        &self,
        what: Ask,
        request: HostRequest,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.answer(request, |live, request| live.ask(what, request))
    }
}

impl Shared {
    /// Answers as the mode says, through `make` where that is live.
    fn answer(
        &self,
        request: HostRequest,
        make: impl FnOnce(&dyn Host, HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>>
        + Send
        + 'static,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        let cassette = Arc::clone(&self.0);
        Box::pin(async move {
            match cassette.mode {
                HttpMode::Deny => Err(refusal("denied", "requests are refused by --http deny")),
                HttpMode::Replay(_) => cassette.replay(&request),
                HttpMode::Live => {
                    let reply = make(&*cassette.live, request.clone()).await;
                    cassette.remember(&request, &reply);
                    reply
                }
            }
        })
    }
}
