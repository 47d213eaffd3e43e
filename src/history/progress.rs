//! How far buckets are complete, and what tells of it in the database.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::codec;
use super::load::time;
use super::rollup::Pause;
use super::series::{RawSample, Resolution};
/// How far the buckets of one resolution are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    resolution: Resolution,
    /// The buckets before this are complete.
    pub(super) from: Timestamp,
    /// So is the one that begins there, for services up to this id.
    pub(super) service: i64,
}

impl Progress {
    /// Returns the beginning: nothing before a moment is complete, nor anything after.
    pub(super) fn beginning(resolution: Resolution, at: Timestamp) -> Self {
        Self {
            resolution,
            from: resolution.floor(at),
            service: 0,
        }
    }

    /// Returns until when the buckets of a service are complete.
    pub(super) fn of(&self, service: i64) -> Timestamp {
        if service <= self.service {
            self.end()
        } else {
            self.from
        }
    }

    /// Returns the length of its buckets.
    pub(super) fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Returns when the bucket ends that is not complete.
    pub(super) fn end(&self) -> Timestamp {
        self.resolution.end(self.from)
    }

    /// Returns the progress once the next services are done, or all.
    pub(super) fn after(&self, service: Option<i64>) -> Self {
        match service {
            Some(service) => Self { service, ..*self },
            None => Self::beginning(self.resolution, self.end()),
        }
    }

    /// Returns the earliest moment that a new sample can be of: what is complete stays as it is.
    pub(super) fn gate(&self) -> Timestamp {
        if self.service > 0 {
            self.end()
        } else {
            self.from
        }
    }

    /// Writes it down.
    pub(super) fn save(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut save = connection.prepare_cached(
            "INSERT OR REPLACE INTO progress (level, from_s, service) VALUES (?1, ?2, ?3)",
        )?;
        let level = self.resolution as i64;
        save.execute(params![level, self.from.as_second(), self.service])?;
        Ok(())
    }

    /// Reads it; absent where no bucket was ever completed.
    pub(super) fn read(
        connection: &Connection,
        resolution: Resolution,
    ) -> rusqlite::Result<Option<Self>> {
        let mut select =
            connection.prepare_cached("SELECT from_s, service FROM progress WHERE level = ?1")?;
        let mut rows = select.query([resolution as i64])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        Ok(Some(Self {
            resolution,
            from: second(row.get(0)?),
            service: row.get(1)?,
        }))
    }
}

/// Returns the table of the buckets of a resolution.
pub(super) fn table(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::FiveMinutes => "five_minutes",
        Resolution::Hour => "hours",
        Resolution::Day => "days",
    }
}

/// Returns the last sign of life of the monitor; absent if there was none.
pub(super) fn alive(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let mut select = connection.prepare_cached("SELECT alive_us FROM life")?;
    let mut rows = select.query(())?;
    let us = rows.next()?.map(|row| row.get(0)).transpose()?;
    Ok(time(us))
}

/// Returns the times in which the monitor was not running and that end after a moment, oldest first.
pub(super) fn pauses(connection: &Connection, after: Timestamp) -> rusqlite::Result<Vec<Pause>> {
    let mut select = connection.prepare_cached(
        "SELECT from_us, until_us FROM pauses WHERE until_us > ?1 ORDER BY from_us",
    )?;
    let mut rows = select.query([after.as_microsecond()])?;
    let mut pauses = Vec::new();
    while let Some(row) = rows.next()? {
        if let (Some(from), Some(until)) = (time(row.get(0)?), time(row.get(1)?)) {
            pauses.push(Pause { from, until });
        }
    }
    Ok(pauses)
}

/// The columns of `fresh` that [`fresh_sample`] reads, in its order.
pub(super) const FRESH: &str = "at_us, outcome, latency_us, phases_us, code, holds_ms";

/// Reads a sample that is in no bucket yet, whose columns begin at one; absent if it is none.
pub(super) fn fresh_sample(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<RawSample>> {
    let latency: Option<i64> = row.get(first + 2)?;
    let phases: Option<Vec<u8>> = row.get(first + 3)?;
    let phases = phases.and_then(|bytes| codec::take_phases(&mut &*bytes));
    let (Some(at), Some(outcome)) = (time(row.get(first)?), codec::outcome(row.get(first + 1)?))
    else {
        return Ok(None);
    };
    let holds: i64 = row.get(first + 5)?;
    Ok(Some(RawSample {
        at,
        outcome,
        latency: latency.map(|us| Duration::from_micros(us.unsigned_abs())),
        phases: phases.unwrap_or_default(),
        code: row.get::<_, Option<String>>(first + 4)?.map(Into::into),
        holds: Duration::from_millis(holds.unsigned_abs()),
    }))
}

/// Returns the moment of a whole second, the end of time if there is none.
pub(super) fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}
