//! What was wrong, and who was told of it.

mod evidence;
mod human;
mod lines;
mod markdown;

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use super::output::{self, BOLD, ERROR, FAINT, GOOD, Schema, WARNING, styled};
use super::table::{self, Cell};
use super::{Exit, load, watched};
use crate::clock::Clock;
use crate::config;
use crate::daemon::control::tell_story;
use crate::history::{self, incidents};
use crate::model::causes::Causes;
use crate::model::duration::{Shown, since};
use crate::model::incident::Incident;
use crate::policy::story::Story;

/// List the incidents that are open and those that have ended lately, or show the story of one
///
/// The state file knows an incident for a week after its end; after that, and with --all, the history database tells of
/// it for 400 days.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(ShowArguments),
}

#[derive(Debug, Args)]
struct ListArguments {
    /// The ops config, JSON or TOML [default: the oes.toml or oes.json here]
    config: Option<PathBuf>,

    /// List those as well that the state file has forgotten
    #[arg(long)]
    all: bool,

    /// Print one JSON object (`oes.incidents/1`)
    #[arg(long)]
    json: bool,
}

/// Show the story of an incident: what was found, who was told what and when, and who was not and why
#[derive(Debug, Args)]
#[command(override_usage = "oes incidents show [OPTIONS] [CONFIG] <INCIDENT>")]
struct ShowArguments {
    /// The incident, or its first characters; before it the ops config, unless that is the oes.toml or oes.json here
    #[arg(required = true, num_args = 1..=2, value_name = "INCIDENT")]
    subject: Vec<String>,

    /// Print Markdown to begin a post-mortem with
    #[arg(long, conflicts_with = "json")]
    md: bool,

    /// Print one JSON object (`oes.incident/1`)
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Some(Command::Show(arguments)) => show(arguments),
        None => list(&arguments.list),
    }
}

fn list(arguments: &ListArguments) -> Exit {
    #[derive(Serialize)]
    struct List<'a> {
        schema: &'static str,
        exit: u8,
        incidents: &'a [Incident],
    }
    let schema = arguments.json.then_some("oes.incidents/1");
    let (path, snapshot) = match watched::state(arguments.config.as_deref(), schema) {
        Ok(known) => known,
        Err(exit) => return exit,
    };
    let mut all: Vec<Incident> = snapshot.ledger.incidents.values().cloned().collect();
    if arguments.all {
        let known = |incident: &Incident| snapshot.ledger.incidents.contains_key(&incident.id);
        let past = past(&config::data_folder(&path));
        all.extend(past.into_iter().filter(|incident| !known(incident)));
    }
    all.sort_by_key(|one| (!one.is_open(), Reverse(one.opened_at)));
    if let Some(schema) = schema {
        output::json(&List {
            schema,
            exit: Exit::Pass as u8,
            incidents: &all,
        });
        return Exit::Pass;
    }
    let now = Clock::System.now();
    let rows: Vec<_> = all.iter().map(|incident| row(incident, now)).collect();
    if rows.is_empty() {
        output::note("there are no incidents");
    }
    table::print(&rows);
    Exit::Pass
}

/// Returns the incidents of the history; says so if it cannot be read.
fn past(data: &Path) -> Vec<Incident> {
    let database = data.join(history::FILE);
    if !database.exists() {
        return Vec::new();
    }
    incidents::read_all(&database).unwrap_or_else(|error| {
        let warning = styled(WARNING, "warning:");
        output::note(format_args!("{warning} {}", Causes(&error)));
        Vec::new()
    })
}

fn row(incident: &Incident, now: Timestamp) -> Vec<Cell> {
    let sign = match (incident.is_open(), &incident.ack) {
        (true, None) => Cell::new(ERROR, "✗"),
        (true, Some(_)) => Cell::new(WARNING, "✗"),
        (false, _) => Cell::new(GOOD, "✓"),
    };
    let when = match incident.closed_at {
        None => Cell::plain(format_args!(
            "open for {}",
            Shown(since(incident.opened_at, now))
        )),
        Some(closed) => Cell::new(
            FAINT,
            format_args!(
                "{} ago, for {}",
                Shown(since(closed, now)),
                Shown(since(incident.opened_at, closed))
            ),
        ),
    };
    let taken = incident.ack.as_ref();
    let taken = taken.map_or_else(String::new, |ack| format!("taken on by {}: ", ack.by));
    let why = incident.why();
    vec![
        sign,
        Cell::plain(&incident.id),
        Cell::new(
            BOLD,
            format_args!("{} · {}", incident.service, incident.violation),
        ),
        when,
        Cell::plain(format_args!(
            "{taken}{}",
            why.lines().next().unwrap_or_default()
        )),
    ]
}

fn show(arguments: &ShowArguments) -> Exit {
    #[derive(Serialize)]
    struct One<'a> {
        schema: &'static str,
        exit: u8,
        #[serde(flatten)]
        story: &'a Story,
    }
    let schema = arguments.json.then_some("oes.incident/1");
    let (config, story) = match story(arguments, schema) {
        Ok(known) => known,
        Err(exit) => return exit,
    };
    if let Some(schema) = schema {
        output::json(&One {
            schema,
            exit: Exit::Pass as u8,
            story: &story,
        });
        return Exit::Pass;
    }
    let zone = watched::zone(&config);
    if arguments.md {
        output::result(markdown::text(&story, &zone).trim_end());
    } else {
        human::print(&story, &zone, Clock::System.now());
    }
    Exit::Pass
}

fn story(arguments: &ShowArguments, schema: Schema) -> Result<(PathBuf, Story), Exit> {
    let (config, name) =
        load::subject(&arguments.subject).map_err(|error| output::refuse(schema, &error))?;
    let (config, snapshot) = watched::state(Some(&config), schema)?;
    let database = config::data_folder(&config).join(history::FILE);
    match tell_story(&snapshot.ledger, name, &database) {
        Ok((story, unreadable)) => {
            // A database that was never made is no trouble: there is nothing that it could tell.
            if let Some(error) = unreadable.filter(|_| database.exists()) {
                let warning = styled(WARNING, "warning:");
                output::note(format_args!("{warning} {}", Causes(&error)));
            }
            Ok((config, story))
        }
        Err(refusal) => Err(output::refuse_as(schema, Exit::Fail, &refusal)),
    }
}
