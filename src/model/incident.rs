//! Incidents, and what each channel must know and is known to have taken.

mod kept;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::json::Json;
use super::mute::{Ack, Silence, SilenceId};
use super::service::{ChannelName, ServiceName};
use super::storm::{Storm, StormId};
use super::violation::{Sample, Violation};
pub use kept::Kept;

/// The random, stable name of an incident: 16 characters of Crockford's base 32, the same in every message about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct IncidentId(pub Arc<str>);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One violation of one service from its opening to its close.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Incident {
    /// Its name.
    pub id: IncidentId,
    /// The service.
    pub service: ServiceName,
    /// The rule it breaks.
    pub violation: Violation,
    /// Grows by one at every change that people are told of: opened, reminder due, acknowledged, closed, monitoring
    /// stopped.
    pub generation: u32,
    /// What the newest generation tells of an incident that is open.
    #[serde(default)]
    pub news: News,
    /// How many reminders have been due.
    #[serde(default)]
    pub reminders: u32,
    /// Who has taken it on.
    #[serde(default)]
    pub ack: Option<Ack>,
    /// When the violation began.
    pub opened_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// Last probe that passed before it opened; absent if none ever did: the service never came up.
    pub last_good: Option<Timestamp>,
    /// When the same violation of the service was last announced before it opened: its cool-down counts from there.
    #[serde(default)]
    pub announced_before: Option<Timestamp>,
    /// Why it is open, as of the newest look.
    pub reason: Reason,
}

/// What the newest generation of an open incident tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// It has opened.
    #[default]
    Opened,
    /// It is still open.
    Reminder,
    /// Somebody has taken it on.
    Acked,
}

/// How an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The service keeps the rule again.
    Recovered,
    /// The service left the ops config, or the rule did.
    Unwatched,
}

impl Incident {
    /// Tells whether the violation goes on.
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// Returns when what its reason says was so: at the newest probe that the reason shows; absent once it has ended.
    pub fn seen_at(&self) -> Option<Timestamp> {
        let newest = self.reason.samples.last().map(|sample| sample.at);
        self.is_open()
            .then(|| newest.map_or(self.opened_at, |at| at.max(self.opened_at)))
    }

    /// Returns why it is open, or was, in words: what was found, where that says more than the rule. Of what is slow or
    /// unsteady no finding of one probe does.
    pub fn why(&self) -> &str {
        let Reason { finding, rule, .. } = &self.reason;
        let of_many = matches!(self.violation, Violation::Latency | Violation::Flapping);
        finding.as_ref().filter(|_| !of_many).unwrap_or(rule)
    }

    /// Returns in a word what was found, and of a status which: `connect_refused`, `status 503`. The violation where no
    /// finding says more.
    pub fn cause(&self) -> String {
        let Reason { code, actual, .. } = &self.reason;
        match (code.as_deref(), actual) {
            (None, _) => self.violation.to_string(),
            (Some("status"), Some(status)) => format!("status {status}"),
            (Some(code), _) => code.to_owned(),
        }
    }
}

/// Why an incident is open: what a message shows. Redacted before it gets here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// The rule and its numbers: `4 of the last 7 probes failed, more than 50 %`.
    pub rule: String,
    /// Code of the main finding.
    pub code: Option<Arc<str>>,
    /// The main finding for a person, path first.
    pub finding: Option<String>,
    /// Path of the main finding in the body.
    pub path: Option<String>,
    /// What should be there.
    #[schema(value_type = Option<serde_json::Value>)]
    pub expected: Option<Json>,
    /// What is there.
    #[schema(value_type = Option<serde_json::Value>)]
    pub actual: Option<Json>,
    /// The place in the script that found it: `scripts/x.rhai:2:15`.
    pub place: Option<String>,
    /// How many more findings the probe had.
    pub more_findings: usize,
    /// What was asked and answered: `GET https://… → 200 in 214 ms`.
    pub exchange: String,
    /// The address that was asked, absent where none was reached.
    #[serde(default)]
    pub address: Option<String>,
    /// The samples that the rule saw, oldest first.
    pub samples: Vec<Sample>,
    /// How the rule was kept when the incident was over; absent before, and where that was not written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Box<Kept>>,
}

/// What must survive a restart for people to be told everything once: the contents of the state file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    /// Open incidents, and closed ones until every channel knows of it.
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// What each channel knows of each incident.
    pub deliveries: BTreeMap<(ChannelName, IncidentId), Delivery>,
    /// How each channel is doing.
    pub channels: BTreeMap<ChannelName, ChannelState>,
    /// Messages that no channel took in the end, newest last, at most 1,000.
    pub dead_letters: Vec<DeadLetter>,
    /// When each violation of each service was last announced, for its cool-down; kept for a day.
    pub announced: BTreeMap<(ServiceName, Violation), Timestamp>,
    /// What people have silenced, until it ends.
    pub silences: BTreeMap<SilenceId, Silence>,
}

