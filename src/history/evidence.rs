//! What probes saw at the turns of incidents, for as long as the incidents are known.

use jiff::Timestamp;
use rusqlite::{Connection, Params, Transaction, params};

use crate::model::evidence::Evidence;
use crate::model::incident::IncidentId;
use crate::model::service::ServiceName;

/// Pieces of one incident that are kept; of more those in the middle go: how it began and how it is now matter most.
const PIECES_MAX: u32 = 20;
/// The level of compression.
const LEVEL: i32 = 3;
/// What is longer when decompressed was not written here.
const DECOMPRESSED_MAX: usize = 1 << 20;

/// Makes evidence, on the thread that writes.
pub(super) type Make = Box<dyn FnOnce() -> Evidence + Send>;

/// Writes a piece of evidence.
pub(super) fn write(transaction: &Transaction<'_>, evidence: &Evidence) -> rusqlite::Result<()> {
    let text = serde_json::to_vec(evidence).unwrap_or_default();
    let Ok(data) = zstd::bulk::compress(&text, LEVEL) else {
        return Ok(());
    };
    let incident = &*evidence.incident.0;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO evidence (incident, service, at_us, data) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let at = evidence.at.as_microsecond();
    insert.execute(params![incident, evidence.service.as_str(), at, data])?;
    let mut trim = transaction.prepare_cached(
        "DELETE FROM evidence WHERE id = (
            SELECT id FROM evidence WHERE incident = ?1 ORDER BY id LIMIT 1 OFFSET 1
        ) AND (SELECT count(*) FROM evidence WHERE incident = ?1) > ?2",
    )?;
    trim.execute(params![incident, PIECES_MAX])?;
    Ok(())
}

/// Removes the evidence of incidents that are not known any more. What began after a moment stays: its incident may not be
/// written yet.
pub(super) fn prune(transaction: &Transaction<'_>, since: Timestamp) -> rusqlite::Result<()> {
    transaction.execute(
        "DELETE FROM evidence WHERE at_us < ?1 AND incident NOT IN (SELECT id FROM incidents)",
        [since.as_microsecond()],
    )?;
    Ok(())
}

/// Returns the evidence of an incident, oldest first.
pub(super) fn of_incident(
    connection: &Connection,
    incident: &IncidentId,
) -> rusqlite::Result<Vec<Evidence>> {
    let sql = "SELECT data FROM evidence WHERE incident = ?1 ORDER BY id";
    read(connection, sql, [&*incident.0])
}

/// Returns the evidence of a service within a span, oldest first.
pub(super) fn of_service(
    connection: &Connection,
    service: &ServiceName,
    from: Timestamp,
    until: Timestamp,
) -> rusqlite::Result<Vec<Evidence>> {
    let sql = "SELECT data FROM evidence WHERE service = ?1 AND at_us >= ?2 AND at_us < ?3 ORDER BY at_us, id";
    let span = (from.as_microsecond(), until.as_microsecond());
    read(connection, sql, params![service.as_str(), span.0, span.1])
}

fn read(connection: &Connection, sql: &str, by: impl Params) -> rusqlite::Result<Vec<Evidence>> {
    let mut select = connection.prepare(sql)?;
    let mut rows = select.query(by)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let data = row.get_ref(0)?.as_blob().unwrap_or_default();
        let text = zstd::bulk::decompress(data, DECOMPRESSED_MAX).ok();
        found.extend(text.and_then(|text| serde_json::from_slice::<Evidence>(&text).ok()));
    }
    Ok(found)
}
