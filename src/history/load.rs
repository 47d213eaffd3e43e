//! Opens the database and reads it, whatever is there.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};

use super::schema::{SchemaError, migrate};
use super::{Recovery, Restored, counted, private, windows};
use crate::model::json;
use crate::model::judgement::{Memory, MemoryEntry};
use crate::model::service::ServiceName;

/// How long a database may be locked by another program before it counts as unusable.
const BUSY: Duration = Duration::from_secs(2);

/// Statements that stay compiled; those of the writer are fewer.
const STATEMENTS: usize = 64;

/// A database that was read.
pub(super) struct Loaded {
    /// Absent if not even memory can be had for one.
    pub(super) connection: Option<Connection>,
    pub(super) restored: BTreeMap<ServiceName, Restored>,
    pub(super) shared: Memory,
    pub(super) recovery: Recovery,
}

/// Opens a database for writing and reads it: with a damaged one aside in a new one, else in none.
pub(super) fn open(path: &Path, samples: usize, now: Timestamp) -> Loaded {
    let error = match attempt(path, samples, now) {
        Ok(loaded) => return loaded,
        Err(error) => error,
    };
    let why = error.to_string();
    if is_damage(&error)
        && let Some(aside) = set_aside(path, now)
        && let Ok(loaded) = attempt(path, samples, now)
    {
        return Loaded {
            recovery: Recovery::SetAside { path: aside, why },
            ..loaded
        };
    }
    Loaded {
        connection: None,
        restored: BTreeMap::new(),
        shared: Memory::new(),
        recovery: Recovery::Unusable { why },
    }
}

/// Returns what the scripts of one service remember, while a daemon may be writing it.
pub(super) fn memory_of(
    path: &Path,
    service: &ServiceName,
    now: Timestamp,
) -> rusqlite::Result<Memory> {
    let connection = read_only(path)?;
    let mut services = read(&connection, super::SAMPLES_KEPT, now)?;
    let mut memory = services.remove(service).unwrap_or_default().memory;
    memory.extend(read_shared(&connection, now)?);
    Ok(memory)
}

/// Returns what is known of every service, while a daemon may be writing it.
pub(super) fn all(
    path: &Path,
    now: Timestamp,
) -> rusqlite::Result<BTreeMap<ServiceName, Restored>> {
    read(&read_only(path)?, super::SAMPLES_KEPT, now)
}

/// Opens a database that a daemon may be writing.
pub(super) fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Opens a database for writing, a new one where there is none, and brings it to this version. Tells whether it was empty.
pub(super) fn connect(path: &Path) -> Result<(Connection, bool), SchemaError> {
    private::create(path);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let empty = migrate(&mut connection)?;
    Ok((connection, empty))
}

fn attempt(path: &Path, samples: usize, now: Timestamp) -> Result<Loaded, SchemaError> {
    let (connection, empty) = connect(path)?;
    let restored = read(&connection, samples, now)?;
    let shared = read_shared(&connection, now)?;
    let recovery = if empty {
        Recovery::Fresh
    } else {
        Recovery::Loaded
    };
    Ok(Loaded {
        connection: Some(connection),
        restored,
        shared,
        recovery,
    })
}

/// Tells whether the file itself is at fault, and not the disk, the rights or another program.
pub(super) fn is_damage(error: &SchemaError) -> bool {
    match error {
        SchemaError::Sqlite(error) => is_damage_of(error),
        SchemaError::Newer { .. } => true,
    }
}

/// Tells the same of an error of SQLite.
pub(super) fn is_damage_of(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => matches!(
            failure.code,
            // Code 1: the tables are not ours.
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown
        ),
        // A value of another kind than we write.
        _ => true,
    }
}

/// Moves a database with its journal out of the way. Returns where it is.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> Option<PathBuf> {
    let stamp = now.strftime("%Y%m%dT%H%M%S%6fZ");
    let suffixed = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    let aside = suffixed(&format!(".corrupt-{stamp}"));
    fs::rename(path, &aside).ok()?;
    for journal in ["-wal", "-shm"] {
        // Most often there is none. One that stayed would be taken for the journal of the new database.
        let moved = suffixed(&format!(".corrupt-{stamp}{journal}"));
        if fs::rename(suffixed(journal), moved).is_err() && suffixed(journal).exists() {
            return None;
        }
    }
    Some(aside)
}

fn read(
    connection: &Connection,
    samples: usize,
    now: Timestamp,
) -> rusqlite::Result<BTreeMap<ServiceName, Restored>> {
    let mut by_id: HashMap<i64, (ServiceName, Restored)> = HashMap::new();
    let columns = counted::COLUMNS;
    let mut services = connection.prepare(&format!("SELECT id, name, {columns} FROM services"))?;
    let mut rows = services.query(())?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        let restored = Restored {
            counters: counted::counters(row, 2)?,
            ..Restored::default()
        };
        by_id.insert(row.get(0)?, (ServiceName::new(name), restored));
    }
    windows::read(connection, &mut by_id, samples)?;
    read_memory(connection, &mut by_id, now)?;
    Ok(by_id.into_values().collect())
}

fn read_memory(
    connection: &Connection,
    by_id: &mut HashMap<i64, (ServiceName, Restored)>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let mut memory = connection.prepare("SELECT key, value, expires_at_us, service FROM memory")?;
    let mut rows = memory.query(())?;
    while let Some(row) = rows.next()? {
        if let Some((_, restored)) = by_id.get_mut(&row.get(3)?) {
            restored.memory.extend(entry(row, now)?);
        }
    }
    Ok(())
}

/// Reads what all services remember together; a database that an older version wrote has none.
fn read_shared(connection: &Connection, now: Timestamp) -> rusqlite::Result<Memory> {
    let mut shared = Memory::new();
    if !connection.table_exists(None, "shared_memory")? {
        return Ok(shared);
    }
    let mut memory = connection.prepare("SELECT key, value, expires_at_us FROM shared_memory")?;
    let mut rows = memory.query(())?;
    while let Some(row) = rows.next()? {
        shared.extend(entry(row, now)?);
    }
    Ok(shared)
}

/// Returns what a row of a key, a value and an end remembers; absent if that is over.
fn entry(row: &Row<'_>, now: Timestamp) -> rusqlite::Result<Option<(Arc<str>, MemoryEntry)>> {
    let (key, text): (String, String) = (row.get(0)?, row.get(1)?);
    let expires_at = time(row.get(2)?);
    if expires_at.is_some_and(|at| at <= now) {
        return Ok(None);
    }
    Ok(json::parse(text.as_bytes()).ok().map(|document| {
        let value = document.root;
        (key.into(), MemoryEntry { value, expires_at })
    }))
}

pub(super) fn time(us: Option<i64>) -> Option<Timestamp> {
    Timestamp::from_microsecond(us?).ok()
}
