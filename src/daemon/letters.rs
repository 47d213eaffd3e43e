//! Writes the messages: what a channel is told, from the ledger and the config.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::book::Book;
use super::notifier::Shared;
use crate::channel::message::{Digest, IncidentMessage, Member, Message, Sending, Storm, Subject};
use crate::model::incident::{Delivery, Incident, IncidentId, Ledger};
use crate::model::service::{ChannelName, ServiceName};
use crate::model::violation::Violation;
use crate::policy::causes;
use crate::policy::owed::{Batch, Part, Telling, Told};
use crate::web::page::feed;

/// Returns the message that a batch is; absent if the ledger no longer has what it tells.
pub(super) fn message(
    shared: &Shared,
    channel: &ChannelName,
    batch: &Batch,
    ledger: &Ledger,
    durable: bool,
) -> Option<Message> {
    let book = shared.book.newest();
    let sending = Sending {
        possible_repeat: batch.is_possible_repeat(ledger, channel),
        durable,
        link: link(&book, batch),
        zone: book.zone.clone().unwrap_or(TimeZone::UTC),
        ..Sending::new(batch.message_id.clone(), shared.clock.now())
    };
    if batch.digest.is_some() {
        return Some(digest(shared, &book, ledger, sending));
    }
    match &batch.storm {
        Some(part) => Some(of_storm(&book, channel, batch, part, ledger, sending)),
        None => of_one(&book, channel, batch.told.first()?, ledger, sending),
    }
}

/// Returns the page about what a batch tells: that of the incident, of many the first page.
fn link(book: &Book, batch: &Batch) -> Option<Arc<str>> {
    let page = book.server.url.as_ref()?;
    let link = match batch.told.as_slice() {
        [one] if batch.storm.is_none() && batch.digest.is_none() => {
            feed::address(page, &one.incident)
        }
        _ => page.to_string(),
    };
    Some(link.into())
}

fn of_one(
    book: &Book,
    channel: &ChannelName,
    told: &Told,
    ledger: &Ledger,
    sending: Sending,
) -> Option<Message> {
    let incident = ledger.incidents.get(&told.incident)?.clone();
    let delivery = ledger
        .deliveries
        .get(&(channel.clone(), told.incident.clone()))?;
    let message = IncidentMessage {
        telling: told.telling,
        subject: subject(book, &incident),
        dependents: dependents(book, ledger, &incident),
        sending: Sending {
            remote_ref: delivery.remote_ref.clone(),
            muted: delivery.muted.as_ref().map(|muted| muted.why.clone()),
            instead: delivery.instead.clone(),
            ..sending
        },
        incident,
    };
    Some(message.into())
}

fn of_storm(
    book: &Book,
    channel: &ChannelName,
    batch: &Batch,
    part: &Part,
    ledger: &Ledger,
    sending: Sending,
) -> Message {
    let new: HashSet<&IncidentId> = batch.told.iter().map(|told| &told.incident).collect();
    let member = |((of, id), delivery): (&(ChannelName, _), &Delivery)| {
        let belongs =
            of == channel && (delivery.storm.as_ref() == Some(&part.id) || new.contains(id));
        ledger.incidents.get(id).filter(|_| belongs)
    };
    let incidents: Vec<&Incident> = ledger.deliveries.iter().filter_map(member).collect();
    let muted = |incident: &Incident| {
        let delivery = ledger
            .deliveries
            .get(&(channel.clone(), incident.id.clone()));
        Some(delivery?.muted.as_ref()?.why.clone())
    };
    let down: BTreeSet<&ServiceName> = incidents
        .iter()
        .filter(|one| one.is_open() && one.violation == Violation::Error)
        .map(|one| &one.service)
        .collect();
    let dependents: BTreeSet<ServiceName> = down
        .iter()
        .flat_map(|service| book.dependents_of(service))
        .filter(|name| !down.contains(name))
        .collect();
    let service = |incident: &Incident| book.services.get(&incident.service).map(|one| &**one);
    let state = ledger.channels.get(channel);
    let known = state.and_then(|state| state.storm(&part.id));
    let told = known.is_some_and(|storm| storm.told_at.is_some());
    let opens = batch.told.iter().any(|one| one.telling == Telling::Fire);
    let storm = Storm {
        id: part.id.clone(),
        first: opens && !told,
        services: book.services.len(),
        edit: part.edit.clone(),
        leaves: batch.told.iter().any(|one| one.telling == Telling::Left),
        causes: causes::common(&incidents, &service),
        members: incidents
            .iter()
            .map(|incident| Member {
                incident,
                subject: subject(book, incident),
                muted: muted(incident),
            })
            .collect(),
        dependents: dependents.iter().map(ToString::to_string).collect(),
        sending,
    };
    Message::Summary(Box::new(storm.into()))
}

fn digest(shared: &Shared, book: &Book, ledger: &Ledger, sending: Sending) -> Message {
    let now = sending.now;
    let on = book
        .maintenance
        .iter()
        .filter(|one| one.is_on(now).is_some());
    let digest = Digest {
        ledger,
        services: book.services.len(),
        expiries: shared.seen.expiries(),
        maintenance: on.map(|one| one.name.clone()).collect(),
        sending,
    };
    Message::Summary(Box::new(digest.into()))
}

fn subject(book: &Book, incident: &Incident) -> Subject {
    book.services.get(&incident.service).map_or_else(
        || Subject::gone(incident.service.clone()),
        |service| Subject::from(&**service),
    )
}

/// Returns the services that depend on that of an incident, and whether each breaks a rule as well.
fn dependents(book: &Book, ledger: &Ledger, incident: &Incident) -> Vec<(String, bool)> {
    if !incident.is_open() {
        return Vec::new();
    }
    let dependents = book.dependents_of(&incident.service);
    let broken = |name: &_| {
        let mut open = ledger.incidents.values().filter(|one| one.is_open());
        open.any(|one| one.service == *name)
    };
    dependents
        .iter()
        .map(|name| (name.to_string(), broken(name)))
        .collect()
}
