//! Reads what is there at a start, whatever is there.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::FILE;
use super::commit::{PREVIOUS, TEMPORARY};
use super::disk::Disk;
use super::format::{self, Snapshot};
use crate::model::incident::Ledger;

/// How a state file was read at a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// There was none: the first start with this folder.
    Fresh,
    /// It was whole.
    Loaded,
    /// It was not usable, and the copy from the commit before it was: the last change may be missing.
    FellBack {
        /// What was wrong with it.
        why: String,
        /// Where it is kept, absent if there was none or if it could not be moved.
        aside: Option<PathBuf>,
    },
    /// Neither it nor its previous copy was usable. OES starts with nothing known; open violations are found and
    /// told again.
    SetAside {
        /// What was wrong with it.
        why: String,
        /// Where it is kept, absent if it could not be moved.
        aside: Option<PathBuf>,
    },
}

impl Recovery {
    /// Returns the same with full paths.
    pub(super) fn in_folder(self, folder: &Path) -> Self {
        let full = |aside: Option<PathBuf>| aside.map(|name| folder.join(name));
        match self {
            Self::FellBack { why, aside } => Self::FellBack {
                why,
                aside: full(aside),
            },
            Self::SetAside { why, aside } => Self::SetAside {
                why,
                aside: full(aside),
            },
            other => other,
        }
    }
}

/// What was read.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) seq: u64,
    pub(super) ledger: Ledger,
    pub(super) recovery: Recovery,
}

/// Reads the state of a folder, and removes what a commit that never ended has left.
pub(super) fn load(disk: &mut impl Disk, now: Timestamp) -> Loaded {
    // It may not be there, and if it cannot be removed the next commit will say so.
    drop(disk.remove(TEMPORARY));
    let current = read(disk, FILE);
    if let Ok(Some(snapshot)) = current {
        return loaded(snapshot, Recovery::Loaded, now);
    }
    let previous = read(disk, PREVIOUS);
    let (why, aside) = match current {
        Err(why) => {
            let name = format!("{FILE}.corrupt-{}", now.strftime("%Y%m%dT%H%M%S%6fZ"));
            let moved = disk.rename(FILE, &name).is_ok();
            (why, moved.then(|| PathBuf::from(name)))
        }
        Ok(_) if matches!(previous, Ok(None)) => {
            return Loaded {
                seq: 0,
                ledger: Ledger::default(),
                recovery: Recovery::Fresh,
            };
        }
        Ok(_) => (format!("there is no {FILE}, only its previous copy"), None),
    };
    match previous {
        Ok(Some(snapshot)) => loaded(snapshot, Recovery::FellBack { why, aside }, now),
        Ok(None) | Err(_) => Loaded {
            seq: 0,
            ledger: Ledger::default(),
            recovery: Recovery::SetAside { why, aside },
        },
    }
}

fn loaded(snapshot: Snapshot, recovery: Recovery, now: Timestamp) -> Loaded {
    let saved_at = snapshot.saved_at;
    let mut ledger = snapshot.ledger;
    let rebase = |at: &mut Option<Timestamp>| {
        if let Some(until) = *at {
            let left = Duration::try_from(until.duration_since(saved_at)).unwrap_or_default();
            *at = Some(until.min(later(now, left)));
        }
    };
    for delivery in ledger.deliveries.values_mut() {
        rebase(&mut delivery.next_at);
    }
    for channel in ledger.channels.values_mut() {
        rebase(&mut channel.paused_until);
    }
    Loaded {
        seq: snapshot.seq,
        ledger,
        recovery,
    }
}

/// Returns `at` plus `delay`, the end of time if that is past it.
pub(super) fn later(at: Timestamp, delay: Duration) -> Timestamp {
    at.checked_add(delay).unwrap_or(Timestamp::MAX)
}

/// Reads one file: `None` if there is none, in words what is wrong with it if it cannot be used.
fn read(disk: &mut impl Disk, name: &str) -> Result<Option<Snapshot>, String> {
    let bytes = match disk.read(name) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("it cannot be read: {error}")),
    };
    format::decode(&bytes)
        .map(Some)
        .map_err(|damage| damage.to_string())
}
