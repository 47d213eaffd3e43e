//! Judges what was recorded of a service again: by its own rules, by others, or by both side by side.

mod condition;
mod difference;
mod human;
mod labels;
mod recordings;
mod report;
mod rules;
mod strip;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use thiserror::Error;

use super::output::{self, Schema};
use super::{Exit, load, runtime};
use crate::config::labels::Outage;
use crate::config::report::Report;
use crate::history::recordings::ReadError;
use crate::model::duration::after;
use crate::model::judgement::Outcome;
use crate::suite::replay::{Played, replay};
use condition::Condition;
use difference::Difference;
use labels::Score;
use recordings::Recordings;
use rules::Rules;

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.backtest/1";

/// Judge what was recorded of a service again, by its own rules or by others
///
/// The service must have been recorded (`record = true` in the ops config). Nothing is asked of anybody: the answers to the
/// scripts' own requests are the recorded ones, the clock is the recorded one, and what scripts remember is empty at first.
///
/// Exit code: 0 if no violation would have opened, 1 if any would, 3 if nothing could be judged, 4 if a script broke. With
/// --labels: 0 if every outage is caught and there is no false alarm, else 1. With --compare: 0 if both find the
/// same, else 1. With --fail-if: 1 if any of them holds, else 0.
#[derive(Debug, Args)]
#[command(override_usage = "oes backtest [OPTIONS] [CONFIG] <SERVICE>")]
pub(super) struct Arguments {
    /// The name of the service; before it the ops config, unless that is the oes.toml or oes.json here
    #[arg(required = true, num_args = 1..=2, value_name = "SERVICE")]
    subject: Vec<String>,

    /// Judge by this script, a name or a file *.rhai, instead of the service's own
    #[arg(long, value_name = "FILE|NAME")]
    script: Option<String>,

    /// A parameter of the script (can be repeated)
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,

    /// Another value for a key of the service, such as latency=300ms or latency.trigger=median (can be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,

    /// Judge by this as well and show where the two differ: `current` for the service as its config has it, another script,
    /// or another value KEY=VALUE
    #[arg(long, value_name = "OTHER")]
    compare: Option<String>,

    /// Known outages, TOML or JSON: which are caught, which are missed, and what is a false alarm
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,

    /// Fail for this and nothing else, such as `violations > 2`, `messages > 5` or, with --compare, `new_violations > 0`
    /// (can be repeated)
    #[arg(long = "fail-if", value_name = "NAME > N")]
    fail_if: Vec<String>,

    /// Only what was recorded since then: a time, or how long ago, such as 30d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,

    /// Only what was recorded before then: a time, or how long ago
    #[arg(long, value_name = "TIME")]
    until: Option<String>,

    /// At most so many probes, the newest
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Do not count this long after the first probe, in which scripts learn what they remember
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    warmup: String,

    /// Judge what `oes dry-run --record` saved, a folder or a folder of such folders, instead of what the daemon recorded
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["since", "until", "limit"])]
    from: Option<PathBuf>,

    /// Print the text of every message
    #[arg(long, conflicts_with = "json")]
    messages: bool,

    /// Print one JSON object (`oes.backtest/1`)
    #[arg(long)]
    json: bool,
}

