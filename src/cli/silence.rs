//! Mutes messages for a while; probing goes on.

pub(super) mod moment;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use thiserror::Error;

use super::control::{self, Author};
use super::load;
use super::output::{self, FAINT};
use super::table::{self, Cell};
use super::{Exit, watched};
use crate::channel;
use crate::clock::Clock;
use crate::config;
use crate::model::duration::{Shown, after, since};
use crate::model::mute::{Selector, Silence, SilenceId};
use crate::policy::orders::{NewSilence, Order};

/// Mute messages for a while; probing goes on
///
/// A silence hides openings that nobody was told of, and reminders. What is still open when it ends is told then. The end
/// of an incident that was told is always told.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(Box<AddArguments>),
    List(ListArguments),
    End(EndArguments),
}

/// Mute messages from now on, or from a moment to come
///
/// An incident is meant if every list that is given names it. Moments are RFC 3339, or a date with or without a time, or
/// a time of day, in the `notify.time_zone` of the ops config.
#[derive(Debug, Args)]
struct AddArguments {
    /// The ops config, JSON or TOML [default: the oes.toml or oes.json here]
    config: Option<PathBuf>,

    /// A service; `*` stands for any text (can be repeated)
    #[arg(long = "service", value_name = "NAME")]
    services: Vec<String>,

    /// A tag, of which a service has at least one (can be repeated)
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// A group (can be repeated)
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,

    /// A severity (can be repeated)
    #[arg(long = "severity", value_enum, value_name = "SEVERITY")]
    severities: Vec<Severity>,

    /// A violation, such as `latency` (can be repeated)
    #[arg(long = "violation", value_name = "NAME")]
    violations: Vec<String>,

    /// Mute everything
    #[arg(long, conflicts_with_all = ["services", "tags", "groups", "severities", "violations"])]
    all: bool,

    /// For how long, such as 2h
    #[arg(
        long = "for",
        value_name = "DURATION",
        required_unless_present = "until",
        conflicts_with = "until"
    )]
    span: Option<String>,

    /// Until when
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,

    /// From when [default: now]
    #[arg(long, value_name = "MOMENT")]
    from: Option<String>,

    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,

    #[command(flatten)]
    author: Author,

    /// Print one JSON object (`oes.silence-add/1`)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Severity {
    Info,
    Warning,
    Critical,
}

/// List the silences, those to come as well
#[derive(Debug, Args)]
struct ListArguments {
    /// The ops config, JSON or TOML [default: the oes.toml or oes.json here]
    config: Option<PathBuf>,

    /// Print one JSON object (`oes.silence-list/1`)
    #[arg(long)]
    json: bool,
}

/// End a silence before its time
#[derive(Debug, Args)]
#[command(override_usage = "oes silence end [OPTIONS] [CONFIG] <ID>")]
struct EndArguments {
    /// The silence, as `oes silence list` shows it; before it the ops config, unless that is the oes.toml or oes.json here
    #[arg(required = true, num_args = 1..=2, value_name = "ID")]
    subject: Vec<String>,

    /// Print one JSON object (`oes.silence-end/1`)
    #[arg(long)]
    json: bool,
}

/// Why a silence is not what it should be.
#[derive(Debug, Error)]
enum SilenceError {
    #[error(
        "nothing says what to mute: name a --service, --tag, --group, --severity or --violation, or --all"
    )]
    Nothing,
    #[error("--{option}: {problem}")]
    Option {
        option: &'static str,
        problem: String,
    },
    #[error(transparent)]
    Subject(#[from] load::SubjectError),
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match &arguments.command {
        Command::Add(arguments) => {
            let schema = arguments.json.then_some("oes.silence-add/1");
            match wanted(arguments) {
                Ok((config, wanted)) => {
                    let order = Order::Silence(wanted, rand::random());
                    control::order(&config, order, schema)
                }
                Err(error) => output::refuse(schema, &error),
            }
        }
        Command::List(arguments) => list(arguments),
        Command::End(arguments) => {
            let schema = arguments.json.then_some("oes.silence-end/1");
            match load::subject(&arguments.subject) {
                Ok((config, id)) => {
                    let order = Order::EndSilence(SilenceId(id.as_str().into()));
                    control::order(&config, order, schema)
                }
                Err(error) => output::refuse(schema, &error),
            }
        }
    }
}

