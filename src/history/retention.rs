//! Removes what is too old: once an hour, a few rows at a time, so that nobody waits for it.
//!
//! The file does not become smaller by that, it stops growing: SQLite writes what comes next into the pages that became free.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::buckets::services_after;
use super::progress::table;
use super::series::Resolution;
use crate::model::duration::{after, before, since};

const DAY: Duration = Duration::from_hours(24);

/// How long what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Samples; of each service the newest stay in any case, as many as its rules look at.
    pub samples: Duration,
    /// Buckets of five minutes.
    pub five_minutes: Duration,
    /// Hours.
    pub hours: Duration,
    /// Days.
    pub days: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            samples: 7 * DAY,
            five_minutes: 90 * DAY,
            hours: 400 * DAY,
            days: 5 * 365 * DAY,
        }
    }
}

impl Retention {
    fn of(&self, resolution: Resolution) -> Duration {
        match resolution {
            Resolution::FiveMinutes => self.five_minutes,
            Resolution::Hour => self.hours,
            Resolution::Day => self.days,
        }
    }
}

/// How often everything is looked at.
const EVERY: Duration = Duration::from_hours(1);
/// Rows that are removed in one transaction, about.
const ROWS: usize = 1_000;
/// A forgotten service without history is removed after this.
const FORGOTTEN_FOR: Duration = Duration::from_hours(2 * 24);
/// A clock that leaps further is not believed for an hour: what it makes too old would be lost.
const LEAP: Duration = DAY;

/// Removes what is too old.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    pub(super) keep: Retention,
    /// How many samples of each service stay in any case.
    samples: usize,
    /// The last service that was looked at, while it goes round.
    at: Option<i64>,
    next: Option<Timestamp>,
    seen: Option<Timestamp>,
}

impl Pruning {
    /// Keeps at least so many samples of each service.
    pub(super) fn new(samples: usize) -> Self {
        Self {
            samples,
            ..Self::default()
        }
    }

    /// Follows the clock.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let leapt = self.seen.is_some_and(|seen| since(seen, now) > LEAP);
        let set_back = self.next.is_some_and(|next| next > after(now, EVERY));
        if leapt || set_back {
            self.next = Some(after(now, EVERY));
            self.at = None;
        }
        self.seen = Some(now);
    }

    /// Removes a few rows. Tells whether there may be more to do.
    pub(super) fn step(
        &mut self,
        connection: &mut Connection,
        now: Timestamp,
    ) -> rusqlite::Result<bool> {
        if self.at.is_none() && self.next.is_some_and(|next| now < next) {
            return Ok(false);
        }
        let begun = self.at.unwrap_or(0);
        let transaction = connection.transaction()?;
        let services = services_after(&transaction, begun)?;
        let (mut at, mut removed) = (begun, 0);
        for service in &services {
            removed += self.prune(&transaction, *service, now)?;
            if removed >= ROWS {
                break;
            }
            at = *service;
        }
        if services.is_empty() {
            let oldest = before(now, self.keep.days).as_microsecond();
            transaction.execute("DELETE FROM pauses WHERE until_us < ?1", [oldest])?;
        }
        transaction.commit()?;
        self.at = (!services.is_empty()).then_some(at);
        if services.is_empty() {
            self.next = Some(after(now, EVERY));
        }
        Ok(self.at.is_some())
    }

    /// Removes what is too old of one service, at most about so many rows of each kind. Returns how many.
    fn prune(
        &self,
        transaction: &Transaction<'_>,
        service: i64,
        now: Timestamp,
    ) -> rusqlite::Result<usize> {
        let oldest = |keep| before(now, keep).as_second();
        let mut removed = 0;
        let samples = oldest(self.keep.samples);
        let kept = self.oldest_kept(transaction, service, samples)?;
        removed += remove(transaction, "raw", service, samples.min(kept))?;
        for resolution in Resolution::ALL {
            let before = oldest(self.keep.of(resolution));
            removed += remove(transaction, table(resolution), service, before)?;
        }
        let mut gone = transaction.prepare_cached(
            "DELETE FROM services WHERE id = ?1 AND forgotten_us < ?2
             AND passes + warns + unknowns + fails + errors = 0
             AND NOT EXISTS (SELECT 1 FROM memory WHERE service = ?1)
             AND NOT EXISTS (SELECT 1 FROM raw WHERE service = ?1)
             AND NOT EXISTS (SELECT 1 FROM five_minutes WHERE service = ?1)
             AND NOT EXISTS (SELECT 1 FROM hours WHERE service = ?1)
             AND NOT EXISTS (SELECT 1 FROM days WHERE service = ?1)
             AND NOT EXISTS (SELECT 1 FROM fresh WHERE service = ?1)",
        )?;
        let forgotten = before(now, FORGOTTEN_FOR).as_microsecond();
        removed += gone.execute([service, forgotten])?;
        Ok(removed)
    }

    /// Returns the beginning of the oldest samples that stay whatever their age.
    fn oldest_kept(
        &self,
        transaction: &Transaction<'_>,
        service: i64,
        cut: i64,
    ) -> rusqlite::Result<i64> {
        let mut any = transaction
            .prepare_cached("SELECT 1 FROM raw WHERE service = ?1 AND from_s < ?2 LIMIT 1")?;
        if !any.exists([service, cut])? {
            return Ok(i64::MAX);
        }
        let mut newest = transaction.prepare_cached(
            "SELECT from_s, samples FROM raw WHERE service = ?1 ORDER BY from_s DESC",
        )?;
        let mut rows = newest.query([service])?;
        let mut missing = i64::try_from(self.samples).unwrap_or(i64::MAX);
        while let Some(row) = rows.next()? {
            missing = missing.saturating_sub(row.get(1)?);
            if missing <= 0 {
                return row.get(0);
            }
        }
        Ok(i64::MIN)
    }
}

fn remove(
    transaction: &Transaction<'_>,
    table: &str,
    service: i64,
    before: i64,
) -> rusqlite::Result<usize> {
    let sql = format!(
        "DELETE FROM {table} WHERE service = ?1 AND from_s IN (
            SELECT from_s FROM {table} WHERE service = ?1 AND from_s < ?2 ORDER BY from_s LIMIT ?3
        )"
    );
    let mut delete = transaction.prepare_cached(&sql)?;
    delete.execute(params![
        service,
        before,
        i64::try_from(ROWS).unwrap_or(i64::MAX)
    ])
}
