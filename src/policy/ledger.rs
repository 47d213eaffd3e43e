//! What changes the incidents of the ledger.
//!
//! At most one incident of a violation of a service is open. An incident leaves the ledger only after every channel
//! of the config that had to know of it does, or has a dead letter.

mod job;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::leaving;
use super::owed::lives_until;
use super::watch::{Change, Opened, Rules};
use crate::model::duration::since;
use crate::model::incident::{
    Announced, Delivery, Ending, Incident, IncidentId, Kept, Leaving, Ledger, News, Reason,
};
use crate::model::mute::Ack;
use crate::model::route::{Route, route};
use crate::model::service::{ChannelName, Service, ServiceName};
use crate::model::violation::Violation;

/// How long the last announcement of a violation is remembered for its cool-down.
const ANNOUNCED_FOR: Duration = Duration::from_hours(24);

/// How long incidents stay that every channel knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// This long after their close.
    pub settled_for: Duration,
    /// At most this many, newest first.
    pub settled_max: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            settled_for: Duration::from_hours(7 * 24),
            settled_max: 500,
        }
    }
}

/// Returns the name of an incident from random bytes: 16 characters of Crockford's base 32.
pub fn incident_id(random: [u8; 10]) -> IncidentId {
    IncidentId(Arc::from(crockford(random)))
}

/// Returns random bytes as digits of Crockford's base 32: 8 for each 5 bytes.
pub(super) fn crockford<const N: usize>(random: [u8; N]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let bits = random
        .iter()
        .fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
    (0..N * 8 / 5)
        .rev()
        .filter_map(|digit| DIGITS.get(usize::try_from((bits >> (digit * 5)) & 31).ok()?))
        .map(|digit| char::from(*digit))
        .collect()
}

/// Writes what a probe changed for a service into the ledger, for the channels that the routes say; tells whether
/// anything did.
pub fn apply(
    ledger: &mut Ledger,
    (service, routes): (&Service, &[Route]),
    changes: Vec<Change>,
    new_id: &mut dyn FnMut() -> IncidentId,
    now: Timestamp,
) -> bool {
    let of = &service.name;
    let mut any = false;
    for change in changes {
        any |= match change {
            Change::Opened(opened) if !Rules::from(service).watches(&opened.violation) => false,
            Change::Opened(opened) => {
                let told = route(routes, service, &opened.violation, opened.since);
                open(ledger, new_id(), of, opened, &told.channels, now)
            }
            Change::Updated { violation, reason } => update(ledger, of, &violation, reason),
            Change::Closed {
                violation,
                rule,
                samples,
            } => close(ledger, of, &violation, Kept { rule, samples }, now).is_some(),
        };
    }
    any
}

/// Opens an incident that these channels must know of. Does nothing and returns `false` if one of the same violation
/// of the service is open already.
pub fn open(
    ledger: &mut Ledger,
    id: IncidentId,
    service: &ServiceName,
    opened: Opened,
    channels: &[ChannelName],
    now: Timestamp,
) -> bool {
    if find(ledger, service, &opened.violation).is_some() || ledger.incidents.contains_key(&id) {
        return false;
    }
    for channel in channels {
        let delivery = Delivery {
            owed_since: Some(now),
            ..Delivery::default()
        };
        ledger
            .deliveries
            .insert((channel.clone(), id.clone()), delivery);
    }
    let key = (service.clone(), opened.violation.clone());
    let incident = Incident {
        announced_before: ledger.announced.get(&key).copied(),
        id: id.clone(),
        service: service.clone(),
        violation: opened.violation,
        generation: 1,
        news: News::Opened,
        reminders: 0,
        ack: None,
        opened_at: opened.since,
        closed_at: None,
        ending: None,
        last_good: opened.last_good,
        reason: opened.reason,
    };
    ledger.incidents.insert(id, incident);
    true
}

/// Gives an open incident a newer reason; nobody is told of that alone. Returns whether there is such an incident.
pub fn update(
    ledger: &mut Ledger,
    service: &ServiceName,
    violation: &Violation,
    mut reason: Reason,
) -> bool {
    let Some(id) = find(ledger, service, violation) else {
        return false;
    };
    if let Some(incident) = ledger.incidents.get_mut(&id) {
        job::after_its_word(&incident.reason, &mut reason);
        incident.reason = reason;
    }
    true
}

/// Closes an open incident since the service keeps the rule again, and says how. Returns its name, `None` if none was
/// open.
pub fn close(
    ledger: &mut Ledger,
    service: &ServiceName,
    violation: &Violation,
    kept: Kept,
    now: Timestamp,
) -> Option<IncidentId> {
    let id = find(ledger, service, violation)?;
    end(ledger, &id, Ending::Recovered, now);
    let incident = ledger.incidents.get_mut(&id);
    if let Some(incident) = incident.filter(|_| kept != Kept::default()) {
        incident.reason.kept = Some(Box::new(kept));
    }
    Some(id)
}

/// Closes every open incident whose violation is no longer watched: `watched` tells, by service and violation.
/// Returns their names.
pub fn unwatch(
    ledger: &mut Ledger,
    watched: impl Fn(&ServiceName, &Violation) -> bool,
    now: Timestamp,
) -> Vec<IncidentId> {
    let gone: Vec<IncidentId> = ledger
        .incidents
        .values()
        .filter(|incident| incident.is_open() && !watched(&incident.service, &incident.violation))
        .map(|incident| incident.id.clone())
        .collect();
    for id in &gone {
        end(ledger, id, Ending::Unwatched, now);
    }
    gone
}

