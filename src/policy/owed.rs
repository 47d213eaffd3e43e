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
//! | open | yes | `Reminder`, or `Acked` when somebody has taken it on |
//! | closed | no | `Outage`: it began and ended unheard, and why |
//! | closed | yes or possibly | `Resolve`, or `Unwatched` if it is no longer watched |
//!
//! Many openings at once become one message, a storm: see [`storm`]. What holds a message back is in [`hold`].
//!
//! A channel has one message in flight; whoever asks here does so between two messages. An intent that is in the
//! ledger then is one whose outcome is unknown: the daemon died, or the connection did. If its generation is still
//! the newest, the same message goes out again with the same id.

mod hold;
mod storm;
mod telling;

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::backoff::HINT_MAX;
use super::ledger::is_owed;
use super::mute::Mute;
use crate::model::duration::{after, since};
use crate::model::incident::{Announced, ChannelState, Delivery, Incident, IncidentId, Ledger};
use crate::model::service::{ChannelName, ServiceName};
use crate::model::storm::StormId;

pub use storm::{Manner, SINGLES};
pub(super) use storm::{SINGLES_WITHIN, lives_until};
pub use telling::{Telling, Told, Unheard};

/// How messages are held back.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// How long an opening waits for others, 2 s by default.
    pub gather: Duration,
    /// Least time between two announcements of the same violation of a service.
    pub cool_down: &'a dyn Fn(&ServiceName) -> Duration,
    /// What mutes an incident now.
    pub mute: &'a dyn Fn(&Incident) -> Option<Mute>,
    /// How the channel is told of many incidents.
    pub manner: Manner,
    /// When the newest daily digest was due, absent without one.
    pub digest: Option<Timestamp>,
}

/// The next thing to do for a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Send this: [`super::delivery::intend`], commit, send, then confirm or fail.
    Send(Batch),
    /// Something is owed, but not before this. Never more than an hour ahead, or the cool-down.
    WaitUntil(Timestamp),
    /// Nothing is owed, or what is owed is muted without a known end.
    Idle,
    /// The channel takes nothing until its settings change.
    Disabled,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The same at every try of the same message. 32 hexadecimal digits.
    pub message_id: String,
    /// What it tells: one incident, or of a storm what is new.
    pub told: Vec<Told>,
    /// The storm that it is about.
    pub storm: Option<Part>,
    /// When the daily digest that it is was due; it then tells of no incident by itself.
    pub digest: Option<Timestamp>,
}

impl Batch {
    /// Tells whether this message may have arrived before. One about many is the same only as long as it is about the
    /// same ones: else it has another id.
    pub fn is_possible_repeat(&self, ledger: &Ledger, channel: &ChannelName) -> bool {
        let mut repeated = self.told.iter().filter(|told| told.possible_repeat);
        if self.storm.is_none() {
            return repeated.next().is_some();
        }
        repeated.any(|told| {
            let key = (channel.clone(), told.incident.clone());
            let intent = ledger
                .deliveries
                .get(&key)
                .and_then(|one| one.intent.as_ref());
            intent.is_some_and(|intent| intent.message_id == self.message_id)
        })
    }
}

/// Which part of a storm a message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The storm.
    pub id: StormId,
    /// What the provider calls the message that is to be edited; absent to send a new one.
    pub edit: Option<String>,
}

/// Returns the next thing to do for a channel that has nothing in flight. Of several messages that are due, the one
/// that was owed first.
pub fn owed(
    ledger: &Ledger,
    channel: &ChannelName,
    settings: &Settings<'_>,
    now: Timestamp,
) -> Plan {
    let none = ChannelState::default();
    let state = ledger.channels.get(channel).unwrap_or(&none);
    if state.disabled.is_some() {
        return Plan::Disabled;
    }
    let paused = state.paused_until.and_then(|until| sane(until, now));
    let entries: Vec<Entry<'_>> = due_of(ledger, channel)
        .filter_map(|(incident, delivery)| Entry::of(incident, delivery, settings, paused, now))
        .collect();
    if let Some(digest) = digest(channel, state, settings, paused, now) {
        return digest;
    }
    match storm::next(entries, channel, state, settings, now) {
        None => Plan::Idle,
        Some(next) if next.due > now => Plan::WaitUntil(next.due),
        Some(next) => Plan::Send(next.batch),
    }
}

