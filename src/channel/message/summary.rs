//! A message about many things: a headline, counts, and a line each.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::json::text;
use super::{Sending, Subject, words};
use crate::model::duration::since;
use crate::model::incident::{Incident, IncidentId};
use crate::model::json::Json;
use crate::model::service::ServiceName;
use crate::model::violation::Violation;

/// Incidents that a message names one by one; the rest is counted.
const INCIDENTS_MAX: usize = 2_000;

/// What a message about many things says.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// What it is.
    pub kind: SummaryKind,
    /// The same in every message about the same.
    pub id: String,
    /// Grows with every message about the same.
    pub generation: u64,
    /// What stands where a message about one incident has its service.
    pub subject: Subject,
    /// The first line without the subject.
    pub headline: String,
    /// The causes in a line.
    pub rule: String,
    /// What there is to say besides.
    pub note: Option<String>,
    /// Since when.
    pub began_at: Timestamp,
    /// When everything in it was over; absent while anything goes on.
    pub ended_at: Option<Timestamp>,
    /// One line each, most important first.
    pub lines: Vec<String>,
    /// How many incidents are open and over.
    pub counts: Counts,
    /// The incidents.
    pub incidents: Vec<Named>,
    /// Whether the channel hears for the first time of something that is open: what may wake people.
    pub first: bool,
    /// What the provider calls the message that this one replaces.
    pub edit: Option<String>,
    /// Its sending.
    pub sending: Sending,
}

/// What a message about many things is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryKind {
    /// Many incidents at once.
    Storm,
    /// How the last day was.
    Digest,
}

impl fmt::Display for SummaryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl SummaryKind {
    /// Returns the stable name, which channel scripts and webhook receivers see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Storm => "storm",
            Self::Digest => "digest",
        }
    }
}

/// How many incidents a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Those that are open.
    pub open: usize,
    /// Those that are over.
    pub over: usize,
    /// Services that are watched.
    pub services: usize,
}

/// An incident by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The incident.
    pub id: IncidentId,
    /// Its service.
    pub service: ServiceName,
    /// Its violation.
    pub violation: Violation,
    /// Its generation.
    pub generation: u32,
    /// Whether it is open.
    pub open: bool,
}

impl From<&Incident> for Named {
    fn from(incident: &Incident) -> Self {
        Self {
            id: incident.id.clone(),
            service: incident.service.clone(),
            violation: incident.violation.clone(),
            generation: incident.generation,
            open: incident.is_open(),
        }
    }
}

impl Summary {
    /// Returns the first line.
    pub fn title(&self) -> String {
        format!("{} · {}", self.subject.name, self.headline)
    }

    /// Returns how long it has been going on, or went.
    pub fn duration(&self) -> Duration {
        since(self.began_at, self.ended_at.unwrap_or(self.sending.now))
    }

    /// Returns the message as a channel script sees it: the keys are those of a message about one incident, so that a
    /// script needs to know no more than those.
    pub fn to_json(&self) -> Json {
        let sending = &self.sending;
        let none = || Json::from_iter([]);
        let number = |number: usize| Json::from(number as u64);
        let footnotes = sending.footnotes().into_iter().map(Json::from);
        Json::object([
            ("kind", Json::from(self.kind.as_str())),
            ("title", Json::from(self.title())),
            ("headline", Json::from(self.headline.as_str())),
            ("note", text(self.note.as_deref())),
            ("at", sending.time(Some(sending.now))),
            ("service", self.subject.to_json()),
            ("incident", Json::from(self.id.as_str())),
            ("violation", Json::from(self.kind.as_str())),
            ("generation", Json::from(self.generation)),
            ("rule", Json::from(self.rule.as_str())),
            ("exchange", Json::from("")),
            ("finding", Json::Null),
            ("opened_at", sending.time(Some(self.began_at))),
            ("closed_at", sending.time(self.ended_at)),
            ("last_good", Json::Null),
            ("never_came_up", Json::from(false)),
            ("duration_s", Json::from(self.duration().as_secs())),
            ("duration", Json::from(words::span(self.duration()))),
            (
                "probes",
                Json::object([
                    ("marks", Json::from("")),
                    ("bars", Json::from("")),
                    ("p50_ms", Json::Null),
                    ("p50", Json::Null),
                    ("samples", none()),
                ]),
            ),
            ("message_id", Json::from(sending.message_id.as_str())),
            ("possible_repeat", Json::from(sending.possible_repeat)),
            ("durable", Json::from(sending.durable)),
            ("footnotes", footnotes.collect()),
            ("link", text(sending.link.as_deref())),
            ("remote_ref", text(sending.remote_ref.as_deref())),
            ("first", Json::from(self.first)),
            ("edit", text(self.edit.as_deref())),
            ("reminders", Json::from(0_u64)),
            ("ack", Json::Null),
            (
                "lines",
                self.lines
                    .iter()
                    .map(|line| Json::from(line.as_str()))
                    .collect(),
            ),
            (
                "counts",
                Json::object([
                    ("open", number(self.counts.open)),
                    ("over", number(self.counts.over)),
                    ("services", number(self.counts.services)),
                ]),
            ),
            (
                "incidents",
                self.incidents
                    .iter()
                    .take(INCIDENTS_MAX)
                    .map(Named::to_json)
                    .collect(),
            ),
        ])
    }
}

impl Named {
    fn to_json(&self) -> Json {
        Json::object([
            ("incident", Json::string(self.id.0.as_ref())),
            ("service", Json::from(self.service.as_str())),
            ("violation", Json::from(self.violation.as_str())),
            ("generation", Json::from(u64::from(self.generation))),
            ("open", Json::from(self.open)),
        ])
    }
}
