//! The thread that owns the connection.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, never, select};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::{Counters, incidents};
use crate::model::event::Chronicle;
use crate::model::judgement::{MemoryDiff, Outcome};
use crate::model::service::ServiceName;
use crate::model::violation::Sample;

/// A batch is written when it has so many rows.
const BATCH_ROWS: usize = 500;
/// A batch is written when its first row is so old.
const BATCH_AGE: Duration = Duration::from_secs(1);
/// How often the queue is looked at while a batch gathers; its room is enough for 300,000 rows a second.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// Surplus samples of a service are removed at every n-th, which leaves up to so many too many.
const TRIM_EVERY: i64 = 16;

/// What the writer is asked to do.
pub(super) enum Command {
    /// Write something.
    Write(Item),
    /// Write everything and answer, with the error if there was one.
    Flush(Sender<Option<String>>),
}

/// What is written.
pub(super) enum Item {
    /// A row about a service.
    Row(ServiceName, Row),
    /// What happened to incidents.
    Chronicle(Box<Chronicle>),
    /// Forget the incidents that are too old at this moment, or too many.
    Prune(Timestamp),
}

/// What is written about a service.
pub(super) enum Row {
    Sample(Sample),
    Memory(MemoryDiff),
    /// Of what all services remember together.
    Shared(MemoryDiff),
    Forget,
}

/// What the writer tells the others.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) failed_rows: AtomicU64,
    error: Mutex<Option<String>>,
    /// Nothing is written while this is so.
    pub(super) full: OnceLock<Arc<AtomicBool>>,
}

impl Shared {
    pub(super) fn error(&self) -> Option<String> {
        self.error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn is_full(&self) -> bool {
        let full = self.full.get();
        full.is_some_and(|full| full.load(Ordering::SeqCst))
    }

    fn set_error(&self, error: Option<String>) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

/// What the writer knows of a service that has rows.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: i64,
    next_seq: i64,
}

/// Owns the connection.
pub(super) struct Writer {
    connection: Option<Connection>,
    counters: BTreeMap<ServiceName, Counters>,
    known: HashMap<ServiceName, Known>,
    samples: usize,
    shared: Arc<Shared>,
}

impl Writer {
    pub(super) fn new(
        connection: Option<Connection>,
        counters: BTreeMap<ServiceName, Counters>,
        samples: usize,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            connection,
            counters,
            known: HashMap::new(),
            samples,
            shared,
        }
    }

    /// Writes until everybody who can queue is gone.
    ///
    /// While a batch gathers, the thread looks at the queue now and then instead of waiting on it: to wake a waiting
    /// thread would cost each probe more than everything else about its row.
    pub(super) fn run(mut self, receiver: &Receiver<Command>) {
        let mut batch = Vec::new();
        let mut due = never();
        loop {
            let command = if batch.is_empty() {
                receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                match receiver.try_recv() {
                    Ok(command) => Ok(command),
                    Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
                    Err(TryRecvError::Empty) => select! {
                        recv(due) -> _ => Err(RecvTimeoutError::Timeout),
                        default(LOOK_AGAIN) => continue,
                    },
                }
            };
            let mut asked = None;
            let gone = match command {
                Ok(Command::Write(item)) => {
                    if batch.is_empty() {
                        due = crossbeam_channel::after(BATCH_AGE);
                    }
                    batch.push(item);
                    if batch.len() < BATCH_ROWS {
                        continue;
                    }
                    false
                }
                Ok(Command::Flush(done)) => {
                    asked = Some(done);
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            due = never();
            self.write(&batch);
            batch.clear();
            if let Some(done) = asked {
                // Whoever asked may have stopped waiting.
                drop(done.send(self.shared.error()));
            }
            if gone {
                return;
            }
        }
    }

    /// Writes a batch in one transaction. A batch that cannot be written is dropped and counted.
    fn write(&mut self, batch: &[Item]) {
        let rows = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        if rows == 0 {
            return;
        }
        let result = self.try_write(batch);
        if let Err(error) = &result {
            self.shared.failed_rows.fetch_add(rows, Ordering::Relaxed);
            // What the transaction did is undone, so what is remembered of it is wrong.
            self.known.clear();
            self.shared.set_error(Some(error.clone()));
        } else {
            self.shared.set_error(None);
        }
    }

    fn try_write(&mut self, batch: &[Item]) -> Result<(), String> {
        for item in batch {
            match item {
                Item::Row(service, Row::Sample(sample)) => self
                    .counters
                    .entry(service.clone())
                    .or_default()
                    .add(sample),
                Item::Row(service, Row::Forget) => drop(self.counters.remove(service)),
                Item::Row(_, Row::Memory(_) | Row::Shared(_))
                | Item::Chronicle(_)
                | Item::Prune(_) => {}
            }
        }
        if self.shared.is_full() {
            return Err("the disk is full".to_owned());
        }
        let Some(connection) = &mut self.connection else {
            return Err("there is no database".to_owned());
        };
        let transaction = connection
            .transaction()
            .map_err(|error| error.to_string())?;
        let mut tables = Tables {
            transaction: &transaction,
            counters: &self.counters,
            known: &mut self.known,
            samples: self.samples,
        };
        tables.apply(batch).map_err(|error| error.to_string())?;
        transaction.commit().map_err(|error| error.to_string())
    }
}

/// The tables within one transaction.
struct Tables<'a> {
    transaction: &'a Transaction<'a>,
    counters: &'a BTreeMap<ServiceName, Counters>,
    known: &'a mut HashMap<ServiceName, Known>,
    samples: usize,
}

impl Tables<'_> {
    fn apply(&mut self, batch: &[Item]) -> rusqlite::Result<()> {
        let mut counted: BTreeMap<&ServiceName, i64> = BTreeMap::new();
        for item in batch {
            match item {
                Item::Row(service, Row::Sample(sample)) => {
                    let id = self.sample(service, sample)?;
                    counted.insert(service, id);
                }
                Item::Row(_, Row::Shared(diff)) => self.shared(diff)?,
                Item::Row(service, Row::Memory(diff)) => self.memory(service, diff)?,
                Item::Row(service, Row::Forget) => {
                    counted.remove(service);
                    self.forget(service)?;
                }
                Item::Chronicle(chronicle) => incidents::write(self.transaction, chronicle)?,
                Item::Prune(now) => incidents::prune(self.transaction, *now)?,
            }
        }
        for (service, id) in counted {
            self.count(service, id)?;
        }
        Ok(())
    }

