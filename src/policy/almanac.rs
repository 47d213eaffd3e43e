//! What time alone changes: reminders that fall due, silences that end, what a mute hid for good, and channels that
//! stand in for others.

use std::time::Duration;

use jiff::Timestamp;

use super::ledger::is_owed;
use super::mute::Mute;
use super::owed::{lives_until, owed_since};
use crate::model::duration::{after, since};
use crate::model::incident::{
    Announced, ChannelState, Delivery, Incident, IncidentId, Instead, Ledger, Muted, News,
};
use crate::model::mute::SilenceId;
use crate::model::service::ChannelName;

/// After the last reminder of the list they go on at this distance.
const DAILY: Duration = Duration::from_hours(24);

/// Returns which channel stands in for another, and after how long.
pub type Fallback<'a> = dyn Fn(&ChannelName, &Incident) -> Option<(ChannelName, Duration)> + 'a;

/// What the config says of time.
pub struct Rules<'a> {
    /// What mutes an incident now.
    pub mute: &'a dyn Fn(&Incident) -> Option<Mute>,
    /// When people are reminded of an open incident, from its announcement on; daily after the last. Empty for never.
    pub reminders: &'a [Duration],
    /// Which channel stands in for one that takes nothing of an incident for so long.
    pub fallback: &'a Fallback<'a>,
}

/// One thing that time changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// People are reminded of an incident.
    Remind(IncidentId),
    /// A channel is not told of an incident for now.
    Hush(ChannelName, IncidentId, Mute),
    /// What hid an incident from a channel is over, and the incident is not.
    Unhush(ChannelName, IncidentId),
    /// An incident began and ended while it was hidden: the channel is not told.
    Settle(ChannelName, IncidentId),
    /// A silence is over.
    Expire(SilenceId),
    /// A channel is told instead of another.
    StandIn(ChannelName, IncidentId, Instead),
}

/// What is due, and when to look again.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// What is due now.
    pub steps: Vec<Step>,
    /// When the next thing will be; absent if nothing is known to come.
    pub next: Option<Timestamp>,
}

impl Due {
    fn look_at(&mut self, at: Option<Timestamp>) {
        self.next = self.next.into_iter().chain(at).min();
    }

    fn at(&mut self, at: Timestamp, now: Timestamp, step: impl FnOnce() -> Step) {
        if at <= now {
            self.steps.push(step());
        } else {
            self.look_at(Some(at));
        }
    }
}

/// Returns what is due.
pub fn due(ledger: &Ledger, rules: &Rules<'_>, now: Timestamp) -> Due {
    let mut due = Due::default();
    for silence in ledger.silences.values() {
        due.at(silence.until, now, || Step::Expire(silence.id.clone()));
        if silence.from > now {
            // Nothing becomes due then, but what is muted has to be looked at.
            due.look_at(Some(silence.from));
        }
    }
    for ((channel, id), delivery) in &ledger.deliveries {
        let Some(incident) = ledger.incidents.get(id) else {
            continue;
        };
        if is_owed(incident, delivery) {
            hush(&mut due, rules, channel, incident, delivery);
            stand_in(&mut due, ledger, rules, channel, (incident, delivery), now);
        } else if delivery.given_up.is_some() {
            stand_in(&mut due, ledger, rules, channel, (incident, delivery), now);
        }
    }
    for incident in ledger.incidents.values().filter(|one| one.is_open()) {
        remind(&mut due, ledger, rules, incident, now);
    }
    due
}

/// Decides whether a channel is told of an incident that it knows nothing of.
fn hush(
    due: &mut Due,
    rules: &Rules<'_>,
    channel: &ChannelName,
    incident: &Incident,
    delivery: &Delivery,
) {
    if delivery.announced != Announced::No || delivery.intent.is_some() {
        return;
    }
    let hidden = delivery.muted.as_ref().filter(|muted| muted.is_on);
    let mute = (rules.mute)(incident).filter(|_| incident.is_open());
    due.look_at(mute.as_ref().and_then(|mute| mute.until));
    let (channel, id) = (channel.clone(), incident.id.clone());
    due.steps.extend(match (incident.is_open(), mute, hidden) {
        (true, Some(mute), hidden)
            if hidden.is_none_or(|known| known.why != mute.why || known.until != mute.until) =>
        {
            Some(Step::Hush(channel, id, mute))
        }
        (true, None, Some(_)) => Some(Step::Unhush(channel, id)),
        (false, _, Some(_)) => Some(Step::Settle(channel, id)),
        _ => None,
    });
}

/// Decides whether another channel is told instead.
fn stand_in(
    due: &mut Due,
    ledger: &Ledger,
    rules: &Rules<'_>,
    channel: &ChannelName,
    (incident, delivery): (&Incident, &Delivery),
    now: Timestamp,
) {
    if delivery.announced == Announced::Yes || !incident.is_open() || delivery.muted_now() {
        return;
    }
    let Some((other, patience)) = (rules.fallback)(channel, incident) else {
        return;
    };
    let key = (other, incident.id.clone());
    if ledger.deliveries.contains_key(&key) || (rules.mute)(incident).is_some() {
        return;
    }
    let disabled = ledger
        .channels
        .get(channel)
        .and_then(|state| state.disabled.as_deref());
    let why = match (disabled, delivery.given_up, &delivery.last_error) {
        (Some(why), ..) => format!("it is disabled: {why}"),
        (None, Some(_), Some(error)) => format!("it refused the message: {error}"),
        (None, _, Some(error)) => error.clone(),
        // Nothing was tried yet, so nothing is wrong with the channel.
        (None, _, None) => return,
    };
    // It may have been told instead of another itself.
    let why = match &delivery.instead {
        Some(first) => format!("{why}; it stood in for {}: {}", first.of, first.why),
        None => why,
    };
    let at = if disabled.is_some() || delivery.given_up.is_some() {
        now
    } else {
        after(owed_since(incident, delivery), patience)
    };
    let instead = Instead {
        of: channel.clone(),
        why,
    };
    due.at(at, now, || Step::StandIn(key.0, key.1, instead));
}

