//! What a dry run saw, as a folder from which it can be judged again without a network.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::output::save_file;
use crate::model::exchange::Exchange;
use crate::model::json::Json;
use crate::model::judgement::Memory;
use crate::model::recorded::RecordedExchange;

/// The file with everything about an exchange but the response's body.
const HEAD: &str = "response.json";

/// The file with the response's body.
const BODY: &str = "response.body";

/// The file with what the scripts remembered before.
pub(super) const MEMORY: &str = "memory.json";

/// Tells whether a folder holds what [`save`] wrote.
pub(super) fn is_saved(folder: &Path) -> bool {
    folder.join(HEAD).is_file()
}

/// Writes an exchange, judged at a time, to a folder.
///
/// # Errors
/// If the folder cannot be written.
pub(super) fn save(folder: &Path, exchange: &Exchange, at: Timestamp) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(&RecordedExchange::of(exchange, at))?;
    text.push(b'\n');
    save_file(&folder.join(HEAD), &text)?;
    match &exchange.result {
        Ok(response) => save_file(&folder.join(BODY), &response.body.bytes),
        Err(_) => save_file(&folder.join(BODY), b""),
    }
}

/// Writes what the scripts remembered before, for `--memory @FILE`.
///
/// # Errors
/// If the folder cannot be written.
pub(super) fn save_memory(folder: &Path, memory: &Memory) -> io::Result<()> {
    let values = memory
        .iter()
        .map(|(key, entry)| (Arc::clone(key), entry.value.clone()));
    let mut text = Json::object(values).to_string();
    text.push('\n');
    save_file(&folder.join(MEMORY), text.as_bytes())
}

/// Reads what [`save`] wrote.
///
/// # Errors
/// If it is not there or of another form.
pub(super) fn load(folder: &Path) -> io::Result<(RecordedExchange, Vec<u8>)> {
    let named = |name: &str, error: &dyn std::fmt::Display, kind: io::ErrorKind| {
        io::Error::new(kind, format!("{name}: {error}"))
    };
    let head = fs::read(folder.join(HEAD)).map_err(|error| named(HEAD, &error, error.kind()))?;
    let recording = serde_json::from_slice(&head)
        .map_err(|error| named(HEAD, &error, io::ErrorKind::InvalidData))?;
    let body = fs::read(folder.join(BODY)).map_err(|error| named(BODY, &error, error.kind()))?;
    Ok((recording, body))
}
