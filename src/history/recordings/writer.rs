//! The thread that owns the connection.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use jiff::Timestamp;
use tokio::time::Instant;

use super::tables::Database;
use super::{Kept, Make, News, Shared};
use crate::history::load::{is_damage, set_aside};
use crate::history::schema::SchemaError;
use crate::model::service::{RecordRule, ServiceName};

/// Probes that are written in one transaction at most.
const BATCH_MAX: usize = 64;
/// How long a first probe waits for others.
const BATCH_AGE: Duration = Duration::from_millis(500);
/// A database that cannot be opened is tried again after so long.
const OPEN_AGAIN: Duration = Duration::from_secs(5);

/// What the writer is asked to do.
pub(super) enum Command {
    /// Write a probe.
    Probe {
        service: ServiceName,
        rule: RecordRule,
        /// What it weighs in the queue.
        bytes: u64,
        make: Make,
    },
    /// Remove what is too old.
    Tidy(Timestamp),
    /// Write everything and answer.
    Flush(Sender<()>),
}

/// A probe of a service that is to be written.
type Row = (ServiceName, RecordRule, Kept);

/// Owns the connection.
pub(super) struct Writer {
    path: PathBuf,
    shared: Arc<Shared>,
    database: Option<Database>,
    /// Before this the database is not tried again.
    again: Option<Instant>,
}

impl Writer {
    pub(super) fn new(path: PathBuf, shared: Arc<Shared>) -> Self {
        Self {
            path,
            shared,
            database: None,
            again: None,
        }
    }

    /// Writes until everybody who can queue is gone.
    pub(super) fn run(mut self, receiver: &Receiver<Command>) {
        let mut batch: Vec<Row> = Vec::new();
        let mut due = Instant::now();
        loop {
            let command = if batch.is_empty() {
                receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                receiver.recv_timeout(due.saturating_duration_since(Instant::now()))
            };
            let (mut gone, mut asked, mut tidy) = (false, None, None);
            match command {
                Ok(Command::Probe {
                    service,
                    rule,
                    bytes,
                    make,
                }) => {
                    if batch.is_empty() {
                        due = Instant::now() + BATCH_AGE;
                    }
                    // What cannot be encoded was never a probe.
                    batch.extend(make().map(|kept| (service, rule, kept)));
                    self.shared.queued_bytes.fetch_sub(bytes, Ordering::SeqCst);
                    if batch.len() < BATCH_MAX && Instant::now() < due {
                        continue;
                    }
                }
                Ok(Command::Tidy(now)) => tidy = Some(now),
                Ok(Command::Flush(done)) => asked = Some(done),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => gone = true,
            }
            self.write(&batch, tidy);
            batch.clear();
            if let Some(done) = asked {
                // Whoever asked may have stopped waiting.
                done.send(()).unwrap_or_default();
            }
            if gone {
                return;
            }
        }
    }

    /// Writes a batch in one transaction. A batch that cannot be written is dropped and counted.
    fn write(&mut self, batch: &[Row], tidy: Option<Timestamp>) {
        if batch.is_empty() && (tidy.is_none() || !self.path.exists()) {
            return;
        }
        let probes = batch.len() as u64;
        if self.shared.is_full() && probes > 0 {
            return self.shared.failed(probes, "the disk is full");
        }
        let now = tidy.or(batch.last().map(|(_, _, kept)| kept.at));
        let now = now.unwrap_or(Timestamp::MIN);
        match self.attempt(batch, now) {
            Ok(Some(refused)) => {
                let too_large = refused.len() as u64;
                if probes > too_large {
                    self.shared.succeeded(probes - too_large);
                }
                if let Some(why) = refused.first() {
                    self.shared.failed(too_large, why);
                }
            }
            Ok(None) => self.shared.count_dropped(probes),
            Err(error) => {
                let why = error.to_string();
                // What the transaction did is undone, so what is remembered of it is wrong.
                self.database = None;
                if is_damage(&error) {
                    match set_aside(&self.path, now) {
                        Some(path) => self.shared.told.tell(News::SetAside {
                            path,
                            why: why.clone(),
                        }),
                        None => self.again = Some(Instant::now() + OPEN_AGAIN),
                    }
                    self.shared.count_dropped(probes);
                } else {
                    self.again = Some(Instant::now() + OPEN_AGAIN);
                    self.shared.failed(probes, &why);
                }
            }
        }
    }

    /// Writes a batch, and returns why some of it is too large; absent if the database is not to be tried yet.
    fn attempt(
        &mut self,
        batch: &[Row],
        now: Timestamp,
    ) -> Result<Option<Vec<String>>, SchemaError> {
        if self.database.is_none() {
            if self.again.is_some_and(|again| Instant::now() < again) {
                return Ok(None);
            }
            self.database = Some(Database::open(&self.path)?);
            self.again = None;
        }
        let Some(database) = &mut self.database else {
            return Ok(None);
        };
        let refused = database.write(batch, now)?;
        self.shared.bytes.store(database.bytes(), Ordering::Relaxed);
        Ok(Some(refused))
    }
}
