//! Reads what is there at a start, whatever is there.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::FILE;
use super::commit::{PREVIOUS, TEMPORARY};
use super::disk::Disk;
use super::format::{self, Damage, Snapshot};
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
    /// Where the previous copy is kept, if a newer OES wrote it.
    pub(super) kept: Option<PathBuf>,
}

/// A file that a newer OES wrote: whatever is done without reading it would lose what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Newer {
    /// Its name.
    pub(super) file: &'static str,
    /// Its format.
    pub(super) format: u32,
}

/// Reads the state of a folder, and removes what a commit that never ended has left.
///
/// # Errors
/// [`Newer`]; nothing is changed then.
pub(super) fn load(disk: &mut impl Disk, now: Timestamp) -> Result<Loaded, Newer> {
    let current = refuse_newer(FILE, read(disk, FILE))?;
    let previous = read(disk, PREVIOUS);
    let mut kept = None;
    let previous = match (&current, previous) {
        (Ok(Some(_)), Err(Damage::Newer { found })) => {
            let name = format!("{PREVIOUS}.newer-{}", stamp(now));
            let moved = disk
                .rename(PREVIOUS, &name)
                .and_then(|()| disk.sync_folder());
            moved.map_err(|_| Newer {
                file: PREVIOUS,
                format: found,
            })?;
            kept = Some(PathBuf::from(name));
            Ok(None)
        }
        (_, previous) => refuse_newer(PREVIOUS, previous)?,
    };
    // It may not be there, and if it cannot be removed the next commit will say so.
    drop(disk.remove(TEMPORARY));
    let (why, aside) = match current {
        Ok(Some(snapshot)) => {
            let loaded = loaded(snapshot, Recovery::Loaded, now);
            return Ok(Loaded { kept, ..loaded });
        }
        Err(why) => {
            let name = format!("{FILE}.corrupt-{}", stamp(now));
            let moved = disk.rename(FILE, &name).is_ok();
            (why, moved.then(|| PathBuf::from(name)))
        }
        Ok(None) if matches!(previous, Ok(None)) => return Ok(nothing(Recovery::Fresh)),
        Ok(None) => (format!("there is no {FILE}, only its previous copy"), None),
    };
    Ok(match previous {
        Ok(Some(snapshot)) => loaded(snapshot, Recovery::FellBack { why, aside }, now),
        Ok(None) | Err(_) => nothing(Recovery::SetAside { why, aside }),
    })
}

/// Returns a file that was read, or in words what is wrong with it.
///
/// # Errors
/// [`Newer`] if a newer OES wrote it.
fn refuse_newer(
    file: &'static str,
    read: Result<Option<Snapshot>, Damage>,
) -> Result<Result<Option<Snapshot>, String>, Newer> {
    match read {
        Err(Damage::Newer { found: format }) => Err(Newer { file, format }),
        read => Ok(read.map_err(|damage| damage.to_string())),
    }
}

fn stamp(now: Timestamp) -> impl std::fmt::Display {
    now.strftime("%Y%m%dT%H%M%S%6fZ")
}

fn nothing(recovery: Recovery) -> Loaded {
    Loaded {
        seq: 0,
        ledger: Ledger::default(),
        recovery,
        kept: None,
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
        kept: None,
    }
}

/// Returns `at` plus `delay`, the end of time if that is past it.
pub(super) fn later(at: Timestamp, delay: Duration) -> Timestamp {
    at.checked_add(delay).unwrap_or(Timestamp::MAX)
}

/// Reads one file: `None` if there is none.
fn read(disk: &mut impl Disk, name: &str) -> Result<Option<Snapshot>, Damage> {
    match disk.read(name) {
        Ok(bytes) => format::decode(&bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Damage::Unreadable(error)),
    }
}
