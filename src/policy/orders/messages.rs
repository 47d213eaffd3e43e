//! What becomes of messages: sent at once, sent after all, or never.

use jiff::Timestamp;

use super::{Done, Refusal};
use crate::model::incident::{DeadLetter, Leaving, Ledger};
use crate::model::service::ChannelName;
use crate::policy::delivery;
use crate::policy::ledger::is_owed;
use crate::policy::outbox::{self, Entry, State};
use crate::policy::owed::backlog;

/// Returns what of the outbox a message is.
fn entries_of(ledger: &Ledger, message: &str, now: Timestamp) -> Result<Vec<Entry>, Refusal> {
    let mut entries = outbox::entries(ledger, now);
    entries.retain(|entry| entry.message_id == message);
    if entries.is_empty() {
        return Err(Refusal::not_found(format!(
            "no message `{message}` is owed or was given up"
        )));
    }
    Ok(entries)
}

/// Owes again what was given up, and makes due at once what is owed.
pub(super) fn retry(ledger: &mut Ledger, message: &str, now: Timestamp) -> Result<Done, Refusal> {
    let mut again = Vec::new();
    let mut refused = None;
    for entry in entries_of(ledger, message, now)? {
        let owed = match entry.state {
            State::Owed => {
                try_at_once(ledger, &entry);
                Ok(())
            }
            State::Dead => owe_again(ledger, &entry, now),
        };
        match owed {
            Ok(()) => again.push(entry),
            Err(refusal) => refused = Some(refusal),
        }
    }
    let is_again = |letter: &DeadLetter| {
        let same = |entry: &Entry| of_letter(entry, letter);
        again.iter().any(same)
    };
    ledger.dead_letters.retain(|letter| !is_again(letter));
    match refused {
        Some(refusal) if again.is_empty() => Err(refusal),
        _ => {
            let owed = |entry: &Entry| {
                let same =
                    |one: &Entry| one.channel == entry.channel && one.incident == entry.incident;
                entry.state == State::Owed && again.iter().any(same)
            };
            let mut entries = outbox::entries(ledger, now);
            entries.retain(owed);
            Ok(Done::OwedAgain { entries })
        }
    }
}

fn of_letter(entry: &Entry, letter: &DeadLetter) -> bool {
    entry.state == State::Dead
        && entry.message_id == letter.message_id
        && entry.channel == letter.channel
        && entry.incident == letter.incident
}

fn try_at_once(ledger: &mut Ledger, entry: &Entry) {
    let key = (entry.channel.clone(), entry.incident.clone());
    if let Some(delivery) = ledger.deliveries.get_mut(&key) {
        delivery.next_at = None;
    }
}

/// Owes a channel again what was given up: the newest truth about the incident.
fn owe_again(ledger: &mut Ledger, entry: &Entry, now: Timestamp) -> Result<(), Refusal> {
    let Entry {
        channel, incident, ..
    } = entry;
    let key = (channel.clone(), incident.clone());
    let (Some(known), Some(delivery)) = (
        ledger.incidents.get(incident),
        ledger.deliveries.get_mut(&key),
    ) else {
        return Err(Refusal::conflict(format!(
            "incident {incident} is forgotten: there is nothing left to tell; `oes outbox drop` removes the message"
        )));
    };
    if delivery.leaves == Some(Leaving::Lost) {
        return Err(Refusal::conflict(format!(
            "channel {channel} is not in the ops config any more: give it back under this name, or close incident \
             {incident} by hand where it is shown and use `oes outbox drop`"
        )));
    }
    if delivery.acked_generation >= known.generation {
        return Err(Refusal::conflict(format!(
            "channel {channel} has been told of incident {incident} since; `oes outbox drop` removes the message"
        )));
    }
    delivery.given_up = None;
    delivery.attempts = 0;
    delivery.next_at = None;
    delivery.owed_since = Some(now);
    Ok(())
}

/// Has a message never sent.
pub(super) fn drop(ledger: &mut Ledger, message: &str, now: Timestamp) -> Result<Done, Refusal> {
    let entries = entries_of(ledger, message, now)?;
    for entry in &entries {
        let key = (entry.channel.clone(), entry.incident.clone());
        let known = ledger.incidents.get(&entry.incident);
        let delivery = ledger.deliveries.get_mut(&key);
        let (Some(known), Some(delivery)) = (known, delivery) else {
            continue;
        };
        if entry.state == State::Dead && delivery.leaves == Some(Leaving::Lost) {
            delivery.leaves = Some(Leaving::Told);
            continue;
        }
        // What is given up may come back when the channel takes messages again; what a person dropped may not. What
        // has become of the incident since is another message.
        let given_up = delivery.given_up.is_some_and(|given_up| {
            entry.state == State::Dead && given_up.generation == known.generation
        });
        if given_up || entry.state == State::Owed && is_owed(known, delivery) {
            delivery.acked_generation = known.generation;
            delivery.given_up = None;
            delivery.attempts = 0;
            delivery.next_at = None;
        }
    }
    let dropped = |letter: &DeadLetter| entries.iter().any(|entry| of_letter(entry, letter));
    ledger.dead_letters.retain(|letter| !dropped(letter));
    Ok(Done::Dropped { entries })
}

/// Gives a channel a new try at once.
pub(super) fn resume(
    ledger: &mut Ledger,
    channel: ChannelName,
    now: Timestamp,
) -> Result<Done, Refusal> {
    let Some(state) = ledger.channels.get_mut(&channel) else {
        let known: Vec<&str> = ledger.channels.keys().map(ChannelName::as_str).collect();
        return Err(Refusal::not_found(format!(
            "there is no channel `{channel}`; there are {}",
            known.join(", ")
        )));
    };
    let was_disabled = state.disabled.clone();
    if was_disabled.is_none() {
        // It is tried at once all the same: whoever mended it need not wait for the back-off.
        state.paused_until = None;
        for ((of, _), delivery) in &mut ledger.deliveries {
            if *of == channel {
                delivery.next_at = None;
            }
        }
    } else {
        delivery::enable(ledger, &channel, now);
    }
    let (owed, _) = backlog(ledger, &channel);
    Ok(Done::Resumed {
        channel,
        was_disabled,
        owed,
    })
}
