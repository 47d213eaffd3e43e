//! A message about one incident.

use std::time::Duration;

use super::{Sending, Subject, words};
use crate::model::duration::since;
use crate::model::incident::Incident;
use crate::model::violation::Violation;
use crate::policy::owed::{Telling, Unheard};

/// Returns the stable name of a telling, which channel scripts and webhook receivers see.
fn kind(telling: Telling) -> &'static str {
    match telling {
        Telling::Fire => "opened",
        Telling::Resolve => "resolved",
        Telling::Outage(_) => "outage",
        // The channel closes what it shows in the same way.
        Telling::Unwatched | Telling::Left => "unwatched",
        Telling::Reminder => "reminder",
        Telling::Acked => "acked",
    }
}

/// One message about one incident.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentMessage {
    /// What it tells.
    pub telling: Telling,
    /// The incident as it stands.
    pub incident: Incident,
    /// The service.
    pub subject: Subject,
    /// The services that depend on it, and whether each breaks a rule as well.
    pub dependents: Vec<(String, bool)>,
    /// Its sending.
    pub sending: Sending,
}

impl IncidentMessage {
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
            Telling::Left => format!("{violation} no longer told here"),
            Telling::Reminder => format!(
                "{violation} still open after {}",
                words::span(self.duration())
            ),
            Telling::Acked => {
                let by = self.incident.ack.as_ref().map_or("somebody", |ack| &ack.by);
                format!("{violation} acknowledged by {by}")
            }
        }
    }

    /// Returns what there is to say besides the facts, absent where they speak for themselves.
    pub fn note(&self) -> Option<String> {
        let of_telling = self.note_of_telling().map(str::to_owned);
        let ack = self
            .incident
            .ack
            .as_ref()
            .filter(|ack| self.telling == Telling::Acked && !ack.reason.is_empty());
        let acked = ack.map(|ack| format!("{}: {}", ack.by, ack.reason));
        let muted = self
            .sending
            .muted
            .as_ref()
            .filter(|_| self.telling == Telling::Fire);
        let muted = muted.map(|why| format!("It was held back by {why}."));
        let opens = matches!(self.telling, Telling::Fire | Telling::Reminder);
        let instead = self.sending.instead.as_ref().filter(|_| opens);
        let instead = instead.map(|instead| {
            format!(
                "This is told here because channel {} could not be told: {}.",
                instead.of, instead.why
            )
        });
        let notes: Vec<String> = [of_telling, acked, muted, instead, self.note_of_dependents()]
            .into_iter()
            .flatten()
            .collect();
        (!notes.is_empty()).then(|| notes.join(" "))
    }

    fn note_of_dependents(&self) -> Option<String> {
        let opens = matches!(self.telling, Telling::Fire | Telling::Reminder);
        let name = |(name, broken): &(String, bool)| {
            format!("{name}{}", if *broken { " (broken too)" } else { "" })
        };
        let names: Vec<String> = self.dependents.iter().map(name).collect();
        let list = words::named(&names).filter(|_| opens)?;
        Some(format!("Depending on it: {list}, not announced meanwhile."))
    }

    fn note_of_telling(&self) -> Option<&'static str> {
        match self.telling {
            Telling::Fire if self.never_came_up() => {
                Some("No probe of this service has passed yet.")
            }
            Telling::Fire | Telling::Resolve | Telling::Reminder | Telling::Acked => None,
            Telling::Outage(Unheard::CoolDown) => Some(
                "It opened and closed within the cool-down of the announcement before it; it is over.",
            ),
            Telling::Outage(Unheard::Unreachable) => {
                Some("It opened and closed while this channel could not be reached; it is over.")
            }
            Telling::Outage(Unheard::Brief) => {
                Some("It opened and closed before this channel was told; it is over.")
            }
            Telling::Left => Some(
                "This channel left the ops config while the incident was open. It goes on; what becomes of it is not \
                 told here.",
            ),
            Telling::Unwatched => Some(
                "The service or its rule left the ops config while the incident was open. Nobody looks any more; \
                 there will be no resolved message.",
            ),
        }
    }

    /// Tells whether the channel hears for the first time of something that is open: what may wake people.
    pub fn is_first(&self) -> bool {
        self.telling == Telling::Fire
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

    /// Returns the finding without the path in front of it.
    pub(super) fn problem(&self) -> Option<&str> {
        let finding = self.incident.reason.finding.as_deref()?;
        let path = self.incident.reason.path.as_deref().unwrap_or_default();
        Some(
            finding
                .strip_prefix(path)
                .and_then(|rest| rest.strip_prefix(": "))
                .unwrap_or(finding),
        )
    }
}
