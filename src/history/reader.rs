//! Reads the history of services, also while a daemon writes it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use super::buckets::read_buckets;
use super::gaps::{self, Gap};
use super::load::read_only;
use super::progress::{FRESH, Progress, alive, fresh_sample, pauses, second};
use super::rollup::{self, Last, Pause};
use super::series::{Bucket, RawSample, Resolution, together};
use super::{ReadError, codec, evidence};
use crate::model::duration::before;
use crate::model::evidence::Evidence;
use crate::model::incident::IncidentId;
use crate::model::service::ServiceName;

/// A history that is read. Each question is answered from one moment's state of the database.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    connection: Connection,
}

impl Reader {
    /// Opens the database at a path. Blocks, like everything here.
    ///
    /// # Errors
    /// [`ReadError`] if there is no such database or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let path = path.to_owned();
        match read_only(&path) {
            Ok(connection) => Ok(Self { path, connection }),
            Err(source) => Err(ReadError { path, source }),
        }
    }

    /// Opens the database at a path and holds it still: all questions are answered from the moment of the first.
    ///
    /// # Errors
    /// [`ReadError`] if there is no such database or it cannot be read.
    pub fn still(path: &Path) -> Result<Self, ReadError> {
        let reader = Self::open(path)?;
        match reader.connection.execute_batch("BEGIN") {
            Ok(()) => Ok(reader),
            Err(source) => Err(ReadError {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Returns the services that anything is known of, in the order of their names.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn services(&self) -> Result<Vec<ServiceName>, ReadError> {
        self.ask(|connection| {
            let mut select = connection.prepare("SELECT name FROM services ORDER BY name")?;
            let names = select.query_map((), |row| row.get::<_, String>(0))?;
            names.map(|name| name.map(ServiceName::new)).collect()
        })
    }

    /// Returns the buckets of a service that overlap a span, oldest first, each whole. The present one is there too, up
    /// to what is known. A bucket of which nothing is known is **absent**; [`filled`](super::series::filled) puts empty
    /// ones in.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn buckets(
        &self,
        service: &ServiceName,
        span: Range<Timestamp>,
        resolution: Resolution,
    ) -> Result<Vec<Bucket>, ReadError> {
        self.ask(|connection| {
            let Some(id) = id_of(connection, service)? else {
                return Ok(Vec::new());
            };
            let Some(open) = Open::read(connection, Some(id), &span)? else {
                return Ok(Vec::new());
            };
            open.buckets(connection, id, &span, resolution)
        })
    }

    /// Returns when nobody looked until a moment, after the first time that somebody did, oldest first: from the buckets of a
    /// service, and from when the monitor was not running.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn gaps(
        &self,
        known: Vec<Bucket>,
        until: Timestamp,
        resolution: Resolution,
    ) -> Result<Vec<Gap>, ReadError> {
        let from = known.first().map_or(until, |first| first.from);
        let pauses = self.ask(|connection| pauses(connection, from))?;
        Ok(gaps::gaps(known, &pauses, until, resolution))
    }

    /// Returns the days of many services at once, as [`Self::buckets`] does; a service without any is absent.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn days(
        &self,
        services: &[ServiceName],
        span: Range<Timestamp>,
    ) -> Result<BTreeMap<ServiceName, Vec<Bucket>>, ReadError> {
        self.many(services, span, Resolution::Day)
    }

    /// Returns the buckets of many services at once, as [`Self::buckets`] does; a service without any is absent.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn many(
        &self,
        services: &[ServiceName],
        span: Range<Timestamp>,
        resolution: Resolution,
    ) -> Result<BTreeMap<ServiceName, Vec<Bucket>>, ReadError> {
        self.ask(|connection| {
            let mut all = BTreeMap::new();
            let Some(open) = Open::read(connection, None, &span)? else {
                return Ok(all);
            };
            for service in services {
                if let Some(id) = id_of(connection, service)? {
                    let buckets = open.buckets(connection, id, &span, resolution)?;
                    if !buckets.is_empty() {
                        all.insert(service.clone(), buckets);
                    }
                }
            }
            Ok(all)
        })
    }

    /// Returns the newest samples of a service that began within a span, at most `limit`, oldest first.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn samples(
        &self,
        service: &ServiceName,
        span: Range<Timestamp>,
        limit: usize,
    ) -> Result<Vec<RawSample>, ReadError> {
        self.ask(|connection| {
            let Some(id) = id_of(connection, service)? else {
                return Ok(Vec::new());
            };
            samples(connection, id, &span, limit)
        })
    }

    /// Returns what was kept of the probes that began within a span and opened, changed or closed an incident of a
    /// service, oldest first.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn evidence(
        &self,
        service: &ServiceName,
        span: Range<Timestamp>,
    ) -> Result<Vec<Evidence>, ReadError> {
        self.ask(|connection| evidence::of_service(connection, service, span.start, span.end))
    }

    /// Returns what was kept of the probes that opened, changed and closed an incident, oldest first.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub fn evidence_of(&self, incident: &IncidentId) -> Result<Vec<Evidence>, ReadError> {
        self.ask(|connection| evidence::of_incident(connection, incident))
    }

    /// Asks one moment's state of the database; a database of an older version knows nothing of all this.
    fn ask<T: Default>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, ReadError> {
        let answer = || {
            let is_still = !self.connection.is_autocommit();
            let begin = || self.connection.unchecked_transaction();
            let _moment = (!is_still).then(begin).transpose()?;
            if !self.connection.table_exists(None, "evidence")? {
                return Ok(T::default());
            }
            question(&self.connection)
        };
        answer().map_err(|source| ReadError {
            path: self.path.clone(),
            source,
        })
    }
}

