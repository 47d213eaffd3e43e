//! The history as lines for other programs, written as it is read.

use std::io::{self, Write as _};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{Opened, Step, open};
use crate::cli::{Exit, output};
use crate::clock::Clock;
use crate::config;
use crate::history::ReadError;
use crate::history::series::{Bucket, RawSample, Resolution};
use crate::model::duration::{after, before};
use crate::model::exchange::Phase;
use crate::model::judgement::Outcome;
use crate::model::service::ServiceName;

/// How a moment is shown.
const MOMENT: &str = "%Y-%m-%d %H:%M:%S UTC";
/// So much is read at once.
const AT_ONCE: Duration = Duration::from_hours(6);

/// Write the history of services as JSON lines or CSV
#[derive(Debug, Args)]
#[command(override_usage = "oes history export [OPTIONS] [CONFIG] [SERVICE]…")]
pub(super) struct Arguments {
    /// The services, all if absent; before them the ops config, unless that is the oes.toml or oes.json here
    #[arg(value_name = "SERVICE")]
    subject: Vec<String>,

    /// From when on: `2026-11-01`, `2026-11-01T12:00:00Z`, or how long ago: `30d`
    #[arg(long, default_value = "24h", value_parser = moment)]
    from: When,

    /// Until when, in the same forms [default: now]
    #[arg(long, value_parser = moment)]
    until: Option<When>,

    /// What a line is: each probe, or five minutes, an hour or a day
    #[arg(long, value_enum, default_value_t = Line::Raw)]
    resolution: Line,

    /// The form of the lines
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,

    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Line {
    /// Each probe
    Raw,
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

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A JSON object each
    Jsonl,
    /// Comma-separated values, with a line of names first
    Csv,
}

/// A moment, or how long ago it was.
#[derive(Debug, Clone, Copy)]
enum When {
    At(Timestamp),
    Ago(Duration),
}

impl When {
    fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => before(now, ago),
        }
    }
}

fn moment(text: &str) -> Result<When, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(When::At(at));
    }
    if let Ok(date) = text.parse::<Date>() {
        let at = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0));
        return at.map(When::At).map_err(|error| error.to_string());
    }
    config::duration(text).map(When::Ago).map_err(|_| {
        "write a day (2026-11-01), a moment (2026-11-01T12:00:00Z), or how long ago it was (30d)"
            .to_owned()
    })
}

/// A line is one of these, by name, in an order that never changes.
type Fields = Vec<(&'static str, Value)>;

pub(super) fn run(arguments: &Arguments) -> Exit {
    let opened = match open(&arguments.subject) {
        Ok(opened) => opened,
        Err(error) => return output::usage_error(&error),
    };
    let now = Clock::System.now();
    let span = arguments.from.at(now)..arguments.until.map_or(now, |until| until.at(now));
    if span.end <= span.start {
        let words = format!(
            "--from is to be before --until: nothing is between {} and {}",
            span.start.strftime(MOMENT),
            span.end.strftime(MOMENT)
        );
        return output::usage_error(&io::Error::other(words));
    }
    let written = match &arguments.output {
        None => export(arguments, &opened, span, &mut io::stdout().lock()),
        Some(path) => match std::fs::File::create(path) {
            Ok(file) => {
                let mut file = io::BufWriter::new(file);
                let written = export(arguments, &opened, span, &mut file);
                written.and_then(|()| Ok(file.flush()?))
            }
            Err(error) => Err(error.into()),
        },
    };
    match written {
        Ok(()) => Exit::Pass,
        Err(Trouble::Read(error)) => {
            let exit = output::usage_error(&error);
            opened.doubt(&error);
            exit
        }
        Err(Trouble::Write(error)) => match &arguments.output {
            None => {
                output::keep(Err(error));
                Exit::Pass
            }
            Some(path) => {
                let named = format!("cannot write {}: {error}", path.display());
                output::usage_error(&io::Error::other(named))
            }
        },
    }
}

enum Trouble {
    Read(ReadError),
    Write(io::Error),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

fn export(
    arguments: &Arguments,
    opened: &Opened,
    span: Range<Timestamp>,
    out: &mut dyn io::Write,
) -> Result<(), Trouble> {
    let step = match arguments.resolution {
        Line::Raw => None,
        Line::FiveMinutes => Some(Step::FiveMinutes.resolution()),
        Line::Hour => Some(Step::Hour.resolution()),
        Line::Day => Some(Step::Day.resolution()),
    };
    let mut is_first = true;
    for service in &opened.services {
        let mut from = span.start;
        while from < span.end {
            // Whole buckets, so that none is told twice.
            let until = match step {
                Some(Resolution::Hour | Resolution::Day) => span.end,
                _ => after(Resolution::FiveMinutes.floor(from), AT_ONCE).min(span.end),
            };
            let lines: Vec<Fields> = match step {
                None => {
                    let samples = opened.reader.samples(service, from..until, usize::MAX)?;
                    samples
                        .iter()
                        .map(|sample| of_sample(service, sample))
                        .collect()
                }
                Some(resolution) => {
                    let buckets = opened.reader.buckets(service, from..until, resolution)?;
                    buckets
                        .iter()
                        .map(|bucket| of_bucket(service, bucket))
                        .collect()
                }
            };
            for fields in lines {
                write(out, arguments.format, fields, is_first)?;
                is_first = false;
            }
            from = until;
        }
    }
    Ok(out.flush()?)
}

fn write(
    out: &mut dyn io::Write,
    format: Format,
    fields: Fields,
    is_first: bool,
) -> io::Result<()> {
    match format {
        Format::Jsonl => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            let object: Map<String, Value> = fields
                .map(|(name, value)| (name.to_owned(), value))
                .collect();
            writeln!(out, "{}", Value::Object(object))
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            if is_first {
                csv.write_record(fields.iter().map(|(name, _)| name))?;
            }
            csv.write_record(fields.iter().map(|(_, value)| match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }))?;
            csv.flush()
        }
    }
}

