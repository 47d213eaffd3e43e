//! What services were: how long up and down, how fast, and when nobody looked.

mod export;
mod human;
mod summary;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use thiserror::Error;

use super::load::AnyEnvironment;
use super::output::{self, Schema};
use super::{Exit, control, load, watched};
use crate::clock::Clock;
use crate::config;
use crate::history::reader::Reader;
use crate::history::series::Resolution;
use crate::history::{self, ReadError};
use crate::model::duration::before;
use crate::model::service::ServiceName;
use crate::model::shell;
use crate::model::span::did_you_mean;
use summary::{Span, Summary};

/// What the JSON is.
const SCHEMA: &str = "oes.history/1";
/// Services that are read at once.
const AT_ONCE: usize = 200;

/// Show what services were: uptime, latency, phases, and when nobody looked
///
/// Reads the history beside the state file, whether a daemon runs or not. Time in which the monitor did not run is no data:
/// it counts neither as up nor as down.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(override_usage = "oes history [OPTIONS] [CONFIG] [SERVICE]\n       oes history export …")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    show: ShowArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    Export(export::Arguments),
}

#[derive(Debug, Args)]
struct ShowArguments {
    /// The service, all if absent; before it the ops config, unless that is the oes.toml or oes.json here
    #[arg(num_args = 0..=2, value_name = "SERVICE")]
    subject: Vec<String>,

    /// How far back: `24h`, `7d`, `90d`
    #[arg(long, default_value = "24h", value_parser = some_time)]
    since: Duration,

    /// How long each step of the lines is [default: by the time that is shown]
    #[arg(long, value_enum)]
    resolution: Option<Step>,

    /// Print one JSON object (`oes.history/1`)
    #[arg(long)]
    json: bool,
}

fn some_time(text: &str) -> Result<Duration, String> {
    match config::duration(text)? {
        Duration::ZERO => Err("nothing happens in no time".to_owned()),
        time => Ok(time),
    }
}

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Five minutes
    #[value(name = "5m")]
    FiveMinutes,
    /// An hour
    #[value(name = "1h")]
    Hour,
    /// A day, in UTC
    #[value(name = "1d")]
    Day,
}

impl Step {
    fn resolution(self) -> Resolution {
        match self {
            Self::FiveMinutes => Resolution::FiveMinutes,
            Self::Hour => Resolution::Hour,
            Self::Day => Resolution::Day,
        }
    }
}

/// Why there is nothing to show.
#[derive(Debug, Error)]
enum Refused {
    #[error("{path}: there is no such file")]
    NoFile { path: String },
    #[error("there is no history: no {path}; it is there once `oes run` has run")]
    Missing { path: String },
    #[error("nothing is known of a service `{name}`; {help}")]
    NoService { name: String, help: String },
    #[error("the service `{old}` is called `{new}` now, and its history is there: oes history {quoted}", quoted = shell::quoted(new.as_str()))]
    Renamed { old: String, new: ServiceName },
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    #[error(transparent)]
    Subject(#[from] load::SubjectError),
}

/// A history, and what of it is meant.
struct Opened {
    config: PathBuf,
    reader: Reader,
    services: Vec<ServiceName>,
    /// Whether they were named.
    is_named: bool,
    listed: Listed,
}

/// What the ops config says of names; nothing where it cannot be used.
#[derive(Default)]
struct Listed {
    /// The services that are watched.
    watched: BTreeSet<ServiceName>,
    /// Present names by former ones.
    renamed: BTreeMap<ServiceName, ServiceName>,
}

impl Listed {
    fn of(config: &Path) -> Self {
        let Ok(loaded) = config::load(config, &AnyEnvironment) else {
            return Self::default();
        };
        let mut listed = Self::default();
        for one in &loaded.config.services {
            let name = &one.service.name;
            listed.watched.insert(name.clone());
            let former = one.was.iter().map(|was| (was.clone(), name.clone()));
            listed.renamed.extend(former);
        }
        listed
    }

