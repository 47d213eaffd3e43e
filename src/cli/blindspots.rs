//! Shows which changes of a response the matchers of a service do not notice.

mod told;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use thiserror::Error;

use super::dry_run::{ArgumentError, Given, GivenArguments};
use super::output::{self, Schema, exit_of};
use super::{Exit, load, runtime, script_worker};
use crate::clock::Clock;
use crate::config::report::Report;
use crate::config::{self, ProcessEnvironment, ServiceConfig};
use crate::daemon::once::{Once, OnceError};
use crate::model::causes::Causes;
use crate::suite::blindspots::{Rehearsed, Scan, scan};

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.blindspots/1";

/// Change a response of a service in every place, and show which changes its matchers do not notice
///
/// The service is asked once, and its response judged, which must pass. Then each value is taken out, made null, zero,
/// negative, huge, empty or of another kind; the status is another, the body a page or cut, and nothing changes for a day.
/// Scripts see each change as what comes next, and no more requests of theirs are made.
///
/// Exit code: 0 if everything is noticed, 1 if something passes; if the response itself does not pass, that of its outcome as
/// in `oes probe`.
#[derive(Debug, Args)]
#[command(override_usage = "oes blindspots [OPTIONS] [CONFIG] <SERVICE>")]
pub(super) struct Arguments {
    /// The name of the service; before it the ops config, unless that is the oes.toml or oes.json here
    #[arg(required = true, num_args = 1..=2, value_name = "SERVICE")]
    subject: Vec<String>,

    /// Print one JSON object (`oes.blindspots/1`) with every change and what became of it
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    given: GivenArguments,
}

/// Why nothing is judged.
#[derive(Debug, Error)]
enum BlindspotsError {
    #[error(transparent)]
    Subject(#[from] load::SubjectError),
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    #[error("could not start the threads")]
    Threads(#[source] std::io::Error),
    #[error(transparent)]
    Once(#[from] OnceError),
    /// The service cannot be asked.
    #[error("{0}")]
    Prepare(String),
    #[error("the scripts of `{0}` make all requests themselves: there is no response to change")]
    NoResponse(String),
    /// The config has mistakes at their places.
    #[error("the ops config cannot be used")]
    Reported(Box<Report>),
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let schema: Schema = arguments.json.then_some(SCHEMA);
    match pass(arguments) {
        Ok(exit) => exit,
        Err(BlindspotsError::Reported(report)) => {
            load::refuse(schema, &report);
            Exit::Usage
        }
        Err(error) => output::refuse(schema, &error),
    }
}

fn pass(arguments: &Arguments) -> Result<Exit, BlindspotsError> {
    let (path, name) = load::subject(&arguments.subject)?;
    let loaded = config::load(&path, &ProcessEnvironment)
        .map_err(|report| BlindspotsError::Reported(Box::new(report)))?;
    let config = loaded.config;
    let index = load::position(&config, &path, name)?;
    let Some(service) = config.services.get(index).filter(|one| one.sends_request()) else {
        return Err(BlindspotsError::NoResponse(name.clone()));
    };
    let given = Given::read(&arguments.given)?;
    let runtime = runtime().map_err(BlindspotsError::Threads)?;
    let scan = runtime.block_on(scanned(arguments, &config, service, given))?;
    runtime.shutdown_timeout(Duration::from_millis(100));
    let whole = scan.whole.judgement.outcome;
    let exit = if !whole.is_good() {
        exit_of([whole])
    } else if scan.scanned.iter().any(|one| scan.passes(one)) {
        Exit::Fail
    } else {
        Exit::Pass
    };
    if arguments.json {
        output::json(&told::json(name, &scan, exit));
    } else {
        told::print(name, &scan);
    }
    Ok(exit)
}

async fn scanned(
    arguments: &Arguments,
    config: &config::Config,
    service: &Arc<ServiceConfig>,
    given: Option<Given>,
) -> Result<Scan, BlindspotsError> {
    let sandbox = config.sandbox.with(script_worker::program());
    let mut rehearsed = None;
    let once = Once::with_host(sandbox, |live| {
        let host = Rehearsed::new(live);
        rehearsed = Some(host.clone());
        Arc::new(host)
    })?;
    let no_response = || BlindspotsError::NoResponse(service.service.name.to_string());
    let host = rehearsed.ok_or_else(no_response)?;
    let watched = once
        .prepare(service)
        .map_err(|error| BlindspotsError::Prepare(Causes(&error).to_string()))?;
    let now = given.as_ref().and_then(Given::at);
    let now = now.unwrap_or_else(|| Clock::System.now());
    let exchange = if let Some(given) = given {
        Arc::new(given.exchange(&arguments.given, now)?)
    } else {
        let asked = once.ask(&watched, now).await;
        asked.ok_or_else(no_response)?
    };
    Ok(scan(&once, &host, &watched, exchange, now).await)
}
