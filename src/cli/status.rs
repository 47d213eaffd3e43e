//! Shows what the state file says.

mod beats;
mod beside;
mod channels;
mod services;
mod standing;
mod why;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::output::{ERROR, FAINT, GOOD, WARNING, styled};
use super::table::{self, Cell};
use super::{Exit, load, output, silence, watch};
use crate::clock::Clock;
use crate::config::report::Report;
use crate::config::{self, StandIns};
use crate::history;
use crate::model::causes::Causes;
use crate::model::counted::counted;
use crate::model::duration::{Shown, since};
use crate::model::incident::{DeadLetter, Incident, Ledger};
use crate::model::maintenance::Maintenance;
use crate::model::mute::Silence;
use crate::model::service::{Service as Watched, ServiceName};
use crate::model::span::Line;
use crate::state::{self, ReadError, ServiceLine, Snapshot};
use beats::Beats;
use channels::Channel;
use standing::{Past, Standing};

/// Show which services are wrong, since when and why, and whom the daemon still has to tell
///
/// Reads the state file; the daemon may be running or not, and which of both is said. Of an ops config with mistakes
/// only the data folder is taken. Exit code 1 if any violation is
/// open; else 3 if a service was never judged, its last probe could not be judged, or no daemon is running; else 0.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ops config, JSON or TOML [default: the oes.toml or oes.json here]
    config: Option<PathBuf>,

    /// Show services that are fine too
    #[arg(long)]
    all: bool,

    /// Show it anew every two seconds, until Ctrl-C
    #[arg(long)]
    watch: bool,

    /// Print one JSON object (`oes.status/1`); with --watch one a line
    #[arg(long)]
    json: bool,
}

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.status/1";
/// How often --watch shows it anew.
const EVERY: Duration = Duration::from_secs(2);

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
    /// Those that are in force.
    silences: Vec<&'a Silence>,
    channels: Vec<Channel<'a>>,
    dead_letters: usize,
    newest_dead_letters: Vec<&'a DeadLetter>,
    /// What is wrong with the config now.
    mistakes: Vec<Line>,
}

#[derive(Serialize)]
struct Service<'a> {
    #[serde(flatten)]
    line: &'a ServiceLine,
    standing: Standing,
    /// Of a service that reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat: Option<Beats>,
}

/// All that this command looks at.
struct Known {
    snapshot: Snapshot,
    /// What is wrong with the config, if it cannot be used.
    broken: Option<Report>,
    /// What is wrong with the state file, if its previous copy stands in for it.
    damage: Option<ReadError>,
    running: bool,
    /// When the daemon lived last, as far as the history knows.
    alive: Option<Timestamp>,
    /// In the order of the snapshot's services.
    standings: Vec<Standing>,
    past: Past,
    /// The services of the config; none if it cannot be used.
    watched: HashMap<ServiceName, Arc<Watched>>,
    /// The planned mutes of the config.
    maintenance: Vec<Maintenance>,
}

/// What this command takes from the config.
struct Asked {
    data: PathBuf,
    services: Vec<Arc<Watched>>,
    maintenance: Vec<Maintenance>,
    /// Why the config cannot be used; the data folder is then what can be read of it.
    broken: Option<Report>,
}

