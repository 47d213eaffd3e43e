//! In which form a channel is told of an incident.

use super::{Settings, hold};
use crate::model::incident::{Announced, Delivery, Ending, Incident, IncidentId, News};

/// What a message tells of one incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The incident.
    pub incident: IncidentId,
    /// Its generation.
    pub generation: u32,
    /// In which form.
    pub telling: Telling,
    /// Whether the same was sent before with an unknown outcome.
    pub possible_repeat: bool,
}

/// In which form an incident is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Telling {
    /// It is open.
    Fire,
    /// It is still open; the channel knows that it is.
    Reminder,
    /// Somebody has taken it on; the channel knows that it is open.
    Acked,
    /// It is over; the channel knows, or may know, that it was open.
    Resolve,
    /// It began and ended without the channel being told.
    Outage(Unheard),
    /// It is no longer watched; the channel knows, or may know, that it was open.
    Unwatched,
    /// It goes on; the channel has left the ops config, and knows, or may know, that it is open.
    Left,
}

/// Why a channel was not told of an incident while it was open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unheard {
    /// The cool-down of the announcement before it held it back.
    CoolDown,
    /// The channel took nothing.
    Unreachable,
    /// It was over before its turn came: while it waited to be announced, or for the message before it.
    Brief,
}

impl Telling {
    /// Tells whether the message is the first that the channel hears of the incident.
    pub fn announces(self) -> bool {
        matches!(self, Self::Fire | Self::Outage(_))
    }
}

impl Told {
    /// Returns what sets the message apart from others to the channel about the incident. A goodbye is no generation of
    /// the incident, and comes after all of them.
    pub(super) fn stamp(&self) -> u32 {
        match self.telling {
            Telling::Left => u32::MAX,
            _ => self.generation,
        }
    }

    /// Returns what a channel that is owed an incident is told.
    pub(super) fn of(incident: &Incident, delivery: &Delivery, settings: &Settings<'_>) -> Self {
        // What was sent last with an unknown outcome may have been the opening, or already this generation.
        let sent = delivery.intent.as_ref().map(|intent| intent.generation);
        let heard = delivery.announced != Announced::No
            || sent.is_some_and(|sent| sent < incident.generation);
        let telling = match (incident.is_open(), heard) {
            (true, _) if delivery.leaves.is_some() => Telling::Left,
            (true, _) if delivery.announced != Announced::Yes => Telling::Fire,
            (true, _) => match incident.news {
                News::Opened => Telling::Fire,
                News::Reminder => Telling::Reminder,
                News::Acked => Telling::Acked,
            },
            (false, false) => Telling::Outage(unheard(incident, delivery, settings)),
            (false, true) if incident.ending == Some(Ending::Unwatched) => Telling::Unwatched,
            (false, true) => Telling::Resolve,
        };
        let repeated = sent == Some(incident.generation)
            || (telling == Telling::Fire && delivery.announced == Announced::Possibly);
        Self {
            incident: incident.id.clone(),
            generation: incident.generation,
            telling,
            possible_repeat: repeated,
        }
    }
}

fn unheard(incident: &Incident, delivery: &Delivery, settings: &Settings<'_>) -> Unheard {
    let cooled = hold::cooled(incident, settings);
    if cooled.is_some_and(|until| incident.closed_at.is_some_and(|closed| closed <= until)) {
        Unheard::CoolDown
    } else if delivery.unreachable {
        Unheard::Unreachable
    } else {
        Unheard::Brief
    }
}