/// What one channel must know of one incident and is known to have taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Generation of the incident that the channel is known to have taken, 0 for none.
    pub acked_generation: u32,
    /// Whether an opening was taken here: only then a close is owed.
    pub announced: Announced,
    /// What the provider calls the message, to edit it or to answer it.
    pub remote_ref: Option<String>,
    /// Failed tries for the generation that is owed.
    pub attempts: u32,
    /// No try before this.
    pub next_at: Option<Timestamp>,
    /// Why the last try failed, without secrets.
    pub last_error: Option<String>,
    /// A try is under way, or was when the daemon died.
    pub intent: Option<Intent>,
    /// When the first message was taken.
    pub taken_at: Option<Timestamp>,
    /// Since when the newest generation is owed here; the horizon of its dead letter counts from it.
    #[serde(default)]
    pub owed_since: Option<Timestamp>,
    /// The generation that was given up here, with a dead letter.
    #[serde(default)]
    pub given_up: Option<GivenUp>,
    /// Whether the channel took nothing at the time when the incident ended.
    #[serde(default)]
    pub unreachable: bool,
    /// The storm that it is told with.
    #[serde(default)]
    pub storm: Option<StormId>,
    /// What held its opening back here.
    #[serde(default)]
    pub muted: Option<Muted>,
    /// The channel that should have been told, and why this one is told instead.
    #[serde(default)]
    pub instead: Option<Instead>,
    /// How far the goodbye of a channel is that has left the ops config; absent while it is there.
    #[serde(default)]
    pub leaves: Option<Leaving>,
}

/// How far the goodbye of a channel is that left the ops config while it showed an incident as open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// It is tried with the settings that it had.
    Owed,
    /// The channel has taken it, or somebody has seen to it.
    Told,
    /// The channel could not be told and still shows the incident as open.
    Lost,
}

/// What held the opening of an incident back: a silence, a maintenance, a dependency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Muted {
    /// What it was, for people.
    pub why: String,
    /// When it ends by itself, absent if nobody knows.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Whether it still does, or did when the incident ended.
    pub is_on: bool,
}

impl Delivery {
    /// Tells whether the channel is not told of the incident for now.
    pub fn muted_now(&self) -> bool {
        self.muted.as_ref().is_some_and(|muted| muted.is_on)
    }
}

/// Why a channel is told of an incident that is another's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Instead {
    /// The channel that should have been told.
    pub of: ChannelName,
    /// Why it was not, for people.
    pub why: String,
}

/// A generation that a channel will not be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GivenUp {
    /// The generation.
    pub generation: u32,
    /// Why.
    pub cause: GivenUpCause,
}

/// Why a generation was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GivenUpCause {
    /// The channel refused this message as such.
    Rejected,
    /// No try succeeded for too long; told after all once the channel takes messages again.
    Horizon,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            acked_generation: 0,
            announced: Announced::No,
            remote_ref: None,
            attempts: 0,
            next_at: None,
            last_error: None,
            intent: None,
            taken_at: None,
            owed_since: None,
            given_up: None,
            unreachable: false,
            storm: None,
            muted: None,
            instead: None,
            leaves: None,
        }
    }
}

/// Whether a channel has shown an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Announced {
    /// Certainly not.
    No,
    /// It may have: the daemon or the connection died between sending and confirming.
    Possibly,
    /// It has.
    Yes,
}

/// A try that is on disk before its first byte leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Intent {
    /// The same for every retry of the same message, so that a receiver can drop a repeat. Holds no point.
    pub message_id: String,
    /// Generation that the message tells.
    pub generation: u32,
    /// When the try was decided.
    pub at: Timestamp,
}

/// How a channel is doing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ChannelState {
    /// Keyed fingerprint of its settings: changed settings enable it again.
    pub fingerprint: String,
    /// Why it is disabled; no try until its settings change.
    pub disabled: Option<String>,
    /// Failures in a row; a limit of the provider is none.
    pub failures: u32,
    /// No try before this: back-off or the provider's own hint.
    pub paused_until: Option<Timestamp>,
    /// When it last took a message.
    pub last_success: Option<Timestamp>,
    /// Why the last try failed, without secrets.
    pub last_error: Option<String>,
    /// When it was last told of an opening in a message of its own, newest last.
    #[serde(default)]
    pub singles: Vec<Timestamp>,
    /// The storms that it is told of in one message each, newest last.
    #[serde(default)]
    pub storms: Vec<Storm>,
    /// The newest daily digest.
    #[serde(default)]
    pub digest: Option<Digested>,
}

/// A daily digest on its way to a channel, or there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digested {
    /// When it was due.
    pub due: Timestamp,
    /// Whether the channel has it, or will not take it; else a try is under way, or was when the daemon died.
    pub settled: bool,
}

impl ChannelState {
    /// Returns a storm that it is told of.
    pub fn storm(&self, id: &StormId) -> Option<&Storm> {
        self.storms.iter().find(|storm| storm.id == *id)
    }

    /// Returns a storm that it is told of, to change it.
    pub fn storm_mut(&mut self, id: &StormId) -> Option<&mut Storm> {
        self.storms.iter_mut().find(|storm| storm.id == *id)
    }

    /// Tells whether the channel takes nothing now: it is disabled, its last try failed, or it asked for a rest.
    pub fn is_unreachable(&self, now: Timestamp) -> bool {
        self.disabled.is_some()
            || self.failures > 0
            || self.paused_until.is_some_and(|until| until > now)
    }
}

/// A message that no try could deliver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its message id.
    pub message_id: String,
    /// The channel.
    pub channel: ChannelName,
    /// The incident it was about.
    pub incident: IncidentId,
    /// The service.
    pub service: ServiceName,
    /// The violation.
    pub violation: Violation,
    /// When it was given up.
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last try failed, without secrets.
    pub error: String,
}