/// What is not in complete buckets yet.
struct Open {
    /// By resolution, the finest first.
    progress: [Progress; 3],
    /// Until when anything is known.
    present: Timestamp,
    pauses: Vec<Pause>,
    /// The samples of each service, oldest first.
    fresh: HashMap<i64, Vec<RawSample>>,
}

impl Open {
    /// Reads what is open of one service, or of all; absent before there was anything.
    fn read(
        connection: &Connection,
        service: Option<i64>,
        span: &Range<Timestamp>,
    ) -> rusqlite::Result<Option<Self>> {
        let read = |resolution| Progress::read(connection, resolution);
        let [fine, hour, day] = Resolution::ALL.map(read);
        let (Some(fine), Some(hour), Some(day)) = (fine?, hour?, day?) else {
            return Ok(None);
        };
        // What is complete is all that was asked for.
        let mut fresh = HashMap::new();
        if span.end > fine.from {
            fresh = fresh_samples(connection, service, fine)?;
        }
        let newest = fresh.values().flatten().map(|sample| sample.at).max();
        let present = alive(connection)?.max(newest).unwrap_or(fine.from);
        Ok(Some(Self {
            progress: [fine, hour, day],
            present: present.min(span.end).max(fine.from),
            pauses: pauses(connection, before(fine.from, Duration::from_hours(48)))?,
            fresh,
        }))
    }

    /// Returns the buckets of a service that overlap a span: complete ones as they are, the rest from finer ones.
    fn buckets(
        &self,
        connection: &Connection,
        service: i64,
        span: &Range<Timestamp>,
        resolution: Resolution,
    ) -> rusqlite::Result<Vec<Bucket>> {
        let mut from = resolution.floor(span.start);
        let mut buckets = Vec::new();
        let mut parts = Vec::new();
        for (finer, progress) in Resolution::ALL.into_iter().zip(self.progress).rev() {
            if finer > resolution {
                continue;
            }
            let until = progress.of(service).min(span.end);
            if from < until {
                let found = read_buckets(connection, finer, service, from, until)?;
                let into = if finer == resolution {
                    &mut buckets
                } else {
                    &mut parts
                };
                into.extend(found);
                from = progress.of(service);
            }
        }
        if from < span.end {
            parts.extend(self.present(connection, service, from)?);
        }
        buckets.extend(self.joined(&parts, resolution));
        Ok(buckets)
    }

    /// Returns buckets of five minutes from samples that are in none yet.
    fn present(
        &self,
        connection: &Connection,
        service: i64,
        since: Timestamp,
    ) -> rusqlite::Result<Vec<Bucket>> {
        let fine = Resolution::FiveMinutes;
        let nothing = Vec::new();
        let mut from = fine.floor(since);
        let open = self.fresh.get(&service).unwrap_or(&nothing);
        let (earlier, mut rest) = open.split_at(open.partition_point(|sample| sample.at < from));
        let mut last = match earlier.last() {
            Some(sample) => Some(Last::of(sample)),
            None => newest_before(connection, service, from)?,
        };
        let mut buckets = Vec::new();
        while from < self.present {
            let end = fine.end(from);
            let within = rest.partition_point(|sample| sample.at < end);
            let (samples, later) = rest.split_at(within);
            let bucket = rollup::bucket(last, samples, &self.pauses, from, end.min(self.present));
            last = samples.last().map(Last::of).or(last);
            rest = later;
            let is_known = bucket.probes() > 0 || !bucket.tally.watched().is_zero();
            buckets.extend(is_known.then_some(bucket));
            let idle = last.is_none_or(|last| last.until <= end);
            from = match rest.first() {
                Some(next) if idle => fine.floor(next.at),
                None if idle => break,
                _ => end,
            };
        }
        Ok(buckets)
    }

