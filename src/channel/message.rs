//! Everything that a message about an incident shows, built from facts alone: the same facts give the same message.

mod example;
mod json;
mod samples;
mod text;
mod words;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::duration::since;
use crate::model::incident::Incident;
use crate::model::service::{Service, ServiceName, ServiceSeverity};
use crate::model::violation::Violation;
use crate::policy::owed::{Telling, Unheard};
pub use words::moment;

pub use text::Colour;

/// Returns the stable name of a telling, which channel scripts and webhook receivers see.
fn kind(telling: Telling) -> &'static str {
    match telling {
        Telling::Fire => "opened",
        Telling::Resolve => "resolved",
        Telling::Outage(_) => "outage",
        Telling::Unwatched => "unwatched",
    }
}

/// What a message says of the service itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its key.
    pub name: ServiceName,
    /// Request method, absent if the service is no longer in the ops config.
    pub method: Option<String>,
    /// URL as it may be shown, absent like the method.
    pub url: Option<Arc<str>>,
    /// How bad a violation of it is.
    pub severity: ServiceSeverity,
    /// The group it is shown in.
    pub group: Option<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// Link to instructions for the person who is woken.
    pub runbook: Option<String>,
}

impl Subject {
    /// Returns what is known of a service that is no longer in the ops config.
    pub fn gone(name: ServiceName) -> Self {
        Self {
            name,
            method: None,
            url: None,
            severity: ServiceSeverity::default(),
            group: None,
            tags: Vec::new(),
            runbook: None,
        }
    }
}

impl From<&Service> for Subject {
    fn from(service: &Service) -> Self {
        Self {
            name: service.name.clone(),
            method: Some(service.request.method.to_string()),
            url: Some(Arc::clone(&service.request.shown_url)),
            severity: service.severity,
            group: service.group.clone(),
            tags: service.tags.clone(),
            runbook: service.runbook.as_ref().map(ToString::to_string),
        }
    }
}

/// What a message says of its own sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The same for every try of this message.
    pub message_id: String,
    /// Whether an earlier try may have arrived.
    pub possible_repeat: bool,
    /// Whether the try is on disk. Where it is not, a restart may send the message once more, and the message says so.
    pub durable: bool,
    /// A page about the incident.
    pub link: Option<Arc<str>>,
    /// What the provider calls the message about this incident that the channel took before, to answer it.
    pub remote_ref: Option<String>,
    /// When the message is made.
    pub now: Timestamp,
    /// The zone in which people read its times.
    pub zone: TimeZone,
}

/// One message about one incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What it tells.
    pub telling: Telling,
    /// The incident as it stands.
    pub incident: Incident,
    /// The service.
    pub subject: Subject,
    /// Its sending.
    pub sending: Sending,
}

impl Message {
    /// Returns the stable name of what it tells, which channel scripts and webhook receivers see.
    pub fn kind(&self) -> &'static str {
        kind(self.telling)
    }

    /// Returns the first line: service, violation, and what became of it.
    pub fn title(&self) -> String {
        format!("{} · {}", self.subject.name, self.headline())
    }

    /// Returns the title without the service.
    pub fn headline(&self) -> String {
        let violation = &self.incident.violation;
        match self.telling {
            Telling::Fire if self.never_came_up() => format!("{violation} · never came up"),
            Telling::Fire => violation.to_string(),
            Telling::Resolve => format!(
                "{violation} resolved after {}",
                words::span(self.duration())
            ),
            Telling::Outage(_) => {
                format!("{violation} was open for {}", words::span(self.duration()))
            }
            Telling::Unwatched => format!("{violation} no longer watched"),
        }
    }

    /// Returns what there is to say besides the facts, absent where they speak for themselves.
    pub fn note(&self) -> Option<&'static str> {
        match self.telling {
            Telling::Fire if self.never_came_up() => {
                Some("No probe of this service has passed yet.")
            }
            Telling::Fire | Telling::Resolve => None,
            Telling::Outage(Unheard::CoolDown) => Some(
                "It opened and closed within the cool-down of the announcement before it; it is over.",
            ),
            Telling::Outage(Unheard::Unreachable) => {
                Some("It opened and closed while this channel could not be reached; it is over.")
            }
            Telling::Outage(Unheard::Brief) => {
                Some("It opened and closed before this channel was told; it is over.")
            }
            Telling::Unwatched => Some(
                "The service or its rule left the ops config while the incident was open. Nobody looks any more; \
                 there will be no resolved message.",
            ),
        }
    }

    /// Tells whether no probe passed before the incident opened. A violation that a script or the matcher caused
    /// says nothing of that.
    pub fn never_came_up(&self) -> bool {
        self.incident.last_good.is_none() && matches!(self.incident.violation, Violation::Error)
    }

    /// Returns how long the incident has been open, or was.
    pub fn duration(&self) -> Duration {
        let end = self.incident.closed_at.unwrap_or(self.sending.now);
        since(self.incident.opened_at, end)
    }

    /// Returns a moment as people read it, in the zone of the message.
    fn moment(&self, at: Timestamp) -> String {
        moment(at, &self.sending.zone)
    }

    /// Returns the finding without the path in front of it.
    fn problem(&self) -> Option<&str> {
        let finding = self.incident.reason.finding.as_deref()?;
        let path = self.incident.reason.path.as_deref().unwrap_or_default();
        Some(
            finding
                .strip_prefix(path)
                .and_then(|rest| rest.strip_prefix(": "))
                .unwrap_or(finding),
        )
    }

    /// Returns the footnotes: what the reader should know of the sending.
    fn footnotes(&self) -> Vec<&'static str> {
        let mut notes = Vec::new();
        if self.sending.possible_repeat {
            notes.push("possible repeat");
        }
        if !self.sending.durable {
            notes.push("delivery records not durable");
        }
        notes
    }
}

#[cfg(test)]
pub(super) mod tests;
