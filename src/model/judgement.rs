//! What a matcher says of one exchange: the outcome, its findings, and what a script did on the way.

mod finding;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::json::Json;

pub use finding::{Call, Finding};

/// The outcome of one probe. Ordered by weight: of several the heaviest counts.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The service answers as it should.
    #[default]
    Pass,
    /// Worth showing, never counted.
    Warn,
    /// A dependency, our resolver, our network or our descriptors: never counted for or against the service.
    Unknown,
    /// The service is wrong.
    Fail,
    /// The matcher itself broke: never up, never down.
    Error,
}

impl Outcome {
    /// All outcomes, lightest first.
    pub const ALL: [Self; 5] = [
        Self::Pass,
        Self::Warn,
        Self::Unknown,
        Self::Fail,
        Self::Error,
    ];

    /// Returns the stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
            Self::Error => "error",
        }
    }

    /// Returns the letter of a line of outcomes: `PPWFUE`.
    pub fn letter(self) -> char {
        match self {
            Self::Pass => 'P',
            Self::Warn => 'W',
            Self::Unknown => 'U',
            Self::Fail => 'F',
            Self::Error => 'E',
        }
    }

    /// Tells whether the service is known to be fine: pass or warn.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Pass | Self::Warn)
    }

    /// Tells whether the outcome counts in an error rate: pass, warn and fail do.
    pub fn counts(self) -> bool {
        matches!(self, Self::Pass | Self::Warn | Self::Fail)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Makes the outcome `warn`.
    Warning,
    /// Makes the outcome `unknown`.
    Unknown,
    /// Makes the outcome `fail`.
    Error,
    /// The matcher is broken; makes the outcome `error`.
    Broken,
}

impl Severity {
    /// Returns the outcome that a finding of this weight asks for.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Warning => Outcome::Warn,
            Self::Unknown => Outcome::Unknown,
            Self::Error => Outcome::Fail,
            Self::Broken => Outcome::Error,
        }
    }
}

/// What the matchers of a service say of one exchange.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Judgement {
    /// The heaviest of the findings, `pass` without any.
    pub outcome: Outcome,
    /// What was found, in the order found; capped by the matcher.
    pub findings: Vec<Finding>,
    /// What the scripts among the matchers did, in order.
    pub runs: Vec<ScriptRun>,
    /// How long judging took, the requests of scripts included.
    pub elapsed: Duration,
}

impl Judgement {
    /// Returns the judgement that these findings amount to.
    pub fn of(findings: Vec<Finding>) -> Self {
        let outcome = findings
            .iter()
            .map(|finding| finding.severity.outcome())
            .max();
        Self {
            outcome: outcome.unwrap_or_default(),
            findings,
            runs: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }

    /// Adds what another matcher said: findings add up, the heavier outcome counts. What both found is there once: a
    /// refused connection is one finding however many matchers meet it.
    pub fn merge(&mut self, other: Self) {
        self.outcome = self.outcome.max(other.outcome);
        for finding in other.findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
        self.runs.extend(other.runs);
    }

    /// Returns the first finding with a code.
    pub fn finding_of(&self, code: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| *finding.code == *code)
    }

    /// Returns the first finding of the greatest weight: what a message shows.
    pub fn main_finding(&self) -> Option<&Finding> {
        let heaviest = self.findings.iter().map(|finding| finding.severity).max()?;
        self.findings
            .iter()
            .find(|finding| finding.severity == heaviest)
    }
}

/// What one run of a script did besides finding things.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ScriptRun {
    /// Name of the script.
    pub script: Arc<str>,
    /// First 16 hexadecimal digits of the SHA-256 of its source.
    pub version: Arc<str>,
    /// Lines of `note` and `print`, in order.
    pub notes: Vec<String>,
    /// Gauges of `metric`, by name; the last value counts.
    pub metrics: BTreeMap<Arc<str>, f64>,
    /// Steps in order of their beginning.
    pub steps: Vec<StepRun>,
    /// Requests that the script made, in order.
    pub http: Vec<HttpCall>,
    /// Violations that the script named, with why.
    pub violations: Vec<NamedViolation>,
    /// What the run changed in the service's memory; empty if the outcome is `error`.
    pub memory: MemoryDiff,
    /// What the run used of what it was allowed.
    pub usage: Usage,
}

