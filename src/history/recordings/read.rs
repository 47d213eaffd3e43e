//! Reads recordings, while a daemon may be writing them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};

use super::Kept;
use super::tables::BUSY;
use crate::model::service::ServiceName;

/// The largest body that is read back; the config allows none larger.
const BODY_MAX: u64 = 1 << 30;

/// Why recordings cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct ReadError {
    path: PathBuf,
    #[source]
    source: rusqlite::Error,
}

/// Which recordings are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// None before this.
    pub since: Option<Timestamp>,
    /// None from this on.
    pub until: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: Option<usize>,
}

/// The recordings of a service, the oldest first.
#[derive(Debug)]
pub struct Reading {
    path: PathBuf,
    connection: Connection,
    probes: std::vec::IntoIter<i64>,
    /// Recordings that are damaged and were passed over.
    pub damaged: u64,
}

/// Returns the recordings of a service; none for one that was never recorded.
///
/// # Errors
/// [`ReadError`] if there is no such database or it cannot be read.
pub fn read(path: &Path, service: &ServiceName, wanted: Wanted) -> Result<Reading, ReadError> {
    let failed = |source| ReadError {
        path: path.to_owned(),
        source,
    };
    let connection = open(path).map_err(failed)?;
    let probes = ids(&connection, service, wanted).map_err(failed)?;
    Ok(Reading {
        path: path.to_owned(),
        connection,
        probes: probes.into_iter(),
        damaged: 0,
    })
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

fn ids(
    connection: &Connection,
    service: &ServiceName,
    wanted: Wanted,
) -> rusqlite::Result<Vec<i64>> {
    let mut find = connection.prepare(
        "SELECT probes.id FROM probes JOIN services ON services.id = probes.service
         WHERE services.name = ?1 AND at_us >= ?2 AND at_us < ?3 ORDER BY at_us DESC, probes.id DESC LIMIT ?4",
    )?;
    let since = wanted.since.map_or(i64::MIN, Timestamp::as_microsecond);
    let until = wanted.until.map_or(i64::MAX, Timestamp::as_microsecond);
    let limit = wanted
        .limit
        .map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = find.query_map(params![service.as_str(), since, until, limit], |row| {
        row.get(0)
    })?;
    let mut ids: Vec<i64> = rows.collect::<rusqlite::Result<_>>()?;
    ids.reverse();
    Ok(ids)
}

impl Reading {
    /// Returns how many there are still.
    pub fn left(&self) -> usize {
        self.probes.len()
    }

    /// Returns the next recording that is whole; absent if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read any further.
    pub fn next_whole(&mut self) -> Result<Option<Kept>, ReadError> {
        for probe in self.probes.by_ref() {
            let found = one(&self.connection, probe).map_err(|source| ReadError {
                path: self.path.clone(),
                source,
            })?;
            match found {
                Found::Whole(kept) => return Ok(Some(kept)),
                Found::Damaged => self.damaged += 1,
                // It was removed after it was listed.
                Found::Gone => {}
            }
        }
        Ok(None)
    }
}

enum Found {
    Whole(Kept),
    Damaged,
    Gone,
}

fn one(connection: &Connection, probe: i64) -> rusqlite::Result<Found> {
    let mut find = connection.prepare_cached("SELECT at_us, head FROM probes WHERE id = ?1")?;
    let row: Option<(i64, Vec<u8>)> = find
        .query_row([probe], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((at, head)) = row else {
        return Ok(Found::Gone);
    };
    let mut find = connection.prepare_cached(
        "SELECT sha256, length, data FROM uses JOIN bodies ON bodies.id = uses.body
         WHERE probe = ?1 ORDER BY position",
    )?;
    let rows = find.query_map([probe], |row| {
        let (hash, length, data): (Vec<u8>, i64, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(body(&hash, length, &data))
    })?;
    let bodies: Option<Vec<Bytes>> = rows.collect::<rusqlite::Result<_>>()?;
    let head = decompressed(&head, BODY_MAX);
    Ok(match (Timestamp::from_microsecond(at), head, bodies) {
        (Ok(at), Some(head), Some(bodies)) => Found::Whole(Kept { at, head, bodies }),
        _ => Found::Damaged,
    })
}

/// Returns a body, absent if it is not what was written.
fn body(hash: &[u8], length: i64, data: &[u8]) -> Option<Bytes> {
    let length = u64::try_from(length)
        .ok()
        .filter(|length| *length <= BODY_MAX)?;
    let bytes = decompressed(data, length)?;
    (bytes.len() as u64 == length && Sha256::digest(&bytes)[..] == *hash).then(|| bytes.into())
}

/// Returns what was compressed, absent if it was something else or more than `max`.
fn decompressed(data: &[u8], max: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let decoder = zstd::stream::Decoder::with_buffer(data).ok()?;
    let read = decoder.take(max + 1).read_to_end(&mut bytes).ok()?;
    (read as u64 <= max).then_some(bytes)
}
