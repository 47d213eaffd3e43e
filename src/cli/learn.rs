//! Learns what responses look like, and writes the service of an ops config that watches for it.

mod entry;
mod latency;
mod samples;
mod told;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;
use thiserror::Error;

use super::dry_run::{ArgumentError, Asking, Recorded, RequestArguments, duration, show_mistakes};
use super::output::{self, Schema, exit_of};
use super::{Exit, load, runtime, script_worker};
use crate::config::report::Report;
use crate::config::{self, ProcessEnvironment, Sandbox, ServiceConfig};
use crate::daemon::observe::{Past, Watched};
use crate::daemon::once::{Once, OnceError};
use crate::model::causes::Causes;
use crate::policy::shape::{Inferred, infer};
use entry::Entry;
use latency::Latency;
use samples::Samples;
use told::Told;

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.learn/1";

/// Learn what a URL answers: ask it several times and write the service of an ops config that expects the same
///
/// The service has a `types` pattern, in which a field is optional if it was missing or null in a sample, and a limit of
/// latency. It is printed to standard output; nothing is saved. A sample that fails is said and left out. Exit code: 0 if
/// none failed, else that of the heaviest failure as in `oes probe`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where to
    url: Option<String>,

    /// How often to ask
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    samples: u32,

    /// How long to wait from one sample to the next; a bare number is seconds
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    every: String,

    /// What to call the service
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// How the service is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Written,

    /// Print one JSON object (`oes.learn/1`) with the service and how it was learnt
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    request: RequestArguments,
}

/// How the service is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Written {
    /// An element of `services`, to be put at the end of an ops config, with comments
    #[default]
    Toml,
    /// An ops config of this service
    Json,
}

/// Why nothing was learnt.
#[derive(Debug, Error)]
enum LearnError {
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    #[error(
        "there is nothing to learn from without a URL; give one, or a curl command with --from-curl"
    )]
    NoUrl,
    #[error("could not start the threads")]
    Threads(#[source] std::io::Error),
    #[error(transparent)]
    Once(#[from] OnceError),
    /// The service cannot be asked.
    #[error("{0}")]
    Prepare(String),
    /// What OES wrote is wrong: its own fault.
    #[error("the service that was learnt {0}; please report this")]
    Wrong(String),
}

/// What good samples have in common.
struct Learnt {
    inferred: Inferred,
    latency: Latency,
    entry: Entry,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let schema: Schema = arguments.json.then_some(SCHEMA);
    match learn(arguments) {
        Ok(exit) => exit,
        Err(LearnError::Argument(ArgumentError::Matcher(report))) => {
            match schema {
                Some(schema) => {
                    load::refuse_as_json(schema, "the arguments cannot be used", &report);
                }
                None => show_mistakes(&report),
            }
            Exit::Usage
        }
        Err(error) => output::refuse(schema, &error),
    }
}

fn learn(arguments: &Arguments) -> Result<Exit, LearnError> {
    let every = duration("every", &arguments.every)?;
    let asking = asking(arguments).map_err(|error| match error {
        ArgumentError::NoUrl => LearnError::NoUrl,
        error => error.into(),
    })?;
    let service = service("arguments.json", &asking.config())
        .map_err(|report| ArgumentError::Matcher(Box::new(report)))?;
    let runtime = runtime().map_err(LearnError::Threads)?;
    let (samples, learnt) = runtime.block_on(async {
        let once = Once::new(Sandbox::default().with(script_worker::program()))?;
        let watched = prepared(&once, &service)?;
        let samples = Samples::take(&once, &watched, arguments.samples, every).await;
        let latency = Latency::of(&samples.latencies, service.service.timeout);
        let learnt = latency.map(|latency| learnt(arguments, &asking, &samples, latency));
        if let Some(learnt) = &learnt {
            check(&once, learnt, &samples).await?;
        }
        Ok::<_, LearnError>((samples, learnt))
    })?;
    runtime.shutdown_timeout(Duration::from_millis(100));
    let told = Told {
        exit: exit_of(samples.outcomes.iter().copied()),
        asked: format!(
            "{} {}",
            service.service.request.method, service.service.request.shown_url
        ),
        samples: &samples,
        learnt: learnt.as_ref(),
    };
    told.print(arguments);
    Ok(told.exit)
}

/// Returns the service that is asked. Whatever is JSON is good.
fn asking(arguments: &Arguments) -> Result<Asking, ArgumentError> {
    let Arguments { url, request, .. } = arguments;
    let mut asking = request.asking(url.as_deref(), Recorded::default(), false)?;
    let more = [
        ("name", arguments.name.as_ref().map(|name| json!(name))),
        ("match", Some(json!([{ "types": "#any" }]))),
    ];
    for (key, value) in more {
        if let Some(value) = value {
            asking.members.insert(key.to_owned(), value);
        }
    }
    Ok(asking)
}

fn learnt(arguments: &Arguments, asking: &Asking, samples: &Samples, latency: Latency) -> Learnt {
    let inferred = infer(samples.bodies());
    let has_timeout = arguments.request.has_timeout();
    let entry = Entry::new(asking, has_timeout, &inferred.sample, latency.limit);
    Learnt {
        inferred,
        latency,
        entry,
    }
}

/// Returns the only service of an ops config.
fn service(name: &str, text: &str) -> Result<Arc<ServiceConfig>, Report> {
    let loaded = config::load_text(name, text, Path::new(""), &ProcessEnvironment)?;
    let services = loaded.config.services;
    services.into_iter().next().ok_or_else(Report::default)
}

fn prepared(once: &Once, service: &Arc<ServiceConfig>) -> Result<Watched, LearnError> {
    once.prepare(service)
        .map_err(|error| LearnError::Prepare(Causes(&error).to_string()))
}

/// Makes sure that the service can be used as it is written, and that each sample passes.
async fn check(once: &Once, learnt: &Learnt, samples: &Samples) -> Result<(), LearnError> {
    for (name, text) in [
        ("learnt.toml", learnt.entry.toml()),
        ("learnt.json", learnt.entry.json().to_string()),
    ] {
        let service = service(name, &text)
            .map_err(|report| LearnError::Wrong(format!("cannot be used: {}", report.plain())))?;
        let watched = prepared(once, &service)?;
        for exchange in &samples.good {
            let past = Past::default();
            let at = exchange.started_at;
            let observation = once.judge(&watched, Arc::clone(exchange), &past, at).await;
            if let Some(finding) = observation.judgement.main_finding()
                && !observation.judgement.outcome.is_good()
            {
                let problem = format!("does not pass on a sample: {}", finding.told());
                return Err(LearnError::Wrong(problem));
            }
        }
    }
    Ok(())
}
