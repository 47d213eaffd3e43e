//! Where recordings come from: the daemon's database, or folders that a dry run saved.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::rules::Rules;
use super::{Arguments, BacktestError, form};
use crate::cli::{dry_run, output};
use crate::clock::Clock;
use crate::daemon::recording::Recording;
use crate::history::recordings::{self, Reading, Wanted};
use crate::model::service::ServiceName;

/// A progress bar is for what takes long.
const SILENT_MAX: usize = 2_000;

/// Recordings, the oldest first.
pub(super) struct Recordings {
    source: Source,
    /// From the first to the last that was returned.
    pub(super) span: Option<(Timestamp, Timestamp)>,
    /// Those that a newer version wrote.
    foreign: u64,
    bar: ProgressBar,
}

enum Source {
    Kept(Reading),
    Saved(std::vec::IntoIter<Recording>),
}

impl Recordings {
    /// Opens what the arguments name.
    ///
    /// # Errors
    /// If it is not there or cannot be read.
    pub(super) fn open(arguments: &Arguments, rules: &Rules) -> Result<Self, BacktestError> {
        let (source, left) = if let Some(folder) = &arguments.from {
            let saved = saved(folder).map_err(|source| BacktestError::Folder {
                path: folder.display().to_string(),
                source,
            })?;
            let left = saved.len();
            (Source::Saved(saved.into_iter()), left)
        } else {
            let reading = kept(arguments, rules)?;
            let left = reading.left();
            (Source::Kept(reading), left)
        };
        let shown = left > SILENT_MAX && io::stderr().is_terminal() && !arguments.json;
        let bar = if shown {
            ProgressBar::new(left as u64)
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template(&output::bar("probes")) {
            bar.set_style(style);
        }
        Ok(Self {
            source,
            span: None,
            foreign: 0,
            bar,
        })
    }

    /// Returns the next recording.
    ///
    /// # Errors
    /// If the database cannot be read any further.
    pub(super) fn next(&mut self) -> Result<Option<Recording>, BacktestError> {
        let next = loop {
            match &mut self.source {
                Source::Saved(saved) => break saved.next(),
                Source::Kept(reading) => match reading.next_whole()? {
                    None => break None,
                    Some(kept) => match Recording::of(kept) {
                        Some(recording) => break Some(recording),
                        None => self.foreign += 1,
                    },
                },
            }
        };
        self.bar.inc(1);
        match &next {
            Some(recording) => {
                let first = self.span.map_or(recording.at, |(first, _)| first);
                self.span = Some((first, recording.at));
            }
            None => self.bar.finish_and_clear(),
        }
        Ok(next)
    }

    /// Returns how many recordings were damaged, or written by a newer version.
    pub(super) fn damaged(&self) -> u64 {
        match &self.source {
            Source::Kept(reading) => reading.damaged + self.foreign,
            Source::Saved(_) => 0,
        }
    }

    /// Returns why there is nothing to judge.
    pub(super) fn nothing(&self, arguments: &Arguments, rules: &Rules) -> BacktestError {
        let bounded = arguments.since.is_some() || arguments.until.is_some();
        BacktestError::NothingRecorded {
            service: rules.service.clone(),
            when: if self.damaged() > 0 {
                " that is whole"
            } else if bounded {
                " in that time"
            } else {
                ""
            },
        }
    }
}

/// Returns what the daemon recorded.
fn kept(arguments: &Arguments, rules: &Rules) -> Result<Reading, BacktestError> {
    let path = rules.data.join(recordings::FILE);
    if !path.exists() {
        return Err(BacktestError::NoRecordings(path.display().to_string()));
    }
    let wanted = wanted(arguments, Clock::System.now())?;
    let service = ServiceName::new(rules.service.as_str());
    Ok(recordings::read(&path, &service, wanted)?)
}

fn wanted(arguments: &Arguments, now: Timestamp) -> Result<Wanted, BacktestError> {
    let read = |option, text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| moment(option, text, now)).transpose()
    };
    Ok(Wanted {
        since: read("since", &arguments.since)?,
        until: read("until", &arguments.until)?,
        limit: arguments.limit,
    })
}

/// Reads a time, or how long ago it was.
fn moment(option: &'static str, text: &str, now: Timestamp) -> Result<Timestamp, BacktestError> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let ago = crate::config::duration(text).map_err(|_| {
        let problem =
            format!("`{text}` is neither a time, 2026-01-31T12:00:00Z, nor how long ago, 30d");
        form(option, problem)
    })?;
    Ok(before(now, ago))
}

fn before(now: Timestamp, ago: Duration) -> Timestamp {
    now.checked_sub(ago).unwrap_or(Timestamp::MIN)
}

/// Returns what dry runs saved in a folder, or in the folders within it.
fn saved(folder: &Path) -> io::Result<Vec<Recording>> {
    let mut folders = vec![folder.to_path_buf()];
    if !dry_run::is_saved(folder) {
        folders = fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<PathBuf>>>()?;
        folders.retain(|folder| dry_run::is_saved(folder));
    }
    let mut saved = Vec::new();
    for folder in folders {
        let (at, exchange, calls) = dry_run::saved(&folder)?;
        saved.push(Recording {
            at,
            outcome: None,
            exchange: Some(Arc::new(exchange)),
            calls,
        });
    }
    saved.sort_by_key(|recording| recording.at);
    Ok(saved)
}
