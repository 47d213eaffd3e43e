//! The thread that owns the connection.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, never, select};
use jiff::Timestamp;
use rusqlite::Connection;

use super::evidence;
use super::file::{Failure, File};
use super::news::{News, Told};
use super::retention::{Pruning, Retention};
use super::rounds::Rounds;
use super::series::RawSample;
use super::tables::Tables;
use crate::model::event::Chronicle;
use crate::model::judgement::MemoryDiff;
use crate::model::service::ServiceName;

/// A batch is written when it has so many rows.
const BATCH_ROWS: usize = 500;
/// A batch is written when its first row is so old.
const BATCH_AGE: Duration = Duration::from_secs(1);
/// How often the queue is looked at while a batch gathers; its room is enough for 300,000 rows a second.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// What the writer is asked to do.
pub(super) enum Command {
    /// Write something.
    Write(Item),
    /// Keep what is written from now on for so long.
    Keep(Retention),
    /// Write everything and answer, with the error if there was one.
    Flush(Sender<Option<String>>),
    /// Do everything that is due as well, before the answer.
    Settle(Sender<Option<String>>),
    /// Look whether the file is damaged: somebody could not read what it has of these services.
    Suspect(Vec<ServiceName>),
}

/// What is written.
pub(super) enum Item {
    /// A row about a service.
    Row(ServiceName, Row),
    /// What happened to incidents.
    Chronicle(Box<Chronicle>),
    /// What a probe saw at a turn of an incident.
    Evidence(evidence::Make),
    /// Forget the incidents that are too old at this moment, or too many.
    Prune(Timestamp),
    /// The monitor runs at this moment.
    Tick(Timestamp),
}

/// What is written about a service.
pub(super) enum Row {
    Sample(RawSample),
    Memory(MemoryDiff),
    /// Of what all services remember together.
    Shared(MemoryDiff),
    /// It is not watched any more.
    Forget(Timestamp),
    /// It has another name from now on.
    Renamed(ServiceName),
}

/// What the writer tells the others.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) failed_rows: AtomicU64,
    pub(super) told: Told,
    /// Whether somebody has said that the file is damaged, and that was not looked at yet.
    pub(super) suspected: AtomicBool,
    /// Nothing is written while this is so.
    pub(super) full: OnceLock<Arc<AtomicBool>>,
}

impl Shared {
    fn is_full(&self) -> bool {
        let full = self.full.get();
        full.is_some_and(|full| full.load(Ordering::SeqCst))
    }
}

/// Owns the connection.
pub(super) struct Writer {
    file: File,
    known: HashMap<ServiceName, i64>,
    /// Absent until the database has been asked.
    rounds: Option<Rounds>,
    pruning: Pruning,
    shared: Arc<Shared>,
    /// The last moment that the daemon told.
    now: Option<Timestamp>,
    /// Whether buckets may be due, or rows too old.
    is_due: bool,
}

impl Writer {
    pub(super) fn new(
        (path, connection): (PathBuf, Option<Connection>),
        samples: usize,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            file: File::new(path, connection),
            known: HashMap::new(),
            rounds: None,
            pruning: Pruning::new(samples),
            shared,
            now: None,
            is_due: false,
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
            let command = match receiver.try_recv() {
                Ok(command) => Ok(command),
                Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) if self.work() => continue,
                Err(TryRecvError::Empty) if batch.is_empty() => {
                    receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
                }
                Err(TryRecvError::Empty) => select! {
                    recv(due) -> _ => Err(RecvTimeoutError::Timeout),
                    default(LOOK_AGAIN) => continue,
                },
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
                Ok(Command::Keep(retention)) => {
                    self.pruning.keep = retention;
                    continue;
                }
                Ok(Command::Suspect(services)) => {
                    self.confirm(&services);
                    continue;
                }
                Ok(Command::Flush(done)) => {
                    asked = Some((done, false));
                    false
                }
                Ok(Command::Settle(done)) => {
                    asked = Some((done, true));
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            due = never();
            self.write(&mut batch);
            if let Some((done, settle)) = asked {
                while settle && self.work() {}
                // Whoever asked may have stopped waiting.
                drop(done.send(self.shared.told.error()));
            }
            if gone {
                return;
            }
        }
    }

