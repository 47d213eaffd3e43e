//! What services have been through, in the database. A sample counts there from when its bucket is complete; until then it is
//! in `fresh`, and whoever reads adds it. So a sample costs one row, and a kill loses no count.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::Counters;
use super::load::time;
use super::series::RawSample;
use crate::model::judgement::Outcome;

/// The columns of `services` that [`counters`] reads, in its order.
pub(super) const COLUMNS: &str =
    "first_seen_us, last_good_us, unknown_since_us, passes, warns, unknowns, fails, errors";

/// Reads what a service was through, whose columns begin at one.
pub(super) fn counters(row: &Row<'_>, first: usize) -> rusqlite::Result<Counters> {
    let mut counters = Counters {
        first_seen: time(row.get(first)?),
        last_good: time(row.get(first + 1)?),
        unknown_since: time(row.get(first + 2)?),
        outcomes: [0; 5],
    };
    for (column, count) in (first + 3..).zip(&mut counters.outcomes) {
        *count = u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0);
    }
    Ok(counters)
}

/// Counts samples of a service whose bucket is complete now, in the order in which they came. Those of before the service
/// was forgotten are not its own any more.
pub(super) fn add(
    transaction: &Transaction<'_>,
    service: i64,
    samples: &[RawSample],
) -> rusqlite::Result<()> {
    let mut select = transaction.prepare_cached(&format!(
        "SELECT forgotten_us, {COLUMNS} FROM services WHERE id = ?1"
    ))?;
    let known = select.query_row([service], |row| Ok((time(row.get(0)?), counters(row, 1)?)));
    let Some((forgotten, mut counters)) = known.optional()? else {
        return Ok(());
    };
    let own = |sample: &&RawSample| forgotten.is_none_or(|at| sample.at >= at);
    for sample in samples.iter().filter(own) {
        counters.add(sample.at, sample.outcome);
    }
    let of = |outcome| i64::try_from(counters.of(outcome)).unwrap_or(i64::MAX);
    let mut update = transaction.prepare_cached(
        "UPDATE services SET first_seen_us = ?2, last_good_us = ?3, unknown_since_us = ?4,
         passes = ?5, warns = ?6, unknowns = ?7, fails = ?8, errors = ?9 WHERE id = ?1",
    )?;
    update.execute(params![
        service,
        counters.first_seen.map(Timestamp::as_microsecond),
        counters.last_good.map(Timestamp::as_microsecond),
        counters.unknown_since.map(Timestamp::as_microsecond),
        of(Outcome::Pass),
        of(Outcome::Warn),
        of(Outcome::Unknown),
        of(Outcome::Fail),
        of(Outcome::Error),
    ])?;
    Ok(())
}
