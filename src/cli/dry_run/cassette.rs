//! The scripts' own requests in a dry run: made, refused, recorded to a folder, or answered from one.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::script::host::{Host, HostFailure, HostReply, HostRequest, HostResponse};

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
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// The file of recorded exchanges within a folder.
const FILE: &str = "http.json";

/// Answers or makes the requests of scripts.
pub(super) struct Cassette {
    mode: HttpMode,
    live: Arc<dyn Host>,
    recorded: Mutex<Vec<Recorded>>,
    played: Mutex<HashMap<(String, String), usize>>,
}

impl Cassette {
    /// Returns the host for `mode`, which makes live requests through `live`.
    ///
    /// # Errors
    /// If the folder to replay from cannot be read.
    pub(super) fn new(mode: HttpMode, live: Arc<dyn Host>) -> io::Result<Self> {
        let recorded = match &mode {
            HttpMode::Replay(folder) => {
                serde_json::from_slice(&fs::read(folder.join(FILE))?).map_err(io::Error::other)?
            }
            _ => Vec::new(),
        };
        Ok(Self {
            mode,
            live,
            recorded: Mutex::new(recorded),
            played: Mutex::default(),
        })
    }

    /// Writes what was asked live to a folder.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        let recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        super::record::write(&folder.join(FILE), &serde_json::to_vec_pretty(&*recorded)?)
    }

    /// Returns the next recorded answer to this request; the last one is repeated.
    fn replay(&self, request: &HostRequest) -> HostReply {
        let recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (request.method.clone(), request.url.to_string());
        let same: Vec<&Recorded> = recorded
            .iter()
            .filter(|one| one.method == key.0 && one.url == key.1)
            .collect();
        let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        let position = played.entry(key).or_default();
        let answer = same.get(*position).or(same.last());
        *position += 1;
        match answer {
            Some(one) => Ok(HostResponse {
                status: one.status,
                headers: one.headers.clone(),
                body: Bytes::from(one.body.clone()),
                elapsed: Duration::ZERO,
            }),
            None => Err(refusal("replay", "no such request was recorded")),
        }
    }

    fn remember(&self, request: &HostRequest, response: &HostResponse) {
        self.recorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Recorded {
                method: request.method.clone(),
                url: request.url.to_string(),
                status: response.status,
                headers: response.headers.clone(),
                body: String::from_utf8_lossy(&response.body).into_owned(),
            });
    }
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
        let cassette = Arc::clone(&self.0);
        Box::pin(async move {
            match cassette.mode {
                HttpMode::Deny => Err(refusal("denied", "requests are refused by --http deny")),
                HttpMode::Replay(_) => cassette.replay(&request),
                HttpMode::Live => {
                    let reply = cassette.live.http(request.clone()).await;
                    if let Ok(response) = &reply {
                        cassette.remember(&request, response);
                    }
                    reply
                }
            }
        })
    }
}