    /// Writes a batch in one transaction. A batch that cannot be written is dropped and counted.
    fn write(&mut self, batch: &mut Vec<Item>) {
        let rows = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        if rows == 0 {
            return;
        }
        self.note(batch);
        let written = self.try_write(batch);
        batch.clear();
        match written {
            Ok(()) => self.shared.told.succeeded(),
            Err(failure) => {
                self.shared.failed_rows.fetch_add(rows, Ordering::Relaxed);
                self.fail(&failure);
            }
        }
    }

    /// Follows the time, which goes on whether it can be written or not.
    fn note(&mut self, batch: &[Item]) {
        for item in batch {
            if let Item::Tick(now) = item {
                self.now = Some(*now);
                self.is_due = true;
                self.pruning.tick(*now);
                self.look_at_file(*now);
            }
        }
    }

    /// Begins a new file where the old one is gone or damaged, or where none could be used so far.
    fn look_at_file(&mut self, now: Timestamp) {
        let was_gone = self.file.is_gone();
        if (was_gone || !self.file.is_open()) && self.file.begin().is_ok() {
            self.start_anew();
            if was_gone {
                self.shared.told.tell(News::Gone);
            }
        }
        if let Err(failure) = self.file.check(now)
            && failure.is_damage
        {
            self.fail(&failure);
        }
    }

    /// Sets the file aside if what somebody could not read is damaged indeed.
    fn confirm(&mut self, services: &[ServiceName]) {
        let now = self.now.unwrap_or(Timestamp::UNIX_EPOCH);
        if let Err(failure) = self.file.confirm(services, now)
            && failure.is_damage
        {
            self.fail(&failure);
        }
        self.shared.suspected.store(false, Ordering::SeqCst);
    }

    /// Forgets what was known of the database.
    fn start_anew(&mut self) {
        self.known.clear();
        self.rounds = None;
    }

    fn fail(&mut self, failure: &Failure) {
        // What the transaction did is undone, so what is remembered of it is wrong.
        self.start_anew();
        self.is_due = false;
        self.shared.told.failed(&failure.why);
        if failure.is_damage
            && let Some(path) = self.file.set_aside(self.now)
        {
            let why = failure.why.clone();
            self.shared.told.tell(News::SetAside { path, why });
        }
    }

    fn try_write(&mut self, batch: &mut Vec<Item>) -> Result<(), Failure> {
        if self.shared.is_full() {
            return Err(Failure::of("the disk is full"));
        }
        let connection = self.file.connection()?;
        let rounds = match &mut self.rounds {
            Some(rounds) => rounds,
            slot => slot.insert(Rounds::load(connection)?),
        };
        let transaction = connection.transaction()?;
        let mut tables = Tables {
            transaction: &transaction,
            known: &mut self.known,
            rounds,
        };
        tables.apply(batch)?;
        Ok(transaction.commit()?)
    }

    /// Does a part of what is due besides rows: completes buckets, removes what is too old. Tells whether it did.
    fn work(&mut self) -> bool {
        if !self.is_due || self.shared.is_full() {
            return false;
        }
        match self.try_work() {
            Ok(worked) => {
                self.is_due = worked;
                worked
            }
            Err(failure) => {
                self.fail(&failure);
                false
            }
        }
    }

    fn try_work(&mut self) -> Result<bool, Failure> {
        let (Some(now), Some(rounds)) = (self.now, &mut self.rounds) else {
            return Ok(false);
        };
        let connection = self.file.connection()?;
        Ok(rounds.step(connection, now)? || self.pruning.step(connection, now)?)
    }
}
