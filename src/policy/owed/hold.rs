//! What holds a message back: a moment for others to join it, the cool-down, a mute.

use jiff::Timestamp;

use super::{Settings, Telling, Told, owed_since};
use crate::model::duration::{after, since};
use crate::model::incident::{Delivery, Incident};

/// Until when a mute holds a message.
pub(super) struct Held {
    /// Absent if nothing does.
    pub(super) until: Option<Timestamp>,
}

/// Returns until when a mute holds a message; nothing if it does without a known end.
///
/// A mute hides what has not been said: openings, and reminders. It never eats an end that a channel waits for, but
/// for one that says so.
pub(super) fn muted(incident: &Incident, told: &Told, settings: &Settings<'_>) -> Option<Held> {
    let none = Held { until: None };
    if told.possible_repeat || told.telling == Telling::Acked {
        return Some(none);
    }
    let Some(mute) = (settings.mute)(incident) else {
        return Some(none);
    };
    let hides = told.telling.announces() || told.telling == Telling::Reminder;
    if !hides && !mute.holds_ends {
        return Some(none);
    }
    mute.until.map(|until| Held { until: Some(until) })
}

/// Returns when the cool-down of an incident's announcement ends, absent without one.
pub(super) fn cooled(incident: &Incident, settings: &Settings<'_>) -> Option<Timestamp> {
    let before = incident.announced_before?;
    Some(after(before, (settings.cool_down)(&incident.service)))
}

/// Returns until when the cool-down holds an announcement.
pub(super) fn cooled_until(
    incident: &Incident,
    told: &Told,
    settings: &Settings<'_>,
    now: Timestamp,
) -> Option<Timestamp> {
    if !told.telling.announces() || told.possible_repeat {
        return None;
    }
    // An announcement from the future was made before the clock was set back and must not hold anything.
    let made = incident.announced_before.is_some_and(|at| at <= now);
    cooled(incident, settings).filter(|_| made)
}

/// Returns until when an opening waits for others.
pub(super) fn gathered_until(
    incident: &Incident,
    delivery: &Delivery,
    told: &Told,
    settings: &Settings<'_>,
    now: Timestamp,
) -> Option<Timestamp> {
    let waits = told.telling == Telling::Fire && !told.possible_repeat;
    let owed_since = owed_since(incident, delivery);
    (waits && since(now, owed_since).is_zero()).then(|| after(owed_since, settings.gather))
}