    /// Puts buckets together into those of a coarser resolution.
    fn joined(&self, parts: &[Bucket], resolution: Resolution) -> Vec<Bucket> {
        let groups = parts.chunk_by(|a, b| resolution.floor(a.from) == resolution.floor(b.from));
        let joined = groups.filter_map(|group| {
            let from = resolution.floor(group.first()?.from);
            let until = resolution.end(from).min(self.present);
            Some(together(from, until, group))
        });
        joined.collect()
    }
}

fn id_of(connection: &Connection, service: &ServiceName) -> rusqlite::Result<Option<i64>> {
    let mut find = connection.prepare_cached("SELECT id FROM services WHERE name = ?1")?;
    find.query_row([service.as_str()], |row| row.get(0))
        .optional()
}

/// Returns the samples that are in no complete bucket, of one service or of all.
fn fresh_samples(
    connection: &Connection,
    service: Option<i64>,
    fine: Progress,
) -> rusqlite::Result<HashMap<i64, Vec<RawSample>>> {
    let sql = format!("SELECT service, {FRESH} FROM fresh WHERE ?1 IS NULL OR service = ?1");
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query([service])?;
    let mut all: HashMap<i64, Vec<RawSample>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        if let Some(sample) = fresh_sample(row, 1)?
            && sample.at >= fine.of(id)
        {
            all.entry(id).or_default().push(sample);
        }
    }
    for samples in all.values_mut() {
        samples.sort_by_key(|sample| sample.at);
    }
    Ok(all)
}

/// Returns what the newest sample before a moment says.
fn newest_before(
    connection: &Connection,
    service: i64,
    moment: Timestamp,
) -> rusqlite::Result<Option<Last>> {
    let mut select = connection.prepare_cached(
        "SELECT from_s, data FROM raw WHERE service = ?1 AND from_s < ?2 ORDER BY from_s DESC LIMIT 1",
    )?;
    let mut rows = select.query([service, moment.as_second()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let data = row.get_ref(1)?.as_blob().unwrap_or_default();
    let samples = codec::unpack(second(row.get(0)?), data);
    Ok(samples.last().map(Last::of))
}

fn samples(
    connection: &Connection,
    service: i64,
    span: &Range<Timestamp>,
    limit: usize,
) -> rusqlite::Result<Vec<RawSample>> {
    let mut found = Vec::new();
    let fine = Progress::read(connection, Resolution::FiveMinutes)?;
    if fine.is_none_or(|fine| span.end > fine.of(service)) {
        let sql =
            format!("SELECT {FRESH} FROM fresh WHERE service = ?1 AND at_us >= ?2 AND at_us < ?3");
        let mut select = connection.prepare_cached(&sql)?;
        let bounds = (span.start.as_microsecond(), span.end.as_microsecond());
        let mut rows = select.query((service, bounds.0, bounds.1))?;
        while let Some(row) = rows.next()? {
            let sample = fresh_sample(row, 0)?;
            let is_open =
                |sample: &RawSample| fine.is_none_or(|fine| sample.at >= fine.of(service));
            found.extend(sample.filter(is_open));
        }
        found.sort_by_key(|sample: &RawSample| std::cmp::Reverse(sample.at));
    }
    let first = Resolution::FiveMinutes.floor(span.start);
    let mut select = connection.prepare_cached(
        "SELECT from_s, data FROM raw WHERE service = ?1 AND from_s >= ?2 AND from_s < ?3 ORDER BY from_s DESC",
    )?;
    // A bucket that begins in the last second begins before the end.
    let end = span.end.as_second().saturating_add(1);
    let mut rows = select.query((service, first.as_second(), end))?;
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        let data = row.get_ref(1)?.as_blob().unwrap_or_default();
        let chunk = codec::unpack(second(row.get(0)?), data);
        found.extend(
            chunk
                .into_iter()
                .rev()
                .filter(|sample| span.contains(&sample.at)),
        );
    }
    found.truncate(limit);
    found.reverse();
    Ok(found)
}
