//! What happened between two states of the ledger, for the timeline of each incident.
//!
//! It follows from the two states alone, so whoever changes the ledger need not think of it. Changes that are committed
//! together are one step here: of what happened twice within one the last is seen.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::ledger::is_owed;
use crate::model::duration::{Shown, since};
use crate::model::event::{Chronicle, Event, EventKind};
use crate::model::incident::{
    Announced, Delivery, Ending, Incident, IncidentId, Intent, Leaving, Ledger, News,
};
use crate::model::service::ChannelName;

/// Texts are cut to this many characters.
const TEXT_CHARS_MAX: usize = 600;

/// Returns what happened between two states of the ledger.
pub fn between(before: &Ledger, after: &Ledger, now: Timestamp) -> Chronicle {
    let mut chronicle = Chronicle::default();
    for (id, known, incident) in joined(&before.incidents, &after.incidents) {
        let mut events = Events::new(&mut chronicle, id, None, now);
        if events.of_incident(known, incident) {
            chronicle.incidents.push(incident.clone());
        }
    }
    for ((channel, id), known, delivery) in joined(&before.deliveries, &after.deliveries) {
        if known == Some(delivery) {
            continue;
        }
        let Some(incident) = after.incidents.get(id) else {
            continue;
        };
        if known.is_none() && is_renamed(before, after, id, delivery) {
            continue;
        }
        let fresh = Delivery::default();
        let mut events = Events::new(&mut chronicle, id, Some(channel), now);
        if known.is_none()
            && let Some(instead) = &delivery.instead
        {
            let text = format!("instead of {}: {}", instead.of, instead.why);
            events.add(EventKind::Fallback, text);
        }
        events.of_delivery(
            (known.unwrap_or(&fresh), delivery),
            (before.incidents.get(id), incident),
        );
    }
    chronicle
}

/// Tells whether a channel that is gone was told exactly what one that is new was: it has another name.
fn is_renamed(before: &Ledger, after: &Ledger, id: &IncidentId, delivery: &Delivery) -> bool {
    let mut gone = before.channels.keys();
    gone.any(|name| {
        let key = (name.clone(), id.clone());
        !after.channels.contains_key(name) && before.deliveries.get(&key) == Some(delivery)
    })
}

/// Returns everything that is there, with what it was before.
fn joined<'a, K: Ord, V>(
    before: &'a BTreeMap<K, V>,
    after: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, Option<&'a V>, &'a V)> {
    let mut before = before.iter().peekable();
    after.iter().map(move |(key, value)| {
        while before.next_if(|(known, _)| *known < key).is_some() {}
        let known = before.next_if(|(known, _)| *known == key);
        (key, known.map(|(_, value)| value), value)
    })
}

/// Takes down what happened to one incident.
struct Events<'a> {
    to: &'a mut Chronicle,
    incident: &'a IncidentId,
    channel: Option<&'a ChannelName>,
    now: Timestamp,
}

impl<'a> Events<'a> {
    fn new(
        to: &'a mut Chronicle,
        incident: &'a IncidentId,
        channel: Option<&'a ChannelName>,
        now: Timestamp,
    ) -> Self {
        Self {
            to,
            incident,
            channel,
            now,
        }
    }

    fn add(&mut self, kind: EventKind, text: impl Into<String>) {
        let text: String = text.into();
        self.to.events.push(Event {
            incident: self.incident.clone(),
            at: self.now,
            kind,
            channel: self.channel.cloned(),
            text: text.chars().take(TEXT_CHARS_MAX).collect(),
        });
    }

    /// Takes down what happened to an incident itself; tells whether anything did.
    fn of_incident(&mut self, before: Option<&Incident>, after: &Incident) -> bool {
        let had = self.to.events.len();
        match before {
            None => self.add(EventKind::Opened, found(after)),
            Some(before) if is_other_finding(before, after) => {
                self.add(EventKind::Finding, found(after));
            }
            Some(_) => {}
        }
        let reminders = before.map_or(0, |one| one.reminders);
        if after.reminders > reminders {
            let open = Shown(since(after.opened_at, self.now));
            self.add(EventKind::Reminder, format!("open for {open}"));
        }
        if let Some(ack) = &after.ack
            && before.and_then(|one| one.ack.as_ref()) != Some(ack)
        {
            let reason = if ack.reason.is_empty() {
                String::new()
            } else {
                format!(": {}", ack.reason)
            };
            self.add(EventKind::Acked, format!("by {}{reason}", ack.by));
        }
        if let Some(closed_at) = after.closed_at
            && before.is_none_or(Incident::is_open)
        {
            let open = Shown(since(after.opened_at, closed_at));
            let how = match after.ending {
                Some(Ending::Unwatched) => "no longer watched",
                _ => "recovered",
            };
            self.add(EventKind::Closed, format!("{how} after {open}"));
        }
        self.to.events.len() > had
    }

