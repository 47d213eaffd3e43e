//! The newest samples of each service, which its windows begin with after a start.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::Connection;

use super::Restored;
use super::codec;
use super::load::time;
use super::progress::{FRESH, Progress, fresh_sample, second};
use super::series::Resolution;
use crate::model::service::ServiceName;
use crate::model::violation::Sample;

/// Reads the newest samples of every service, at most so many of each. Older ones are not even looked at.
pub(super) fn read(
    connection: &Connection,
    by_id: &mut HashMap<i64, (ServiceName, Restored)>,
    samples: usize,
) -> rusqlite::Result<()> {
    // A database of an older version, read while its daemon runs.
    if !connection.table_exists(None, "fresh")? {
        return Ok(());
    }
    let forgotten = forgotten(connection)?;
    let fine = Progress::read(connection, Resolution::FiveMinutes)?;
    let mut select =
        connection.prepare(&format!("SELECT service, {FRESH} FROM fresh ORDER BY id"))?;
    let mut rows = select.query(())?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        if let (Some((_, known)), Some(sample)) = (by_id.get_mut(&id), fresh_sample(row, 1)?)
            && fine.is_none_or(|fine| sample.at >= fine.of(id))
            && forgotten.get(&id).is_none_or(|at| sample.at >= *at)
        {
            known.counters.add(sample.at, sample.outcome);
            known.samples.push(Sample::from(sample));
        }
    }
    by_id.retain(|id, (_, known)| !forgotten.contains_key(id) || known.counters.probes() > 0);
    let mut newest = connection
        .prepare("SELECT from_s, data FROM raw WHERE service = ?1 ORDER BY from_s DESC")?;
    for (id, (_, known)) in &mut *by_id {
        let mut rows = newest.query([id])?;
        let mut older = Vec::new();
        while known.samples.len() + older.len() < samples
            && let Some(row) = rows.next()?
        {
            let data = row.get_ref(1)?.as_blob().unwrap_or_default();
            let chunk = codec::unpack(second(row.get(0)?), data);
            older.extend(chunk.into_iter().rev().map(Sample::from));
        }
        older.reverse();
        older.append(&mut known.samples);
        if let Some(since) = forgotten.get(id) {
            older.retain(|sample| sample.at >= *since);
        }
        older.drain(..older.len().saturating_sub(samples));
        known.samples = older;
    }
    Ok(())
}

/// Returns the services that were forgotten, with when: samples of before are not of their windows.
fn forgotten(connection: &Connection) -> rusqlite::Result<HashMap<i64, Timestamp>> {
    let mut select = connection
        .prepare("SELECT id, forgotten_us FROM services WHERE forgotten_us IS NOT NULL")?;
    let mut rows = select.query(())?;
    let mut forgotten = HashMap::new();
    while let Some(row) = rows.next()? {
        if let Some(at) = time(row.get(1)?) {
            forgotten.insert(row.get(0)?, at);
        }
    }
    Ok(forgotten)
}
