//! The tables, and how older ones become them.

use rusqlite::{Connection, Transaction};

/// Each makes the version of its place, from 1, out of the one before. Never change one that was released.
pub(super) const MIGRATIONS: [&str; 5] = [
    "
    CREATE TABLE services (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        first_seen_us INTEGER,
        last_good_us INTEGER,
        unknown_since_us INTEGER,
        passes INTEGER NOT NULL,
        warns INTEGER NOT NULL,
        unknowns INTEGER NOT NULL,
        fails INTEGER NOT NULL,
        errors INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE samples (
        service INTEGER NOT NULL REFERENCES services (id),
        seq INTEGER NOT NULL,
        at_us INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        latency_us INTEGER,
        code TEXT,
        PRIMARY KEY (service, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE memory (
        service INTEGER NOT NULL REFERENCES services (id),
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        expires_at_us INTEGER,
        PRIMARY KEY (service, key)
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE shared_memory (
        key TEXT NOT NULL PRIMARY KEY,
        value TEXT NOT NULL,
        expires_at_us INTEGER
    ) STRICT, WITHOUT ROWID;
",
    "
    CREATE TABLE incidents (
        id TEXT PRIMARY KEY,
        opened_at_us INTEGER NOT NULL,
        closed_at_us INTEGER,
        incident TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        incident TEXT NOT NULL,
        at_us INTEGER NOT NULL,
        kind TEXT NOT NULL,
        channel TEXT,
        text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_of ON events (incident, id);
",
    // Samples were the newest 64 of each service; how long each of them told of its service was not written down.
    "
    ALTER TABLE services ADD COLUMN forgotten_us INTEGER;
    CREATE TABLE fresh (
        id INTEGER PRIMARY KEY,
        service INTEGER NOT NULL,
        at_us INTEGER NOT NULL,
        outcome INTEGER NOT NULL,
        latency_us INTEGER,
        phases_us BLOB,
        code TEXT,
        holds_ms INTEGER NOT NULL
    ) STRICT;
    INSERT INTO fresh (service, at_us, outcome, latency_us, code, holds_ms)
        SELECT service, at_us, CASE outcome
            WHEN 'pass' THEN 0 WHEN 'warn' THEN 1 WHEN 'unknown' THEN 2 WHEN 'fail' THEN 3 ELSE 4 END,
            latency_us, code, 0
        FROM samples ORDER BY at_us;
    DROP TABLE samples;
    CREATE TABLE raw (
        service INTEGER NOT NULL,
        from_s INTEGER NOT NULL,
        samples INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (service, from_s)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE five_minutes (
        service INTEGER NOT NULL,
        from_s INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (service, from_s)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE hours (
        service INTEGER NOT NULL,
        from_s INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (service, from_s)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE days (
        service INTEGER NOT NULL,
        from_s INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (service, from_s)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE progress (
        level INTEGER PRIMARY KEY,
        from_s INTEGER NOT NULL,
        service INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE life (
        id INTEGER PRIMARY KEY CHECK (id = 0),
        alive_us INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE pauses (
        from_us INTEGER PRIMARY KEY,
        until_us INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE evidence (
        id INTEGER PRIMARY KEY,
        incident TEXT NOT NULL,
        service TEXT NOT NULL,
        at_us INTEGER NOT NULL,
        data BLOB NOT NULL
    ) STRICT;
    CREATE INDEX evidence_of ON evidence (incident, id);
    CREATE INDEX evidence_by_time ON evidence (service, at_us);
",
    // Samples counted from when they were written; now, from when their bucket is complete.
    "
    UPDATE services SET
        passes = max(0, services.passes - open.passes), warns = max(0, services.warns - open.warns),
        unknowns = max(0, services.unknowns - open.unknowns), fails = max(0, services.fails - open.fails),
        errors = max(0, services.errors - open.errors)
    FROM (
        SELECT fresh.service, sum(outcome = 0) AS passes, sum(outcome = 1) AS warns, sum(outcome = 2) AS unknowns,
            sum(outcome = 3) AS fails, sum(outcome = 4) AS errors
        FROM fresh LEFT JOIN progress ON progress.level = 0
        WHERE progress.level IS NULL
            OR at_us >= (progress.from_s + iif(fresh.service <= progress.service, 300, 0)) * 1000000
        GROUP BY fresh.service
    ) AS open WHERE services.id = open.service;
",
];

/// Why a database does not have the tables of this version.
#[derive(Debug, thiserror::Error)]
pub(super) enum SchemaError {
    #[error("it has version {found}, this oes knows up to {known}: a newer one wrote it")]
    Newer { found: u32, known: usize },
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// Brings the history database to the version of this program. Returns whether it was empty.
pub(super) fn migrate(connection: &mut Connection) -> Result<bool, SchemaError> {
    migrate_by(connection, &MIGRATIONS)
}

/// Brings a database to the newest of these versions. Returns whether it was empty.
pub(super) fn migrate_by(
    connection: &mut Connection,
    migrations: &[&str],
) -> Result<bool, SchemaError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if usize::try_from(found).is_ok_and(|found| found > migrations.len()) {
        let known = migrations.len();
        return Err(SchemaError::Newer { found, known });
    }
    for (version, sql) in (1_u32..)
        .zip(migrations.iter().copied())
        .filter(|(version, _)| *version > found)
    {
        let transaction = connection.transaction()?;
        step(&transaction, version, sql)?;
        transaction.commit()?;
    }
    Ok(found == 0)
}

fn step(transaction: &Transaction<'_>, version: u32, sql: &str) -> rusqlite::Result<()> {
    transaction.execute_batch(sql)?;
    transaction.pragma_update(None, "user_version", version)
}