/// Why nothing is judged.
#[derive(Debug, Error)]
enum BacktestError {
    #[error("--{option}: {problem}")]
    Form {
        option: &'static str,
        problem: String,
    },
    #[error(transparent)]
    Subject(#[from] load::SubjectError),
    #[error("the changes cannot be used: {0}")]
    Changes(String),
    #[error("nothing was recorded: {0} is not there; write record = true into the service")]
    NoRecordings(String),
    #[error("no probe of {service} was recorded{when}; is record = true in its config?")]
    NothingRecorded { service: String, when: &'static str },
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("could not read {path}")]
    Folder {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("could not start the script threads")]
    Threads(#[from] std::io::Error),
    /// A file with mistakes at their places.
    #[error("a file cannot be used")]
    Reported(Box<Report>),
}

fn form(option: &'static str, problem: impl Into<String>) -> BacktestError {
    BacktestError::Form {
        option,
        problem: problem.into(),
    }
}

/// What came of one set of rules.
struct Side {
    /// What it is, for a person.
    title: String,
    played: Played,
    score: Option<Score>,
}

/// Everything that a backtest found.
struct Found {
    service: String,
    /// What was recorded: from the first probe to the last.
    span: (Timestamp, Timestamp),
    /// The new rules, and those to compare with.
    sides: Vec<Side>,
    difference: Option<Difference>,
    /// Secrets that are not there, which something stands for.
    stand_ins: Vec<String>,
    /// What it was to fail for, with the number of each and whether it does.
    fail_if: Vec<(Condition, usize, bool)>,
    /// Recordings that were damaged.
    damaged: u64,
    exit: Exit,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match pass(arguments) {
        Ok(exit) => exit,
        Err(BacktestError::Reported(report)) => {
            load::refuse(arguments.schema(), &report);
            Exit::Usage
        }
        Err(error) => output::refuse(arguments.schema(), &error),
    }
}

impl Arguments {
    fn schema(&self) -> Schema {
        self.json.then_some(SCHEMA)
    }
}

fn pass(arguments: &Arguments) -> Result<Exit, BacktestError> {
    let warmup = crate::config::duration(&arguments.warmup);
    let warmup = warmup.map_err(|problem| form("warmup", problem))?;
    let conditions = conditions(arguments)?;
    let rules = Rules::read(arguments)?;
    if !arguments.json {
        load::say_stand_ins(&rules.stand_ins);
    }
    let outages = arguments.labels.as_deref().map(crate::config::labels::load);
    let outages = outages
        .transpose()
        .map_err(|report| BacktestError::Reported(Box::new(report)))?;
    let mut recordings = Recordings::open(arguments, &rules)?;
    let trials: Vec<_> = rules.sides.iter().map(|(_, trial)| trial.clone()).collect();
    let runtime = runtime()?;
    let played = runtime.block_on(replay(&trials, || recordings.next()))?;
    runtime.shutdown_timeout(Duration::from_millis(100));
    let Some(span) = recordings.span else {
        return Err(recordings.nothing(arguments, &rules));
    };
    let result = judged(&rules, played, span, warmup, outages.as_deref());
    let mut result = Found {
        damaged: recordings.damaged(),
        ..result
    };
    result.hold(&conditions);
    if arguments.json {
        output::json(&report::json(&result));
    } else {
        human::print(&result, &trials, arguments.messages);
    }
    Ok(result.exit)
}

fn judged(
    rules: &Rules,
    played: Vec<Played>,
    span: (Timestamp, Timestamp),
    warmup: Duration,
    outages: Option<&[Outage]>,
) -> Found {
    let begin = after(span.0, warmup);
    let titles = rules.sides.iter().map(|(title, _)| title.clone());
    let sides: Vec<Side> = titles
        .zip(played)
        .map(|(title, mut played)| {
            played.probes.retain(|probe| probe.at >= begin);
            played.unjudged.retain(|(at, _)| *at >= begin);
            played.incidents.retain(|one| one.seen_at >= begin);
            played.told.retain(|sent| sent.at >= begin);
            let score = outages.map(|outages| Score::of(outages, &played.incidents, span));
            Side {
                title,
                played,
                score,
            }
        })
        .collect();
    let difference = match &sides[..] {
        [one, other] => Some(Difference::of(&one.played, &other.played)),
        _ => None,
    };
    Found {
        service: rules.service.clone(),
        span,
        exit: exit(&sides, difference.as_ref()),
        sides,
        difference,
        stand_ins: rules.stand_ins.clone(),
        fail_if: Vec::new(),
        damaged: 0,
    }
}

fn conditions(arguments: &Arguments) -> Result<Vec<Condition>, BacktestError> {
    let (compares, labels) = (arguments.compare.is_some(), arguments.labels.is_some());
    let read = |text: &String| {
        let condition = Condition::read(text, compares, labels);
        condition.map_err(|problem| form("fail-if", problem))
    };
    arguments.fail_if.iter().map(read).collect()
}

impl Found {
    /// Holds what was found against what it is to fail for, which decides where there is any and something was judged.
    fn hold(&mut self, conditions: &[Condition]) {
        let Some(first) = self.sides.first() else {
            return;
        };
        let held = conditions.iter().map(|condition| {
            let value = condition.value(first, self.difference.as_ref());
            (condition.clone(), value, condition.holds(value))
        });
        self.fail_if = held.collect();
        let decides = matches!(self.exit, Exit::Pass | Exit::Fail) && !conditions.is_empty();
        if decides {
            let fails = self.fail_if.iter().any(|(_, _, holds)| *holds);
            self.exit = if fails { Exit::Fail } else { Exit::Pass };
        }
    }
}

fn exit(sides: &[Side], difference: Option<&Difference>) -> Exit {
    let probes = || sides.iter().flat_map(|side| &side.played.probes);
    let first = sides.first();
    if probes().any(|probe| probe.outcome == Outcome::Error) {
        Exit::ScriptError
    } else if probes().next().is_none() {
        Exit::Unknown
    } else if let Some(score) = first.and_then(|side| side.score.as_ref()) {
        if score.is_perfect() {
            Exit::Pass
        } else {
            Exit::Fail
        }
    } else if let Some(difference) = difference {
        if difference.is_none() {
            Exit::Pass
        } else {
            Exit::Fail
        }
    } else if first.is_some_and(|side| side.played.incidents.is_empty()) {
        Exit::Pass
    } else {
        Exit::Fail
    }
}