/// A digest that could not be sent for so long is not news any more.
const DIGEST_WITHIN: Duration = Duration::from_hours(1);

/// Returns the daily digest, if it is its time.
fn digest(
    channel: &ChannelName,
    state: &ChannelState,
    settings: &Settings<'_>,
    paused: Option<Timestamp>,
    now: Timestamp,
) -> Option<Plan> {
    let due = settings.digest.filter(|due| *due <= now)?;
    let known = state.digest.as_ref().filter(|known| known.due >= due);
    let over = since(due, now) > DIGEST_WITHIN || known.is_some_and(|known| known.settled);
    if over || paused.is_some_and(|until| until > now) {
        return None;
    }
    let day = IncidentId(due.to_string().into());
    Some(Plan::Send(Batch {
        message_id: message_id(channel, vec![(&day, 0)]),
        told: Vec::new(),
        storm: None,
        digest: Some(due),
    }))
}

/// Returns how many incidents a channel is owed that nothing hides from it, and since when the oldest.
pub fn backlog(ledger: &Ledger, channel: &ChannelName) -> (usize, Option<Timestamp>) {
    let shown = due_of(ledger, channel).filter(|(_, delivery)| !delivery.muted_now());
    shown.fold((0, None), |(count, oldest), (incident, delivery)| {
        let since = owed_since(incident, delivery);
        (count + 1, Some(oldest.unwrap_or(since).min(since)))
    })
}

/// Returns since when the oldest of what a channel is owed waits for nothing but the channel; absent if nothing does.
pub fn waiting_since(
    ledger: &Ledger,
    channel: &ChannelName,
    cool_down: &dyn Fn(&ServiceName) -> Duration,
    now: Timestamp,
) -> Option<Timestamp> {
    due_of(ledger, channel)
        .filter(|(_, delivery)| !delivery.muted_now())
        .map(|(incident, delivery)| {
            let announced = delivery.announced != Announced::No;
            let before = incident.announced_before.filter(|_| !announced);
            let cooled = before.map(|at| after(at, cool_down(&incident.service)));
            owed_since(incident, delivery).max(cooled.unwrap_or(Timestamp::MIN))
        })
        .filter(|since| *since <= now)
        .min()
}

/// Returns what a channel is owed, whether or not it is time.
pub(super) fn due_of<'a>(
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

/// Something that a channel is owed and that nothing holds without a known end.
struct Entry<'a> {
    delivery: &'a Delivery,
    told: Told,
    /// Since when it is owed.
    since: Timestamp,
    /// What was asked of the channel, and the cool-down, allow it from then on.
    free: Timestamp,
    /// An opening waits for others until then.
    gathered: Timestamp,
}

impl<'a> Entry<'a> {
    fn of(
        incident: &Incident,
        delivery: &'a Delivery,
        settings: &Settings<'_>,
        paused: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Self> {
        // What began and ended while it was hidden is settled, not told.
        if delivery.muted_now() && !incident.is_open() && delivery.announced == Announced::No {
            return None;
        }
        let told = Told::of(incident, delivery, settings);
        let held = hold::muted(incident, &told, settings)?;
        let free = [
            paused,
            delivery.next_at.and_then(|until| sane(until, now)),
            held.until,
            hold::cooled_until(incident, &told, settings, now),
        ];
        let gathered = hold::gathered_until(incident, delivery, &told, settings, now);
        Some(Self {
            delivery,
            told,
            since: owed_since(incident, delivery),
            free: free.into_iter().flatten().max().unwrap_or(now).max(now),
            gathered: gathered.unwrap_or(now),
        })
    }

    fn due(&self) -> Timestamp {
        self.free.max(self.gathered)
    }
}

/// Returns since when a channel is owed the newest generation of an incident.
pub(super) fn owed_since(incident: &Incident, delivery: &Delivery) -> Timestamp {
    delivery.owed_since.unwrap_or(incident.opened_at)
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
