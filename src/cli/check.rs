//! Says whether an ops config and its scripts can be used, and if not, everything that is wrong with them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{Exit, load, output};
use crate::config::report::Report;
use crate::config::{self, Config, ProcessEnvironment};
use crate::model::counted::counted;
use crate::model::span::Line;

/// Check an ops config and its scripts without asking anybody
///
/// Shows every mistake at once with its place. Exit code 0 if the config can be used, else 2.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ops config, JSON or TOML
    config: PathBuf,

    /// How mistakes are shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,

    /// Print one JSON object (`oes.check/1`)
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

/// How mistakes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// With the source line and a caret
    #[default]
    Full,
    /// One line each: `file:line:column: error: message`
    Short,
}

#[derive(Serialize)]
struct Checked {
    schema: &'static str,
    exit: u8,
    ok: bool,
    services: usize,
    channels: usize,
    mistakes: Vec<Line>,
    notes: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let (config, report) = match config::load(&arguments.config, &ProcessEnvironment) {
        Ok(loaded) => (Some(loaded.config), loaded.report),
        Err(report) => (None, report),
    };
    let exit = if config.is_some() {
        Exit::Pass
    } else {
        Exit::Usage
    };
    if arguments.json {
        output::json(&Checked {
            schema: "oes.check/1",
            exit: exit as u8,
            ok: config.is_some(),
            services: config.as_ref().map_or(0, |config| config.services.len()),
            channels: config.as_ref().map_or(0, |config| config.channels.len()),
            mistakes: report.lines(),
            notes: report.notes.clone(),
        });
    } else {
        show(arguments, config.as_ref(), &report);
    }
    exit
}

fn show(arguments: &Arguments, config: Option<&Config>, report: &Report) {
    match arguments.format {
        Format::Full => load::show(report),
        Format::Short => output::note(report.plain().trim_end()),
    }
    let path = arguments.config.display();
    if let Some(config) = config {
        output::result(format_args!(
            "{} {path}: {}, {}",
            output::styled(output::GOOD, "ok"),
            counted(config.services.len(), "service"),
            counted(config.channels.len(), "channel")
        ));
    } else {
        output::result(format_args!(
            "{} {path}: {}",
            output::styled(output::ERROR, "not usable"),
            counted(report.errors(), "mistake")
        ));
    }
}
