//! One daemon per state file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Name of the lock file. It stays when the daemon ends; the lock does not.
const FILE: &str = "state.lock";

/// How often taking the lock is tried before another daemon must be the reason.
const TRIES: u32 = 5;

/// How long to wait between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// The lock of a folder, held until dropped or until the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is in use by another oes{}; stop it, or give this one its own `data` folder", folder.display(), process(*pid))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The process, if it has written its number.
        pid: Option<u32>,
    },
    /// The lock file cannot be used.
    #[error("cannot lock {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl Lock {
    /// Takes the lock of a folder without waiting.
    pub(super) fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(FILE);
        let io_error = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io_error)?;
        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Locked {
                    folder: folder.to_owned(),
                    pid: holder(&mut file),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io_error(source)),
        }
        // The number only helps the message of the next one; on a full disk the lock holds all the same.
        drop(sign(&mut file));
        Ok(Self { _file: file })
    }
}

/// Tries again for a moment: whoever only looks has the lock for less than that.
#[expect(
    clippy::disallowed_methods,
    reason = "opening the state file blocks, as it says, before anything else runs"
)]
fn patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(BETWEEN_TRIES),
            other => return other,
        }
    }
    file.try_lock()
}

/// Tells whether a process has the lock of a folder. Has it itself while it looks, together with others who look.
pub(super) fn is_held(folder: &Path) -> bool {
    File::open(folder.join(FILE))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
