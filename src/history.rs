//! The database beside the state file: what services were, what scripts remember, and what happened to incidents.
//!
//! One thread owns the connection and writes in batches; everybody else hands rows to a queue that never blocks.
//! Nothing here can stop the monitor: a database that cannot be used is set aside or done without, rows that find
//! no room are dropped and counted. After `kill -9` at most the last second is missing, and the database is whole.

mod buckets;
mod codec;
mod counted;
mod evidence;
mod file;
pub mod gaps;
pub mod incidents;
mod known;
mod load;
mod news;
mod private;
mod progress;
pub mod reader;
pub mod recordings;
mod rename;
mod retention;
mod rollup;
mod rounds;
mod schema;
pub mod series;
mod suspicion;
mod tables;
#[cfg(test)]
mod tests;
mod windows;
mod writer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Sender;
use jiff::Timestamp;

pub use self::known::{Counters, Restored};
pub use self::news::News;
pub use self::private::narrow;
pub use self::retention::Retention;
use self::series::RawSample;
use self::writer::{Command, Item, Row};
use crate::model::duration::Shown;
use crate::model::event::Chronicle;
use crate::model::evidence::Evidence;
use crate::model::judgement::{Memory, MemoryDiff};
use crate::model::service::ServiceName;

/// Name of the database in the data folder.
pub const FILE: &str = "oes.db";
/// Rows that can wait for the writer; further ones are dropped and counted.
const QUEUE_MAX: usize = 8192;

/// Bytes of evidence that can wait for the writer.
const EVIDENCE_BYTES_MAX: u64 = 32 << 20;

/// How many samples of each service are kept at least, unless a rule looks at more.
pub const SAMPLES_KEPT: usize = 64;

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

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    path: PathBuf,
    source: rusqlite::Error,
}

/// Reads through all that a history has of services, while a daemon may be writing it.
///
/// # Errors
/// [`ReadError`] if any of it cannot be read.
pub fn read_through(path: &Path, services: &[ServiceName]) -> Result<(), ReadError> {
    suspicion::read_through(path, services).map_err(|source| ReadError {
        path: path.to_owned(),
        source,
    })
}

impl ReadError {
    /// Tells whether the file itself is at fault, and not the disk, the rights or another program.
    pub fn is_damage(&self) -> bool {
        load::is_damage_of(&self.source)
    }
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

/// Returns the last sign of life of the monitor that wrote a history; absent where there is none that can be read.
pub fn last_alive(path: &Path) -> Option<Timestamp> {
    let connection = load::read_only(path).ok()?;
    progress::alive(&connection).ok()?
}

/// The database. Dropping it writes what is queued.
#[derive(Debug)]
pub struct Store {
    sender: Option<Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    dropped_rows: AtomicU64,
    /// Of evidence that waits to be written.
    evidence_bytes: Arc<AtomicU64>,
    shared: Arc<writer::Shared>,
}

/// What a piece of evidence weighs while it waits; dropping it takes the weight off.
struct Weight {
    waiting: Arc<AtomicU64>,
    bytes: u64,
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::SeqCst);
    }
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
        let database = (path.to_owned(), connection);
        let writer = writer::Writer::new(database, samples, Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("oes-history".to_owned())
            .spawn(move || writer.run(&receiver))
            .ok();
        Opened {
            store: Self {
                sender: Some(sender),
                thread,
                dropped_rows: AtomicU64::new(0),
                evidence_bytes: Arc::default(),
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
    pub fn write_sample(&self, service: &ServiceName, sample: RawSample) {
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

    /// Queues that a service is not watched any more: its window, counters and memory go, what it was stays as long as
    /// that of others.
    pub fn forget(&self, service: &ServiceName, now: Timestamp) {
        self.queue(Item::Row(service.clone(), Row::Forget(now)));
    }

    /// Queues that a service has another name from now on; everything that is known of it moves there.
    pub fn rename(&self, old: &ServiceName, new: &ServiceName) {
        self.queue(Item::Row(old.clone(), Row::Renamed(new.clone())));
    }

    /// Queues what a probe of about so many bytes saw at a turn of an incident; made ready on the thread that writes.
    /// Never blocks.
    pub fn write_evidence(&self, bytes: usize, make: impl FnOnce() -> Evidence + Send + 'static) {
        let waiting = Arc::clone(&self.evidence_bytes);
        let bytes = bytes as u64;
        if waiting.fetch_add(bytes, Ordering::SeqCst) + bytes > EVIDENCE_BYTES_MAX {
            waiting.fetch_sub(bytes, Ordering::SeqCst);
            self.dropped_rows.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let weight = Weight { waiting, bytes };
        self.queue(Item::Evidence(Box::new(move || {
            let _weight = weight;
            make()
        })));
    }

    /// Queues that the monitor runs at this moment. From these moments follow which buckets are complete, what is too old,
    /// and, where they are missing, that nobody looked. Never blocks.
    pub fn tick(&self, now: Timestamp) {
        self.queue(Item::Tick(now));
    }

    /// Sets how long what is kept.
    pub fn keep(&self, retention: Retention) {
        if let Some(sender) = &self.sender {
            // The writer outlives everybody who can ask.
            sender.send(Command::Keep(retention)).unwrap_or_default();
        }
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
        self.ask(Command::Flush, patience)
    }

    /// Waits until all that is due is done as well: buckets are complete up to the last tick, what is too old is gone.
    ///
    /// # Errors
    /// [`FlushError`] if it is not.
    pub fn settle(&self, patience: Duration) -> Result<(), FlushError> {
        self.ask(Command::Settle, patience)
    }

    fn ask(
        &self,
        command: impl FnOnce(Sender<Option<String>>) -> Command,
        patience: Duration,
    ) -> Result<(), FlushError> {
        let (done, wait) = crossbeam_channel::bounded(1);
        let sent = self
            .sender
            .as_ref()
            .is_some_and(|sender| sender.send_timeout(command(done), patience).is_ok());
        let answer = sent.then(|| wait.recv_timeout(patience).ok()).flatten();
        match answer {
            None => Err(FlushError::Late(patience)),
            Some(Some(error)) => Err(FlushError::Failed(error)),
            Some(None) => Ok(()),
        }
    }

    /// Has the writer look at once whether the file is damaged, as somebody says who could not read what it has of these
    /// services. Never blocks.
    pub fn suspect(&self, error: &ReadError, services: &[ServiceName]) {
        if !error.is_damage() || self.shared.suspected.swap(true, Ordering::SeqCst) {
            return;
        }
        let command = Command::Suspect(services.to_vec());
        let sender = self.sender.as_ref();
        if sender.is_none_or(|sender| sender.try_send(command).is_err()) {
            self.shared.suspected.store(false, Ordering::SeqCst);
        }
    }

    /// Returns what somebody should be told of the database and was not yet.
    pub fn news(&self) -> Vec<News> {
        self.shared.told.take()
    }

    /// Returns how the database is doing.
    pub fn health(&self) -> Health {
        Health {
            dropped_rows: self.dropped_rows.load(Ordering::Relaxed),
            failed_rows: self.shared.failed_rows.load(Ordering::Relaxed),
            error: self.shared.told.error(),
        }
    }

    fn queue(&self, item: Item) {
        let sent = match &self.sender {
            Some(sender) => sender.try_send(Command::Write(item)).is_ok(),
            None => false,
        };
        if !sent {
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