    /// Takes down what happened to what a channel is told.
    fn of_delivery(
        &mut self,
        (before, after): (&Delivery, &Delivery),
        (was, incident): (Option<&Incident>, &Incident),
    ) {
        self.of_mute(before, after);
        let goodbye = before.leaves == Some(Leaving::Owed) && incident.is_open();
        let told = |generation| {
            if goodbye {
                return "that it is told no more";
            }
            let mut known = [Some(incident), was].into_iter().flatten();
            let of = known.find(|one| one.generation == generation);
            of.map_or("what was so then", |one| what(one, before.announced))
        };
        let message =
            |intent: &Intent| format!("{}, message {}", told(intent.generation), intent.message_id);
        let ended = before.intent.as_ref().filter(|_| after.intent.is_none());
        let said_goodbye = goodbye && after.leaves == Some(Leaving::Told);
        if after.acked_generation > before.acked_generation || said_goodbye {
            if let Some(intent) = ended {
                let text = format!("{}{}", message(intent), storm(after));
                self.add(EventKind::Taken, text);
            } else {
                let hidden = after.muted.as_ref().filter(|muted| muted.is_on);
                let why = hidden.map_or_else(
                    || "dropped by hand".to_owned(),
                    |muted| format!("it began and ended during {}", muted.why),
                );
                self.add(EventKind::Untold, why);
            }
        } else if after.attempts > before.attempts || ended.is_some() {
            let gone = "the message that was to be edited is gone";
            let why = after.last_error.as_deref().unwrap_or(gone);
            let intent = before.intent.as_ref();
            let what = intent.map_or(incident.generation, |intent| intent.generation);
            self.add(EventKind::Refused, format!("{}: {why}", told(what)));
        }
        if let Some(intent) = &after.intent
            && before.intent.as_ref() != Some(intent)
        {
            let text = format!("{}{}", message(intent), storm(after));
            self.add(EventKind::Intended, text);
        }
        match (&before.given_up, &after.given_up) {
            (was, Some(given_up)) if was.as_ref() != Some(given_up) => {
                let why = after.last_error.as_deref().unwrap_or_default();
                let text = format!("after {} tries: {why}", after.attempts);
                self.add(EventKind::GivenUp, text);
            }
            _ if after.leaves == Some(Leaving::Lost) && before.leaves != after.leaves => {
                let why = after.last_error.as_deref().unwrap_or_default();
                self.add(EventKind::GivenUp, why);
            }
            (Some(_), None) if is_owed(incident, after) => {
                self.add(EventKind::OwedAgain, "");
            }
            _ => {}
        }
    }

    fn of_mute(&mut self, before: &Delivery, after: &Delivery) {
        let why = |delivery: &'_ Delivery| {
            let on = delivery.muted.as_ref().filter(|muted| muted.is_on);
            on.map(|muted| muted.why.clone())
        };
        match (why(before), why(after)) {
            (was, Some(is)) if was.as_ref() != Some(&is) => self.add(EventKind::Muted, is),
            (Some(was), None) => self.add(EventKind::Unmuted, was),
            _ => {}
        }
    }
}

fn storm(delivery: &Delivery) -> String {
    let storm = delivery.storm.as_ref();
    storm.map_or_else(String::new, |storm| format!(" about storm {storm}"))
}

/// Returns what the newest generation of an incident tells a channel.
fn what(incident: &Incident, announced: Announced) -> &'static str {
    match (incident.is_open(), announced) {
        (true, Announced::Yes) => match incident.news {
            News::Opened => "the opening",
            News::Reminder => "a reminder",
            News::Acked => "that it is taken on",
        },
        (true, Announced::No | Announced::Possibly) => "the opening",
        (false, Announced::No) => "that it began and ended",
        (false, Announced::Yes | Announced::Possibly) => match incident.ending {
            Some(Ending::Unwatched) => "that it is no longer watched",
            _ => "the end",
        },
    }
}

fn found(incident: &Incident) -> String {
    let reason = &incident.reason;
    match &reason.finding {
        Some(finding) => format!("{}; {finding}", reason.rule),
        None => reason.rule.clone(),
    }
}

/// Tells whether the main finding of an incident became another one. Its numbers change with each probe; its kind and place
/// are what is news.
pub fn is_other_finding(before: &Incident, after: &Incident) -> bool {
    place(before) != place(after)
}

/// Returns what makes a finding another one.
fn place(incident: &Incident) -> (Option<&str>, Option<&str>) {
    let reason = &incident.reason;
    (reason.code.as_deref(), reason.path.as_deref())
}
