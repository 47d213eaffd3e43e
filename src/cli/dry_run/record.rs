//! Saves what a dry run saw, so that it can be judged again without a network.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use crate::model::exchange::Exchange;

/// Writes the response body to `FOLDER/response.body`, and its status and headers to `FOLDER/response.json`.
///
/// # Errors
/// If the folder cannot be written.
pub(super) fn response(folder: &Path, exchange: &Exchange) -> io::Result<()> {
    if let Ok(response) = &exchange.result {
        let headers: Vec<(&str, String)> = response
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let head = serde_json::json!({ "status": response.status.as_u16(), "headers": headers });
        write(
            &folder.join("response.json"),
            format!("{head:#}\n").as_bytes(),
        )?;
        write(&folder.join("response.body"), &response.body.bytes)?;
    }
    Ok(())
}

/// Writes a file, making its folder where it is missing.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(path)?.write_all(bytes)
}