    /// Returns why there is nothing to show of a name.
    fn unknown(&self, name: &str, known: &BTreeSet<ServiceName>) -> Refused {
        match self.renamed.get(&ServiceName::new(name)) {
            Some(new) => Refused::Renamed {
                old: name.to_owned(),
                new: new.clone(),
            },
            None => no_service(name, known),
        }
    }
}

/// Opens the history that `[CONFIG] [SERVICE…]` mean.
fn open(words: &[String]) -> Result<Opened, Refused> {
    let is_config = |word: &&String| {
        let path = PathBuf::from(word.as_str());
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("toml" | "json"))
    };
    let (config, wanted) = match words.split_first() {
        Some((first, rest)) if is_config(&first) => (Some(PathBuf::from(first)), rest),
        _ => (None, words),
    };
    let config = load::named(config.as_deref())?;
    if !config.exists() {
        return Err(Refused::NoFile {
            path: config.display().to_string(),
        });
    }
    let path = config::data_folder(&config).join(history::FILE);
    if !path.exists() {
        return Err(Refused::Missing {
            path: path.display().to_string(),
        });
    }
    let reader = Reader::open(&path)?;
    let listed = Listed::of(&config);
    let mut known: BTreeSet<ServiceName> = reader.services()?.into_iter().collect();
    known.extend(listed.watched.iter().cloned());
    let named = wanted.iter().map(|name| {
        let found = known.get(&ServiceName::new(name.as_str()));
        found.cloned().ok_or_else(|| listed.unknown(name, &known))
    });
    let named = named.collect::<Result<Vec<_>, _>>()?;
    let is_named = !named.is_empty();
    Ok(Opened {
        config,
        reader,
        services: if is_named {
            named
        } else {
            known.into_iter().collect()
        },
        is_named,
        listed,
    })
}

impl Opened {
    /// Has the daemon look at a history that is damaged: it alone may set it aside.
    fn doubt(&self, error: &ReadError) {
        let data = config::data_folder(&self.config);
        if error.is_damage() && control::check_history(&data, &self.services) {
            output::note(
                "the daemon was told: what it finds damaged as well it sets aside, and begins a new one",
            );
        }
    }
}

fn no_service(name: &str, known: &BTreeSet<ServiceName>) -> Refused {
    let names = || known.iter().map(ServiceName::as_str);
    let help = match did_you_mean(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => match names().take(20).collect::<Vec<_>>().join(", ") {
            all if all.is_empty() => "no service was probed yet".to_owned(),
            all => format!("known are: {all}"),
        },
    };
    Refused::NoService {
        name: name.to_owned(),
        help,
    }
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Some(Command::Export(arguments)) => export::run(arguments),
        None => show(&arguments.show),
    }
}

fn show(arguments: &ShowArguments) -> Exit {
    let schema: Schema = arguments.json.then_some(SCHEMA);
    let opened = match open(&arguments.subject) {
        Ok(opened) => opened,
        Err(error) => return output::refuse(schema, &error),
    };
    let now = Clock::System.now();
    let resolution = arguments
        .resolution
        .map_or_else(|| fitting(arguments.since), Step::resolution);
    let span = Span {
        from: before(now, arguments.since),
        until: now,
        resolution,
    };
    match tell(arguments, &opened, span) {
        Ok(()) => Exit::Pass,
        Err(error) => {
            let exit = output::refuse(schema, &error);
            opened.doubt(&error);
            exit
        }
    }
}

fn tell(arguments: &ShowArguments, opened: &Opened, span: Span) -> Result<(), ReadError> {
    #[derive(Serialize)]
    struct All<'a> {
        schema: &'static str,
        exit: u8,
        services: &'a [Summary],
    }
    let reader = &opened.reader;
    if !opened.is_named && !arguments.json {
        let mut rows = Vec::new();
        for some in opened.services.chunks(AT_ONCE) {
            let summaries = Summary::all(reader, some, span)?;
            let row = |one: &Summary| {
                let is_watched = opened.listed.watched.contains(&one.service);
                human::Row::of(one, is_watched)
            };
            rows.extend(summaries.iter().filter_map(row));
        }
        if rows.is_empty() {
            output::note("nothing is known of this time");
        } else {
            human::print_all(&rows, span);
        }
        return Ok(());
    }
    let mut summaries = Summary::all(reader, &opened.services, span)?;
    if opened.is_named {
        for summary in &mut summaries {
            summary.find_gaps(reader, span)?;
        }
    }
    if arguments.json {
        output::json(&All {
            schema: SCHEMA,
            exit: Exit::Pass as u8,
            services: &summaries,
        });
    } else {
        let zone = watched::zone(&opened.config);
        for summary in &summaries {
            human::print(summary, &zone);
        }
    }
    Ok(())
}

/// Returns the resolution in which a span has some dozens of steps.
fn fitting(span: Duration) -> Resolution {
    let steps = |resolution: Resolution| span.as_secs() / resolution.length().as_secs();
    let mut all = Resolution::ALL.into_iter();
    all.find(|resolution| steps(*resolution) <= 180)
        .unwrap_or(Resolution::Day)
}
