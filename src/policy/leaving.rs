//! Channels that leave the ops config.
//!
//! A channel that has shown an incident as open must not show it so for ever. While its old settings are at hand it is
//! told, once, that it is told no more; where they are not, or it does not take that, the incident is **lost** there: a
//! dead letter says so, until the channel is given back or somebody has closed the incident by hand. A channel that has
//! the same settings under another name is the same channel.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::dead::bury;
use super::owed::single_id;
use crate::model::incident::{Announced, DeadLetter, Delivery, Leaving, Ledger};
use crate::model::service::ChannelName;

/// Returns the channels whose goodbye is still tried.
pub fn leaving(ledger: &Ledger) -> BTreeSet<ChannelName> {
    in_state(ledger, Leaving::Owed)
}

/// Returns the channels that still show an incident as open and cannot be told of its end.
pub fn lost(ledger: &Ledger) -> BTreeSet<ChannelName> {
    in_state(ledger, Leaving::Lost)
}

/// Returns what a channel still shows as open, for people: `id (service · violation)`.
pub fn shown_by(ledger: &Ledger, channel: &ChannelName) -> Vec<String> {
    let deliveries = ledger.deliveries.iter();
    let lost = deliveries
        .filter(|((of, _), delivery)| of == channel && delivery.leaves == Some(Leaving::Lost));
    let incidents = lost.filter_map(|((_, id), _)| ledger.incidents.get(id));
    incidents
        .map(|one| format!("{} ({} · {})", one.id, one.service, one.violation))
        .collect()
}

fn in_state(ledger: &Ledger, state: Leaving) -> BTreeSet<ChannelName> {
    let deliveries = ledger.deliveries.iter();
    let of = deliveries.filter(|(_, delivery)| delivery.leaves == Some(state));
    of.map(|((channel, _), _)| channel.clone()).collect()
}

/// Returns the channels that the ledger knows and that are not of the config.
pub fn gone(ledger: &Ledger, channels: &BTreeSet<ChannelName>) -> BTreeSet<ChannelName> {
    let known = ledger.deliveries.keys().map(|(channel, _)| channel);
    let known = known.chain(ledger.channels.keys());
    known
        .filter(|channel| !channels.contains(*channel))
        .cloned()
        .collect()
}

/// Gives all that is known of a channel another name.
pub fn rename(ledger: &mut Ledger, from: &ChannelName, to: &ChannelName) {
    if let Some(state) = ledger.channels.remove(from) {
        ledger.channels.insert(to.clone(), state);
    }
    let moved = ledger
        .deliveries
        .extract_if(.., |(channel, _), _| channel == from);
    let moved: Vec<_> = moved.collect();
    for ((_, incident), delivery) in moved {
        ledger.deliveries.insert((to.clone(), incident), delivery);
    }
    for delivery in ledger.deliveries.values_mut() {
        if let Some(instead) = delivery.instead.as_mut().filter(|one| one.of == *from) {
            instead.of = to.clone();
        }
    }
    for letter in &mut ledger.dead_letters {
        if letter.channel == *from {
            letter.channel = to.clone();
        }
    }
}

/// Takes channels back that had left: each is owed again what it was not told. Incidents that it was told goodbye of are
/// new to it.
pub fn come_back(ledger: &mut Ledger, channels: &BTreeSet<ChannelName>, now: Timestamp) {
    let Ledger {
        deliveries,
        dead_letters,
        ..
    } = ledger;
    deliveries.retain(|(channel, _), delivery| {
        delivery.leaves != Some(Leaving::Told) || !channels.contains(channel)
    });
    for (key, delivery) in deliveries {
        if channels.contains(&key.0) && delivery.leaves.take().is_some() {
            delivery.owed_since = Some(now);
            delivery.attempts = 0;
            delivery.next_at = None;
            dead_letters.retain(|letter| letter.channel != key.0 || letter.incident != key.1);
        }
    }
}

/// Has a channel that has left told goodbye: it is owed, at once, one message about each incident that it knows or may
/// know to be open, or whose end it does not know yet. What it has certainly not heard of is not its business any more.
pub fn leave(ledger: &mut Ledger, channel: &ChannelName, now: Timestamp) {
    let Ledger {
        incidents,
        deliveries,
        channels,
        ..
    } = ledger;
    deliveries.retain(|(of, id), delivery| {
        if of != channel || delivery.leaves.is_some() {
            return true;
        }
        let Some(incident) = incidents.get(id) else {
            return false;
        };
        if delivery.intent.take().is_some() && delivery.announced == Announced::No {
            delivery.announced = Announced::Possibly;
        }
        if delivery.announced == Announced::No {
            return false;
        }
        let knows_all = !incident.is_open() && delivery.acked_generation >= incident.generation;
        delivery.leaves = Some(if knows_all {
            Leaving::Told
        } else {
            Leaving::Owed
        });
        delivery.owed_since = Some(now);
        delivery.attempts = 0;
        delivery.next_at = None;
        delivery.given_up = None;
        // What is said of many is said of all at once, in a new message.
        delivery.storm = None;
        true
    });
    if let Some(state) = channels.get_mut(channel) {
        state.disabled = None;
        state.paused_until = None;
    }
}

/// Notes that a channel has taken that it is told no more. If it is back meanwhile, the incident is new to it.
pub(super) fn said(delivery: &mut Delivery, now: Timestamp) {
    if delivery.leaves.is_some() {
        delivery.leaves = Some(Leaving::Told);
        delivery.attempts = 0;
        delivery.last_error = None;
    } else {
        *delivery = Delivery {
            owed_since: Some(now),
            ..Delivery::default()
        };
    }
}

/// Gives up what a channel that has left was not told, each with a dead letter that says how to mend it. Returns how
/// many: the newest ones.
pub fn give_up(ledger: &mut Ledger, channel: &ChannelName, now: Timestamp) -> usize {
    let mut given_up = 0;
    let Ledger {
        incidents,
        deliveries,
        dead_letters,
        ..
    } = ledger;
    for ((of, id), delivery) in deliveries.iter_mut() {
        let Some(incident) = incidents.get(id) else {
            continue;
        };
        if of != channel || delivery.leaves != Some(Leaving::Owed) {
            continue;
        }
        if !incident.is_open() && delivery.acked_generation >= incident.generation {
            delivery.leaves = Some(Leaving::Told);
            continue;
        }
        delivery.leaves = Some(Leaving::Lost);
        delivery.intent = None;
        let tried = delivery.last_error.take();
        let tried = tried.map_or_else(String::new, |error| format!("; the last try: {error}"));
        let error = format!(
            "channel {channel} has left the ops config and still shows this as open: give it back under this name, or \
             close the incident by hand where it is shown and drop this message{tried}"
        );
        delivery.last_error = Some(error.clone());
        let letter = DeadLetter {
            message_id: single_id(channel, id, u32::MAX),
            channel: channel.clone(),
            incident: id.clone(),
            service: incident.service.clone(),
            violation: incident.violation.clone(),
            at: now,
            attempts: delivery.attempts,
            error,
        };
        bury(dead_letters, letter);
        given_up += 1;
    }
    given_up
}
