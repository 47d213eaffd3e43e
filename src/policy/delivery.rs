//! What a try changes in the ledger: intent, then confirmation or failure.
//!
//! The intent is on disk before the first byte leaves. A generation that a channel took never goes back, and every
//! generation that is given up leaves a dead letter.

mod many;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use self::many::{digested, edit_gone, grow, note_single, note_told};
use super::backoff::delay_with_hint;
use super::dead::{bury, told_since};
use super::leaving;
use super::ledger::is_owed;
use super::owed::{Batch, Telling};
use crate::model::duration::{after, since};
use crate::model::incident::{
    Announced, ChannelState, DeadLetter, Delivery, GivenUp, GivenUpCause, Incident, Intent, Ledger,
};
use crate::model::service::ChannelName;

/// After this long without success an announcement is given up.
pub const FIRE_HORIZON: Duration = Duration::from_hours(24);
/// After this long without success the end of an announced incident is given up.
pub const RESOLVE_HORIZON: Duration = Duration::from_hours(72);
/// So many tries must have failed as well, so that a clock that jumps ahead gives nothing up.
const HORIZON_ATTEMPTS: u32 = 8;
/// Errors are cut to this many characters.
const ERROR_CHARS_MAX: usize = 500;

/// How a try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailKind {
    /// The channel certainly did not take it, and may take it later.
    Retry {
        /// How long the provider wants to be left alone.
        after: Option<Duration>,
    },
    /// The provider has taken too much lately. Counts as no try.
    RateLimited {
        /// How long the provider wants to be left alone.
        after: Option<Duration>,
    },
    /// The channel will never take this message.
    RejectedPayload,
    /// The channel takes nothing until its settings change: unknown, unauthorised, gone.
    ChannelDisabled,
    /// It may have taken it: no answer came after the request was on its way.
    Unknown,
    /// The message that was to be edited is gone; a new one may be sent at once.
    EditGone,
}

/// A try that failed.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// How.
    pub kind: FailKind,
    /// Why, for people, without secrets.
    pub error: &'a str,
    /// A random number from 0 to 1, which spreads the waits.
    pub random: f64,
}

/// Writes down that a message is about to be sent. Returns `false` and changes nothing if the ledger has moved on
/// since the plan was made: then plan again.
#[must_use]
pub fn intend(ledger: &mut Ledger, channel: &ChannelName, batch: &Batch, now: Timestamp) -> bool {
    if let Some(due) = batch.digest {
        return digested(ledger, channel, due, false);
    }
    let current = batch.told.iter().all(|told| {
        let key = (channel.clone(), told.incident.clone());
        let incident = ledger.incidents.get(&told.incident);
        let delivery = ledger.deliveries.get(&key);
        incident.zip(delivery).is_some_and(|(incident, delivery)| {
            incident.generation == told.generation && is_owed(incident, delivery)
        })
    });
    if !current || batch.told.is_empty() {
        return false;
    }
    for told in &batch.told {
        let key = (channel.clone(), told.incident.clone());
        if let Some(delivery) = ledger.deliveries.get_mut(&key) {
            // An intent of an earlier try whose outcome is unknown is about to be replaced: what it may have said
            // must not be forgotten with it.
            let overtaken = |intent: &Intent| intent.generation < told.generation;
            if delivery.intent.as_ref().is_some_and(overtaken)
                && delivery.announced == Announced::No
            {
                delivery.announced = Announced::Possibly;
            }
            if let Some(muted) = &mut delivery.muted {
                // Whatever held it: now it is told.
                muted.is_on = false;
            }
            delivery.intent = Some(Intent {
                message_id: batch.message_id.clone(),
                generation: told.generation,
                at: now,
            });
            if let Some(part) = &batch.storm {
                delivery.storm = Some(part.id.clone());
            }
        }
    }
    if let Some(part) = &batch.storm {
        let opens = batch.told.iter().any(|told| told.telling.announces());
        grow(ledger, channel, &part.id, opens, now);
    }
    true
}