/// One `step` of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRun {
    /// Its name.
    pub name: String,
    /// How long it took, requests included, in microseconds.
    pub elapsed_us: u64,
    /// Whether it ran to its end.
    pub completed: bool,
}

/// One request that a script made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpCall {
    /// Request method.
    pub method: String,
    /// URL without secrets.
    pub url: String,
    /// Status, absent if no response came.
    pub status: Option<u16>,
    /// Why no response came.
    pub error: Option<String>,
    /// How long it took in milliseconds.
    pub elapsed_ms: u64,
    /// Bytes of the response body.
    pub bytes: u64,
}

/// A violation that a script named: it opens without waiting for the error rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedViolation {
    /// Its name: letters, digits, `_`, `-`, `.`; at most 64 characters.
    pub name: Arc<str>,
    /// Why, for a person.
    pub message: String,
}

/// What a run changed in a service's memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MemoryDiff {
    /// Keys written.
    pub set: BTreeMap<Arc<str>, MemoryEntry>,
    /// Keys removed.
    pub removed: Vec<Arc<str>>,
}

/// What the keys begin with of what all services remember together: `shared:SPACE:KEY`.
pub const SHARED: &str = "shared:";

impl MemoryDiff {
    /// Takes apart what changed in the service's own memory and in what all services remember together.
    pub fn split(self) -> (Self, Self) {
        let is_own = |key: &Arc<str>| !key.starts_with(SHARED);
        let (own_set, shared_set) = self.set.into_iter().partition(|(key, _)| is_own(key));
        let (own_removed, shared_removed) = self.removed.into_iter().partition(is_own);
        let own = Self {
            set: own_set,
            removed: own_removed,
        };
        let shared = Self {
            set: shared_set,
            removed: shared_removed,
        };
        (own, shared)
    }

    /// Changes a memory.
    pub fn apply(&self, memory: &mut Memory) {
        for key in &self.removed {
            memory.remove(key);
        }
        for (key, entry) in &self.set {
            memory.insert(Arc::clone(key), entry.clone());
        }
    }

    /// Tells whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.removed.is_empty()
    }
}

/// One value in a service's memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryEntry {
    /// The value.
    pub value: Json,
    /// When it stops being there, for a value that was set with a time to live.
    pub expires_at: Option<jiff::Timestamp>,
}

/// A service's memory: what its scripts remember from run to run.
pub type Memory = BTreeMap<Arc<str>, MemoryEntry>;

/// Returns the memory that an object of plain values stands for, absent if it is no object.
pub fn remembered(value: &Json) -> Option<Memory> {
    let entry = |value: &Json| MemoryEntry {
        value: value.clone(),
        expires_at: None,
    };
    let members = value.as_object()?.iter();
    Some(
        members
            .map(|(key, value)| (Arc::clone(key), entry(value)))
            .collect(),
    )
}

/// What a run used of what it was allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say what is counted, units last")]
pub struct Usage {
    pub operations: Used,
    pub cpu_us: Used,
    pub wall_ms: Used,
    pub heap_bytes: Used,
    pub http_calls: Used,
    pub http_bytes: Used,
    pub findings: Used,
    pub log_lines: Used,
    pub memory_bytes: Used,
}

/// Used, of allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// How much was used.
    pub used: u64,
    /// How much is allowed.
    pub allowed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_matchers_found_is_there_once() {
        let refused = || Judgement::of(vec![Finding::error("connect_refused", "refused")]);
        let mut judgement = refused();
        judgement.merge(refused());
        judgement.merge(Judgement::of(vec![
            Finding::error("type", "expected number").at_path("$.a"),
        ]));
        let found: Vec<String> = judgement.findings.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["refused", "$.a: expected number"]);
        assert_eq!(judgement.outcome, Outcome::Fail);
    }
}
