//! The tables of services within one transaction.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Transaction, params};

use super::codec::{self, micros, millis};
use super::rounds::Rounds;
use super::series::RawSample;
use super::writer::{Item, Row};
use super::{evidence, incidents, rename};
use crate::model::judgement::MemoryDiff;
use crate::model::service::ServiceName;

/// The tables within one transaction.
pub(super) struct Tables<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) known: &'a mut HashMap<ServiceName, i64>,
    pub(super) rounds: &'a mut Rounds,
}

impl Tables<'_> {
    pub(super) fn apply(&mut self, batch: &mut Vec<Item>) -> rusqlite::Result<()> {
        for item in batch.drain(..) {
            match item {
                Item::Row(service, Row::Sample(sample)) => self.sample(&service, &sample)?,
                Item::Row(_, Row::Shared(diff)) => self.shared(&diff)?,
                Item::Row(service, Row::Memory(diff)) => self.memory(&service, &diff)?,
                Item::Row(service, Row::Forget(now)) => self.forget(&service, now)?,
                Item::Row(service, Row::Renamed(to)) => {
                    if rename::rename(self.transaction, &service, &to)? {
                        // The next row of either finds out what is so now.
                        self.known.clear();
                        self.rounds.reload(self.transaction)?;
                    }
                }
                Item::Chronicle(chronicle) => incidents::write(self.transaction, &chronicle)?,
                Item::Evidence(make) => evidence::write(self.transaction, &make())?,
                Item::Prune(now) => incidents::prune(self.transaction, now)?,
                Item::Tick(now) => self.rounds.tick(self.transaction, now)?,
            }
        }
        self.rounds.save_life(self.transaction)
    }

    fn known(&mut self, service: &ServiceName) -> rusqlite::Result<i64> {
        if let Some(known) = self.known.get(service) {
            return Ok(*known);
        }
        let name = service.as_str();
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO services (name, passes, warns, unknowns, fails, errors) VALUES (?1, 0, 0, 0, 0, 0)
             ON CONFLICT (name) DO NOTHING",
        )?;
        insert.execute([name])?;
        let mut find = self
            .transaction
            .prepare_cached("SELECT id FROM services WHERE name = ?1")?;
        let id = find.query_row([name], |row| row.get(0))?;
        self.known.insert(service.clone(), id);
        Ok(id)
    }

    fn sample(&mut self, service: &ServiceName, sample: &RawSample) -> rusqlite::Result<()> {
        let id = self.known(service)?;
        self.rounds.lives(self.transaction, sample.at)?;
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO fresh (service, at_us, outcome, latency_us, phases_us, code, holds_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        insert.execute(params![
            id,
            self.rounds.admit(sample.at).as_microsecond(),
            sample.outcome as i64,
            sample.latency.map(|latency| whole(micros(latency))),
            codec::phases(&sample.phases),
            sample.code.as_deref(),
            whole(millis(sample.holds))
        ])?;
        Ok(())
    }

    fn memory(&mut self, service: &ServiceName, diff: &MemoryDiff) -> rusqlite::Result<()> {
        let id = self.known(service)?;
        let mut set = self.transaction.prepare_cached(
            "INSERT OR REPLACE INTO memory (service, key, value, expires_at_us) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let mut remove = self
            .transaction
            .prepare_cached("DELETE FROM memory WHERE service = ?1 AND key = ?2")?;
        for key in &diff.removed {
            remove.execute(params![id, &**key])?;
        }
        for (key, entry) in &diff.set {
            let Ok(value) = serde_json::to_string(&entry.value) else {
                continue;
            };
            set.execute(params![
                id,
                &**key,
                value,
                entry.expires_at.map(Timestamp::as_microsecond)
            ])?;
        }
        Ok(())
    }

    fn shared(&self, diff: &MemoryDiff) -> rusqlite::Result<()> {
        let mut set = self.transaction.prepare_cached(
            "INSERT OR REPLACE INTO shared_memory (key, value, expires_at_us) VALUES (?1, ?2, ?3)",
        )?;
        let mut remove = self
            .transaction
            .prepare_cached("DELETE FROM shared_memory WHERE key = ?1")?;
        for key in &diff.removed {
            remove.execute([&**key])?;
        }
        for (key, entry) in &diff.set {
            if let Ok(value) = serde_json::to_string(&entry.value) {
                let expires_at = entry.expires_at.map(Timestamp::as_microsecond);
                set.execute(params![&**key, value, expires_at])?;
            }
        }
        Ok(())
    }

    /// Forgets what a service was and what its scripts remember. What it was through stays as long as that of others:
    /// whoever takes it out of the config for a day gets it back.
    fn forget(&mut self, service: &ServiceName, now: Timestamp) -> rusqlite::Result<()> {
        let id = self.known(service)?;
        self.transaction
            .prepare_cached("DELETE FROM memory WHERE service = ?1")?
            .execute([id])?;
        let mut forget = self.transaction.prepare_cached(
            "UPDATE services SET forgotten_us = ?2, first_seen_us = NULL, last_good_us = NULL,
             unknown_since_us = NULL, passes = 0, warns = 0, unknowns = 0, fails = 0, errors = 0 WHERE id = ?1",
        )?;
        forget.execute([id, now.as_microsecond()])?;
        self.rounds.forget(id);
        Ok(())
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
