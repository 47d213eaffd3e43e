//! The database file of the writer, and what becomes of it while it is in use.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use super::schema::SchemaError;
use super::{load, suspicion};
use crate::model::duration::since;
use crate::model::service::ServiceName;

/// The database that is written.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    connection: Option<Connection>,
    /// Which file the connection has open.
    identity: Option<Identity>,
    /// When one was last set aside.
    set_aside_at: Option<Timestamp>,
    /// When it was last looked at as others see it.
    checked_at: Option<Timestamp>,
    /// When it was last read through since somebody could not read it.
    suspected_at: Option<Timestamp>,
}

/// A file is not set aside again so soon: what is wrong then is not the file.
const AGAIN: Duration = Duration::from_hours(1);

/// How often the file is looked at as others see it.
const CHECK_EVERY: Duration = Duration::from_mins(1);

/// The tables of which a part is read then.
const CHECKED: [&str; 10] = [
    "services",
    "fresh",
    "raw",
    "five_minutes",
    "hours",
    "days",
    "memory",
    "incidents",
    "events",
    "evidence",
];

/// Why something cannot be written.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) why: String,
    /// Whether the file itself is at fault.
    pub(super) is_damage: bool,
}

impl Failure {
    pub(super) fn of(why: &str) -> Self {
        Self {
            why: why.to_owned(),
            is_damage: false,
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self {
            is_damage: load::is_damage_of(&error),
            why: error.to_string(),
        }
    }
}

impl File {
    pub(super) fn new(path: PathBuf, connection: Option<Connection>) -> Self {
        let identity = identity(&path);
        Self {
            path,
            connection,
            identity,
            set_aside_at: None,
            checked_at: None,
            suspected_at: None,
        }
    }

    pub(super) fn connection(&mut self) -> Result<&mut Connection, Failure> {
        self.connection
            .as_mut()
            .ok_or_else(|| Failure::of("there is no database"))
    }

    pub(super) fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Tells whether the name belongs to no file or to another one: what is written is lost then.
    pub(super) fn is_gone(&self) -> bool {
        self.connection.is_some() && identity(&self.path) != self.identity
    }

    /// Looks from time to time whether the file can still be read by others. The connection itself has much of it in memory,
    /// and would notice late that somebody has written over it.
    pub(super) fn check(&mut self, now: Timestamp) -> Result<(), Failure> {
        if !self.is_open() || !is_due(self.checked_at, now) {
            return Ok(());
        }
        self.checked_at = Some(now);
        let connection = load::read_only(&self.path)?;
        for table in CHECKED {
            connection.query_row(
                &format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1)"),
                (),
                |_| Ok(()),
            )?;
        }
        Ok(())
    }

    /// Reads what somebody could not read of services, who says that the file is damaged.
    pub(super) fn confirm(
        &mut self,
        services: &[ServiceName],
        now: Timestamp,
    ) -> Result<(), Failure> {
        if !self.is_open() || !is_due(self.suspected_at, now) {
            return Ok(());
        }
        self.suspected_at = Some(now);
        Ok(suspicion::read_through(&self.path, services)?)
    }

    /// Opens the file at the path, a new one where there is none.
    pub(super) fn begin(&mut self) -> Result<(), SchemaError> {
        self.connection = None;
        // A journal that its database has left behind belongs to nothing.
        if identity(&self.path).is_none() {
            for journal in ["-wal", "-shm"] {
                drop(fs::remove_file(format!("{}{journal}", self.path.display())));
            }
        }
        let (connection, _) = load::connect(&self.path)?;
        self.connection = Some(connection);
        self.identity = identity(&self.path);
        Ok(())
    }

    /// Moves a damaged file out of the way and begins a new one. Returns where the old one is.
    pub(super) fn set_aside(&mut self, now: Option<Timestamp>) -> Option<PathBuf> {
        let now = now.unwrap_or(Timestamp::UNIX_EPOCH);
        if self
            .set_aside_at
            .is_some_and(|last| since(last, now) < AGAIN)
        {
            return None;
        }
        self.set_aside_at = Some(now);
        self.connection = None;
        let aside = load::set_aside(&self.path, now)?;
        // Where none can be made it is tried again at the next tick.
        drop(self.begin());
        Some(aside)
    }
}

/// Tells whether a look at the file is due again; after a clock that was set back it is.
fn is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| last > now || since(last, now) >= CHECK_EVERY)
}

/// What tells one file from another of the same name.
#[derive(Debug, PartialEq, Eq)]
struct Identity(u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let data = fs::metadata(path).ok()?;
    Some(Identity(data.dev(), data.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|_| Identity(0, 0))
}
