//! What goes into a run, and what can come of a call.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::frames;
use super::limits::Limits;
use super::source::Source;
use crate::model::exchange::Exchange;
use crate::model::json::Json;
use crate::model::judgement::{Finding, Memory};
use crate::model::redaction::Redaction;
use crate::model::service::{Grants, Transport};

/// One run of a matcher script.
#[derive(Debug, Clone)]
pub struct Job {
    /// The script.
    pub source: Arc<Source>,
    /// What it judges.
    pub input: Input,
    /// What it may use and must not see.
    pub rights: Rights,
    /// What it is allowed.
    pub limits: Limits,
}

/// What a script sees of its service.
pub const SERVICE_KEYS: &[&str] = &[
    "name",
    "url",
    "method",
    "payload",
    "tags",
    "interval",
    "timeout",
    "group",
    "latency_ms",
];

/// What a matcher script is given: plain data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Input {
    /// The service as the script sees it, an object with [`SERVICE_KEYS`].
    pub service: Json,
    /// What the probe saw; absent for a script with `request = false`.
    #[serde(with = "frames::exchange::optional")]
    pub exchange: Option<Arc<Exchange>>,
    /// The config's `response` sample.
    pub expected: Option<Json>,
    /// The matcher's parameters as the config gives them; defaults come from the header.
    pub params: Arc<BTreeMap<Arc<str>, Json>>,
    /// What the service's scripts remember.
    pub memory: Arc<Memory>,
    /// The last exchange with a body.
    pub prev: Option<Prev>,
    /// The time of the run, the only clock of the script.
    pub now: Timestamp,
    /// How long the run may take with its requests, where the limits do not say.
    pub wall: Duration,
}

/// What a run may use without seeing it.
#[derive(Debug, Clone)]
pub struct Rights {
    /// The service's own URL, whose origin the script may ask.
    pub url: Url,
    /// How connections to that origin are made.
    pub transport: Arc<Transport>,
    /// What the config lets the service's scripts use.
    pub grants: Arc<Grants>,
    /// What must not be seen of the run: the secrets of the service.
    pub redaction: Arc<Redaction>,
}

/// The last exchange with a body, and when it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Prev {
    /// What the probe saw.
    #[serde(with = "frames::exchange")]
    pub exchange: Arc<Exchange>,
    /// When.
    pub at: Timestamp,
}

/// One call of a function of a script that is only functions.
#[derive(Debug, Clone)]
pub struct CallJob {
    /// The script.
    pub source: Arc<Source>,
    /// Name of the function.
    pub function: Cow<'static, str>,
    /// Its arguments.
    pub arguments: Vec<Json>,
    /// The time of the call.
    pub now: Timestamp,
    /// What it is allowed; requests and memory are not.
    pub limits: Limits,
}

/// Why a call gave no value: the script broke, hit a limit, or no thread had time for it.
#[derive(Debug, Clone, PartialEq, Error, Serialize, Deserialize)]
#[error("{}{}{}", .0, .0.at.as_ref().map(|at| format!(" at {at}")).unwrap_or_default(), .0.calls().map(|calls| format!(", {calls}")).unwrap_or_default())]
pub struct CallError(pub Box<Finding>);
