//! Gives a service what another was: it is the same one under a new name.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::buckets::write;
use super::codec;
use super::progress::{Progress, second, table};
use super::series::{Resolution, together};
use crate::model::service::ServiceName;

/// Moves everything that is known of a service to another name. Where both were watched, what they were is put together.
/// Tells whether there was anything.
pub(super) fn rename(
    transaction: &Transaction<'_>,
    old: &ServiceName,
    new: &ServiceName,
) -> rusqlite::Result<bool> {
    let id = |name: &ServiceName| {
        let mut find = transaction.prepare_cached("SELECT id FROM services WHERE name = ?1")?;
        find.query_row([name.as_str()], |row| row.get::<_, i64>(0))
            .optional()
    };
    let Some(from) = id(old)? else {
        return Ok(false);
    };
    transaction.execute(
        "UPDATE evidence SET service = ?2 WHERE service = ?1",
        [old.as_str(), new.as_str()],
    )?;
    match id(new)? {
        None => {
            let sql = "UPDATE services SET name = ?2, forgotten_us = NULL WHERE id = ?1";
            transaction.execute(sql, params![from, new.as_str()])?;
        }
        Some(to) if to != from => merge(transaction, from, to)?,
        Some(_) => {}
    }
    Ok(true)
}

fn merge(transaction: &Transaction<'_>, from: i64, to: i64) -> rusqlite::Result<()> {
    for resolution in Resolution::ALL {
        merge_buckets(transaction, resolution, from, to)?;
    }
    merge_samples(transaction, from, to)?;
    merge_fresh(transaction, from, to)?;
    for sql in [
        "UPDATE OR IGNORE memory SET service = ?2 WHERE service = ?1",
        "UPDATE services AS new SET
            passes = new.passes + old.passes, warns = new.warns + old.warns,
            unknowns = new.unknowns + old.unknowns, fails = new.fails + old.fails,
            errors = new.errors + old.errors, forgotten_us = NULL,
            first_seen_us = min(coalesce(new.first_seen_us, old.first_seen_us), coalesce(old.first_seen_us, new.first_seen_us)),
            last_good_us = max(coalesce(new.last_good_us, old.last_good_us), coalesce(old.last_good_us, new.last_good_us))
         FROM services AS old WHERE new.id = ?2 AND old.id = ?1",
    ] {
        transaction.execute(sql, [from, to])?;
    }
    for sql in [
        "DELETE FROM memory WHERE service = ?1",
        "DELETE FROM services WHERE id = ?1",
    ] {
        transaction.execute(sql, [from])?;
    }
    Ok(())
}

fn merge_buckets(
    transaction: &Transaction<'_>,
    resolution: Resolution,
    from: i64,
    to: i64,
) -> rusqlite::Result<()> {
    let table = table(resolution);
    let sql = format!(
        "SELECT old.from_s, old.data, new.data FROM {table} AS old JOIN {table} AS new
         ON new.service = ?2 AND new.from_s = old.from_s WHERE old.service = ?1"
    );
    let mut both = transaction.prepare(&sql)?;
    let mut rows = both.query([from, to])?;
    let mut merged = Vec::new();
    while let Some(row) = rows.next()? {
        let begin = second(row.get(0)?);
        let end = resolution.end(begin);
        let one = |column| -> rusqlite::Result<_> {
            Ok(codec::decode(begin, end, &row.get::<_, Vec<u8>>(column)?))
        };
        let parts: Vec<_> = [one(1)?, one(2)?].into_iter().flatten().collect();
        merged.push(together(begin, end, &parts));
    }
    for bucket in &merged {
        write(transaction, resolution, to, bucket)?;
    }
    let sql = format!("UPDATE OR IGNORE {table} SET service = ?2 WHERE service = ?1");
    transaction.execute(&sql, [from, to])?;
    transaction.execute(&format!("DELETE FROM {table} WHERE service = ?1"), [from])?;
    Ok(())
}

fn merge_samples(transaction: &Transaction<'_>, from: i64, to: i64) -> rusqlite::Result<()> {
    let mut both = transaction.prepare(
        "SELECT old.from_s, old.data, new.data FROM raw AS old JOIN raw AS new
         ON new.service = ?2 AND new.from_s = old.from_s WHERE old.service = ?1",
    )?;
    let mut rows = both.query([from, to])?;
    let mut keep = transaction
        .prepare("UPDATE raw SET samples = ?3, data = ?4 WHERE service = ?1 AND from_s = ?2")?;
    while let Some(row) = rows.next()? {
        let begin = second(row.get(0)?);
        let mut samples = codec::unpack(begin, &row.get::<_, Vec<u8>>(1)?);
        samples.extend(codec::unpack(begin, &row.get::<_, Vec<u8>>(2)?));
        samples.sort_by_key(|sample| sample.at);
        let count = i64::try_from(samples.len()).unwrap_or(i64::MAX);
        keep.execute(params![
            to,
            begin.as_second(),
            count,
            codec::pack(begin, &samples)
        ])?;
    }
    transaction.execute(
        "UPDATE OR IGNORE raw SET service = ?2 WHERE service = ?1",
        [from, to],
    )?;
    transaction.execute("DELETE FROM raw WHERE service = ?1", [from])?;
    Ok(())
}

/// Moves samples that are in no complete bucket, to where the other name's are not complete either.
fn merge_fresh(transaction: &Transaction<'_>, from: i64, to: i64) -> rusqlite::Result<()> {
    let fine = Progress::read(transaction, Resolution::FiveMinutes)?;
    let complete = |service| fine.map_or(i64::MIN, |fine| fine.of(service).as_microsecond());
    transaction.execute(
        "DELETE FROM fresh WHERE service = ?1 AND at_us < ?2",
        [from, complete(from)],
    )?;
    transaction.execute(
        "UPDATE fresh SET service = ?2, at_us = max(at_us, ?3) WHERE service = ?1",
        [from, to, complete(to)],
    )?;
    Ok(())
}
