//! Buckets in the database, and the samples that they are made of.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::progress::{FRESH, Progress, fresh_sample, second, table};
use super::rollup::{self, Last, Pause};
use super::series::{Bucket, RawSample, Resolution};
use super::{codec, counted};

/// Services that are done in one transaction.
pub(super) const SLICE: usize = 250;

/// Writes what a service was in five minutes, and its samples. Returns the newest of these.
pub(super) fn close(
    transaction: &Transaction<'_>,
    service: i64,
    mut samples: Vec<RawSample>,
    last: Option<Last>,
    pauses: &[Pause],
    fine: Progress,
) -> rusqlite::Result<Option<Last>> {
    let (from, until) = (fine.from, fine.end());
    if !samples.is_empty() {
        counted::add(transaction, service, &samples)?;
        let mut known = transaction
            .prepare_cached("SELECT data FROM raw WHERE service = ?1 AND from_s = ?2")?;
        let mut rows = known.query([service, from.as_second()])?;
        // There are some only where the clock told this time twice.
        if let Some(row) = rows.next()? {
            samples.extend(codec::unpack(from, &row.get::<_, Vec<u8>>(0)?));
        }
        samples.sort_by_key(|sample| sample.at);
        let mut keep = transaction.prepare_cached(
            "INSERT OR REPLACE INTO raw (service, from_s, samples, data) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let count = i64::try_from(samples.len()).unwrap_or(i64::MAX);
        let packed = codec::pack(from, &samples);
        keep.execute(params![service, from.as_second(), count, packed])?;
    }
    let bucket = rollup::bucket(last, &samples, pauses, from, until);
    if bucket.probes() > 0 || !bucket.tally.watched().is_zero() {
        write(transaction, Resolution::FiveMinutes, service, &bucket)?;
    }
    Ok(samples.last().map(Last::of))
}

/// Writes a bucket in place of what was there.
pub(super) fn write(
    connection: &Connection,
    resolution: Resolution,
    service: i64,
    bucket: &Bucket,
) -> rusqlite::Result<()> {
    let table = table(resolution);
    let sql = format!("INSERT OR REPLACE INTO {table} (service, from_s, data) VALUES (?1, ?2, ?3)");
    let mut insert = connection.prepare_cached(&sql)?;
    insert.execute(params![
        service,
        bucket.from.as_second(),
        codec::encode(bucket)
    ])?;
    Ok(())
}

/// Reads the complete buckets of a service that begin within a span, oldest first.
pub(super) fn read_buckets(
    connection: &Connection,
    resolution: Resolution,
    service: i64,
    from: Timestamp,
    until: Timestamp,
) -> rusqlite::Result<Vec<Bucket>> {
    let table = table(resolution);
    let sql = format!(
        "SELECT from_s, data FROM {table} WHERE service = ?1 AND from_s >= ?2 AND from_s < ?3 ORDER BY from_s"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query([service, from.as_second(), until.as_second()])?;
    let mut buckets = Vec::new();
    while let Some(row) = rows.next()? {
        let from = second(row.get(0)?);
        let data = row.get_ref(1)?.as_blob().unwrap_or_default();
        buckets.extend(codec::decode(from, resolution.end(from), data));
    }
    Ok(buckets)
}

/// Returns samples that are in no bucket yet by their ids.
pub(super) fn read_fresh(
    transaction: &Transaction<'_>,
    ids: &[i64],
) -> rusqlite::Result<Vec<RawSample>> {
    let sql = format!("SELECT {FRESH} FROM fresh WHERE id = ?1");
    let mut select = transaction.prepare_cached(&sql)?;
    let mut samples = Vec::with_capacity(ids.len());
    for id in ids {
        samples.extend(select.query_row([id], |row| fresh_sample(row, 0))?);
    }
    Ok(samples)
}

/// Returns the next ids of services after one, at most a slice of them.
pub(super) fn services_after(connection: &Connection, service: i64) -> rusqlite::Result<Vec<i64>> {
    let mut select =
        connection.prepare_cached("SELECT id FROM services WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let limit = i64::try_from(SLICE).unwrap_or(i64::MAX);
    let ids = select.query_map([service, limit], |row| row.get(0))?;
    ids.collect()
}
