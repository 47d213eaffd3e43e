//! The scripts' own requests in a dry run: made, refused, recorded to a folder, or answered from one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::output::save_file;
use crate::model::redaction::Redaction;
use crate::script::host::{Ask, Host, HostFailure, HostReply, HostRequest};
use crate::script::recorded::{RecordedCall, Replay};
use crate::script::tape::Tape;

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

/// The file of recorded exchanges within a folder.
const FILE: &str = "http.json";

/// Returns what [`Cassette::save`] wrote to a folder.
///
/// # Errors
/// If it cannot be read.
pub(super) fn load(folder: &Path) -> io::Result<Vec<RecordedCall>> {
    let text = fs::read(folder.join(FILE))?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

/// Answers or makes the requests of scripts.
pub(super) struct Cassette {
    mode: HttpMode,
    tape: Tape,
    replay: Replay,
    /// The first request that was refused.
    refused: Mutex<Option<String>>,
    /// What is left out of what is recorded.
    hidden: Redaction,
}

impl Cassette {
    /// Returns the host for `mode`, which makes live requests through `live` and writes nothing of what is `hidden`.
    ///
    /// # Errors
    /// If the folder to replay from cannot be read.
    pub(super) fn new(mode: HttpMode, live: Arc<dyn Host>, hidden: Redaction) -> io::Result<Self> {
        let replay = Replay::default();
        if let HttpMode::Replay(folder) = &mode {
            replay.begin(load(folder)?);
        }
        Ok(Self {
            mode,
            tape: Tape::new(live),
            replay,
            refused: Mutex::default(),
            hidden,
        })
    }

    /// Writes what was asked live to a folder.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        let taken = self.tape.take();
        let recorded = taken.recorded(&taken.hiding(&self.hidden));
        save_file(&folder.join(FILE), &serde_json::to_vec_pretty(&recorded)?)
    }

    /// Returns why the probe cannot be judged, if a script asked for something that it was not given an answer to.
    pub(super) fn unanswered(&self) -> Option<String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = refused
            .as_ref()
            .map(|request| format!("`--http deny` refused {request}"));
        let missing = || {
            let request = self.replay.missing()?;
            Some(format!("no answer to {request} was recorded"))
        };
        refused.or_else(missing)
    }

    /// Refuses a request.
    fn refuse(&self, request: &HostRequest) -> HostReply {
        let url = self.hidden.applied(request.url.as_str());
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get_or_insert_with(|| format!("{} {url}", request.method));
        Err(HostFailure {
            kind: "denied".to_owned(),
            message: "requests are refused by --http deny".to_owned(),
        })
    }

    /// Forgets what was asked live, so that what is saved is of one probe; what is replayed begins anew.
    pub(super) fn begin_round(&self) {
        drop(self.tape.take());
        self.replay.rewind();
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A cassette that scripts and the command share.
#[derive(Clone)]
pub(super) struct Shared(pub(super) Arc<Cassette>);

impl Host for Shared {
    fn http(&self, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.answer(request, |tape, request| tape.http(request))
    }

    fn ask(
        &self,
        what: Ask,
        request: HostRequest,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.answer(request, |tape, request| tape.ask(what, request))
    }
}

impl Shared {
    /// Answers as the mode says, through `make` where that is live.
    fn answer(
        &self,
        request: HostRequest,
        make: impl FnOnce(&Tape, HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>>,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        let Cassette { mode, tape, .. } = &*self.0;
        let reply = match mode {
            HttpMode::Live => return make(tape, request),
            HttpMode::Deny => self.0.refuse(&request),
            HttpMode::Replay(_) => self.0.replay.answer(&request, &self.0.hidden),
        };
        Box::pin(std::future::ready(reply))
    }
}