fn of_sample(service: &ServiceName, sample: &RawSample) -> Fields {
    let mut fields = vec![
        ("service", json!(service)),
        ("at", json!(sample.at)),
        ("outcome", json!(sample.outcome)),
        ("latency_us", json!(sample.latency.map(micros))),
        ("code", json!(sample.code)),
    ];
    let phases = PHASES_US.into_iter().zip(sample.phases);
    fields.extend(phases.map(|(name, spent)| (name, json!(spent.map(micros)))));
    fields
}

fn of_bucket(service: &ServiceName, bucket: &Bucket) -> Fields {
    let tally = &bucket.tally;
    let mut fields = vec![
        ("service", json!(service)),
        ("from", json!(bucket.from)),
        ("until", json!(bucket.until)),
        (
            "uptime",
            json!(tally.uptime().map(crate::model::tally::Share::as_f64)),
        ),
        ("up_s", json!(tally.up.as_secs_f64())),
        ("degraded_s", json!(tally.degraded.as_secs_f64())),
        ("down_s", json!(tally.down.as_secs_f64())),
        ("unknown_s", json!(tally.unknown.as_secs_f64())),
        ("error_s", json!(tally.error.as_secs_f64())),
        ("no_data_s", json!(tally.no_data.as_secs_f64())),
    ];
    let outcomes = Outcome::ALL.into_iter().map(|outcome| {
        let name = match outcome {
            Outcome::Pass => "passes",
            Outcome::Warn => "warns",
            Outcome::Unknown => "unknowns",
            Outcome::Fail => "fails",
            Outcome::Error => "errors",
        };
        (name, json!(bucket.of(outcome)))
    });
    fields.extend(outcomes);
    let quantiles = [("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99)];
    let quantiles = quantiles
        .into_iter()
        .map(|(name, share)| (name, json!(bucket.latency.quantile(share).map(micros))));
    fields.extend(quantiles);
    let phases = PHASES_US.into_iter().zip(Phase::ALL);
    fields
        .extend(phases.map(|(name, phase)| (name, json!(bucket.phase(phase).mean().map(micros)))));
    fields
}

/// The names of the phases' fields, in the order of [`Phase::ALL`]; of buckets they are means.
const PHASES_US: [&str; 6] = [
    "resolve_us",
    "connect_us",
    "tls_us",
    "send_us",
    "wait_us",
    "transfer_us",
];

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
