//! Completes buckets: five minutes from the samples of that time, hours from these, days from hours.
//!
//! A round goes through all services for one bucket, some of them in each transaction, so that rows that wait meanwhile do
//! not wait for long. How far it is stands in the database, in the same transaction: a process that is killed goes on where
//! it was. Nothing is counted in memory only: until its bucket is complete a sample is in the table `fresh`.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::buckets::{SLICE, close, read_buckets, read_fresh, services_after, write};
use super::codec;
use super::progress::{Progress, alive, pauses, second};
use super::rollup::{Last, PAUSE_MIN, Pause};
use super::series::{Resolution, together};
use crate::model::duration::{after, before, since};

/// A bucket is completed so long after its end: probes that began in it have ended by then. A sample that comes later is one
/// of the next bucket.
const GRACE: Duration = Duration::from_mins(2);
/// Samples that are removed in one transaction.
const SWEPT: i64 = 10_000;
/// A clock that is set back further than this is followed.
const SET_BACK: Duration = Duration::from_mins(1);

/// What the writer knows of buckets.
#[derive(Debug)]
pub(super) struct Rounds {
    /// By resolution, the finest first; absent before there was a sample.
    progress: Option<[Progress; 3]>,
    /// The newest sample of each service that is in a complete bucket.
    lasts: HashMap<i64, Last>,
    pauses: Vec<Pause>,
    /// The last sign of life.
    alive: Option<Timestamp>,
    /// The samples of the five minutes that are being completed, as their ids by service.
    round: Option<BTreeMap<i64, Vec<i64>>>,
    /// Whether samples may be left in `fresh` that are in complete buckets.
    littered: bool,
}

