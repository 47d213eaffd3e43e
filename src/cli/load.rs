//! Loads the ops config that a command names, and shows what is wrong with it.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::output::{self, Schema, colours_on_stderr};
use super::{Exit, fit};
use crate::config::report::{Look, Report};
use crate::config::{self, Config, Environment, ProcessEnvironment};
use crate::model::span::did_you_mean;

/// Columns of a report where there is no terminal.
const COLUMNS: usize = 110;
/// Reports are never narrower or wider: nothing could be read, or lines be too long to read.
const COLUMNS_SANE: RangeInclusive<usize> = 20..=160;

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
        let columns = fit::columns(&std::io::stderr()).unwrap_or(COLUMNS);
        let look = Look {
            colour: colours_on_stderr(),
            width: columns.clamp(*COLUMNS_SANE.start(), *COLUMNS_SANE.end()),
        };
        output::note(report.graphical(look).trim_end());
    }
}

/// Says which secrets are not there but have a stand-in.
pub(super) fn say_stand_ins(missing: &[String]) {
    if missing.is_empty() {
        return;
    }
    let markers: Vec<String> = missing.iter().map(|name| format!("${{{name}}}")).collect();
    let rest = match missing.len() {
        1 => "is not there; nothing is sent, and a stand-in takes its place",
        _ => "are not there; nothing is sent, and stand-ins take their place",
    };
    output::note(format_args!("note: {} {rest}", markers.join(", ")));
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
