//! The status page as files.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde::Serialize;
use thiserror::Error;

use super::{Exit, load, output};
use crate::clock::Clock;
use crate::config::{self, Config, StandIns};
use crate::daemon::control::tell_story;
use crate::history;
use crate::model::counted::counted;
use crate::state;
use crate::web::page::archive::database;
use crate::web::page::copy::{Original, glances};
use crate::web::page::present::{Audience, Present};

/// Write the status page as files, for another host or the disk
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(ExportArguments),
}

/// Write the status page as files that any web server can show, or a browser from the disk
///
/// Reads the state file and the history; the daemon may be running or not. Files of the same names are replaced, others
/// stay. Services with `public = true` are shown, by name and group only.
#[derive(Debug, Args)]
struct ExportArguments {
    /// The ops config, JSON or TOML
    config: PathBuf,

    /// The folder to write to, made where it is missing
    folder: PathBuf,

    /// Write the private view: every service, with addresses and findings
    #[arg(long)]
    private: bool,

    /// Print one JSON object (`oes.page.export/1`)
    #[arg(long)]
    json: bool,
}

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.page.export/1";

#[derive(Serialize)]
struct Exported<'a> {
    schema: &'static str,
    exit: u8,
    folder: &'a Path,
    files: usize,
    services: usize,
}

/// Why a page could not be written.
#[derive(Debug, Error)]
#[error("could not write {}", path.display())]
struct WriteError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Command::Export(arguments) = &arguments.command;
    export(arguments)
}

fn export(arguments: &ExportArguments) -> Exit {
    let schema = arguments.json.then_some(SCHEMA);
    let config = match config::load(&arguments.config, &StandIns::default()) {
        Ok(loaded) => loaded.config,
        Err(report) => {
            load::refuse(schema, &report);
            return Exit::Usage;
        }
    };
    let present = match present(&config) {
        Ok(present) => present,
        Err(error) => return output::refuse(schema, &error),
    };
    let audience = if arguments.private {
        Audience::Private
    } else {
        Audience::Public
    };
    let services = present.standings(audience).len();
    let history = database(&config.data);
    let story = |id: &crate::model::incident::IncidentId| {
        let told = tell_story(&present.ledger, &id.0, &history);
        told.ok().map(|(story, _)| story)
    };
    let original = Original {
        present: &present,
        audience,
        title: &config.server.title,
        history: &history,
        story: &story,
    };
    let copied = original.copy(&mut |name, text| write(&arguments.folder.join(name), text));
    let files = match copied {
        Ok(files) => files,
        Err(error) => return output::refuse(schema, &error),
    };
    if let Some(schema) = schema {
        output::json(&Exported {
            schema,
            exit: Exit::Pass as u8,
            folder: &arguments.folder,
            files,
            services,
        });
        return Exit::Pass;
    }
    if services == 0 {
        output::note(
            "no service is public: write public = true in those that the page should show, or use --private",
        );
    }
    output::result(format_args!(
        "{} of {} in {}",
        counted(files, "file"),
        counted(services, "service"),
        arguments.folder.display()
    ));
    Exit::Pass
}

/// Returns what is so, as far as the data folder knows.
fn present(config: &Config) -> Result<Present, state::ReadError> {
    // The lock first: a daemon that ends in between is taken for one that runs, with a state it has just written.
    let runs = state::in_use(&config.data);
    let (snapshot, _) = state::read_or_previous(&config.data)?;
    let (saved_at, database) = (snapshot.saved_at, database(&config.data));
    // Nothing changed from the last save to the last sign of life.
    let ended = || history::last_alive(&database).map_or(saved_at, |alive| alive.max(saved_at));
    let services = config.services.iter();
    let mut present = Present {
        at: Clock::System.now(),
        ledger: Arc::new(snapshot.ledger),
        services: services.map(|one| Arc::clone(&one.service)).collect(),
        former: Arc::default(),
        awaited: HashMap::new(),
        glances: HashMap::new(),
        maintenance: config.maintenance.clone(),
        health: None,
        ended: (!runs).then(ended),
    };
    present.glances = glances(&present, &database);
    Ok(present)
}

/// Writes a file in one step, so that nobody reads half of one.
fn write(path: &Path, text: &str) -> Result<(), WriteError> {
    let failed = |source| WriteError {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let part = path.with_extension("part");
    let mut file = File::create(&part).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    drop(file);
    fs::rename(&part, path).map_err(failed)
}