impl Rounds {
    /// Reads how far everything is.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let read = |resolution| Progress::read(connection, resolution);
        let [fine, hour, day] = Resolution::ALL.map(read);
        let progress = match (fine?, hour?, day?) {
            (Some(fine), Some(hour), Some(day)) => Some([fine, hour, day]),
            _ => None,
        };
        let oldest = progress.map_or(Timestamp::MIN, |[fine, ..]| fine.from);
        Ok(Self {
            progress,
            lasts: lasts(connection)?,
            pauses: pauses(connection, before(oldest, Duration::from_hours(48)))?,
            alive: alive(connection)?,
            round: None,
            littered: true,
        })
    }

    /// Reads again what was changed by somebody else.
    pub(super) fn reload(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let alive = self.alive;
        *self = Self::load(transaction)?;
        self.alive = self.alive.max(alive);
        Ok(())
    }

    /// Returns when a sample counts that began at a moment: then, or where that is complete, as soon as possible.
    pub(super) fn admit(&self, at: Timestamp) -> Timestamp {
        let Some([fine, ..]) = &self.progress else {
            return at;
        };
        let gate = if self.round.is_some() {
            fine.end()
        } else {
            fine.gate()
        };
        at.max(gate)
    }

    /// Notes a sign of life; a long time without one before it was a pause.
    pub(super) fn lives(
        &mut self,
        transaction: &Transaction<'_>,
        at: Timestamp,
    ) -> rusqlite::Result<()> {
        if let Some(alive) = self.alive
            && since(alive, at) >= PAUSE_MIN
        {
            self.pauses.push(Pause {
                from: alive,
                until: at,
            });
            transaction.execute(
                "INSERT OR REPLACE INTO pauses (from_us, until_us) VALUES (?1, ?2)",
                [alive.as_microsecond(), at.as_microsecond()],
            )?;
        }
        self.alive = self.alive.max(Some(at));
        Ok(())
    }

    /// Writes the last sign of life down.
    pub(super) fn save_life(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        if let Some(alive) = self.alive {
            let mut save = transaction
                .prepare_cached("INSERT OR REPLACE INTO life (id, alive_us) VALUES (0, ?1)")?;
            save.execute([alive.as_microsecond()])?;
        }
        Ok(())
    }

    /// Follows the clock: the monitor runs, and a clock that was set back is believed.
    pub(super) fn tick(
        &mut self,
        transaction: &Transaction<'_>,
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        if self.progress.is_none() {
            let first: Option<i64> =
                transaction.query_row("SELECT min(at_us) FROM fresh", (), |row| row.get(0))?;
            let first = first.and_then(|us| Timestamp::from_microsecond(us).ok());
            self.begin(transaction, first.map_or(now, |first| first.min(now)))?;
        }
        if let Some([fine, ..]) = self.progress
            && fine.from > after(now, SET_BACK)
        {
            self.turn_back(transaction, fine, now)?;
        }
        self.lives(transaction, now)
    }

    fn begin(&mut self, transaction: &Transaction<'_>, at: Timestamp) -> rusqlite::Result<()> {
        let known = self.progress;
        let progress = Resolution::ALL.map(|resolution| {
            let mut known = known.iter().flatten();
            let known = known.find(|one| one.resolution() == resolution);
            // What was not complete before is not skipped.
            let at = known.map_or(at, |known| known.from.min(at));
            Progress::beginning(resolution, at)
        });
        for one in &progress {
            one.save(transaction)?;
        }
        self.progress = Some(progress);
        Ok(())
    }

    /// Goes back to a moment after which buckets are complete: the clock was wrong then, or is now.
    fn turn_back(
        &mut self,
        transaction: &Transaction<'_>,
        fine: Progress,
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        // They are in complete buckets, and would come to life again.
        transaction.execute(
            "DELETE FROM fresh WHERE at_us < ?1 OR (at_us < ?2 AND service <= ?3)",
            [
                fine.from.as_microsecond(),
                fine.end().as_microsecond(),
                fine.service,
            ],
        )?;
        self.begin(transaction, now)?;
        self.round = None;
        let us = now.as_microsecond();
        transaction.execute("DELETE FROM pauses WHERE from_us >= ?1", [us])?;
        transaction.execute("UPDATE pauses SET until_us = ?1 WHERE until_us > ?1", [us])?;
        self.pauses.retain(|pause| pause.from < now);
        for pause in &mut self.pauses {
            pause.until = pause.until.min(now);
        }
        self.lasts.retain(|_, last| last.at <= now);
        self.alive = Some(now);
        Ok(())
    }

    /// Forgets what a service was last seen as.
    pub(super) fn forget(&mut self, service: i64) {
        self.lasts.remove(&service);
    }

    /// Completes what is next. Tells whether there was anything to do, and hence may be more.
    pub(super) fn step(
        &mut self,
        connection: &mut Connection,
        now: Timestamp,
    ) -> rusqlite::Result<bool> {
        let Some([fine, hour, day]) = self.progress else {
            return Ok(false);
        };
        let due = before(now, GRACE);
        if fine.end() <= due {
            return self.complete_samples(connection, fine, due).map(|()| true);
        }
        for (coarse, finer) in [(hour, fine), (day, hour)] {
            if coarse.end() <= finer.from {
                return self.complete_from(connection, coarse).map(|()| true);
            }
        }
        if self.littered {
            self.littered = sweep(connection, fine)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Completes five minutes for the next services.
    fn complete_samples(
        &mut self,
        connection: &mut Connection,
        fine: Progress,
        due: Timestamp,
    ) -> rusqlite::Result<()> {
        let round = match self.round.take() {
            Some(round) => round,
            None => self.gather(connection, fine)?,
        };
        if round.is_empty() && fine.service == 0 {
            let until = self.pause_over(fine).map_or(due, |over| over.min(due));
            let next = next_sample(connection, fine, until)?;
            next.save(connection)?;
            self.advance(next);
            return Ok(());
        }
        let rest = (Bound::Excluded(fine.service), Bound::Unbounded);
        let slice: Vec<(&i64, &Vec<i64>)> = round.range(rest).take(SLICE).collect();
        let next = match slice.last() {
            Some((service, _)) if slice.len() == SLICE => fine.after(Some(**service)),
            _ => fine.after(None),
        };
        let transaction = connection.transaction()?;
        let mut seen = Vec::with_capacity(slice.len());
        for (service, ids) in slice {
            let last = self.lasts.get(service).copied();
            let samples = read_fresh(&transaction, ids)?;
            let last = close(&transaction, *service, samples, last, &self.pauses, fine)?;
            seen.extend(last.map(|last| (*service, last)));
        }
        next.save(&transaction)?;
        transaction.commit()?;
        self.lasts.extend(seen);
        self.advance(next);
        if next.from == fine.from {
            self.round = Some(round);
        } else {
            self.littered = true;
        }
        Ok(())
    }

    /// Returns the services that have something in a bucket, with the ids of their samples in it.
    fn gather(
        &self,
        connection: &Connection,
        fine: Progress,
    ) -> rusqlite::Result<BTreeMap<i64, Vec<i64>>> {
        let mut round: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        if self.pause_over(fine).is_none() {
            let held = self.lasts.iter();
            let held = held.filter(|(_, last)| last.until > fine.from);
            round.extend(held.map(|(service, _)| (*service, Vec::new())));
        }
        let mut select = connection.prepare_cached(
            "SELECT service, id FROM fresh WHERE at_us >= ?1 AND at_us < ?2 ORDER BY id",
        )?;
        let mut rows = select.query([fine.from.as_microsecond(), fine.end().as_microsecond()])?;
        while let Some(row) = rows.next()? {
            round.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
        round.retain(|service, _| *service > fine.service);
        Ok(round)
    }

    /// Returns when the monitor ran again, where it did not in the whole of a bucket.
    fn pause_over(&self, bucket: Progress) -> Option<Timestamp> {
        let mut pauses = self.pauses.iter();
        let over = pauses.find(|pause| pause.from <= bucket.from && pause.until >= bucket.end());
        over.map(|pause| pause.until)
    }

    fn advance(&mut self, next: Progress) {
        let [fine, ..] = self.progress.get_or_insert([next; 3]);
        *fine = next;
    }

    /// Completes an hour from its five minutes, or a day from its hours, for the next services.
    fn complete_from(
        &mut self,
        connection: &mut Connection,
        coarse: Progress,
    ) -> rusqlite::Result<()> {
        let resolution = coarse.resolution();
        let finer = match resolution {
            Resolution::Day => Resolution::Hour,
            Resolution::Hour | Resolution::FiveMinutes => Resolution::FiveMinutes,
        };
        let transaction = connection.transaction()?;
        let services = services_after(&transaction, coarse.service)?;
        for service in &services {
            let parts = read_buckets(&transaction, finer, *service, coarse.from, coarse.end())?;
            if !parts.is_empty() {
                let whole = together(coarse.from, coarse.end(), &parts);
                write(&transaction, resolution, *service, &whole)?;
            }
        }
        let next = match services.last() {
            Some(service) if services.len() == SLICE => coarse.after(Some(*service)),
            _ => coarse.after(None),
        };
        next.save(&transaction)?;
        transaction.commit()?;
        for one in self.progress.iter_mut().flatten() {
            if one.resolution() == resolution {
                *one = next;
            }
        }
        Ok(())
    }
}

/// Returns the progress at the next bucket that has a sample, or at a moment that nothing is skipped after.
fn next_sample(
    connection: &Connection,
    fine: Progress,
    until: Timestamp,
) -> rusqlite::Result<Progress> {
    let sql = "SELECT min(at_us) FROM fresh WHERE at_us >= ?1";
    let end = fine.end();
    let us: Option<i64> = connection.query_row(sql, [end.as_microsecond()], |row| row.get(0))?;
    let next = us.and_then(|us| Timestamp::from_microsecond(us).ok());
    let at = next.map_or(until, |next| next.min(until)).max(end);
    Ok(Progress::beginning(Resolution::FiveMinutes, at))
}

/// Removes samples that are in complete buckets, some of them. Tells whether there may be more.
fn sweep(connection: &Connection, fine: Progress) -> rusqlite::Result<bool> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM fresh WHERE id IN (SELECT id FROM fresh WHERE at_us < ?1 ORDER BY id LIMIT ?2)",
    )?;
    let swept = delete.execute([fine.from.as_microsecond(), SWEPT])?;
    Ok(i64::try_from(swept).is_ok_and(|swept| swept == SWEPT))
}

/// Returns the newest sample of each service that is in a complete bucket.
fn lasts(connection: &Connection) -> rusqlite::Result<HashMap<i64, Last>> {
    let mut select = connection.prepare(
        "SELECT services.id, raw.from_s, raw.data FROM services JOIN raw ON raw.service = services.id
         AND raw.from_s = (SELECT max(from_s) FROM raw WHERE service = services.id)
         WHERE services.forgotten_us IS NULL OR raw.from_s * 1000000 >= services.forgotten_us",
    )?;
    let mut rows = select.query(())?;
    let mut lasts = HashMap::new();
    while let Some(row) = rows.next()? {
        let data = row.get_ref(2)?.as_blob().unwrap_or_default();
        let samples = codec::unpack(second(row.get(1)?), data);
        if let Some(last) = samples.last() {
            lasts.insert(row.get(0)?, Last::of(last));
        }
    }
    Ok(lasts)
}
