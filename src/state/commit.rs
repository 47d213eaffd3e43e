//! Puts a state on disk so that it survives the loss of power, and so that no failure loses the state before it.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::disk::Disk;
use super::format::{self, Contents};
use super::{FILE, ServiceLine, ballast};
use crate::failpoint;
use crate::model::incident::{IncidentId, Ledger};

/// Name of the file of the commit before.
pub(super) const PREVIOUS: &str = "state.json.prev";
/// Name of the file that is being written.
pub(super) const TEMPORARY: &str = ".state.json.tmp";
/// So many open incidents may vanish from one commit to the next, which only a fault in OES can cause.
const VANISHED_MAX: usize = 10;

/// A step of the commit protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The bytes are made.
    Encode,
    /// The temporary file is made.
    Create,
    /// It is written.
    Write,
    /// Its content is synced.
    Sync,
    /// The present file gets its second name.
    KeepPrevious,
    /// The temporary file takes the place of the present one.
    Rename,
    /// The names are synced.
    SyncFolder,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encode => "encode the state",
            Self::Create => "create the new state file",
            Self::Write => "write the new state file",
            Self::Sync => "sync the new state file",
            Self::KeepPrevious => "keep the previous state file",
            Self::Rename => "put the new state file in place",
            Self::SyncFolder => "sync the data folder",
        })
    }
}

/// Why a state is not on disk.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A step failed.
    #[error("cannot {step}")]
    Failed {
        /// The step.
        step: Step,
        /// Why.
        source: io::Error,
    },
    /// Open incidents vanished from the ledger: a fault in OES, which must not wipe the state.
    #[error(
        "{count} open incidents vanished without being closed; the state file is left as it was"
    )]
    Vanished {
        /// How many.
        count: usize,
    },
}

impl CommitError {
    /// Tells whether the disk is full or the quota used up.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Failed { source, .. } if is_full(source))
    }
}

/// A state that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its number; each is greater than the one before.
    pub seq: u64,
    /// Its size.
    pub bytes: usize,
    /// Whether room is kept for a full disk. If not, the disk is nearly full or was a moment ago.
    pub ballast: bool,
}

/// Commits to one folder, whose lock the caller holds.
#[derive(Debug)]
pub(super) struct Committer<D> {
    disk: D,
    boot: String,
    seq: u64,
    open: BTreeSet<IncidentId>,
    /// Size of the last commit.
    bytes: usize,
    /// See [`super::StateFile::full`].
    full: Arc<AtomicBool>,
}

impl<D: Disk> Committer<D> {
    pub(super) fn new(disk: D, boot: &str, seq: u64, ledger: &Ledger) -> Self {
        Self {
            disk,
            boot: boot.to_owned(),
            seq,
            open: open_of(ledger),
            bytes: 0,
            full: Arc::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn disk(&self) -> &D {
        &self.disk
    }

    #[cfg(test)]
    pub(super) fn disk_mut(&mut self) -> &mut D {
        &mut self.disk
    }

    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) fn full(&self) -> &Arc<AtomicBool> {
        &self.full
    }

    /// Keeps room for a full disk if there is enough of it, and tells whether it is kept.
    pub(super) fn keep_room(&mut self) -> bool {
        let kept = ballast::keep(&mut self.disk, self.bytes);
        self.full.store(!kept, Ordering::SeqCst);
        kept
    }

    pub(super) fn commit(
        &mut self,
        ledger: &Ledger,
        services: &[ServiceLine],
        now: Timestamp,
    ) -> Result<Committed, CommitError> {
        let gone = |id: &&IncidentId| !ledger.incidents.contains_key(*id);
        let count = self.open.iter().filter(gone).count();
        if count > VANISHED_MAX {
            return Err(CommitError::Vanished { count });
        }
        let contents = Contents {
            seq: self.seq + 1,
            boot: &self.boot,
            now,
            services,
            ledger,
        };
        let bytes = format::encode(&contents).map_err(|error| CommitError::Failed {
            step: Step::Encode,
            source: error.into(),
        })?;
        let first = self.replace(&bytes);
        let full = first.as_ref().is_err_and(CommitError::is_disk_full);
        if full {
            // Before the room is there, so that nobody takes it.
            self.full.store(true, Ordering::SeqCst);
        }
        if full && ballast::drop_it(&mut self.disk) {
            self.replace(&bytes)?;
        } else {
            first?;
        }
        self.open = open_of(ledger);
        self.bytes = bytes.len();
        Ok(Committed {
            seq: self.seq,
            bytes: bytes.len(),
            ballast: !full && self.keep_room(),
        })
    }

    /// Puts the bytes in the place of the state file. On failure the state file is the old one.
    fn replace(&mut self, bytes: &[u8]) -> Result<(), CommitError> {
        let written = self.write_temporary(bytes).and_then(|()| {
            failpoint::reach("state_synced");
            self.keep_previous()
                .map_err(|source| failed(Step::KeepPrevious, source))?;
            failpoint::reach("state_previous");
            self.disk
                .rename(TEMPORARY, FILE)
                .map_err(|source| failed(Step::Rename, source))
        });
        if let Err(error) = written {
            // What is left of it is removed before the next commit if it cannot be now.
            drop(self.disk.remove(TEMPORARY));
            return Err(error);
        }
        // From here on readers see the new file, so its number is used up even if the sync fails.
        self.seq += 1;
        failpoint::reach("state_renamed");
        self.disk
            .sync_folder()
            .map_err(|source| failed(Step::SyncFolder, source))?;
        failpoint::reach("state_committed");
        Ok(())
    }

    fn write_temporary(&mut self, bytes: &[u8]) -> Result<(), CommitError> {
        if self.disk.length(TEMPORARY).is_some() {
            self.disk
                .remove(TEMPORARY)
                .map_err(|source| failed(Step::Create, source))?;
        }
        let mut file = self
            .disk
            .create(TEMPORARY)
            .map_err(|source| failed(Step::Create, source))?;
        failpoint::reach("state_created");
        self.disk
            .write(&mut file, bytes)
            .map_err(|source| failed(Step::Write, source))?;
        failpoint::reach("state_written");
        // A sync that failed is not tried again on the same file: the system may have dropped what was not written.
        self.disk
            .sync(&mut file)
            .map_err(|source| failed(Step::Sync, source))
    }

    /// Gives the present file its second name. Without a present file the previous copy is the only one, and stays.
    fn keep_previous(&mut self) -> io::Result<()> {
        if self.disk.length(FILE).is_none() {
            return Ok(());
        }
        if self.disk.length(PREVIOUS).is_some() {
            self.disk.remove(PREVIOUS)?;
        }
        match self.disk.link(FILE, PREVIOUS) {
            // A file system without hard links has no previous copy; that is no reason to have no state.
            Err(error) if has_no_links(&error) => Ok(()),
            other => other,
        }
    }
}

fn failed(step: Step, source: io::Error) -> CommitError {
    CommitError::Failed { step, source }
}

/// Tells whether the file system has no hard links: exFAT and some network ones say «not permitted».
fn has_no_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
    )
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn open_of(ledger: &Ledger) -> BTreeSet<IncidentId> {
    let open = ledger
        .incidents
        .values()
        .filter(|incident| incident.is_open());
    open.map(|incident| incident.id.clone()).collect()
}
