//! Messages that no try could deliver.

use std::collections::BTreeSet;

use super::owed::Batch;
use crate::model::incident::{DeadLetter, IncidentId, Ledger};
use crate::model::service::ChannelName;

/// Dead letters beyond this many are dropped, oldest first.
pub const DEAD_LETTERS_MAX: usize = 1000;

/// Adds a dead letter. One of the same message about the same incident takes the place of the one before.
pub(super) fn bury(letters: &mut Vec<DeadLetter>, letter: DeadLetter) {
    letters.retain(|one| {
        one.message_id != letter.message_id
            || one.channel != letter.channel
            || one.incident != letter.incident
    });
    letters.push(letter);
    let surplus = letters.len().saturating_sub(DEAD_LETTERS_MAX);
    letters.drain(..surplus);
}

/// Removes the letters of what a channel has been told since: with a message it has the newest truth about its incidents.
pub(super) fn told_since(ledger: &mut Ledger, channel: &ChannelName, batch: &Batch) {
    if ledger.dead_letters.is_empty() {
        return;
    }
    let told: BTreeSet<&IncidentId> = batch.told.iter().map(|told| &told.incident).collect();
    ledger
        .dead_letters
        .retain(|letter| letter.channel != *channel || !told.contains(&letter.incident));
}
