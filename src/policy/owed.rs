//! What a channel must be told next.
//!
//! A message is owed wherever the generation of an incident is above what the channel is known to have taken. There
//! is no queue: what is owed follows from the ledger alone, so a restart needs nothing but the ledger, and a long
//! outage of a channel collapses to the newest truth.
//!
//! | the incident is | the channel was told of the opening | it is told |
//! | --- | --- | --- |
//! | open | no | `Fire` |
//! | open | possibly | `Fire`, marked as a possible repeat |
//! | closed | no | `Outage`: it began and ended unheard, and why |
//! | closed | yes or possibly | `Resolve`, or `Unwatched` if it is no longer watched |
//!
//! A channel has one message in flight; whoever asks here does so between two messages. An intent that is in the
//! ledger then is one whose outcome is unknown: the daemon died, or the connection did. If its generation is still
//! the newest, the same message goes out again with the same id.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::backoff::HINT_MAX;
use super::ledger::is_owed;
use crate::model::duration::{after, since};
use crate::model::incident::{Announced, Delivery, Ending, Incident, IncidentId, Ledger};
use crate::model::service::{ChannelName, ServiceName};

/// How messages are held back.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// How long an opening waits for others, 2 s by default.
    pub gather: Duration,
    /// Least time between two announcements of the same violation of a service.
    pub cool_down: &'a dyn Fn(&ServiceName) -> Duration,
}

/// The next thing to do for a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Send this: [`super::delivery::intend`], commit, send, then confirm or fail.
    Send(Batch),
    /// Something is owed, but not before this. Never more than an hour ahead, or the cool-down.
    WaitUntil(Timestamp),
    /// Nothing is owed.
    Idle,
    /// The channel takes nothing until its settings change.
    Disabled,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The same at every try of the same message. 32 hexadecimal digits.
    pub message_id: String,
    /// What it tells; one incident at present.
    pub told: Vec<Told>,
}

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
    /// It is over; the channel knows, or may know, that it was open.
    Resolve,
    /// It began and ended without the channel being told.
    Outage(Unheard),
    /// It is no longer watched; the channel knows, or may know, that it was open.
    Unwatched,
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

/// Returns the next thing to do for a channel that has nothing in flight. Of several messages that are due, the one
/// that was owed first.
pub fn owed(
    ledger: &Ledger,
    channel: &ChannelName,
    settings: &Settings<'_>,
    now: Timestamp,
) -> Plan {
    let state = ledger.channels.get(channel);
    if state.is_some_and(|state| state.disabled.is_some()) {
        return Plan::Disabled;
    }
    let paused = state.and_then(|state| state.paused_until);
    let mut next: Option<(Timestamp, Timestamp, Told)> = None;
    for (incident, delivery) in due_of(ledger, channel) {
        let told = telling(incident, delivery, settings);
        let due = [
            paused.and_then(|until| sane(until, now)),
            delivery.next_at.and_then(|until| sane(until, now)),
            hold(incident, delivery, &told, settings, now),
        ];
        let due = due.into_iter().flatten().max().unwrap_or(now).max(now);
        let order = (due, delivery.owed_since.unwrap_or(incident.opened_at));
        if next
            .as_ref()
            .is_none_or(|(at, since, _)| order < (*at, *since))
        {
            next = Some((order.0, order.1, told));
        }
    }
    match next {
        None => Plan::Idle,
        Some((at, ..)) if at > now => Plan::WaitUntil(at),
        Some((.., told)) => Plan::Send(Batch {
            message_id: single_id(channel, &told.incident, told.generation),
            told: vec![told],
        }),
    }
}

/// Returns how many incidents a channel is owed, and since when the oldest.
pub fn backlog(ledger: &Ledger, channel: &ChannelName) -> (usize, Option<Timestamp>) {
    due_of(ledger, channel).fold((0, None), |(count, oldest), (incident, delivery)| {
        let since = delivery.owed_since.unwrap_or(incident.opened_at);
        (count + 1, Some(oldest.unwrap_or(since).min(since)))
    })
}

