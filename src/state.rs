//! The state file: what must survive a restart for people to be told everything once.
//!
//! Only the holder of the lock writes. `state.json` is complete at every moment: a commit writes a new file beside it
//! and puts it in its place in one step, and a write that failed never takes the place of a good file. A damaged file
//! never stops a start. `docs/state.md` describes the files for other programs.

mod ballast;
mod commit;
mod disk;
mod format;
mod load;
mod lock;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;

use self::commit::Committer;
pub use self::commit::{CommitError, Committed, Step};
use self::disk::Folder;
pub use self::format::{Damage, Snapshot};
pub use self::load::Recovery;
pub use self::lock::LockError;
use crate::model::incident::Ledger;
use crate::model::service::{Service, ServiceName};
use crate::model::violation::Violation;

/// Name of the state file in its folder.
pub const FILE: &str = "state.json";

/// One line of the public part of the state file.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ServiceLine {
    /// The service.
    pub name: ServiceName,
    /// Its URL as it may be shown; absent of a service that is not asked but reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Request method; absent of a service that is not asked but reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_method: Option<String>,
    /// What it breaks now.
    pub violations: Vec<Violation>,
}

impl ServiceLine {
    /// Tells whether it is not asked but reports.
    pub fn is_heartbeat(&self) -> bool {
        self.url.is_none()
    }

    /// Returns the line of a service that breaks nothing.
    pub fn new(service: &Service) -> Self {
        Self {
            name: service.name.clone(),
            url: service.asked().map(|request| request.shown_url.to_string()),
            http_method: service.asked().map(|request| request.method.to_string()),
            violations: Vec::new(),
        }
    }
}

/// An open state file. Dropping it releases the lock.
#[derive(Debug)]
pub struct StateFile {
    committer: Committer<Folder>,
    _lock: lock::Lock,
}

/// A state file that was opened, and what was in it.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: StateFile,
    /// What it held; empty if there was nothing to read.
    pub ledger: Ledger,
    /// How it was read.
    pub recovery: Recovery,
    /// Where the previous copy is kept, if a newer OES wrote it.
    pub kept: Option<PathBuf>,
}

/// Why a state file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or opened.
    #[error("cannot use the data folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another daemon has it, or the lock file cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A newer OES wrote it.
    #[error(transparent)]
    Newer(#[from] NewerError),
}

/// A state file that a newer OES wrote. It is never changed: what it knows would be lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} was written by a newer oes: it has format {found}, this one reads up to {}; run that oes, or move the file away \
     to start with nothing known",
    path.display(),
    format::FORMAT
)]
pub struct NewerError {
    /// The file.
    pub path: PathBuf,
    /// Its format.
    pub found: u32,
}

impl StateFile {
    /// Opens the state file of a folder, which is made if it is missing, and locks it for the life of the value.
    /// `boot` names this run of the daemon in the file.
    ///
    /// A damaged file is no error: it is set aside and the previous copy is used, or nothing.
    ///
    /// # Errors
    /// [`OpenError::Lock`] if another daemon has the folder, [`OpenError::Folder`] if it cannot be used at all,
    /// [`OpenError::Newer`] if a newer OES wrote the file.
    pub fn open(folder: &Path, boot: &str, now: Timestamp) -> Result<Opened, OpenError> {
        let unusable = |source| OpenError::Folder {
            path: folder.to_owned(),
            source,
        };
        make_private(folder).map_err(unusable)?;
        let lock = lock::Lock::take(folder)?;
        let mut disk = Folder::open(folder).map_err(unusable)?;
        let loaded = load::load(&mut disk, now).map_err(|newer| NewerError {
            path: folder.join(newer.file),
            found: newer.format,
        })?;
        let recovery = loaded.recovery.in_folder(folder);
        let committer = Committer::new(disk, boot, loaded.seq, &loaded.ledger);
        Ok(Opened {
            file: Self {
                committer,
                _lock: lock,
            },
            ledger: loaded.ledger,
            recovery,
            kept: loaded.kept.map(|name| folder.join(name)),
        })
    }

    /// Puts a ledger on disk. When this returns, it survives the loss of power. Blocks for two to three disk syncs.
    ///
    /// # Errors
    /// [`CommitError`]; the file on disk is then the old one, whole, or after [`Step::SyncFolder`] either.
    pub fn commit(
        &mut self,
        ledger: &Ledger,
        services: &[ServiceLine],
        now: Timestamp,
    ) -> Result<Committed, CommitError> {
        self.committer.commit(ledger, services, now)
    }

    /// Keeps room for a full disk if there is enough of it again, and tells whether it is kept.
    pub fn keep_room(&mut self) -> bool {
        self.committer.keep_room()
    }

    /// Returns what tells whether the disk is so full that the room kept for that is in use: nobody else should write
    /// to it then. It is so before the room is given up, and until it is kept again.
    pub fn full(&self) -> Arc<AtomicBool> {
        Arc::clone(self.committer.full())
    }

    /// Returns the number of the last commit, 0 before the first.
    pub fn seq(&self) -> u64 {
        self.committer.seq()
    }
}

/// Why a state file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is none: the daemon has not run with this folder.
    #[error("there is no {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what OES wrote.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In which way.
        source: Damage,
    },
    /// A newer OES wrote it.
    #[error(transparent)]
    Newer(#[from] NewerError),
}

/// Reads the state file of a folder without the lock, while a daemon may be writing it.
///
/// # Errors
/// [`ReadError`] if there is none, or if it cannot be read or trusted.
pub fn read(folder: &Path) -> Result<Snapshot, ReadError> {
    let path = folder.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            return Err(ReadError::Missing { path });
        }
        Err(source) => return Err(ReadError::Io { path, source }),
    };
    format::decode(&bytes).map_err(|source| match source {
        Damage::Newer { found } => NewerError { path, found }.into(),
        source => ReadError::Damaged { path, source },
    })
}

/// Does the same, and where the file is missing or cannot be used, reads the previous copy as a start would. Returns
/// what is wrong with the file then.
///
/// # Errors
/// [`ReadError`] for the file, if there is no good copy either.
pub fn read_or_previous(folder: &Path) -> Result<(Snapshot, Option<ReadError>), ReadError> {
    let error = match read(folder) {
        Ok(snapshot) => return Ok((snapshot, None)),
        Err(error @ ReadError::Newer(_)) => return Err(error),
        Err(error) => error,
    };
    let path = folder.join(commit::PREVIOUS);
    let previous = fs::read(&path).ok();
    match previous.map(|bytes| format::decode(&bytes)) {
        Some(Ok(snapshot)) => Ok((snapshot, Some(error))),
        Some(Err(Damage::Newer { found })) => Err(NewerError { path, found }.into()),
        _ => Err(error),
    }
}

/// Tells whether a daemon has a folder; if it cannot be told, then none.
pub fn in_use(folder: &Path) -> bool {
    lock::is_held(folder)
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