/// Makes something the newest truth about an open incident: every channel is owed it. Returns whether it is open.
pub(super) fn renew(ledger: &mut Ledger, id: &IncidentId, news: News, now: Timestamp) -> bool {
    let incident = ledger.incidents.get_mut(id);
    let Some(incident) = incident.filter(|incident| incident.is_open()) else {
        return false;
    };
    incident.generation = incident.generation.saturating_add(1);
    incident.news = news;
    for ((_, of), delivery) in &mut ledger.deliveries {
        // Whoever has not heard of it yet is owed it since its opening.
        if of == id && delivery.announced == Announced::Yes {
            delivery.owed_since = Some(now);
            delivery.attempts = 0;
        }
    }
    true
}

/// Notes that somebody has taken an open incident on, which ends its reminders, and tells the channels. Returns whether
/// it is open.
pub fn acknowledge(ledger: &mut Ledger, id: &IncidentId, ack: Ack) -> bool {
    let now = ack.at;
    let incident = ledger.incidents.get_mut(id);
    let Some(incident) = incident.filter(|incident| incident.is_open()) else {
        return false;
    };
    incident.ack = Some(ack);
    renew(ledger, id, News::Acked, now)
}

/// Returns the open incident of a violation of a service.
pub fn find(ledger: &Ledger, service: &ServiceName, violation: &Violation) -> Option<IncidentId> {
    ledger
        .incidents
        .values()
        .find(|incident| {
            incident.is_open() && incident.service == *service && incident.violation == *violation
        })
        .map(|incident| incident.id.clone())
}

/// Brings what each channel must know in line with the routes of a new config.
///
/// A channel that a service now tells must know of its open incidents, not of past ones. A channel that it no longer
/// tells forgets those that it was certainly not told of; where it was, it is still owed their end.
pub fn reroute(
    ledger: &mut Ledger,
    channels: impl Fn(&Incident) -> Vec<ChannelName>,
    now: Timestamp,
) {
    let Ledger {
        incidents,
        deliveries,
        ..
    } = ledger;
    deliveries.retain(|(channel, id), delivery| {
        let routed = incidents
            .get(id)
            .is_some_and(|incident| channels(incident).contains(channel));
        let untold = delivery.announced == Announced::No && delivery.intent.is_none();
        let open = incidents.get(id).is_some_and(Incident::is_open);
        routed || !untold || !open || delivery.instead.is_some()
    });
    for incident in incidents.values().filter(|incident| incident.is_open()) {
        for channel in channels(incident) {
            deliveries
                .entry((channel, incident.id.clone()))
                .or_insert_with(|| Delivery {
                    owed_since: Some(now),
                    ..Delivery::default()
                });
        }
    }
}

/// Tells whether a delivery still lacks the newest generation of its incident.
pub(super) fn is_owed(incident: &Incident, delivery: &Delivery) -> bool {
    match delivery.leaves {
        Some(Leaving::Owed) if incident.is_open() => return true,
        Some(Leaving::Told | Leaving::Lost) => return false,
        _ => {}
    }
    let given_up = delivery.given_up.map_or(0, |given_up| given_up.generation);
    delivery.acked_generation.max(given_up) < incident.generation
}

/// Removes what nobody needs any more. `channels` are those of the config; what others must know holds nothing back,
/// but for what one that has left still shows as open.
pub fn prune(
    ledger: &mut Ledger,
    channels: &BTreeSet<ChannelName>,
    retention: Retention,
    now: Timestamp,
) {
    let unsettled: BTreeSet<IncidentId> = ledger
        .deliveries
        .iter()
        .filter(|((channel, id), delivery)| {
            if matches!(delivery.leaves, Some(Leaving::Owed | Leaving::Lost)) {
                return true;
            }
            let incident = ledger.incidents.get(id);
            channels.contains(channel)
                && incident.is_some_and(|incident| is_owed(incident, delivery))
        })
        .map(|((_, id), _)| id.clone())
        .collect();
    let mut settled: Vec<(Timestamp, IncidentId)> = ledger
        .incidents
        .values()
        .filter(|incident| !unsettled.contains(&incident.id))
        .filter_map(|incident| Some((incident.closed_at?, incident.id.clone())))
        .collect();
    settled.sort_unstable_by(|a, b| b.cmp(a));
    for (position, (closed_at, id)) in settled.into_iter().enumerate() {
        if position >= retention.settled_max || since(closed_at, now) > retention.settled_for {
            ledger.incidents.remove(&id);
        }
    }
    let Ledger {
        incidents,
        deliveries,
        ..
    } = ledger;
    deliveries.retain(|(_, id), _| incidents.contains_key(id));
    let leaving = leaving::leaving(ledger);
    ledger
        .channels
        .retain(|channel, _| channels.contains(channel) || leaving.contains(channel));
    for state in ledger.channels.values_mut() {
        state
            .storms
            .retain(|storm| lives_until(storm, now).is_some());
    }
    ledger
        .announced
        .retain(|_, at| since(*at, now) <= ANNOUNCED_FOR);
}

fn end(ledger: &mut Ledger, id: &IncidentId, ending: Ending, now: Timestamp) {
    let Some(incident) = ledger.incidents.get_mut(id) else {
        return;
    };
    incident.generation = incident.generation.saturating_add(1);
    incident.closed_at = Some(now.max(incident.opened_at));
    incident.ending = Some(ending);
    for ((channel, of), delivery) in &mut ledger.deliveries {
        if of == id {
            let state = ledger.channels.get(channel);
            delivery.unreachable = state.is_some_and(|state| state.is_unreachable(now));
            delivery.owed_since = Some(now);
            delivery.attempts = 0;
        }
    }
}
