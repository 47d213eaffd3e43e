//! Shows what the state file says.

mod standing;

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::output::{BOLD, ERROR, FAINT, GOOD, WARNING, counted, styled};
use super::table::{self, Cell};
use super::{Exit, load, output};
use crate::clock::Clock;
use crate::config::{Environment, ProcessEnvironment};
use crate::model::causes::Causes;
use crate::model::duration::{Shown, since};
use crate::model::incident::{ChannelState, Incident, Ledger};
use crate::model::service::ChannelName;
use crate::state::{self, ReadError, ServiceLine, Snapshot};
use standing::Standing;

/// Show which services are wrong, since when and why, and whom the daemon still has to tell
///
/// Reads the state file; the daemon may be running or not, and which of both is said. Exit code 1 if any violation is
/// open; else 3 if a service was never judged, its last probe could not be judged, or no daemon is running; else 0.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ops config, JSON or TOML
    config: PathBuf,

    /// Show services that are fine too
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
    exit: u8,
    running: bool,
    saved_at: Timestamp,
    fell_back: Option<String>,
    seq: u64,
    services: Vec<Service<'a>>,
    incidents: &'a [&'a Incident],
    channels: Vec<Channel<'a>>,
    dead_letters: usize,
}

#[derive(Serialize)]
struct Service<'a> {
    #[serde(flatten)]
    line: &'a ServiceLine,
    standing: Standing,
}

#[derive(Serialize)]
struct Channel<'a> {
    name: &'a ChannelName,
    owed: usize,
    #[serde(flatten)]
    state: &'a ChannelState,
}

/// All that this command looks at.
struct Known {
    snapshot: Snapshot,
    /// What is wrong with the state file, if its previous copy stands in for it.
    damage: Option<ReadError>,
    running: bool,
    /// In the order of the snapshot's services.
    standings: Vec<Standing>,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let schema = arguments.json.then_some(SCHEMA);
    let Some(config) = load::load_with(&arguments.config, schema, &AnyEnvironment) else {
        return Exit::Usage;
    };
    let now = Clock::System.now();
    let known = match look(&config.data, now) {
        Ok(known) => known,
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
    let incidents = known.snapshot.ledger.incidents.values();
    let open: Vec<&Incident> = incidents.filter(|one| one.is_open()).collect();
    let exit = known.exit(&open);
    if arguments.json {
        print_json(&known, &open, exit);
    } else {
        print_daemon(&known, now);
        print_services(&known, &open, arguments.all, now);
        print_channels(&known.snapshot.ledger, now);
        print_summary(&known, &open);
    }
    exit
}

fn look(data: &Path, now: Timestamp) -> Result<Known, ReadError> {
    // The lock first: a daemon that ends in between is taken for one that runs, with a state it has just written.
    let running = state::in_use(data);
    let (snapshot, damage) = state::read_or_previous(data)?;
    let (standings, unreadable) = standing::standings(data, &snapshot.services, now);
    if let Some(error) = unreadable {
        output::note(format_args!(
            "{} {}; how the last probes went is not known",
            styled(WARNING, "warning:"),
            Causes(&error)
        ));
    }
    if let Some(error) = &damage {
        output::note(format_args!(
            "{} {}; shown is its previous copy",
            styled(WARNING, "warning:"),
            Causes(error)
        ));
    }
    Ok(Known {
        snapshot,
        damage,
        running,
        standings,
    })
}

impl Known {
    fn exit(&self, open: &[&Incident]) -> Exit {
        if !open.is_empty() {
            Exit::Fail
        } else if !self.running || self.count(Standing::is_unjudged) > 0 {
            Exit::Unknown
        } else {
            Exit::Pass
        }
    }

    fn count(&self, is: impl Fn(Standing) -> bool) -> usize {
        self.standings.iter().filter(|one| is(**one)).count()
    }

    /// Returns the services with how they stand.
    fn services(&self) -> impl Iterator<Item = (&ServiceLine, Standing)> {
        let services = self.snapshot.services.iter();
        services.zip(self.standings.iter().copied())
    }
}

fn print_json(known: &Known, open: &[&Incident], exit: Exit) {
    let ledger = &known.snapshot.ledger;
    let channel = |(name, state)| Channel {
        name,
        owed: owed(ledger, name),
        state,
    };
    let services = known.services();
    output::json(&Status {
        schema: SCHEMA,
        exit: exit as u8,
        running: known.running,
        saved_at: known.snapshot.saved_at,
        fell_back: known.damage.as_ref().map(|error| Causes(error).to_string()),
        seq: known.snapshot.seq,
        services: services
            .map(|(line, standing)| Service { line, standing })
            .collect(),
        incidents: open,
        channels: ledger.channels.iter().map(channel).collect(),
        dead_letters: ledger.dead_letters.len(),
    });
}

fn print_daemon(known: &Known, now: Timestamp) {
    let saved_at = known.snapshot.saved_at;
    let ago = Shown(since(saved_at, now));
    if known.running {
        let text = format_args!("the daemon is running; its last change is {ago} old");
        output::result(styled(FAINT, text));
    } else {
        let at = saved_at.strftime("%Y-%m-%d %H:%M:%S UTC");
        let text =
            format_args!("the daemon is not running; this is what it knew at {at}, {ago} ago");
        output::result(styled(WARNING, text));
    }
}

fn print_summary(known: &Known, open: &[&Incident]) {
    let unjudged = known.count(Standing::is_unjudged);
    let (style, verdict) = if !open.is_empty() {
        (ERROR, "not well")
    } else if !known.running {
        (WARNING, "not watched")
    } else if unjudged > 0 {
        (WARNING, "not all judged")
    } else if known.count(|one| one == Standing::Failing) > 0 {
        (WARNING, "no violation is open")
    } else {
        (GOOD, "all well")
    };
    let not_judged = match unjudged {
        0 => String::new(),
        count => format!(", {count} not judged"),
    };
    output::note(format_args!(
        "{}: {}, {}{not_judged}",
        styled(style, verdict),
        counted(known.standings.len(), "service"),
        counted(open.len(), "open incident"),
    ));
}

fn owed(ledger: &Ledger, channel: &ChannelName) -> usize {
    crate::policy::owed::backlog(ledger, channel).0
}

fn print_services(known: &Known, open: &[&Incident], all: bool, now: Timestamp) {
    let mut rows = Vec::new();
    for (service, standing) in known.services() {
        let of_service = |incident: &&&Incident| incident.service == service.name;
        rows.extend(
            open.iter()
                .filter(of_service)
                .map(|one| incident_row(one, now)),
        );
        if let Some((sign, words)) = standing.cells()
            && (all || standing != Standing::Fine)
        {
            rows.push(vec![sign, Cell::plain(&service.name), words]);
        }
    }
    let listed = |incident: &&&Incident| {
        !known
            .snapshot
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