impl Asked {
    fn of(path: &Path) -> Self {
        match config::load(path, &StandIns::default()) {
            Ok(loaded) => Self {
                data: loaded.config.data,
                services: loaded
                    .config
                    .services
                    .iter()
                    .map(|one| Arc::clone(&one.service))
                    .collect(),
                maintenance: loaded.config.maintenance,
                broken: None,
            },
            Err(report) => Self {
                data: config::data_folder(path),
                services: Vec::new(),
                maintenance: Vec::new(),
                broken: Some(report),
            },
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let schema = arguments.json.then_some(SCHEMA);
    let config = match load::named(arguments.config.as_deref()) {
        Ok(config) => config,
        Err(error) => return output::refuse(schema, &error),
    };
    let exit = show(arguments, &config);
    if !arguments.watch || exit == Exit::Usage {
        return exit;
    }
    watch::every(EVERY, || {
        show(arguments, &config);
    })
}

fn show(arguments: &Arguments, config: &Path) -> Exit {
    let schema = arguments.json.then_some(SCHEMA);
    let asked = Asked::of(config);
    if let Some(report) = &asked.broken
        && !config.exists()
    {
        load::refuse(schema, report);
        return Exit::Usage;
    }
    let now = Clock::System.now();
    let known = match look(asked, now) {
        Ok(known) => known,
        Err((error, broken)) => return nothing_known(config, schema, &error, broken.as_ref()),
    };
    let incidents = known.snapshot.ledger.incidents.values();
    let open: Vec<&Incident> = incidents.filter(|one| one.is_open()).collect();
    let exit = known.exit(&open);
    warn_of_config(config, &known);
    if arguments.json {
        print_json(&known, &open, exit, now);
    } else {
        print_daemon(&known, now);
        services::print(&known, &open, arguments.all, now);
        let ledger = &known.snapshot.ledger;
        print_silences(ledger, now);
        channels::print(&channels::of(ledger, now), now);
        channels::print_letters(ledger, now);
        print_summary(&known, &open);
    }
    exit
}

/// Says why there is nothing to show.
fn nothing_known(
    config: &Path,
    schema: output::Schema,
    error: &ReadError,
    broken: Option<&Report>,
) -> Exit {
    let config = config.display();
    if let (Some(schema), Some(report)) = (schema, broken) {
        load::refuse_as_json(schema, &Causes(error).to_string(), report);
        return Exit::Usage;
    }
    let exit = output::refuse(schema, error);
    if let Some(report) = broken {
        let mistakes = counted(report.errors(), "mistake");
        output::note(format_args!(
            "the ops config has {mistakes}, and may mean another data folder: oes check {config}"
        ));
    } else if matches!(error, ReadError::Missing { .. }) {
        output::note(format_args!("it is there once `oes run {config}` has run"));
    }
    exit
}

fn warn_of_config(path: &Path, known: &Known) {
    let Some(report) = &known.broken else {
        return;
    };
    let mistakes = counted(report.errors(), "mistake");
    let so = if known.running {
        "the daemon goes on with the one before"
    } else {
        "no daemon starts with it"
    };
    let warning = styled(WARNING, "warning:");
    output::note(format_args!(
        "{warning} the ops config has {mistakes}; {so}: oes check {}",
        path.display()
    ));
}

fn look(asked: Asked, now: Timestamp) -> Result<Known, (ReadError, Option<Report>)> {
    let data = &asked.data;
    // The lock first: a daemon that ends in between is taken for one that runs, with a state it has just written.
    let running = state::in_use(data);
    let (mut snapshot, damage) = match state::read_or_previous(data) {
        Ok(read) => read,
        Err(error) => return Err((error, asked.broken)),
    };
    let names: BTreeSet<_> = snapshot.services.iter().map(|one| &one.name).collect();
    let new = asked.services.iter();
    let new = new.filter(|one| !names.contains(&one.name));
    let new: Vec<ServiceLine> = new.map(|one| ServiceLine::new(one)).collect();
    snapshot.services.extend(new);
    let (past, unreadable) = Past::read(data, now);
    let standings = past.standings(&snapshot.services);
    let watched = asked.services.into_iter();
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
        broken: asked.broken,
        damage,
        running,
        alive: history::last_alive(&data.join(history::FILE)),
        standings,
        past,
        watched: watched.map(|one| (one.name.clone(), one)).collect(),
        maintenance: asked.maintenance,
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

fn print_json(known: &Known, open: &[&Incident], exit: Exit, now: Timestamp) {
    let ledger = &known.snapshot.ledger;
    let services = known.services();
    output::json(&Status {
        schema: SCHEMA,
        exit: exit as u8,
        running: known.running,
        saved_at: known.snapshot.saved_at,
        fell_back: known.damage.as_ref().map(|error| Causes(error).to_string()),
        seq: known.snapshot.seq,
        services: services
            .map(|(line, standing)| Service {
                line,
                standing,
                heartbeat: known.beats(line),
            })
            .collect(),
        incidents: open,
        silences: in_force(ledger, now),
        channels: channels::of(ledger, now),
        dead_letters: ledger.dead_letters.len(),
        newest_dead_letters: channels::newest_letters(ledger),
        mistakes: known.broken.as_ref().map(Report::lines).unwrap_or_default(),
    });
}

fn in_force(ledger: &Ledger, now: Timestamp) -> Vec<&Silence> {
    let silences = ledger.silences.values();
    silences.filter(|silence| silence.is_active(now)).collect()
}

fn print_silences(ledger: &Ledger, now: Timestamp) {
    let row = |silence: &Silence| {
        let silence = silence::row(silence, &TimeZone::UTC, now);
        [vec![Cell::new(FAINT, "silence")], silence].concat()
    };
    let rows: Vec<_> = in_force(ledger, now).into_iter().map(row).collect();
    table::print(&rows);
}

fn print_daemon(known: &Known, now: Timestamp) {
    let saved_at = known.snapshot.saved_at;
    let ago = Shown(since(saved_at, now));
    if known.running {
        let text = format_args!("the daemon is running; its last change is {ago} old");
        output::result(styled(FAINT, text));
    } else {
        // Nothing changed from the last save to the last sign of life.
        let at = known.alive.map_or(saved_at, |alive| alive.max(saved_at));
        let ago = Shown(since(at, now));
        let at = at.strftime("%Y-%m-%d %H:%M:%S UTC");
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
