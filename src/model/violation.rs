//! Which rule a service breaks.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::judgement::Outcome;

/// A rule that a service breaks now.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Violation {
    /// The share of failed probes is above its threshold.
    Error,
    /// The latency is above its limit by the service's trigger.
    Latency,
    /// The matcher is broken.
    Matcher,
    /// The service could not be judged for a long time.
    Unknown,
    /// Its verdicts change too often to be told each time.
    Flapping,
    /// A job does not report, or reports that it failed.
    Heartbeat,
    /// A name that a script gave.
    Named(Arc<str>),
}

impl Violation {
    /// Names that a script may not give, since OES uses them.
    pub const RESERVED: [&'static str; 6] = [
        "error",
        "latency",
        "matcher",
        "unknown",
        "flapping",
        "heartbeat",
    ];

    /// Returns the name used in the state file, messages, metrics and routes.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Error => "error",
            Self::Latency => "latency",
            Self::Matcher => "matcher",
            Self::Unknown => "unknown",
            Self::Flapping => "flapping",
            Self::Heartbeat => "heartbeat",
            Self::Named(name) => name,
        }
    }
}

impl PartialSchema for Violation {
    fn schema() -> RefOr<Schema> {
        String::schema()
    }
}

impl ToSchema for Violation {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Violation {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(match name {
            "error" => Self::Error,
            "latency" => Self::Latency,
            "matcher" => Self::Matcher,
            "unknown" => Self::Unknown,
            "flapping" => Self::Flapping,
            "heartbeat" => Self::Heartbeat,
            other => Self::Named(other.into()),
        })
    }
}

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Violation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Ok(violation) = String::deserialize(deserializer)?.parse();
        Ok(violation)
    }
}

/// What a window remembers of one probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sample {
    /// When the probe began.
    pub at: Timestamp,
    /// Its outcome.
    pub outcome: Outcome,
    /// Latency of the exchange; of a timeout, the time until it was given up. Absent if nothing was measured
    /// (the failure was ours, or came before the request was on its way). Whole microseconds when serialised.
    #[serde(rename = "latency_us", with = "latency_us", default)]
    #[schema(value_type = Option<u64>)]
    pub latency: Option<Duration>,
    /// Code of its main finding.
    pub code: Option<Arc<str>>,
}

/// Latency as a number whose unit is in its name.
mod latency_us {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it with a reference")]
    pub(super) fn serialize<S: Serializer>(
        latency: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        latency
            .map(|latency| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX))
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_micros))
    }
}
