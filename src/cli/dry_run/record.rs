//! What a dry run saw, as a folder from which it can be judged again without a network.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cli::output::save_file;
use crate::model::exchange::{Body, Certificate, Exchange, Phase, Response, Sent, Timings};
use crate::model::failure::{Failure, FailureKind};
use crate::model::json::Json;
use crate::model::judgement::Memory;

/// The file with everything about an exchange but the response's body.
const HEAD: &str = "response.json";

/// The file with the response's body.
const BODY: &str = "response.body";

/// The file with what the scripts remembered before.
pub(super) const MEMORY: &str = "memory.json";

/// An exchange without the body of its response.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Recording {
    /// The time that the scripts saw.
    pub(super) at: Timestamp,
    /// Request method.
    pub(super) method: String,
    /// Where to, without secrets.
    pub(super) url: String,
    /// The request's headers, without secrets.
    request_headers: Vec<(String, String)>,
    request_bytes: usize,
    elapsed_ns: u64,
    phases_ns: Vec<(Phase, u64)>,
    certificate: Option<Certificate>,
    #[serde(flatten)]
    result: Recorded,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Recorded {
    Response {
        status: u16,
        headers: Vec<(String, String)>,
        truncated: bool,
        wire_bytes: u64,
    },
    Failure {
        failure: FailureKind,
        phase: Option<Phase>,
        message: String,
    },
}

/// Writes an exchange, judged at a time, to a folder.
///
/// # Errors
/// If the folder cannot be written.
pub(super) fn save(folder: &Path, exchange: &Exchange, at: Timestamp) -> io::Result<()> {
    let ns = |spent: Duration| u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
    let result = match &exchange.result {
        Ok(response) => Recorded::Response {
            status: response.status.as_u16(),
            headers: super::report::header_pairs(&response.headers),
            truncated: response.body.truncated,
            wire_bytes: response.body.wire_bytes,
        },
        Err(failure) => Recorded::Failure {
            failure: failure.kind,
            phase: failure.phase,
            message: failure.message.clone(),
        },
    };
    let phases = exchange.timings.present();
    let head = Recording {
        at,
        method: exchange.sent.method.clone(),
        url: exchange.sent.url.as_ref().to_owned(),
        request_headers: super::report::shown_headers(&exchange.sent),
        request_bytes: exchange.sent.body_bytes,
        elapsed_ns: ns(exchange.timings.total),
        phases_ns: phases.map(|(phase, spent)| (phase, ns(spent))).collect(),
        certificate: exchange.certificate.clone(),
        result,
    };
    let mut text = serde_json::to_vec_pretty(&head)?;
    text.push(b'\n');
    save_file(&folder.join(HEAD), &text)?;
    match &exchange.result {
        Ok(response) => save_file(&folder.join(BODY), &response.body.bytes),
        Err(_) => save_file(&folder.join(BODY), b""),
    }
}

/// Writes what the scripts remembered before, for `--memory @FILE`.
///
/// # Errors
/// If the folder cannot be written.
pub(super) fn save_memory(folder: &Path, memory: &Memory) -> io::Result<()> {
    let values = memory
        .iter()
        .map(|(key, entry)| (Arc::clone(key), entry.value.clone()));
    let mut text = Json::object(values).to_string();
    text.push('\n');
    save_file(&folder.join(MEMORY), text.as_bytes())
}

/// Reads what [`save`] wrote.
///
/// # Errors
/// If it is not there or of another form.
pub(super) fn load(folder: &Path) -> io::Result<(Recording, Vec<u8>)> {
    let named = |name: &str, error: &dyn std::fmt::Display, kind: io::ErrorKind| {
        io::Error::new(kind, format!("{name}: {error}"))
    };
    let head = fs::read(folder.join(HEAD)).map_err(|error| named(HEAD, &error, error.kind()))?;
    let recording = serde_json::from_slice(&head)
        .map_err(|error| named(HEAD, &error, io::ErrorKind::InvalidData))?;
    let body = fs::read(folder.join(BODY)).map_err(|error| named(BODY, &error, error.kind()))?;
    Ok((recording, body))
}

impl Recording {
    /// Returns the exchange with this body.
    pub(super) fn exchange(&self, body: &[u8]) -> Exchange {
        let mut timings = Timings::default();
        timings.total = Duration::from_nanos(self.elapsed_ns);
        for (phase, spent) in &self.phases_ns {
            timings.add(*phase, Duration::from_nanos(*spent));
        }
        Exchange {
            started_at: self.at,
            sent: Arc::new(Sent {
                method: self.method.clone(),
                url: self.url.as_str().into(),
                headers: self.request_headers.iter().filter_map(header).collect(),
                body_bytes: self.request_bytes,
            }),
            timings,
            bearer: None,
            hops: Vec::new(),
            peer: None,
            certificate: self.certificate.clone(),
            result: self.result.result(body),
        }
    }
}

impl Recorded {
    fn result(&self, body: &[u8]) -> Result<Response, Failure> {
        match self {
            Self::Response {
                status,
                headers,
                truncated,
                wire_bytes,
            } => {
                let mut body = Body::new(body.to_vec());
                body.truncated = *truncated;
                body.wire_bytes = *wire_bytes;
                Ok(Response {
                    status: StatusCode::from_u16(*status).unwrap_or_default(),
                    version: Version::HTTP_11,
                    headers: header_map(headers),
                    body,
                })
            }
            Self::Failure {
                failure,
                phase,
                message,
            } => Err(Failure {
                kind: *failure,
                phase: *phase,
                message: message.clone(),
            }),
        }
    }
}

/// Returns recorded headers; one that was edited into something else is left out.
fn header_map(headers: &[(String, String)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter().filter_map(header) {
        map.append(name, value);
    }
    map
}

fn header((name, value): &(String, String)) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    Some((name, HeaderValue::from_str(value).ok()?))
}
