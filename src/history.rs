//! The database beside the state file: windows, counters, what scripts remember, and what happened to incidents.
//!
//! One thread owns the connection and writes in batches; everybody else hands rows to a queue that never blocks.
//! Nothing here can stop the monitor: a database that cannot be used is set aside or done without, rows that find
//! no room are dropped and counted. After `kill -9` at most the last second is missing, and the database is whole.

pub mod incidents;
mod load;
mod private;
pub mod reader;
pub mod recordings;
mod schema;
pub mod series;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use jiff::Timestamp;

pub use self::private::narrow;
use self::writer::{Command, Item, Row};
use crate::model::duration::Shown;
use crate::model::event::Chronicle;
use crate::model::judgement::{Memory, MemoryDiff, Outcome};
use crate::model::service::ServiceName;
use crate::model::violation::Sample;

/// Name of the database in the data folder.
pub const FILE: &str = "oes.db";
/// Rows that can wait for the writer; further ones are dropped and counted.
const QUEUE_MAX: usize = 8192;

/// How many samples of each service are kept at least, unless a rule looks at more.
pub const SAMPLES_KEPT: usize = 64;

/// What is known of a service from before the start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Restored {
    /// The newest samples, oldest first.
    pub samples: Vec<Sample>,
    /// What its scripts remember, without what has expired.
    pub memory: Memory,
    /// What it has been through.
    pub counters: Counters,
}

/// What a service has been through since it was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// When it was first probed.
    pub first_seen: Option<Timestamp>,
    /// The last good probe; absent if there never was one.
    pub last_good: Option<Timestamp>,
    /// Since when every outcome is `unknown`; absent if the last one is not.
    pub unknown_since: Option<Timestamp>,
    /// Probes by outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; 5],
}

impl Counters {
    /// Returns how many probes there were.
    pub fn probes(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Returns how many probes had an outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome as usize).copied().unwrap_or(0)
    }

    /// Counts one probe.
    fn add(&mut self, sample: &Sample) {
        self.first_seen.get_or_insert(sample.at);
        if let Some(count) = self.outcomes.get_mut(sample.outcome as usize) {
            *count = count.saturating_add(1);
        }
        if sample.outcome.is_good() {
            self.last_good = Some(sample.at);
        }
        self.unknown_since = match sample.outcome {
            Outcome::Unknown => self.unknown_since.or(Some(sample.at)),
            _ => None,
        };
    }
}

/// How a database was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// There was none.
    Fresh,
    /// It was whole.
    Loaded,
    /// It was damaged or of a newer version; a new one was begun.
    SetAside {
        /// Where the old one is kept.
        path: PathBuf,
        /// What was wrong with it.
        why: String,
    },
    /// It cannot be used, and neither can another in its place. Windows, counters and script memory are lost with
    /// the process.
    Unusable {
        /// Why.
        why: String,
    },
}

/// An open database, and what was in it.
#[derive(Debug)]
pub struct Opened {
    /// The database.
    pub store: Store,
    /// What is known by service.
    pub restored: BTreeMap<ServiceName, Restored>,
    /// What the scripts of all services remember together, without what has expired.
    pub shared: Memory,
    /// How it was opened.
    pub recovery: Recovery,
}

/// How the database is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Rows that found no room in the queue.
    pub dropped_rows: u64,
    /// Rows that could not be written.
    pub failed_rows: u64,
    /// Why the last batch failed, absent if it did not.
    pub error: Option<String>,
}

/// Why a flush did not reach the disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlushError {
    /// The writer did not get to it in time.
    #[error("the history database is still busy after {}", Shown(*.0))]
    Late(Duration),
    /// The last batch could not be written.
    #[error("cannot write the history database: {0}")]
    Failed(String),
}

/// Why the memory of a service cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    path: PathBuf,
    source: rusqlite::Error,
}

/// Returns what the scripts of one service remember, by themselves and together with those of all services, while a daemon
/// may be writing it.
///
/// # Errors
/// [`ReadError`] if there is no such database or it cannot be read.
pub fn read_memory(
    path: &Path,
    service: &ServiceName,
    now: Timestamp,
) -> Result<Memory, ReadError> {
    load::memory_of(path, service, now).map_err(|source| ReadError {
        path: path.to_owned(),
        source,
    })
}