/// Writes down that the channel took a message. Changes since the intent are still owed. Returns `false` and
/// changes nothing if there is no such intent.
pub fn confirm(
    ledger: &mut Ledger,
    channel: &ChannelName,
    batch: &Batch,
    remote_ref: Option<&str>,
    now: Timestamp,
) -> bool {
    let mut found = batch
        .digest
        .is_some_and(|due| digested(ledger, channel, due, true));
    for told in &batch.told {
        let key = (channel.clone(), told.incident.clone());
        let Some(delivery) = ledger.deliveries.get_mut(&key) else {
            continue;
        };
        let Some(intent) = delivery
            .intent
            .take_if(|intent| intent.message_id == batch.message_id)
        else {
            continue;
        };
        found = true;
        delivery.acked_generation = delivery.acked_generation.max(intent.generation);
        delivery.announced = Announced::Yes;
        if told.telling == Telling::Left {
            leaving::said(delivery, now);
            continue;
        }
        delivery.taken_at.get_or_insert(now);
        delivery.attempts = 0;
        delivery.next_at = None;
        delivery.last_error = None;
        if let Some(remote_ref) = remote_ref.filter(|_| batch.storm.is_none()) {
            delivery.remote_ref = Some(remote_ref.to_owned());
        }
        if told.telling.announces()
            && let Some(incident) = ledger.incidents.get(&told.incident)
        {
            let key = (incident.service.clone(), incident.violation.clone());
            ledger.announced.insert(key, now);
        }
    }
    if found {
        let state = ledger.channels.entry(channel.clone()).or_default();
        state.failures = 0;
        // Nothing is sent during a pause, so one that goes on came while this message was under way: the provider
        // limits all of its channels, and has said so to another.
        state.paused_until = state.paused_until.filter(|until| *until > now);
        state.last_error = None;
        state.last_success = Some(now);
        match &batch.storm {
            Some(part) => note_told(state, part, remote_ref, now),
            None => note_single(state, batch, now),
        }
        revive(ledger, channel, now);
        told_since(ledger, channel, batch);
    }
    found
}

/// Writes down that a try failed, and when the next may be. Returns how many were given up: the newest dead letters.
pub fn fail(
    ledger: &mut Ledger,
    channel: &ChannelName,
    batch: &Batch,
    failed: Failed<'_>,
    now: Timestamp,
) -> usize {
    let error: String = failed.error.chars().take(ERROR_CHARS_MAX).collect();
    if failed.kind == FailKind::EditGone && edit_gone(ledger, channel, batch) {
        return 0;
    }
    pause(ledger, channel, failed, &error, now);
    if let Some(due) = batch.digest
        && failed.kind == FailKind::RejectedPayload
    {
        // What a channel refuses as such is not tried again; the next day has a digest of its own.
        digested(ledger, channel, due, true);
    }
    let mut given_up = 0;
    for told in &batch.told {
        let key = (channel.clone(), told.incident.clone());
        let Some(incident) = ledger.incidents.get(&told.incident) else {
            continue;
        };
        let Some(delivery) = ledger.deliveries.get_mut(&key) else {
            continue;
        };
        let ours = |intent: &mut Intent| intent.message_id == batch.message_id;
        if failed.kind == FailKind::Unknown {
            let fired = told.telling == Telling::Fire && delivery.intent.as_mut().is_some_and(ours);
            if delivery.announced == Announced::No && fired {
                delivery.announced = Announced::Possibly;
            }
        } else if !delivery.intent.as_mut().is_some_and(ours) {
            continue;
        } else if !told.possible_repeat {
            // An earlier try of the same message may have been taken: then that stays known.
            delivery.intent = None;
        }
        delivery.last_error = Some(error.clone());
        let (attempts, hint) = match failed.kind {
            FailKind::RateLimited { after } => (delivery.attempts.max(1), after),
            FailKind::Retry { after } => (tried(delivery), after),
            _ => (tried(delivery), None),
        };
        let wait = delay_with_hint(attempts, failed.random, hint);
        delivery.next_at = Some(after(now, wait));
        let cause = match failed.kind {
            FailKind::RejectedPayload => Some(GivenUpCause::Rejected),
            _ if is_past_horizon(delivery, now) => Some(GivenUpCause::Horizon),
            _ => None,
        };
        if let Some(cause) = cause {
            let letter = DeadLetter {
                message_id: batch.message_id.clone(),
                ..give_up(channel, incident, delivery, cause, (told.generation, now))
            };
            bury(&mut ledger.dead_letters, letter);
            given_up += 1;
        }
    }
    given_up
}

fn tried(delivery: &mut Delivery) -> u32 {
    delivery.attempts = delivery.attempts.saturating_add(1);
    delivery.attempts
}

/// Notes a failure on the channel itself; a message that it refused as such does not stop the others.
fn pause(
    ledger: &mut Ledger,
    channel: &ChannelName,
    failed: Failed<'_>,
    error: &str,
    now: Timestamp,
) {
    let state = ledger.channels.entry(channel.clone()).or_default();
    state.last_error = Some(error.to_owned());
    let hint = match failed.kind {
        FailKind::RejectedPayload => return,
        FailKind::RateLimited { after: hint } => {
            let wait = delay_with_hint(state.failures.max(1), failed.random, hint);
            state.paused_until = Some(after(now, wait));
            return;
        }
        FailKind::ChannelDisabled => {
            state.disabled = Some(error.to_owned());
            None
        }
        FailKind::Retry { after } => after,
        FailKind::Unknown | FailKind::EditGone => None,
    };
    state.failures = state.failures.saturating_add(1);
    let wait = delay_with_hint(state.failures, failed.random, hint);
    state.paused_until = Some(after(now, wait));
}

