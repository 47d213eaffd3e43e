//! What one probe saw.

mod tls;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::json::{self, Document, JsonError};
use super::secret::Secret;

pub use tls::TlsSession;

/// What one probe saw: its request, the response or the failure, and the time of each phase.
#[derive(Debug)]
pub struct Exchange {
    /// When the probe began.
    pub started_at: Timestamp,
    /// What was sent; the probes of a service share it.
    pub sent: Arc<Sent>,
    /// Where the time went.
    pub timings: Timings,
    /// The token that was fetched for it and sent along.
    pub bearer: Option<Secret>,
    /// The redirects that were followed, in order; empty for most probes.
    pub hops: Vec<Hop>,
    /// The address that answered the last hop, absent if none was reached.
    pub peer: Option<SocketAddr>,
    /// The leaf certificate of the last TLS peer, also where verification failed.
    pub certificate: Option<Certificate>,
    /// The TLS session of the last hop; absent without TLS, or where it cannot be told.
    pub tls: Option<TlsSession>,
    /// The response, or why there is none.
    pub result: Result<Response, Failure>,
}

/// Headers of a request in the order sent, shared by all that refer to them.
pub type Headers = Arc<[(HeaderName, HeaderValue)]>;

/// What a probe sent, as it may be shown: secrets are `***`.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// Request method.
    pub method: String,
    /// URL of the first hop.
    pub url: Arc<str>,
    /// Headers in the order sent.
    pub headers: Headers,
    /// Bytes of the request body.
    pub body_bytes: usize,
}

/// One redirect that was followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The URL that answered with a redirect.
    pub url: String,
    /// Its status.
    pub status: u16,
    /// The address that answered.
    pub peer: Option<SocketAddr>,
}

/// The phases of an exchange, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Looking up the host's addresses.
    Resolve,
    /// The TCP handshake.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Writing the request.
    Send,
    /// From the request's last byte to the response head.
    Wait,
    /// Reading the body.
    Transfer,
}

impl Phase {
    /// All phases, in the order they happen.
    pub const ALL: [Self; 6] = [
        Self::Resolve,
        Self::Connect,
        Self::Tls,
        Self::Send,
        Self::Wait,
        Self::Transfer,
    ];

    /// Returns the stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Send => "send",
            Self::Wait => "wait",
            Self::Transfer => "transfer",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where the time of an exchange went. Phases are exclusive, summed over all hops, and add up to `total` less `other`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// How late the probe began after it was due; never part of `total`.
    pub lag: Duration,
    /// From the beginning to the last byte or the failure: the latency of the exchange.
    pub total: Duration,
    phases: [Option<Duration>; 6],
}

impl Timings {
    /// Returns the time of a phase, absent if it did not happen. A phase that was cut off counts up to the cut.
    pub fn phase(&self, phase: Phase) -> Option<Duration> {
        self.phases.get(phase as usize).copied().flatten()
    }

    /// Adds time to a phase, which makes it present.
    pub fn add(&mut self, phase: Phase, spent: Duration) {
        if let Some(slot) = self.phases.get_mut(phase as usize) {
            *slot = Some(slot.unwrap_or_default() + spent);
        }
    }

    /// Returns the phases that happened, in order.
    pub fn present(&self) -> impl Iterator<Item = (Phase, Duration)> + '_ {
        Phase::ALL
            .into_iter()
            .filter_map(|phase| self.phase(phase).map(|spent| (phase, spent)))
    }

    /// Returns the part of `total` that no phase explains.
    pub fn other(&self) -> Duration {
        self.total
            .saturating_sub(self.present().map(|(_, spent)| spent).sum())
    }
}

/// A response whose head was complete.
#[derive(Debug)]
pub struct Response {
    /// Status of the last hop.
    pub status: StatusCode,
    /// HTTP version spoken.
    pub version: Version,
    /// Response headers.
    pub headers: HeaderMap,
    /// The body, decoded.
    pub body: Body,
}

impl Response {
    /// Returns the first value of a header as text, absent if it is missing or not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A response body after content decoding. JSON is parsed once, when first asked for.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// The decoded bytes, cut at the body limit if `truncated`.
    pub bytes: Bytes,
    /// Bytes as they came over the wire, before decoding.
    pub wire_bytes: u64,
    /// Whether there was more than the limit allows to keep.
    pub truncated: bool,
    json: OnceLock<Result<Document, JsonError>>,
}

impl Body {
    /// Returns a whole body of these bytes.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            wire_bytes: bytes.len() as u64,
            bytes,
            truncated: false,
            json: OnceLock::new(),
        }
    }

    /// Tells whether the body was read as JSON before.
    pub fn is_parsed(&self) -> bool {
        self.json.get().is_some()
    }

    /// Returns the body as JSON, whatever its content type says.
    ///
    /// # Errors
    /// [`JsonError`] if the bytes are not one JSON text within the limits of [`json::parse`].
    pub fn json(&self) -> Result<&Document, &JsonError> {
        self.json.get_or_init(|| json::parse(&self.bytes)).as_ref()
    }
}

/// Facts of a leaf certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Subject as one line.
    pub subject: String,
    /// Issuer as one line.
    pub issuer: String,
    /// Names and addresses it is for, in its order.
    pub names: Vec<String>,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
    /// Whether issuer and subject are the same.
    pub self_signed: bool,
}
