//! Loads the ops config that a command names, and shows what is wrong with it.

use std::path::{Path, PathBuf};

use super::Exit;
use super::output::{self, Schema, colours_on_stderr};
use crate::config::report::{Look, Report};
use crate::config::{self, Config, ProcessEnvironment};

/// Columns of a report where the terminal does not say.
const COLUMNS: usize = 110;

/// Loads a config; what is wrong is shown on standard error, or told as JSON where that is wanted. Absent if it cannot be
/// used.
pub(super) fn load(path: &Path, schema: Schema) -> Option<Config> {
    match config::load(path, &ProcessEnvironment) {
        Ok(loaded) => {
            show(&loaded.report);
            Some(loaded.config)
        }
        Err(report) => {
            refuse(schema, &report);
            None
        }
    }
}

/// Shows why a config cannot be used, or tells it as JSON where that is wanted.
pub(super) fn refuse(schema: Schema, report: &Report) {
    let Some(schema) = schema else {
        return show(report);
    };
    output::json(&serde_json::json!({
        "schema": schema,
        "exit": Exit::Usage as u8,
        "error": "the ops config cannot be used",
        "mistakes": report.lines(),
    }));
}

/// Shows a report on standard error, if it says anything.
pub(super) fn show(report: &Report) {
    if !report.is_empty() {
        let look = Look {
            colour: colours_on_stderr(),
            width: COLUMNS,
        };
        output::note(report.graphical(look).trim_end());
    }
}

/// The ops config in this folder that is used where a command is given none.
pub(super) fn default_config() -> Option<PathBuf> {
    ["oes.toml", "oes.json"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
}
