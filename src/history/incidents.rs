//! What happened to incidents, for longer than the state file knows them.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::load::{read_only, time};
use super::{ReadError, evidence};
use crate::model::duration::before;
use crate::model::event::{Chapter, Chronicle, Event, EventKind};
use crate::model::incident::{Incident, IncidentId};
use crate::model::service::ChannelName;

/// Events of one incident; of more the tries go first, then the oldest.
pub const EVENTS_MAX: u32 = 200;
/// Incidents that have ended; of more the oldest go.
pub const INCIDENTS_MAX: u32 = 5_000;
/// Incidents are kept for so long after their end.
pub const KEPT_FOR: Duration = Duration::from_hours(400 * 24);

/// Writes what happened.
pub(super) fn write(transaction: &Transaction<'_>, chronicle: &Chronicle) -> rusqlite::Result<()> {
    let mut keep = transaction.prepare_cached(
        "INSERT OR REPLACE INTO incidents (id, opened_at_us, closed_at_us, incident) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for incident in &chronicle.incidents {
        let Ok(text) = serde_json::to_string(incident) else {
            continue;
        };
        keep.execute(params![
            &*incident.id.0,
            incident.opened_at.as_microsecond(),
            incident.closed_at.map(Timestamp::as_microsecond),
            text
        ])?;
    }
    for event in &chronicle.events {
        add(transaction, event)?;
    }
    Ok(())
}

fn add(transaction: &Transaction<'_>, event: &Event) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO events (incident, at_us, kind, channel, text) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let id = &*event.incident.0;
    insert.execute(params![
        id,
        event.at.as_microsecond(),
        event.kind.as_str(),
        event.channel.as_ref().map(ChannelName::as_str),
        event.text
    ])?;
    // A channel that is down for a week is tried hundreds of times; how it all began must not be lost to that.
    let mut trim = transaction.prepare_cached(
        "DELETE FROM events WHERE id IN (
            SELECT id FROM events WHERE incident = ?1
            ORDER BY kind IN ('intended', 'refused') DESC, kind = 'opened', id
            LIMIT max(0, (SELECT count(*) FROM events WHERE incident = ?1) - ?2)
        )",
    )?;
    trim.execute(params![id, EVENTS_MAX])?;
    Ok(())
}

/// Removes incidents that are too old, or too many, with their events.
pub(super) fn prune(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let oldest = before(now, KEPT_FOR).as_microsecond();
    transaction.execute(
        "DELETE FROM incidents WHERE coalesce(closed_at_us, opened_at_us) < ?1",
        [oldest],
    )?;
    transaction.execute(
        "DELETE FROM incidents WHERE id IN (
            SELECT id FROM incidents WHERE closed_at_us IS NOT NULL
            ORDER BY closed_at_us DESC LIMIT -1 OFFSET ?1
        )",
        [INCIDENTS_MAX],
    )?;
    transaction.execute(
        "DELETE FROM events WHERE incident NOT IN (SELECT id FROM incidents) AND at_us < ?1",
        [oldest],
    )?;
    evidence::prune(transaction, before(now, Duration::from_hours(24)))?;
    transaction.execute(
        "DELETE FROM events WHERE incident NOT IN (SELECT id FROM incidents) AND incident IN (
            SELECT incident FROM events WHERE kind = 'closed'
        )",
        (),
    )?;
    Ok(())
}

/// Returns the incidents of a database, the newest first, while a daemon may be writing it.
///
/// # Errors
/// [`ReadError`] if there is no such database or it cannot be read.
pub fn read_all(path: &Path) -> Result<Vec<Incident>, ReadError> {
    let read = || -> rusqlite::Result<Vec<Incident>> {
        let connection = read_only(path)?;
        let mut select =
            connection.prepare("SELECT incident FROM incidents ORDER BY opened_at_us DESC, id")?;
        let mut rows = select.query(())?;
        let mut incidents = Vec::new();
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            incidents.extend(serde_json::from_str::<Incident>(&text).ok());
        }
        Ok(incidents)
    };
    read().map_err(|source| unreadable(path, source))
}

/// Returns what is known of one incident, while a daemon may be writing the database; nothing for an unknown one.
///
/// # Errors
/// [`ReadError`] if there is no such database or it cannot be read.
pub fn read(path: &Path, id: &IncidentId) -> Result<Option<Chapter>, ReadError> {
    let read = || -> rusqlite::Result<Option<Chapter>> {
        let connection = read_only(path)?;
        let mut select = connection.prepare("SELECT incident FROM incidents WHERE id = ?1")?;
        let text: Option<String> = select.query_row([&*id.0], |row| row.get(0)).optional()?;
        let incident = text.and_then(|text| serde_json::from_str(&text).ok());
        let events = events(&connection, id)?;
        Ok(incident.map(|incident| Chapter { incident, events }))
    };
    read().map_err(|source| unreadable(path, source))
}

