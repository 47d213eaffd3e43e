//! What the ledger notes of messages that are not about one incident: storms, and the daily digest.

use jiff::Timestamp;

use crate::model::duration::since;
use crate::model::incident::{ChannelState, Digested, Ledger};
use crate::model::service::ChannelName;
use crate::model::storm::{Storm, StormId};
use crate::policy::owed::{Batch, Part, SINGLES_WITHIN};

/// Notes a storm, and that it has grown.
pub(super) fn grow(
    ledger: &mut Ledger,
    channel: &ChannelName,
    id: &StormId,
    grows: bool,
    now: Timestamp,
) {
    let state = ledger.channels.entry(channel.clone()).or_default();
    match state.storm_mut(id) {
        Some(storm) if grows => storm.grown_at = now,
        Some(_) => {}
        None => state.storms.push(Storm {
            id: id.clone(),
            began_at: now,
            // Openings join a storm of openings; one of ends alone takes none in.
            grown_at: if grows { now } else { Timestamp::UNIX_EPOCH },
            told_at: None,
            remote_ref: None,
        }),
    }
}

/// Notes where the daily digest stands; tells whether that is news.
pub(super) fn digested(
    ledger: &mut Ledger,
    channel: &ChannelName,
    due: Timestamp,
    settled: bool,
) -> bool {
    let state = ledger.channels.entry(channel.clone()).or_default();
    let known = state.digest.as_ref();
    if known.is_some_and(|known| known.due > due || (known.due == due && known.settled)) {
        return false;
    }
    state.digest = Some(Digested { due, settled });
    true
}

/// Notes that the channel has taken a message about a storm.
pub(super) fn note_told(
    state: &mut ChannelState,
    part: &Part,
    remote_ref: Option<&str>,
    now: Timestamp,
) {
    if let Some(storm) = state.storm_mut(&part.id) {
        storm.told_at = Some(now);
        // An edited message keeps its name.
        if part.edit.is_none()
            && let Some(remote_ref) = remote_ref
        {
            storm.remote_ref = Some(remote_ref.to_owned());
        }
    }
}

/// Notes that the channel has been told of an opening in a message of its own.
pub(super) fn note_single(state: &mut ChannelState, batch: &Batch, now: Timestamp) {
    if batch.told.iter().any(|told| told.telling.announces()) {
        let recent = |at: &Timestamp| *at <= now && since(*at, now) < SINGLES_WITHIN;
        state.singles.retain(recent);
        state.singles.push(now);
    }
}

/// Forgets the message that was to be edited, so that a new one is sent; tells whether there was one.
pub(super) fn edit_gone(ledger: &mut Ledger, channel: &ChannelName, batch: &Batch) -> bool {
    let Some(part) = batch.storm.as_ref().filter(|part| part.edit.is_some()) else {
        return false;
    };
    // An earlier try of the same message may have been taken: then that stays known.
    for told in batch.told.iter().filter(|told| !told.possible_repeat) {
        let key = (channel.clone(), told.incident.clone());
        if let Some(delivery) = ledger.deliveries.get_mut(&key) {
            delivery
                .intent
                .take_if(|intent| intent.message_id == batch.message_id);
        }
    }
    let state = ledger.channels.get_mut(channel);
    if let Some(storm) = state.and_then(|state| state.storm_mut(&part.id)) {
        storm.remote_ref = None;
        storm.told_at = None;
    }
    true
}
