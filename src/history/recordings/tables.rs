//! The tables of recordings, and what is written and removed in them.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use sha2::{Digest as _, Sha256};

use super::Kept;
use crate::history::private;
use crate::history::schema::{SchemaError, migrate_by};
use crate::model::duration::since;
use crate::model::service::{RecordRule, ServiceName};

/// Each makes the version of its place, from 1, out of the one before. Never change one that was released.
pub(super) const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE services (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        keep_us INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE probes (
        id INTEGER PRIMARY KEY,
        service INTEGER NOT NULL REFERENCES services (id),
        at_us INTEGER NOT NULL,
        head BLOB NOT NULL
    ) STRICT;
    CREATE INDEX probes_by_time ON probes (service, at_us, id);
    CREATE TABLE bodies (
        id INTEGER PRIMARY KEY,
        service INTEGER NOT NULL REFERENCES services (id),
        sha256 BLOB NOT NULL,
        length INTEGER NOT NULL,
        data BLOB NOT NULL,
        UNIQUE (service, sha256)
    ) STRICT;
    CREATE TABLE uses (
        probe INTEGER NOT NULL REFERENCES probes (id),
        position INTEGER NOT NULL,
        body INTEGER NOT NULL REFERENCES bodies (id),
        PRIMARY KEY (probe, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX uses_of_body ON uses (body);
"];

/// What a row takes besides its data, about.
const ROW_BYTES: u64 = 64;
/// The level of compression: bodies are compressed in less time than they take to come over a network.
const LEVEL: i32 = 3;
/// How long a database may be locked by another program before it counts as unusable.
pub(super) const BUSY: Duration = Duration::from_secs(2);
/// How often what is too old is removed.
const TIDY_EVERY: Duration = Duration::from_mins(1);
/// The journal is cut to this after a large transaction.
const JOURNAL_BYTES: i64 = 4 << 20;

/// An open database.
pub(super) struct Database {
    connection: Connection,
    known: HashMap<ServiceName, Known>,
    /// When what is too old was last removed.
    tidied: Option<Timestamp>,
}

/// What is known of a service that has rows.
#[derive(Debug, Clone, Copy)]
struct Known {
    id: i64,
    bytes: u64,
    /// In microseconds.
    keep: i64,
    /// Absent until it is recorded.
    rule: Option<RecordRule>,
}

impl Database {
    /// Opens a database, and makes it where it is missing.
    ///
    /// # Errors
    /// If it cannot be opened, or is not ours.
    pub(super) fn open(path: &Path) -> Result<Self, SchemaError> {
        private::create(path);
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        // Before the first table: room that becomes free is given back.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        migrate_by(&mut connection, &MIGRATIONS)?;
        connection.pragma_update(None, "journal_size_limit", JOURNAL_BYTES)?;
        let mut database = Self {
            connection,
            known: HashMap::new(),
            tidied: None,
        };
        database.load()?;
        Ok(database)
    }

    fn load(&mut self) -> rusqlite::Result<()> {
        let mut services = self.connection.prepare(
            "SELECT id, name, keep_us,
               (SELECT coalesce(sum(length(head) + ?1), 0) FROM probes WHERE service = services.id) +
               (SELECT coalesce(sum(length(data) + ?1), 0) FROM bodies WHERE service = services.id)
             FROM services",
        )?;
        let mut rows = services.query(params![signed(ROW_BYTES)])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(1)?;
            let known = Known {
                id: row.get(0)?,
                bytes: u64::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
                keep: row.get(2)?,
                rule: None,
            };
            self.known.insert(ServiceName::new(name), known);
        }
        Ok(())
    }

    /// Returns how much all recordings take.
    pub(super) fn bytes(&self) -> u64 {
        self.known.values().map(|known| known.bytes).sum()
    }

    /// Writes probes in one transaction, and removes what is too old or too much. Returns why some were not written.
    ///
    /// # Errors
    /// Nothing was written then.
    pub(super) fn write(
        &mut self,
        batch: &[(ServiceName, RecordRule, Kept)],
        now: Timestamp,
    ) -> Result<Vec<String>, SchemaError> {
        let transaction = self.connection.transaction()?;
        let mut tables = Tables {
            transaction: &transaction,
            known: &mut self.known,
        };
        let mut refused = Vec::new();
        for (service, rule, kept) in batch {
            refused.extend(tables.add(service, *rule, kept)?);
        }
        let is_due = self
            .tidied
            .is_none_or(|last| since(last, now) >= TIDY_EVERY);
        if batch.is_empty() || is_due {
            tables.tidy(now)?;
            self.tidied = Some(now);
        }
        transaction.commit()?;
        // Gives pages back that hold nothing any more, a few at a time.
        let mut vacuum = self
            .connection
            .prepare_cached("PRAGMA incremental_vacuum(256)")?;
        let mut pages = vacuum.query(())?;
        while pages.next()?.is_some() {}
        Ok(refused)
    }
}

/// The tables within one transaction.
struct Tables<'a> {
    transaction: &'a Transaction<'a>,
    known: &'a mut HashMap<ServiceName, Known>,
}

impl Tables<'_> {
    fn known(&mut self, service: &ServiceName, rule: RecordRule) -> rusqlite::Result<Known> {
        if let Some(known) = self.known.get(service)
            && known.rule == Some(rule)
        {
            return Ok(*known);
        }
        let keep = i64::try_from(rule.keep.as_micros()).unwrap_or(i64::MAX);
        let id = self.transaction.query_row(
            "INSERT INTO services (name, keep_us) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET keep_us = ?2 RETURNING id",
            params![service.as_str(), keep],
            |row| row.get(0),
        )?;
        let bytes = self.known.get(service).map_or(0, |known| known.bytes);
        let known = Known {
            id,
            bytes,
            keep,
            rule: Some(rule),
        };
        self.known.insert(service.clone(), known);
        Ok(known)
    }

    /// Adds a probe; returns why it was not, if it is larger than everything of its service may be.
    fn add(
        &mut self,
        service: &ServiceName,
        rule: RecordRule,
        kept: &Kept,
    ) -> Result<Option<String>, SchemaError> {
        let known = self.known(service, rule)?;
        let head = compressed(&kept.head)?;
        let mut bytes = head.len() as u64 + ROW_BYTES;
        let mut uses = Vec::new();
        let mut new: Vec<(Vec<u8>, usize, Vec<u8>)> = Vec::new();
        for body in &kept.bodies {
            let hash = Sha256::digest(body).to_vec();
            let there = self
                .transaction
                .prepare_cached("SELECT 1 FROM bodies WHERE service = ?1 AND sha256 = ?2")?
                .exists(params![known.id, hash])?;
            if !there && !new.iter().any(|(other, ..)| *other == hash) {
                let data = compressed(body)?;
                bytes += data.len() as u64 + ROW_BYTES;
                new.push((hash.clone(), body.len(), data));
            }
            uses.push(hash);
        }
        if bytes > rule.bytes {
            let why = format!(
                "one probe of {service} takes {bytes} bytes, `record.size` allows {}",
                rule.bytes
            );
            return Ok(Some(why));
        }
        let mut insert = self
            .transaction
            .prepare_cached("INSERT INTO probes (service, at_us, head) VALUES (?1, ?2, ?3)")?;
        let probe = insert.insert(params![known.id, kept.at.as_microsecond(), head])?;
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO bodies (service, sha256, length, data) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (service, sha256) DO NOTHING",
        )?;
        for (hash, length, data) in new {
            let length = i64::try_from(length).unwrap_or(i64::MAX);
            insert.execute(params![known.id, hash, length, data])?;
        }
        let mut note = self.transaction.prepare_cached(
            "INSERT INTO uses (probe, position, body)
             SELECT ?1, ?2, id FROM bodies WHERE service = ?3 AND sha256 = ?4",
        )?;
        for (position, hash) in (0_i64..).zip(uses) {
            note.execute(params![probe, position, known.id, hash])?;
        }
        if let Some(known) = self.known.get_mut(service) {
            known.bytes += bytes;
        }
        // Not before: a body that only older probes have would go with them.
        self.make_room(service, rule.bytes)?;
        Ok(None)
    }

    /// Removes the oldest probes of a service until it takes no more than so many bytes.
    fn make_room(&mut self, service: &ServiceName, bytes: u64) -> rusqlite::Result<()> {
        while self
            .known
            .get(service)
            .is_some_and(|known| known.bytes > bytes)
        {
            if !self.remove_oldest(service, None)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Removes what is older than its service keeps it, whether that is still recorded or not.
    fn tidy(&mut self, now: Timestamp) -> rusqlite::Result<()> {
        let names: Vec<ServiceName> = self.known.keys().cloned().collect();
        for name in names {
            let Some(known) = self.known.get(&name) else {
                continue;
            };
            let before = now.as_microsecond().saturating_sub(known.keep);
            while self.remove_oldest(&name, Some(before))? {}
        }
        Ok(())
    }

    /// Removes the oldest probe of a service, or the oldest before a moment; tells whether there was one.
    fn remove_oldest(
        &mut self,
        service: &ServiceName,
        before: Option<i64>,
    ) -> rusqlite::Result<bool> {
        let Some(known) = self.known.get_mut(service) else {
            return Ok(false);
        };
        let mut oldest = self.transaction.prepare_cached(
            "SELECT id, length(head) FROM probes WHERE service = ?1 AND at_us < ?2
             ORDER BY at_us, id LIMIT 1",
        )?;
        let found = oldest
            .query_row(params![known.id, before.unwrap_or(i64::MAX)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
            .optional()?;
        let Some((probe, head)) = found else {
            return Ok(false);
        };
        let mut freed = u64::try_from(head).unwrap_or_default() + ROW_BYTES;
        let mut used = self
            .transaction
            .prepare_cached("DELETE FROM uses WHERE probe = ?1 RETURNING body")?;
        let bodies: Vec<i64> = used
            .query_map([probe], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let mut unused = self.transaction.prepare_cached(
            "DELETE FROM bodies WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM uses WHERE body = ?1)
             RETURNING length(data)",
        )?;
        for body in bodies {
            let length: Option<i64> = unused.query_row([body], |row| row.get(0)).optional()?;
            if let Some(length) = length {
                freed += u64::try_from(length).unwrap_or_default() + ROW_BYTES;
            }
        }
        self.transaction
            .prepare_cached("DELETE FROM probes WHERE id = ?1")?
            .execute([probe])?;
        known.bytes = known.bytes.saturating_sub(freed);
        Ok(true)
    }
}

fn compressed(bytes: &[u8]) -> Result<Vec<u8>, SchemaError> {
    zstd::bulk::compress(bytes, LEVEL)
        .map_err(|error| SchemaError::Sqlite(rusqlite::Error::ToSqlConversionFailure(error.into())))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
