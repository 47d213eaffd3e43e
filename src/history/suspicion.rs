//! Whether the file is as damaged as somebody who read it says: what they could not read is read again, to its end.

use std::path::Path;

use rusqlite::{Connection, params_from_iter};

use super::load;
use crate::model::service::ServiceName;

/// Tables of which the part of one service is read, by its number.
const BY_NUMBER: [&str; 6] = ["fresh", "raw", "five_minutes", "hours", "days", "memory"];
/// What is read of incidents, which are of no one service.
const OF_INCIDENTS: [&str; 3] = [
    "SELECT incident FROM incidents",
    "SELECT text FROM events",
    "SELECT id FROM events ORDER BY incident, id",
];

/// Reads all that is known of services, and of incidents, as others do: on a connection of its own.
pub(super) fn read_through(path: &Path, services: &[ServiceName]) -> rusqlite::Result<()> {
    let connection = load::read_only(path)?;
    for sql in OF_INCIDENTS {
        run(&connection, sql, None)?;
    }
    for service in services {
        let name = service.as_str();
        for table in BY_NUMBER {
            let sql = format!(
                "SELECT * FROM {table} WHERE service = (SELECT id FROM services WHERE name = ?1)"
            );
            run(&connection, &sql, Some(name))?;
        }
        let evidence = "SELECT * FROM evidence WHERE service = ?1";
        run(&connection, evidence, Some(name))?;
    }
    Ok(())
}

fn run(connection: &Connection, sql: &str, parameter: Option<&str>) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(sql)?;
    let columns = select.column_count();
    let mut rows = select.query(params_from_iter(parameter))?;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            row.get_ref(column)?;
        }
    }
    Ok(())
}
