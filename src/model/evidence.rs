//! What a probe saw at a turn of an incident, kept with it so that nobody has to catch the fault again to see it.

mod seen;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::exchange::{Certificate, Phase};
use super::failure::FailureKind;
use super::incident::IncidentId;
use super::judgement::{Finding, HttpCall, MemoryDiff, Outcome};
use super::service::ServiceName;
pub use seen::{cut, shown_memory};

/// Bytes of a response body that are kept, after secrets were taken out.
pub const BODY_BYTES_MAX: usize = 8 * 1024;
/// Bytes of one piece of evidence in all; what is longest is cut.
pub const BYTES_MAX: usize = 64 * 1024;

/// What the probe saw that opened an incident, changed its main finding or closed it. Without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The incident.
    pub incident: IncidentId,
    /// Its service.
    pub service: ServiceName,
    /// Which turn it was.
    pub moment: Moment,
    /// When the probe began.
    pub at: Timestamp,
    /// What it came to.
    pub outcome: Outcome,
    /// What was asked and answered; absent if the scripts made all requests themselves.
    pub exchange: Option<SeenExchange>,
    /// What was found.
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Finding>,
    /// What scripts noted, in order.
    pub notes: Vec<String>,
    /// What scripts asked, in order.
    #[schema(value_type = Vec<Object>)]
    pub calls: Vec<HttpCall>,
    /// What the run changed in what scripts remember.
    #[schema(value_type = Object)]
    pub memory: MemoryDiff,
}

/// The turns of an incident that evidence is kept of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// It opened.
    Opened,
    /// Its main finding became another.
    Finding,
    /// It closed.
    Closed,
}

impl Moment {
    /// Returns its name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Finding => "finding",
            Self::Closed => "closed",
        }
    }
}

/// An exchange as it may be shown to whoever may see incidents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeenExchange {
    /// Request method.
    pub method: String,
    /// Where to.
    pub url: String,
    /// The request's headers, in the order sent.
    pub request_headers: Vec<(String, String)>,
    /// Bytes of the request body.
    pub request_bytes: usize,
    /// The address that answered, absent if none was reached.
    pub peer: Option<String>,
    /// The whole exchange, in microseconds.
    pub elapsed_us: u64,
    /// The phases that happened, in order, in microseconds.
    #[schema(value_type = Vec<(String, u64)>)]
    pub phases_us: Vec<(Phase, u64)>,
    /// The certificate that was shown.
    #[schema(value_type = Option<Object>)]
    pub certificate: Option<Certificate>,
    /// The response, absent if there is none.
    pub response: Option<SeenResponse>,
    /// Why there is none.
    pub failure: Option<SeenFailure>,
}

/// A response as it may be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeenResponse {
    /// Its status.
    pub status: u16,
    /// HTTP version spoken: `HTTP/1.1`.
    pub version: String,
    /// Its headers, as they came.
    pub headers: Vec<(String, String)>,
    /// The beginning of its body as text; what is no text has `�` in it.
    pub body: String,
    /// Bytes that the body had, as far as it was read.
    pub body_bytes: u64,
    /// Whether `body` is less than all of it.
    pub is_cut: bool,
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeenFailure {
    /// What kind it is of.
    #[schema(value_type = String)]
    pub kind: FailureKind,
    /// The phase that it happened in.
    #[schema(value_type = Option<String>)]
    pub phase: Option<Phase>,
    /// What happened, for people.
    pub message: String,
}
