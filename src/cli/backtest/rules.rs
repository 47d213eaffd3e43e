//! The rules that recordings are judged by: a service of the config, with what the arguments change of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Arguments, BacktestError, form};
use crate::cli::load;
use crate::config::{self, Change, Config, StandIns};
use crate::model::span::Lack;
use crate::suite::replay::Trial;

/// What is judged by.
pub(super) struct Rules {
    /// The name of the service.
    pub(super) service: String,
    /// The data folder of its config.
    pub(super) data: PathBuf,
    /// The rules with what they are for a person: those that are tried first, then those to compare with.
    pub(super) sides: Vec<(String, Trial)>,
    /// Secrets that are not there.
    pub(super) stand_ins: Vec<String>,
}

impl Rules {
    /// Returns what the arguments mean.
    ///
    /// # Errors
    /// If the config, the service, or a change cannot be used.
    pub(super) fn read(arguments: &Arguments) -> Result<Self, BacktestError> {
        let (path, name) = load::subject(&arguments.subject)?;
        // Recordings are judged and nothing is sent: no secret is needed.
        let environment = StandIns::default();
        let loaded = config::load(&path, &environment)
            .map_err(|report| BacktestError::Reported(Box::new(report)))?;
        let config = loaded.config;
        let index = load::position(&config, &path, name)?;
        let changes = changes(arguments)?;
        let first = tried(&path, &config, &environment, index, &changes)?;
        let mut sides = vec![(title(&changes), first)];
        if let Some(other) = &arguments.compare {
            let others = compared(other, &changes)?;
            sides.push((
                title(&others),
                tried(&path, &config, &environment, index, &others)?,
            ));
        }
        Ok(Self {
            service: name.clone(),
            data: config.data,
            sides,
            stand_ins: environment.missing(),
        })
    }
}

/// Returns the service at a position with changes.
fn tried(
    path: &Path,
    config: &Config,
    environment: &StandIns,
    index: usize,
    changes: &[Change],
) -> Result<Trial, BacktestError> {
    let missing = || BacktestError::Changes("the service is gone with them".to_owned());
    let service = config.services.get(index).ok_or_else(missing)?;
    let trial = |config: &Config, service| Trial {
        service,
        gather: config.notify.gather,
        zone: config.notify.time_zone.clone(),
    };
    if changes.is_empty() {
        return Ok(trial(config, Arc::clone(service)));
    }
    let loaded = config::load_changed(path, environment, service.line, changes);
    let loaded = loaded.map_err(|report| {
        // The config itself can be used: what is wrong is what was given, and that stands in no file.
        let own = path.display().to_string();
        let lines = report.lines();
        let is_error = |severity: &str| severity == "error";
        if lines
            .iter()
            .any(|line| *line.file != *own && is_error(line.severity))
        {
            return BacktestError::Reported(Box::new(report));
        }
        let said = lines
            .iter()
            .filter(|line| is_error(line.severity))
            .map(|line| {
                let help = match (&line.lack, &line.help) {
                    (Some(Lack::Param(name)), _) => format!(" (give it with --param {name}=VALUE)"),
                    (_, Some(help)) => format!(" ({help})"),
                    (_, None) => String::new(),
                };
                format!("{}{help}", line.message)
            });
        BacktestError::Changes(said.collect::<Vec<_>>().join("; "))
    })?;
    let service = loaded.config.services.get(index).ok_or_else(missing)?;
    Ok(trial(&loaded.config, Arc::clone(service)))
}

fn changes(arguments: &Arguments) -> Result<Vec<Change>, BacktestError> {
    let mut changes: Vec<Change> = arguments
        .script
        .as_deref()
        .map(script)
        .into_iter()
        .collect();
    for param in &arguments.params {
        let (name, value) = pair("param", param)?;
        changes.push(Change::Param { name, value });
    }
    for set in &arguments.sets {
        let (key, value) = pair("set", set)?;
        changes.push(key_change(key, value)?);
    }
    Ok(changes)
}

/// Returns the changes of what is compared with: none, or what is tried with one more.
fn compared(other: &str, changes: &[Change]) -> Result<Vec<Change>, BacktestError> {
    if other == "current" {
        return Ok(Vec::new());
    }
    let mut changes = changes.to_vec();
    if other.contains('=') {
        let (key, value) = pair("compare", other)?;
        changes.push(key_change(key, value)?);
    } else {
        changes.retain(|change| !matches!(change, Change::Script(_)));
        changes.insert(0, script(other));
    }
    Ok(changes)
}

/// A file is named from here, not from the folder of the config.
fn script(name: &str) -> Change {
    let path = Path::new(name);
    let is_file = path
        .extension()
        .is_some_and(|extension| extension == "rhai");
    let absolute = is_file.then(|| std::path::absolute(path).ok()).flatten();
    Change::Script(absolute.map_or_else(
        || name.to_owned(),
        |absolute| absolute.display().to_string(),
    ))
}

fn key_change(key: String, value: String) -> Result<Change, BacktestError> {
    if matches!(&*key, "name" | "url") {
        let problem = format!("`{key}` says which service this is; what was recorded is of it");
        return Err(form("set", problem));
    }
    Ok(Change::Key { key, value })
}

/// Returns both sides of `NAME=VALUE`.
fn pair(option: &'static str, text: &str) -> Result<(String, String), BacktestError> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| form(option, format!("`{text}` is not NAME=VALUE")))
}

/// Returns rules for a person.
fn title(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "current".to_owned();
    }
    let shown = changes.iter().map(|change| match change {
        Change::Key { key, value } => format!("{key}={value}"),
        Change::Script(name) => {
            let stem = Path::new(name).file_stem().unwrap_or_default();
            format!("script {}", stem.to_string_lossy())
        }
        Change::Param { name, value } => format!("param {name}={value}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}