    fn known(&mut self, service: &ServiceName) -> rusqlite::Result<Known> {
        if let Some(known) = self.known.get(service) {
            return Ok(*known);
        }
        let name = service.as_str();
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO services (name, passes, warns, unknowns, fails, errors) VALUES (?1, 0, 0, 0, 0, 0)
             ON CONFLICT (name) DO NOTHING",
        )?;
        insert.execute([name])?;
        let mut find = self.transaction.prepare_cached(
            "SELECT id, (SELECT coalesce(max(seq), 0) + 1 FROM samples WHERE service = id) FROM services WHERE name = ?1",
        )?;
        let known = find.query_row([name], |row| {
            Ok(Known {
                id: row.get(0)?,
                next_seq: row.get(1)?,
            })
        })?;
        self.known.insert(service.clone(), known);
        Ok(known)
    }

    fn sample(&mut self, service: &ServiceName, sample: &Sample) -> rusqlite::Result<i64> {
        let Known { id, next_seq } = self.known(service)?;
        let latency = sample.latency.map(|latency| micros(latency.as_micros()));
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO samples (service, seq, at_us, outcome, latency_us, code) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        let outcome = sample.outcome.as_str();
        let code = sample.code.as_deref();
        insert.execute(params![
            id,
            next_seq,
            sample.at.as_microsecond(),
            outcome,
            latency,
            code
        ])?;
        if next_seq % TRIM_EVERY == 0 {
            let kept = i64::try_from(self.samples).unwrap_or(i64::MAX);
            let mut trim = self
                .transaction
                .prepare_cached("DELETE FROM samples WHERE service = ?1 AND seq <= ?2")?;
            trim.execute([id, next_seq.saturating_sub(kept)])?;
        }
        if let Some(known) = self.known.get_mut(service) {
            known.next_seq += 1;
        }
        Ok(id)
    }

    fn memory(&mut self, service: &ServiceName, diff: &MemoryDiff) -> rusqlite::Result<()> {
        let id = self.known(service)?.id;
        let mut set = self.transaction.prepare_cached(
            "INSERT OR REPLACE INTO memory (service, key, value, expires_at_us) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let mut remove = self
            .transaction
            .prepare_cached("DELETE FROM memory WHERE service = ?1 AND key = ?2")?;
        for key in &diff.removed {
            remove.execute(params![id, &**key])?;
        }
        for (key, entry) in &diff.set {
            let Ok(value) = serde_json::to_string(&entry.value) else {
                continue;
            };
            set.execute(params![
                id,
                &**key,
                value,
                entry.expires_at.map(Timestamp::as_microsecond)
            ])?;
        }
        Ok(())
    }

    fn shared(&self, diff: &MemoryDiff) -> rusqlite::Result<()> {
        let mut set = self.transaction.prepare_cached(
            "INSERT OR REPLACE INTO shared_memory (key, value, expires_at_us) VALUES (?1, ?2, ?3)",
        )?;
        let mut remove = self
            .transaction
            .prepare_cached("DELETE FROM shared_memory WHERE key = ?1")?;
        for key in &diff.removed {
            remove.execute([&**key])?;
        }
        for (key, entry) in &diff.set {
            if let Ok(value) = serde_json::to_string(&entry.value) {
                let expires_at = entry.expires_at.map(Timestamp::as_microsecond);
                set.execute(params![&**key, value, expires_at])?;
            }
        }
        Ok(())
    }

    fn count(&self, service: &ServiceName, id: i64) -> rusqlite::Result<()> {
        let counters = self.counters.get(service).copied().unwrap_or_default();
        let of = |outcome| i64::try_from(counters.of(outcome)).unwrap_or(i64::MAX);
        let mut update = self.transaction.prepare_cached(
            "UPDATE services SET first_seen_us = ?2, last_good_us = ?3, unknown_since_us = ?4,
             passes = ?5, warns = ?6, unknowns = ?7, fails = ?8, errors = ?9 WHERE id = ?1",
        )?;
        update.execute(params![
            id,
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

    fn forget(&mut self, service: &ServiceName) -> rusqlite::Result<()> {
        let id = self.known(service)?.id;
        for sql in [
            "DELETE FROM samples WHERE service = ?1",
            "DELETE FROM memory WHERE service = ?1",
            "DELETE FROM services WHERE id = ?1",
        ] {
            self.transaction.prepare_cached(sql)?.execute([id])?;
        }
        self.known.remove(service);
        Ok(())
    }
}

fn micros(micros: u128) -> i64 {
    i64::try_from(micros).unwrap_or(i64::MAX)
}