/// Returns what is known of every service that was ever probed, while a daemon may be writing it.
///
/// # Errors
/// [`ReadError`] if there is no such database or it cannot be read.
pub fn read(path: &Path, now: Timestamp) -> Result<BTreeMap<ServiceName, Restored>, ReadError> {
    load::all(path, now).map_err(|source| ReadError {
        path: path.to_owned(),
        source,
    })
}

/// The database. Dropping it writes what is queued.
#[derive(Debug)]
pub struct Store {
    sender: Option<Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    dropped_rows: AtomicU64,
    shared: Arc<writer::Shared>,
}

impl Store {
    /// Opens the database at a path, makes it if it is missing, and reads everything. Of each service `samples` are
    /// kept, but at least [`SAMPLES_KEPT`]. Blocks; whatever the file holds, this succeeds.
    pub fn open(path: &Path, samples: usize, now: Timestamp) -> Opened {
        let samples = samples.max(SAMPLES_KEPT);
        let load::Loaded {
            connection,
            restored,
            shared: remembered,
            recovery,
        } = load::open(path, samples, now);
        let (sender, receiver) = crossbeam_channel::bounded(QUEUE_MAX);
        let shared = Arc::new(writer::Shared::default());
        let counters = restored
            .iter()
            .map(|(service, restored)| (service.clone(), restored.counters))
            .collect();
        let writer = writer::Writer::new(connection, counters, samples, Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("oes-history".to_owned())
            .spawn(move || writer.run(&receiver))
            .ok();
        Opened {
            store: Self {
                sender: Some(sender),
                thread,
                dropped_rows: AtomicU64::new(0),
                shared,
            },
            restored,
            shared: remembered,
            recovery,
        }
    }

    /// Drops rows and counts them while `full` is so: the room that is left on a full disk is not for them. The first
    /// call decides.
    pub fn spare(&self, full: Arc<AtomicBool>) {
        self.shared.full.get_or_init(|| full);
    }

    /// Queues a sample, which is counted as well. Never blocks.
    pub fn write_sample(&self, service: &ServiceName, sample: Sample) {
        self.queue(Item::Row(service.clone(), Row::Sample(sample)));
    }

    /// Queues what a run changed in a service's memory. Never blocks.
    pub fn write_memory(&self, service: &ServiceName, diff: MemoryDiff) {
        if !diff.is_empty() {
            self.queue(Item::Row(service.clone(), Row::Memory(diff)));
        }
    }

    /// Queues what a run of a service changed in what all services remember together. Never blocks.
    pub fn write_shared(&self, service: &ServiceName, diff: MemoryDiff) {
        if !diff.is_empty() {
            self.queue(Item::Row(service.clone(), Row::Shared(diff)));
        }
    }

    /// Queues the removal of everything about a service.
    pub fn forget(&self, service: &ServiceName) {
        self.queue(Item::Row(service.clone(), Row::Forget));
    }

    /// Queues what happened to incidents. Never blocks.
    pub fn write_chronicle(&self, chronicle: Chronicle) {
        if chronicle != Chronicle::default() {
            self.queue(Item::Chronicle(Box::new(chronicle)));
        }
    }

    /// Queues the removal of incidents that are too old, or too many.
    pub fn prune_incidents(&self, now: Timestamp) {
        self.queue(Item::Prune(now));
    }

    /// Waits until what was queued before is on disk, at most `patience`.
    ///
    /// # Errors
    /// [`FlushError`] if it is not.
    pub fn flush(&self, patience: Duration) -> Result<(), FlushError> {
        let (done, wait) = crossbeam_channel::bounded(1);
        let sent = self
            .sender
            .as_ref()
            .is_some_and(|sender| sender.send_timeout(Command::Flush(done), patience).is_ok());
        let answer = sent.then(|| wait.recv_timeout(patience).ok()).flatten();
        match answer {
            None => Err(FlushError::Late(patience)),
            Some(Some(error)) => Err(FlushError::Failed(error)),
            Some(None) => Ok(()),
        }
    }

    /// Returns how the database is doing.
    pub fn health(&self) -> Health {
        Health {
            dropped_rows: self.dropped_rows.load(Ordering::Relaxed),
            failed_rows: self.shared.failed_rows.load(Ordering::Relaxed),
            error: self.shared.error(),
        }
    }

    fn queue(&self, item: Item) {
        let command = Command::Write(item);
        let sent = self.sender.as_ref().map(|sender| sender.try_send(command));
        if let None | Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) = sent {
            self.dropped_rows.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the writer has been reported by its own hook.
            drop(thread.join());
        }
    }
}