/// Decides whether people are reminded of an incident.
fn remind(due: &mut Due, ledger: &Ledger, rules: &Rules<'_>, incident: &Incident, now: Timestamp) {
    if incident.ack.is_some() {
        return;
    }
    let (Some(wait), Some(told_at)) = (
        reminder(rules.reminders, incident.reminders),
        told_at(ledger, incident),
    ) else {
        return;
    };
    let at = after(told_at, wait);
    if at <= now
        && let Some(until) = in_storm_until(ledger, incident, now)
    {
        due.look_at(Some(until));
        return;
    }
    if at <= now
        && let Some(mute) = (rules.mute)(incident)
    {
        due.look_at(mute.until);
        return;
    }
    due.at(at, now, || Step::Remind(incident.id.clone()));
}

/// Returns until when an incident is told with a storm, whose message says that it is open; absent if it is not.
fn in_storm_until(ledger: &Ledger, incident: &Incident, now: Timestamp) -> Option<Timestamp> {
    let until = |(state, delivery): (&ChannelState, &Delivery)| {
        lives_until(state.storm(delivery.storm.as_ref()?)?, now)
    };
    told(ledger, incident).filter_map(until).max()
}

/// Returns when the first channel was told of an incident; absent while none was.
fn told_at(ledger: &Ledger, incident: &Incident) -> Option<Timestamp> {
    let taken = told(ledger, incident).filter_map(|(_, delivery)| delivery.taken_at);
    taken.min()
}

/// Returns the channels that are for an incident, with what each knows of it.
fn told<'a>(
    ledger: &'a Ledger,
    incident: &'a Incident,
) -> impl Iterator<Item = (&'a ChannelState, &'a Delivery)> {
    ledger.channels.iter().filter_map(|(channel, state)| {
        let key = (channel.clone(), incident.id.clone());
        Some((state, ledger.deliveries.get(&key)?))
    })
}

/// Returns how long after its announcement people are reminded of an incident for the next time.
fn reminder(list: &[Duration], had: u32) -> Option<Duration> {
    let had = usize::try_from(had).unwrap_or(usize::MAX);
    if let Some(next) = list.get(had) {
        return Some(*next);
    }
    let days = u32::try_from(had - list.len()).ok()?.checked_add(1)?;
    Some(list.last()?.saturating_add(DAILY.checked_mul(days)?))
}

/// Writes into the ledger what time has changed; tells whether it changed anything.
pub fn take(ledger: &mut Ledger, steps: Vec<Step>, reminders: &[Duration], now: Timestamp) -> bool {
    let mut any = false;
    for step in steps {
        any |= match step {
            Step::Remind(id) => take_reminder(ledger, &id, reminders, now),
            Step::Hush(channel, id, mute) => with(ledger, channel, id, |delivery, _| {
                delivery.muted = Some(Muted {
                    why: mute.why,
                    until: mute.until,
                    is_on: true,
                });
            }),
            Step::Unhush(channel, id) => with(ledger, channel, id, |delivery, _| {
                if let Some(muted) = &mut delivery.muted {
                    muted.is_on = false;
                }
                delivery.owed_since = Some(now);
            }),
            Step::Settle(channel, id) => with(ledger, channel, id, |delivery, incident| {
                delivery.acked_generation = incident.generation;
            }),
            Step::Expire(id) => ledger.silences.remove(&id).is_some(),
            Step::StandIn(channel, id, instead) => {
                let known = ledger.incidents.contains_key(&id);
                let owed = Delivery {
                    owed_since: Some(now),
                    instead: Some(instead),
                    ..Delivery::default()
                };
                known && ledger.deliveries.insert((channel, id), owed).is_none()
            }
        };
    }
    any
}

/// Changes a delivery that says nothing yet; tells whether there is one.
fn with(
    ledger: &mut Ledger,
    channel: ChannelName,
    id: IncidentId,
    change: impl FnOnce(&mut Delivery, &Incident),
) -> bool {
    let Some(incident) = ledger.incidents.get(&id) else {
        return false;
    };
    let delivery = ledger.deliveries.get_mut(&(channel, id));
    let untold =
        |delivery: &&mut Delivery| delivery.announced == Announced::No && delivery.intent.is_none();
    let Some(delivery) = delivery.filter(untold) else {
        return false;
    };
    change(delivery, incident);
    true
}

/// Makes a reminder the newest truth about an incident. Of several that were due meanwhile it is the last.
fn take_reminder(
    ledger: &mut Ledger,
    id: &IncidentId,
    reminders: &[Duration],
    now: Timestamp,
) -> bool {
    let told_at = ledger
        .incidents
        .get(id)
        .and_then(|incident| told_at(ledger, incident));
    let incident = ledger.incidents.get_mut(id);
    let (Some(incident), Some(told_at)) = (
        incident.filter(|one| one.is_open() && one.ack.is_none()),
        told_at,
    ) else {
        return false;
    };
    let known_for = since(told_at, now);
    while reminder(reminders, incident.reminders).is_some_and(|next| next <= known_for) {
        incident.reminders = incident.reminders.saturating_add(1);
    }
    super::ledger::renew(ledger, id, News::Reminder, now)
}