fn events(connection: &Connection, id: &IncidentId) -> rusqlite::Result<Vec<Event>> {
    let mut select = connection
        .prepare("SELECT at_us, kind, channel, text FROM events WHERE incident = ?1 ORDER BY id")?;
    let mut rows = select.query([&*id.0])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, channel): (String, Option<String>) = (row.get(1)?, row.get(2)?);
        let (Some(at), Some(kind)) = (time(Some(row.get(0)?)), EventKind::named(&kind)) else {
            continue;
        };
        events.push(Event {
            incident: id.clone(),
            at,
            kind,
            channel: channel.map(ChannelName::new),
            text: row.get(3)?,
        });
    }
    Ok(events)
}

fn unreadable(path: &Path, source: rusqlite::Error) -> ReadError {
    ReadError {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{FILE, Store};
    use crate::model::incident::{News, Reason};
    use crate::model::service::ServiceName;
    use crate::model::violation::Violation;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn incident(number: i64, closed_at: Option<Timestamp>) -> Incident {
        Incident {
            id: IncidentId(format!("{number:016}").into()),
            service: ServiceName::new("price"),
            violation: Violation::Error,
            generation: 1,
            news: News::Opened,
            reminders: 0,
            ack: None,
            opened_at: at(number),
            closed_at,
            ending: None,
            last_good: None,
            announced_before: None,
            reason: Reason::default(),
        }
    }

    fn event(of: &Incident, kind: EventKind, text: &str) -> Event {
        Event {
            incident: of.id.clone(),
            at: at(0),
            kind,
            channel: (kind == EventKind::Refused).then(|| ChannelName::new("hook")),
            text: text.to_owned(),
        }
    }

    fn stored(chronicles: Vec<Chronicle>, prune_at: Option<Timestamp>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join(FILE), 7, at(0)).store;
        for chronicle in chronicles {
            store.write_chronicle(chronicle);
        }
        if let Some(now) = prune_at {
            store.prune_incidents(now);
        }
        store.flush(Duration::from_secs(20)).unwrap();
        folder
    }

    #[test]
    fn what_happened_is_read_back() {
        let one = incident(1, None);
        let events = vec![
            event(&one, EventKind::Opened, "2 of 2 failed"),
            event(&one, EventKind::Refused, "no"),
        ];
        let chronicle = Chronicle {
            incidents: vec![one.clone()],
            events: events.clone(),
        };
        let folder = stored(vec![chronicle], None);
        let path = folder.path().join(FILE);
        let chapter = read(&path, &one.id).unwrap().unwrap();
        assert_eq!(
            chapter,
            Chapter {
                incident: one,
                events
            }
        );
        assert_eq!(read(&path, &incident(2, None).id).unwrap(), None);
        assert_eq!(read_all(&path).unwrap().len(), 1);
    }

    #[test]
    fn tries_make_room_for_the_rest() {
        let one = incident(1, None);
        let tries = (0..500).map(|n| event(&one, EventKind::Refused, &n.to_string()));
        let first = event(&one, EventKind::Opened, "");
        let second = event(&one, EventKind::Acked, "");
        let events = [first.clone(), second.clone()].into_iter().chain(tries);
        let chronicle = Chronicle {
            incidents: vec![one.clone()],
            events: events.collect(),
        };
        let folder = stored(vec![chronicle], None);
        let kept = read(&folder.path().join(FILE), &one.id).unwrap().unwrap();
        assert_eq!(kept.events.len(), EVENTS_MAX as usize);
        assert_eq!(kept.events[..2], [first, second]);
        assert_eq!(kept.events.last().unwrap().text, "499");
    }

    #[test]
    fn what_is_old_or_too_much_is_removed_with_its_events() {
        let day = 86_400;
        let now = at(1000 * day);
        let closed =
            (0..i64::from(INCIDENTS_MAX) + 2).map(|n| incident(n, Some(at(900 * day + n))));
        let open = incident(900 * day, None);
        let old = incident(-1, Some(at(0)));
        let all: Vec<Incident> = closed.chain([open.clone(), old.clone()]).collect();
        let events = all.iter().map(|one| event(one, EventKind::Closed, ""));
        let chronicle = Chronicle {
            events: events.collect(),
            incidents: all.clone(),
        };
        let folder = stored(vec![chronicle], Some(now));
        let path = folder.path().join(FILE);
        let left = read_all(&path).unwrap();
        assert_eq!(left.len(), INCIDENTS_MAX as usize + 1);
        assert!(left.contains(&open));
        for gone in [&old, &all[0], &all[1]] {
            assert!(!left.contains(gone));
            let connection = read_only(&path).unwrap();
            assert_eq!(super::events(&connection, &gone.id).unwrap(), []);
        }
    }
}
