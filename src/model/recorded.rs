//! An exchange as data: what `oes dry-run --record` writes and the daemon keeps, and back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::exchange::{Body, Certificate, Exchange, Phase, Response, Sent, Timings};
use super::failure::{Failure, FailureKind};

/// An exchange without the body of its response.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordedExchange {
    /// The time that the scripts saw.
    pub at: Timestamp,
    /// Request method.
    pub method: String,
    /// Where to, without secrets.
    pub url: String,
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
        #[serde(default = "one_one")]
        version: String,
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

impl RecordedExchange {
    /// Returns an exchange, judged at a time, as data, without the headers that give a credential. Secrets were taken out of it
    /// before.
    pub fn of(exchange: &Exchange, at: Timestamp) -> Self {
        let ns = |spent: Duration| u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        let result = match &exchange.result {
            Ok(response) => Recorded::Response {
                status: response.status.as_u16(),
                version: format!("{:?}", response.version),
                headers: shown_response_headers(&response.headers),
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
        Self {
            at,
            method: exchange.sent.method.clone(),
            url: exchange.sent.url.as_ref().to_owned(),
            request_headers: shown_request_headers(&exchange.sent),
            request_bytes: exchange.sent.body_bytes,
            elapsed_ns: ns(exchange.timings.total),
            phases_ns: phases.map(|(phase, spent)| (phase, ns(spent))).collect(),
            certificate: exchange.certificate.clone(),
            result,
        }
    }

    /// Tells whether there was a response, which has a body.
    pub fn has_body(&self) -> bool {
        matches!(self.result, Recorded::Response { .. })
    }

    /// Returns the exchange with this body.
    pub fn exchange(&self, body: Bytes) -> Exchange {
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
            tls: None,
            result: self.result.result(body),
        }
    }
}

impl Recorded {
    fn result(&self, body: Bytes) -> Result<Response, Failure> {
        match self {
            Self::Response {
                status,
                version,
                headers,
                truncated,
                wire_bytes,
            } => {
                let mut body = Body::new(body);
                body.truncated = *truncated;
                body.wire_bytes = *wire_bytes;
                Ok(Response {
                    status: StatusCode::from_u16(*status).unwrap_or_default(),
                    version: version_of(version),
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

/// The version of recordings that do not say theirs.
fn one_one() -> String {
    format!("{:?}", Version::HTTP_11)
}

fn version_of(text: &str) -> Version {
    let known = [
        Version::HTTP_09,
        Version::HTTP_10,
        Version::HTTP_2,
        Version::HTTP_3,
    ];
    let same = |version: &Version| format!("{version:?}") == text;
    known.into_iter().find(same).unwrap_or(Version::HTTP_11)
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

/// Tells whether a header's value is nobody else's business, also where it was typed as a plain text.
pub fn carries_credentials(header: &str) -> bool {
    let name = header.to_ascii_lowercase();
    [
        "authorization",
        "cookie",
        "token",
        "secret",
        "api-key",
        "apikey",
        "password",
        "signature",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// Returns the headers of a request as they may be shown: pairs in the order sent.
pub fn shown_request_headers(sent: &Sent) -> Vec<(String, String)> {
    let headers = sent.headers.iter();
    headers.map(|(name, value)| shown(name, value)).collect()
}

/// Returns the headers of a response as they may be shown: pairs, so that one that came twice is there twice.
pub fn shown_response_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let headers = headers.iter();
    headers.map(|(name, value)| shown(name, value)).collect()
}

fn shown(name: &HeaderName, value: &HeaderValue) -> (String, String) {
    let value = if carries_credentials(name.as_str()) {
        "***".into()
    } else {
        String::from_utf8_lossy(value.as_bytes())
    };
    (name.as_str().to_owned(), value.into_owned())
}
