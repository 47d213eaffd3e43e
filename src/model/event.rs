//! What happened to an incident, one thing after another: the lines of a post-mortem.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::incident::{Incident, IncidentId};
use super::service::ChannelName;

/// One thing that happened to an incident, or to what a channel is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The incident.
    pub incident: IncidentId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// The channel that it concerns, absent if it concerns all.
    pub channel: Option<ChannelName>,
    /// The rest, for people. Redacted like messages.
    pub text: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The violation opened.
    Opened,
    /// The main finding is another one.
    Finding,
    /// People are reminded.
    Reminder,
    /// Somebody has taken it on.
    Acked,
    /// The violation ended.
    Closed,
    /// A message is about to be sent.
    Intended,
    /// The channel took the message.
    Taken,
    /// The channel did not take the message.
    Refused,
    /// No more tries of this message.
    GivenUp,
    /// A message is owed again that was given up.
    OwedAgain,
    /// A silence or the like holds the opening back.
    Muted,
    /// It no longer does.
    Unmuted,
    /// The channel will not be told of this.
    Untold,
    /// The channel is told instead of another.
    Fallback,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Opened,
        Self::Finding,
        Self::Reminder,
        Self::Acked,
        Self::Closed,
        Self::Intended,
        Self::Taken,
        Self::Refused,
        Self::GivenUp,
        Self::OwedAgain,
        Self::Muted,
        Self::Unmuted,
        Self::Untold,
        Self::Fallback,
    ];

    /// Returns its name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Finding => "finding",
            Self::Reminder => "reminder",
            Self::Acked => "acked",
            Self::Closed => "closed",
            Self::Intended => "intended",
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
            Self::OwedAgain => "owed_again",
            Self::Muted => "muted",
            Self::Unmuted => "unmuted",
            Self::Untold => "untold",
            Self::Fallback => "fallback",
        }
    }

    /// Returns the kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What is kept of an incident for longer than the ledger does.
#[derive(Debug, Clone, PartialEq)]
pub struct Chapter {
    /// The incident as it last was.
    pub incident: Incident,
    /// What happened to it, oldest first.
    pub events: Vec<Event>,
}

/// What is new since the last look.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chronicle {
    /// Incidents that have changed, as they are now.
    pub incidents: Vec<Incident>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_name_everywhere() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::named(kind.as_str()), Some(kind));
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json, kind.as_str());
        }
    }
}
