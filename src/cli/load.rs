//! Loads the ops config that a command names, and shows what is wrong with it.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Exit;
use super::output::{self, Schema, colours_on_stderr};
use crate::config::report::{Look, Report};
use crate::config::{self, Config, Environment, ProcessEnvironment};
use crate::model::span::did_you_mean;

/// Columns of a report where there is no terminal.
const COLUMNS: usize = 110;
/// Reports are never narrower or wider: words would break, or lines be too long to read.
const COLUMNS_SANE: RangeInclusive<usize> = 60..=160;

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
    match schema {
        Some(schema) => refuse_as_json(schema, "the ops config cannot be used", report),
        None => show(report),
    }
}

/// Tells an error as JSON, with what is wrong with the config.
pub(super) fn refuse_as_json(schema: &str, error: &str, report: &Report) {
    output::json(&serde_json::json!({
        "schema": schema,
        "exit": Exit::Usage as u8,
        "error": error,
        "mistakes": report.lines(),
    }));
}

/// Shows a report on standard error, if it says anything.
pub(super) fn show(report: &Report) {
    if !report.is_empty() {
        let look = Look {
            colour: colours_on_stderr(),
            width: columns(terminal_columns(), std::env::var("COLUMNS").ok().as_deref()),
        };
        output::note(report.graphical(look).trim_end());
    }
}

/// Returns the columns of the terminal that shows standard error; absent if none does.
fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok()?;
    Some(size.ws_col.into())
}

/// Returns the columns of a report: of the terminal, or as many as the person asks for there.
fn columns(terminal: Option<usize>, asked: Option<&str>) -> usize {
    let asked = asked.and_then(|text| text.parse().ok());
    match terminal {
        None => COLUMNS,
        // A terminal that does not know its size says 0.
        Some(0) => asked.unwrap_or(COLUMNS),
        Some(columns) => asked.unwrap_or(columns),
    }
    .clamp(*COLUMNS_SANE.start(), *COLUMNS_SANE.end())
}

/// The environment of a person who looks: the variables of the daemon need not be set to see how it is. Any value will do
/// that can stand for a text and for a URL.
pub(super) struct AnyEnvironment;

impl Environment for AnyEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        ProcessEnvironment
            .var(name)
            .or_else(|| Some("http://127.0.0.1/".to_owned()))
    }
}

/// Why a service that was named is not found.
#[derive(Debug, Error)]
pub(super) enum SubjectError {
    #[error("there is no oes.toml or oes.json here; name the ops config")]
    NoConfig,
    #[error("{config} has no service `{name}`; {help}")]
    NoService {
        config: String,
        name: String,
        help: String,
    },
}

/// Returns the ops config and the name that `[CONFIG] NAME` mean.
///
/// # Errors
/// [`SubjectError::NoConfig`] if no config is named and none lies here.
pub(super) fn subject(words: &[String]) -> Result<(PathBuf, &String), SubjectError> {
    let (config, [name]) = subjects(words)?;
    Ok((config, name))
}

/// Returns the ops config and the names that `[CONFIG] NAME…` mean.
///
/// # Errors
/// [`SubjectError::NoConfig`] if no config is named and none lies here.
pub(super) fn subjects<const N: usize>(
    words: &[String],
) -> Result<(PathBuf, &[String; N]), SubjectError> {
    let (before, names) = words.split_last_chunk().ok_or(SubjectError::NoConfig)?;
    let config = named(before.first().map(Path::new))?;
    Ok((config, names))
}

/// Returns the ops config that is named, or that lies here.
///
/// # Errors
/// [`SubjectError::NoConfig`] if none does.
pub(super) fn named(config: Option<&Path>) -> Result<PathBuf, SubjectError> {
    let config = config.map(Path::to_owned);
    config.or_else(default_config).ok_or(SubjectError::NoConfig)
}

/// Returns the position of a service in a config.
///
/// # Errors
/// [`SubjectError::NoService`] if it has none of this name.
pub(super) fn position(config: &Config, path: &Path, name: &str) -> Result<usize, SubjectError> {
    let names = || config.services.iter().map(|one| one.service.name.as_str());
    names().position(|known| known == name).ok_or_else(|| {
        let help = did_you_mean(name, names()).map_or_else(
            || {
                let names: Vec<&str> = names().take(20).collect();
                format!("its services: {}", names.join(", "))
            },
            |near| format!("did you mean `{near}`?"),
        );
        SubjectError::NoService {
            config: path.display().to_string(),
            name: name.to_owned(),
            help,
        }
    })
}

/// The ops config in this folder that is used where a command is given none.
pub(super) fn default_config() -> Option<PathBuf> {
    ["oes.toml", "oes.json"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn a_report_is_as_wide_as_its_terminal() {
        let rows = [
            (None, None, 110),
            (None, Some("70"), 110),
            (Some(80), None, 80),
            (Some(80), Some("100"), 100),
            (Some(80), Some("wide"), 80),
            (Some(0), None, 110),
            (Some(20), None, 60),
            (Some(300), None, 160),
        ];
        for (terminal, asked, expected) in rows {
            assert_eq!(columns(terminal, asked), expected, "{terminal:?} {asked:?}");
        }
    }
}