/// Returns what a channel is owed, whether or not it is time.
fn due_of<'a>(
    ledger: &'a Ledger,
    channel: &'a ChannelName,
) -> impl Iterator<Item = (&'a Incident, &'a Delivery)> {
    let first = (channel.clone(), IncidentId("".into()));
    ledger
        .deliveries
        .range(first..)
        .take_while(move |((of, _), _)| of == channel)
        .filter_map(|((_, id), delivery)| Some((ledger.incidents.get(id)?, delivery)))
        .filter(|(incident, delivery)| is_owed(incident, delivery))
}

fn telling(incident: &Incident, delivery: &Delivery, settings: &Settings<'_>) -> Told {
    // What was sent last with an unknown outcome may have been the opening, or already this generation.
    let sent = delivery.intent.as_ref().map(|intent| intent.generation);
    let heard =
        delivery.announced != Announced::No || sent.is_some_and(|sent| sent < incident.generation);
    let telling = match (incident.is_open(), heard) {
        (true, _) => Telling::Fire,
        (false, false) => Telling::Outage(unheard(incident, delivery, settings)),
        (false, true) if incident.ending == Some(Ending::Unwatched) => Telling::Unwatched,
        (false, true) => Telling::Resolve,
    };
    let repeated = sent == Some(incident.generation)
        || (telling == Telling::Fire && delivery.announced == Announced::Possibly);
    Told {
        incident: incident.id.clone(),
        generation: incident.generation,
        telling,
        possible_repeat: repeated,
    }
}

fn unheard(incident: &Incident, delivery: &Delivery, settings: &Settings<'_>) -> Unheard {
    let cooled = cooled(incident, settings);
    if cooled.is_some_and(|until| incident.closed_at.is_some_and(|closed| closed <= until)) {
        Unheard::CoolDown
    } else if delivery.unreachable {
        Unheard::Unreachable
    } else {
        Unheard::Brief
    }
}

/// Returns when the cool-down of an incident's announcement ends, absent without one.
fn cooled(incident: &Incident, settings: &Settings<'_>) -> Option<Timestamp> {
    let before = incident.announced_before?;
    Some(after(before, (settings.cool_down)(&incident.service)))
}

/// Returns until when an announcement is held back before it leaves: a moment of its own and the cool-down.
fn hold(
    incident: &Incident,
    delivery: &Delivery,
    told: &Told,
    settings: &Settings<'_>,
    now: Timestamp,
) -> Option<Timestamp> {
    if !told.telling.announces() || told.possible_repeat {
        return None;
    }
    let owed_since = delivery.owed_since.unwrap_or(incident.opened_at);
    let gathered = (told.telling == Telling::Fire && since(now, owed_since).is_zero())
        .then(|| after(owed_since, settings.gather));
    // An announcement from the future was made before the clock was set back and must not hold anything.
    let made = incident.announced_before.is_some_and(|at| at <= now);
    let cooled = cooled(incident, settings).filter(|_| made);
    gathered.max(cooled)
}

/// Returns the time unless it is so far ahead that only a clock that was set back can have made it.
fn sane(until: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (since(now, until) <= HINT_MAX).then_some(until)
}

/// Returns the id of the message that tells one channel one generation of one incident.
pub(super) fn single_id(channel: &ChannelName, incident: &IncidentId, generation: u32) -> String {
    message_id(channel, vec![(incident, generation)])
}

/// Returns the id of a message: it depends on the channel, the incidents and their generations, and on nothing else.
fn message_id(channel: &ChannelName, mut members: Vec<(&IncidentId, u32)>) -> String {
    members.sort_unstable();
    let mut hash = Sha256::new();
    hash.update(channel.as_str().len().to_be_bytes());
    hash.update(channel.as_str());
    for (incident, generation) in members {
        hash.update(incident.0.len().to_be_bytes());
        hash.update(incident.0.as_bytes());
        hash.update(generation.to_be_bytes());
    }
    let mut id = String::with_capacity(32);
    for byte in hash.finalize().iter().take(16) {
        for digit in [byte >> 4, byte & 15] {
            id.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    id
}