fn wanted(arguments: &AddArguments) -> Result<(PathBuf, NewSilence), SilenceError> {
    let path = load::named(arguments.config.as_deref())?;
    let of = selector(arguments);
    if of.is_everything() && !arguments.all {
        return Err(SilenceError::Nothing);
    }
    let zone = watched::zone(&path);
    let now = Clock::System.now();
    let moment = |option: &'static str, text: &Option<String>| {
        let read = |text: &String| moment::read(text, &zone, now);
        let read = text.as_ref().map(read).transpose();
        read.map_err(|problem| SilenceError::Option { option, problem })
    };
    let from = moment("from", &arguments.from)?;
    let until = match (&arguments.span, moment("until", &arguments.until)?) {
        (Some(span), _) => {
            let problem = |problem| SilenceError::Option {
                option: "for",
                problem,
            };
            let span = config::duration(span).map_err(problem)?;
            after(from.unwrap_or(now), span)
        }
        (None, Some(until)) => until,
        (None, None) => return Err(SilenceError::Nothing),
    };
    let wanted = NewSilence {
        of,
        from,
        until,
        lasts: None,
        by: arguments.author.name(),
        reason: arguments.reason.clone(),
    };
    Ok((path, wanted))
}

fn selector(arguments: &AddArguments) -> Selector {
    let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    let severities = arguments.severities.iter().map(|severity| {
        let name = match severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        };
        name.to_owned()
    });
    Selector {
        services: set(&arguments.services),
        tags: set(&arguments.tags),
        groups: set(&arguments.groups),
        severities: severities.collect(),
        violations: set(&arguments.violations),
    }
}

fn list(arguments: &ListArguments) -> Exit {
    #[derive(Serialize)]
    struct List<'a> {
        schema: &'static str,
        exit: u8,
        silences: Vec<Line<'a>>,
    }
    #[derive(Serialize)]
    struct Line<'a> {
        #[serde(flatten)]
        silence: &'a Silence,
        active: bool,
    }
    let schema = arguments.json.then_some("oes.silence-list/1");
    let (path, snapshot) = match watched::state(arguments.config.as_deref(), schema) {
        Ok(known) => known,
        Err(exit) => return exit,
    };
    let now = Clock::System.now();
    let mut silences: Vec<&Silence> = snapshot.ledger.silences.values().collect();
    silences.sort_by_key(|silence| (silence.until, &silence.id));
    if let Some(schema) = schema {
        let silences = silences.iter().map(|silence| Line {
            silence,
            active: silence.is_active(now),
        });
        output::json(&List {
            schema,
            exit: Exit::Pass as u8,
            silences: silences.collect(),
        });
        return Exit::Pass;
    }
    let zone = watched::zone(&path);
    let rows: Vec<_> = silences.iter().map(|one| row(one, &zone, now)).collect();
    if rows.is_empty() {
        output::note("there are no silences");
    }
    table::print(&rows);
    Exit::Pass
}

/// Returns the line of a silence.
pub(super) fn row(silence: &Silence, zone: &TimeZone, now: Timestamp) -> Vec<Cell> {
    let when = if silence.is_active(now) {
        let left = Shown(since(now, silence.until));
        Cell::plain(format_args!("for another {left}"))
    } else if silence.from > now {
        let (from, until) = (silence.from, silence.until);
        let (from, until) = (
            channel::message::moment(from, zone),
            channel::message::moment(until, zone),
        );
        Cell::new(FAINT, format_args!("from {from} to {until}"))
    } else {
        Cell::new(FAINT, "over")
    };
    vec![
        Cell::plain(&silence.id),
        Cell::plain(&silence.of),
        when,
        Cell::plain(format_args!("by {}: {}", silence.by, silence.reason)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_those_of_services() {
        use crate::model::service::ServiceSeverity;
        let names = Severity::value_variants().iter().map(|one| {
            let value = one.to_possible_value().unwrap();
            value.get_name().to_owned()
        });
        let known = ServiceSeverity::ALL.map(ServiceSeverity::as_str);
        assert_eq!(names.collect::<Vec<_>>(), known);
    }
}
