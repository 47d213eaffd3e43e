//! Shows what the state file says.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::output::{BOLD, ERROR, FAINT, GOOD, WARNING, counted, styled};
use super::table::{self, Cell};
use super::{Exit, load, output};
use crate::clock::Clock;
use crate::config::{Environment, ProcessEnvironment};
use crate::model::duration::{Shown, since};
use crate::model::incident::{ChannelState, Incident, Ledger};
use crate::model::service::ChannelName;
use crate::state::{self, ReadError, ServiceLine, Snapshot};

/// Show which services are wrong, since when and why, and whom the daemon still has to tell
///
/// Reads the state file; the daemon may be running or not. Exit code 1 if any violation is open.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ops config, JSON or TOML
    config: PathBuf,

    /// Show services without a violation too
    #[arg(long)]
    all: bool,

    /// Print one JSON object (`oes.status/1`)
    #[arg(long)]
    json: bool,
}

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.status/1";

/// The environment of a person who looks: the variables of the daemon need not be set to see how it is. Only the `data`
/// folder of the config is used, so that any value will do that can stand for a text and for a URL.
struct AnyEnvironment;

impl Environment for AnyEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        ProcessEnvironment
            .var(name)
            .or_else(|| Some("http://127.0.0.1/".to_owned()))
    }
}

#[derive(Serialize)]
struct Status<'a> {
    schema: &'static str,
    seq: u64,
    services: &'a [ServiceLine],
    incidents: Vec<&'a Incident>,
    channels: Vec<Channel<'a>>,
    dead_letters: usize,
}

#[derive(Serialize)]
struct Channel<'a> {
    name: &'a ChannelName,
    owed: usize,
    #[serde(flatten)]
    state: &'a ChannelState,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let schema = arguments.json.then_some(SCHEMA);
    let Some(config) = load::load_with(&arguments.config, schema, &AnyEnvironment) else {
        return Exit::Usage;
    };
    let snapshot = match state::read(&config.data) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let exit = output::refuse(schema, &error);
            if matches!(error, ReadError::Missing { .. }) {
                output::note(format_args!(
                    "it is there once `oes run {}` has run",
                    arguments.config.display()
                ));
            }
            return exit;
        }
    };
    let open: Vec<&Incident> = snapshot
        .ledger
        .incidents
        .values()
        .filter(|one| one.is_open())
        .collect();
    if arguments.json {
        print_json(&snapshot, &open);
    } else {
        let now = Clock::System.now();
        print_services(&snapshot, &open, arguments.all, now);
        print_channels(&snapshot.ledger, now);
        let closed = open.is_empty();
        let services = counted(snapshot.services.len(), "service");
        let (style, verdict) = if closed {
            (GOOD, "all well")
        } else {
            (ERROR, "not well")
        };
        output::note(format_args!(
            "{}: {services}, {}",
            styled(style, verdict),
            counted(open.len(), "open incident")
        ));
    }
    if open.is_empty() {
        Exit::Pass
    } else {
        Exit::Fail
    }
}

fn print_json(snapshot: &Snapshot, open: &[&Incident]) {
    let ledger = &snapshot.ledger;
    let channel = |(name, state)| Channel {
        name,
        owed: owed(ledger, name),
        state,
    };
    output::json(&Status {
        schema: SCHEMA,
        seq: snapshot.seq,
        services: &snapshot.services,
        incidents: open.to_vec(),
        channels: ledger.channels.iter().map(channel).collect(),
        dead_letters: ledger.dead_letters.len(),
    });
}

fn owed(ledger: &Ledger, channel: &ChannelName) -> usize {
    crate::policy::owed::backlog(ledger, channel).0
}

fn print_services(snapshot: &Snapshot, open: &[&Incident], all: bool, now: Timestamp) {
    let mut rows = Vec::new();
    for service in &snapshot.services {
        let of_service = |incident: &&&Incident| incident.service == service.name;
        let mut incidents = open.iter().filter(of_service).peekable();
        if all && incidents.peek().is_none() {
            rows.push(vec![
                Cell::new(GOOD, "✓"),
                Cell::plain(&service.name),
                Cell::new(GOOD, "fine"),
            ]);
        }
        for incident in incidents {
            rows.push(incident_row(incident, now));
        }
    }
    let listed = |incident: &&&Incident| {
        !snapshot
            .services
            .iter()
            .any(|service| service.name == incident.service)
    };
    for incident in open.iter().filter(listed) {
        rows.push(incident_row(incident, now));
    }
    table::print(&rows);
}

fn incident_row(incident: &Incident, now: Timestamp) -> Vec<Cell> {
    let reason = &incident.reason;
    let why = reason
        .finding
        .clone()
        .unwrap_or_else(|| reason.rule.clone());
    let first_line = why.lines().next().unwrap_or_default().to_owned();
    vec![
        Cell::new(ERROR, "✗"),
        Cell::new(BOLD, &incident.service),
        Cell::new(ERROR, &incident.violation),
        Cell::plain(format_args!(
            "for {}",
            Shown(since(incident.opened_at, now))
        )),
        Cell::plain(first_line),
    ]
}

fn print_channels(ledger: &Ledger, now: Timestamp) {
    let mut rows = Vec::new();
    for (name, state) in &ledger.channels {
        let owed = owed(ledger, name);
        let (style, word) = match &state.disabled {
            Some(why) => (ERROR, format!("disabled: {why}")),
            None if state.failures > 0 => {
                let why = state.last_error.as_deref().unwrap_or_default();
                (
                    WARNING,
                    format!(
                        "failing, {}: {why}",
                        counted(state.failures as usize, "try")
                    ),
                )
            }
            None => (GOOD, "fine".to_owned()),
        };
        let last = state.last_success.map_or_else(
            || "nothing sent yet".to_owned(),
            |at| format!("last message {} ago", Shown(since(at, now))),
        );
        rows.push(vec![
            Cell::new(FAINT, "channel"),
            Cell::plain(name),
            Cell::new(style, word),
            Cell::plain(format_args!("{owed} owed")),
            Cell::new(FAINT, last),
        ]);
    }
    table::print(&rows);
    if !ledger.dead_letters.is_empty() {
        output::result(styled(
            ERROR,
            format_args!(
                "{} could not be delivered",
                counted(ledger.dead_letters.len(), "message")
            ),
        ));
    }
}
