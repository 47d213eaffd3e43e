//! What channels have not been told, one line a channel and incident: what is owed, and what was given up.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ledger::is_owed;
use super::owed::{owed_since, single_id};
use crate::model::incident::{DeadLetter, Delivery, Incident, IncidentId, Ledger, Muted};
use crate::model::service::{ChannelName, ServiceName};
use crate::model::violation::Violation;

/// Something that a channel has not been told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// The name of the message. Several incidents that are told in one message share it.
    pub message_id: String,
    /// What becomes of it.
    pub state: State,
    /// The channel.
    pub channel: ChannelName,
    /// The incident.
    pub incident: IncidentId,
    /// The service.
    pub service: ServiceName,
    /// The violation.
    pub violation: Violation,
    /// Since when it is owed, or when it was given up.
    pub since: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// No try before this.
    pub next_at: Option<Timestamp>,
    /// Why the last try failed.
    pub error: Option<String>,
    /// What holds it back, for people: a silence, a channel that is disabled.
    pub held: Option<String>,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It goes out when the channel takes messages.
    Owed,
    /// It was given up.
    Dead,
}

/// Returns what no channel has been told, the oldest first; what is owed before what was given up.
pub fn entries(ledger: &Ledger, now: Timestamp) -> Vec<Entry> {
    let mut owed: Vec<Entry> = ledger
        .deliveries
        .iter()
        .filter_map(|((channel, id), delivery)| {
            let incident = ledger.incidents.get(id)?;
            is_owed(incident, delivery)
                .then(|| of_delivery(ledger, channel, (incident, delivery), now))
        })
        .collect();
    owed.sort_by_key(|entry| entry.since);
    owed.extend(ledger.dead_letters.iter().map(of_letter));
    owed
}

fn of_delivery(
    ledger: &Ledger,
    channel: &ChannelName,
    (incident, delivery): (&Incident, &Delivery),
    now: Timestamp,
) -> Entry {
    let intent = delivery.intent.as_ref();
    let intent = intent.filter(|intent| intent.generation == incident.generation);
    let disabled = ledger
        .channels
        .get(channel)
        .and_then(|state| state.disabled.as_deref());
    // Where no daemon runs nobody has noted that a mute has ended.
    let on = |muted: &&Muted| muted.is_on && muted.until.is_none_or(|until| until > now);
    let muted = delivery.muted.as_ref().filter(on);
    Entry {
        message_id: intent.map_or_else(
            || single_id(channel, &incident.id, incident.generation),
            |intent| intent.message_id.clone(),
        ),
        state: State::Owed,
        channel: channel.clone(),
        incident: incident.id.clone(),
        service: incident.service.clone(),
        violation: incident.violation.clone(),
        since: owed_since(incident, delivery),
        attempts: delivery.attempts,
        next_at: delivery.next_at,
        error: delivery.last_error.clone(),
        held: disabled
            .map(|why| format!("the channel is disabled: {why}"))
            .or_else(|| muted.map(|muted| muted.why.clone())),
    }
}

fn of_letter(letter: &DeadLetter) -> Entry {
    Entry {
        message_id: letter.message_id.clone(),
        state: State::Dead,
        channel: letter.channel.clone(),
        incident: letter.incident.clone(),
        service: letter.service.clone(),
        violation: letter.violation.clone(),
        since: letter.at,
        attempts: letter.attempts,
        next_at: None,
        error: Some(letter.error.clone()).filter(|error| !error.is_empty()),
        held: None,
    }
}
