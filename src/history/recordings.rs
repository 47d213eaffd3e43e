//! What probes saw, kept for a while so that other rules can be tried on it: a database of its own.
//!
//! Its own file and thread, since bodies are large: what is written here must not hold up windows and script memory, and
//! whatever becomes of it, it can be deleted without a loss of these. The file is made when the first service is
//! recorded. Nothing here can stop a probe: what finds no room is dropped and counted, a damaged file is set aside.

mod read;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Sender, TrySendError};
use jiff::Timestamp;

pub use super::news::News;
use super::news::Told;
use crate::model::service::{RecordRule, ServiceName};
pub use read::{ReadError, Reading, Wanted, read};
use writer::Command;

/// Name of the database in the data folder.
pub const FILE: &str = "recordings.db";
/// Probes that can wait to be written; further ones are dropped and counted.
const QUEUE_MAX: usize = 1024;
/// Bytes that can wait to be written.
const QUEUE_BYTES_MAX: u64 = 64 << 20;

/// One probe as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// When it began.
    pub at: Timestamp,
    /// What is known of it, without the bodies.
    pub head: Vec<u8>,
    /// The bodies; equal ones of a service are kept once.
    pub bodies: Vec<Bytes>,
}

/// Makes a probe ready to be kept, on the thread that writes.
pub type Make = Box<dyn FnOnce() -> Option<Kept> + Send>;

/// How recording is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Probes that were written.
    pub written: u64,
    /// Probes that were not.
    pub dropped: u64,
    /// Bytes that all recordings take, compressed.
    pub bytes: u64,
    /// Why the last probe was not written, absent if it was.
    pub error: Option<String>,
}

/// Writes what probes saw. Dropping it writes what is queued.
#[derive(Debug)]
pub struct Recorder {
    sender: Option<Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// What the writer tells the others.
#[derive(Debug, Default)]
struct Shared {
    written: AtomicU64,
    dropped: AtomicU64,
    bytes: AtomicU64,
    queued_bytes: AtomicU64,
    told: Told,
    /// Nothing is written while this is so.
    full: OnceLock<Arc<AtomicBool>>,
}

impl Shared {
    fn is_full(&self) -> bool {
        let full = self.full.get();
        full.is_some_and(|full| full.load(Ordering::SeqCst))
    }

    fn count_dropped(&self, probes: u64) {
        self.dropped.fetch_add(probes, Ordering::Relaxed);
    }

    /// Counts probes that were not written, and says so once.
    fn failed(&self, probes: u64, why: &str) {
        self.count_dropped(probes);
        self.told.failed(why);
    }

    fn succeeded(&self, probes: u64) {
        self.written.fetch_add(probes, Ordering::Relaxed);
        self.told.succeeded();
    }
}

impl Recorder {
    /// Starts what writes to the database at `path`; no file is made before something is recorded.
    pub fn start(path: &Path) -> Self {
        let (sender, receiver) = crossbeam_channel::bounded(QUEUE_MAX);
        let shared = Arc::new(Shared::default());
        let writer = writer::Writer::new(path.to_path_buf(), Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("oes-recorder".to_owned())
            .spawn(move || writer.run(&receiver))
            .ok();
        Self {
            sender: Some(sender),
            thread,
            shared,
        }
    }

    /// Drops probes and counts them while `full` is so: the room that is left on a full disk is not for them. The first
    /// call decides.
    pub fn spare(&self, full: Arc<AtomicBool>) {
        self.shared.full.get_or_init(|| full);
    }

    /// Queues a probe of about so many bytes. Never blocks.
    pub fn record(&self, service: &ServiceName, rule: RecordRule, bytes: usize, make: Make) {
        let bytes = bytes as u64;
        let queued = &self.shared.queued_bytes;
        if queued.fetch_add(bytes, Ordering::SeqCst) + bytes > QUEUE_BYTES_MAX.max(bytes) {
            queued.fetch_sub(bytes, Ordering::SeqCst);
            self.shared.failed(1, BEHIND);
            return;
        }
        let command = Command::Probe {
            service: service.clone(),
            rule,
            bytes,
            make,
        };
        let sent = self.sender.as_ref().map(|sender| sender.try_send(command));
        if let None | Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) = sent {
            queued.fetch_sub(bytes, Ordering::SeqCst);
            self.shared.failed(1, BEHIND);
        }
    }

    /// Waits until what was queued before is written or dropped, at most `patience`. Tells whether it is.
    pub fn flush(&self, patience: Duration) -> bool {
        let (done, wait) = crossbeam_channel::bounded(1);
        let sent = self
            .sender
            .as_ref()
            .is_some_and(|sender| sender.send_timeout(Command::Flush(done), patience).is_ok());
        sent && wait.recv_timeout(patience).is_ok()
    }

    /// Removes what is too old, also of services that are not recorded any more.
    pub fn tidy(&self, now: Timestamp) {
        if let Some(sender) = &self.sender {
            // Where there is no room in the queue, every probe that is in it tidies up.
            drop(sender.try_send(Command::Tidy(now)));
        }
    }

    /// Returns how recording is doing.
    pub fn health(&self) -> Health {
        let shared = &self.shared;
        Health {
            written: shared.written.load(Ordering::Relaxed),
            dropped: shared.dropped.load(Ordering::Relaxed),
            bytes: shared.bytes.load(Ordering::Relaxed),
            error: shared.told.error(),
        }
    }

    /// Returns what somebody should be told of and was not yet. Costs next to nothing where there is nothing.
    pub fn news(&self) -> Vec<News> {
        self.shared.told.take()
    }
}

/// Why a probe is dropped that finds the queue full.
const BEHIND: &str = "more is recorded than the disk takes";

impl Drop for Recorder {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the writer has been reported by its own hook.
            drop(thread.join());
        }
    }
}