/// Gives up what a disabled channel has owed for too long, each with a dead letter. Returns how many: the newest ones.
///
/// A channel that is tried gives up in [`fail`]; one that is not would otherwise keep its incidents for ever.
pub fn expire(ledger: &mut Ledger, now: Timestamp) -> usize {
    let Ledger {
        incidents,
        deliveries,
        channels,
        dead_letters,
        ..
    } = ledger;
    let mut given_up = 0;
    for ((channel, id), delivery) in deliveries.iter_mut() {
        let disabled = channels
            .get(channel)
            .and_then(|state| state.disabled.as_ref());
        let (Some(reason), Some(incident)) = (disabled, incidents.get(id)) else {
            continue;
        };
        let owed_since = delivery.owed_since.unwrap_or(incident.opened_at);
        if is_owed(incident, delivery) && since(owed_since, now) > horizon(delivery) {
            delivery.last_error = Some(format!("the channel is disabled: {reason}"));
            let cause = GivenUpCause::Horizon;
            let at = (incident.generation, now);
            bury(
                dead_letters,
                give_up(channel, incident, delivery, cause, at),
            );
            given_up += 1;
        }
    }
    given_up
}

/// Makes the channel known with these settings. Changed settings enable it again and let it try at once.
pub fn register(ledger: &mut Ledger, channel: &ChannelName, fingerprint: &str, now: Timestamp) {
    let state = ledger.channels.entry(channel.clone()).or_default();
    if state.fingerprint == fingerprint {
        return;
    }
    *state = ChannelState {
        fingerprint: fingerprint.to_owned(),
        last_success: state.last_success,
        singles: std::mem::take(&mut state.singles),
        ..ChannelState::default()
    };
    try_at_once(ledger, channel, now);
}

/// Enables a channel that is disabled and lets it try at once. Returns whether it was.
pub fn enable(ledger: &mut Ledger, channel: &ChannelName, now: Timestamp) -> bool {
    let state = ledger.channels.get_mut(channel);
    let Some(state) = state.filter(|state| state.disabled.is_some()) else {
        return false;
    };
    state.disabled = None;
    state.paused_until = None;
    try_at_once(ledger, channel, now);
    true
}

fn try_at_once(ledger: &mut Ledger, channel: &ChannelName, now: Timestamp) {
    let deliveries = ledger.deliveries.iter_mut();
    for (_, delivery) in deliveries.filter(|((of, _), _)| of == channel) {
        delivery.next_at = None;
    }
    revive(ledger, channel, now);
}

/// Moves every time before which nothing may be tried, when the clock was found to have jumped by `jump`.
pub fn rebase(ledger: &mut Ledger, jump: SignedDuration) {
    let shift = |at: &mut Option<Timestamp>| {
        if let Some(at) = at {
            *at = at.saturating_add(jump).unwrap_or(*at);
        }
    };
    for delivery in ledger.deliveries.values_mut() {
        shift(&mut delivery.next_at);
        shift(&mut delivery.owed_since);
    }
    for channel in ledger.channels.values_mut() {
        shift(&mut channel.paused_until);
        for storm in &mut channel.storms {
            let times = [&mut storm.began_at, &mut storm.grown_at];
            for at in times.into_iter().chain(&mut storm.told_at) {
                *at = at.saturating_add(jump).unwrap_or(*at);
            }
        }
    }
}

/// Owes again what was given up only because the channel took nothing for too long.
fn revive(ledger: &mut Ledger, channel: &ChannelName, now: Timestamp) {
    for ((of, _), delivery) in &mut ledger.deliveries {
        let horizon = |given_up: &mut GivenUp| given_up.cause == GivenUpCause::Horizon;
        if of == channel && delivery.given_up.take_if(horizon).is_some() {
            delivery.owed_since = Some(now);
            delivery.attempts = 0;
            delivery.next_at = None;
        }
    }
}

fn horizon(delivery: &Delivery) -> Duration {
    if delivery.announced == Announced::No {
        FIRE_HORIZON
    } else {
        RESOLVE_HORIZON
    }
}

fn is_past_horizon(delivery: &Delivery, now: Timestamp) -> bool {
    let owed_for = delivery.owed_since.map(|owed| since(owed, now));
    delivery.attempts >= HORIZON_ATTEMPTS && owed_for.is_some_and(|age| age > horizon(delivery))
}

fn give_up(
    channel: &ChannelName,
    incident: &Incident,
    delivery: &mut Delivery,
    cause: GivenUpCause,
    (generation, now): (u32, Timestamp),
) -> DeadLetter {
    delivery.given_up = Some(GivenUp { generation, cause });
    DeadLetter {
        message_id: super::owed::single_id(channel, &incident.id, generation),
        channel: channel.clone(),
        incident: incident.id.clone(),
        service: incident.service.clone(),
        violation: incident.violation.clone(),
        at: now,
        attempts: delivery.attempts,
        error: delivery.last_error.clone().unwrap_or_default(),
    }
}
