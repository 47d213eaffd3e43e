//! A response that is given instead of asked for: a body from a file or standard input, or a folder of `--record`.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use jiff::Timestamp;

use super::arguments::{ArgumentError, form};
use super::record;
use crate::model::exchange::{Body, Exchange, Response, Sent, Timings};
use crate::model::recorded::RecordedExchange;

/// A response that is given instead of asked for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub(in crate::cli) struct GivenArguments {
    /// Judge this instead of asking anybody: a file or `-` with the body, or a folder written by `dry-run --record`
    #[arg(long, value_name = "FILE|FOLDER|-")]
    pub(super) response: Option<PathBuf>,

    /// Status of the response given by --response [default: 200, or as recorded]
    #[arg(long, value_name = "N", requires = "response")]
    pub(super) status: Option<u16>,

    /// Content type of the response given by --response [default: application/json, or as recorded]
    #[arg(long, value_name = "TYPE", requires = "response")]
    pub(super) content_type: Option<String>,
}

impl GivenArguments {
    /// Tells whether it is standard input.
    pub(super) fn is_input(&self) -> bool {
        self.response.as_deref() == Some(Path::new("-"))
    }
}

/// What `--response` names.
pub(in crate::cli) struct Given {
    body: Vec<u8>,
    /// Where the body is from, for a person.
    name: String,
    recording: Option<RecordedExchange>,
}

impl Given {
    /// Reads what `--response` names, if it is there.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(in crate::cli) fn read(arguments: &GivenArguments) -> Result<Option<Self>, ArgumentError> {
        let Some(path) = arguments.response.as_deref() else {
            return Ok(None);
        };
        let read = Self::read_path(path).map_err(|source| ArgumentError::File {
            option: "response",
            path: path.to_owned(),
            source,
        })?;
        Ok(Some(read))
    }

    fn read_path(path: &Path) -> io::Result<Self> {
        let mut given = Self {
            body: Vec::new(),
            name: path.display().to_string(),
            recording: None,
        };
        if path == Path::new("-") {
            "standard input".clone_into(&mut given.name);
            io::stdin().read_to_end(&mut given.body)?;
        } else if path.is_dir() {
            let (recording, body) = record::load(path)?;
            given.body = body;
            given.recording = Some(recording);
        } else {
            given.body = std::fs::read(path)?;
        }
        Ok(given)
    }

    /// Returns where the recorded request went.
    pub(super) fn url(&self) -> Option<&str> {
        Some(&self.recording.as_ref()?.url)
    }

    /// Returns the recorded method.
    pub(super) fn method(&self) -> Option<&str> {
        Some(&self.recording.as_ref()?.method)
    }

    /// Returns the time at which the recorded response was judged.
    pub(in crate::cli) fn at(&self) -> Option<Timestamp> {
        Some(self.recording.as_ref()?.at)
    }

    /// Returns the exchange that this stands for. `--status` and `--content-type` go before what was recorded.
    ///
    /// # Errors
    /// If those are not of their form.
    pub(in crate::cli) fn exchange(
        &self,
        arguments: &GivenArguments,
        now: Timestamp,
    ) -> Result<Exchange, ArgumentError> {
        let mut exchange = match &self.recording {
            Some(recording) => recording.exchange(self.body.clone().into()),
            None => self.as_exchange(now),
        };
        if let Ok(response) = &mut exchange.result {
            if let Some(status) = arguments.status {
                response.status = StatusCode::from_u16(status)
                    .map_err(|_| form("status", "a status is a number from 100 to 999"))?;
            }
            if let Some(kind) = &arguments.content_type {
                let kind = HeaderValue::from_str(kind)
                    .map_err(|_| form("content-type", "this is no header value"))?;
                response.headers.insert(header::CONTENT_TYPE, kind);
            }
        }
        Ok(exchange)
    }

    fn as_exchange(&self, now: Timestamp) -> Exchange {
        let json = HeaderValue::from_static("application/json");
        Exchange {
            started_at: now,
            sent: Arc::new(Sent {
                method: "read".to_owned(),
                url: self.name.as_str().into(),
                ..Sent::default()
            }),
            timings: Timings::default(),
            bearer: None,
            hops: Vec::new(),
            peer: None,
            certificate: None,
            tls: None,
            result: Ok(Response {
                status: StatusCode::OK,
                version: Version::HTTP_11,
                headers: HeaderMap::from_iter([(header::CONTENT_TYPE, json)]),
                body: Body::new(self.body.clone()),
            }),
        }
    }
}
