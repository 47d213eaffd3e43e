//! Probes every service of a config once.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::task::JoinSet;

use super::output::{FAINT, exit_of, outcome_look};
use super::script_worker;
use super::table::{self, Cell};
use super::{Exit, load, output, runtime};
use crate::daemon::once::{Once, OnceError};
use crate::model::counted::counted;
use crate::model::duration::Shown;
use crate::model::judgement::{Finding, Outcome};
use crate::model::observation::Observation;
use crate::model::service::{Service, ServiceName};

/// Probe every service of an ops config once and show a table; nothing is saved, nothing is sent
///
/// Exit code: 0 if all pass, 1 if any fails, 3 if any is unknown, 4 if a script broke; of several the highest of 4, 1, 3.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The ops config, JSON or TOML
    config: PathBuf,

    /// Only services whose name contains this (can be repeated)
    #[arg(long = "service", value_name = "TEXT")]
    services: Vec<String>,

    /// Print one JSON object (`oes.probe/1`), its services in the order of the config
    #[arg(long)]
    json: bool,
}

/// Name of the JSON that this command prints.
const SCHEMA: &str = "oes.probe/1";

#[derive(Serialize)]
struct Probed<'a> {
    schema: &'static str,
    exit: u8,
    services: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    service: &'a ServiceName,
    outcome: Outcome,
    latency_ms: Option<f64>,
    status: Option<u16>,
    failure: Option<&'static str>,
    /// How long judging took.
    elapsed_us: u64,
    findings: &'a [Finding],
}

/// One service's result, in the order of the config.
type Row = (usize, ServiceName, Observation);

pub(super) fn run(arguments: &Arguments) -> Exit {
    let schema = arguments.json.then_some(SCHEMA);
    let Some(config) = load::load(&arguments.config, schema) else {
        return Exit::Usage;
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return output::refuse(schema, &error),
    };
    let rows = runtime.block_on(async {
        let once = Once::new(config.sandbox.with(script_worker::program()))?;
        Ok::<_, OnceError>(probe_all(once, &config, &arguments.services).await)
    });
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) => return output::refuse(schema, &error),
    };
    let services = config.services.iter().map(|one| &one.service);
    let reporting = services
        .filter(|service| is_wanted(&arguments.services, service) && service.heartbeat.is_some())
        .count();
    let unasked = (reporting > 0).then(|| {
        let count = counted(reporting, "heartbeat");
        format!("not asked: {count}, which a job reports by itself")
    });
    if let (true, Some(problem)) = (rows.is_empty(), &unasked) {
        return output::refuse(schema, &std::io::Error::other(problem.as_str()));
    }
    if rows.is_empty() {
        let wanted = arguments.services.join("`, `");
        let problem = format!("no service has `{wanted}` in its name");
        return output::refuse(schema, &std::io::Error::other(problem));
    }
    let exit = exit_of(
        rows.iter()
            .map(|(_, _, observation)| observation.judgement.outcome),
    );
    if arguments.json {
        let services = rows.iter().map(line).collect();
        output::json(&Probed {
            schema: SCHEMA,
            exit: exit as u8,
            services,
        });
    } else {
        print_table(&rows);
        if let Some(unasked) = unasked {
            output::note(unasked);
        }
    }
    runtime.shutdown_timeout(Duration::from_millis(100));
    exit
}

/// Probes all services at once, within the prober's own limits, with a progress bar on a terminal.
async fn probe_all(once: Once, config: &crate::config::Config, wanted: &[String]) -> Vec<Row> {
    let mut probes = JoinSet::new();
    for (index, service) in config.services.iter().enumerate() {
        let name = service.service.name.clone();
        if is_wanted(wanted, &service.service) && service.service.heartbeat.is_none() {
            let once = once.clone();
            let service = std::sync::Arc::clone(service);
            probes.spawn(async move { (index, name, once.probe(&service).await) });
        }
    }
    let bar = ProgressBar::new(probes.len() as u64);
    if let Ok(style) = ProgressStyle::with_template(&output::bar("services")) {
        bar.set_style(style);
    }
    let mut rows = Vec::new();
    while let Some(probed) = probes.join_next().await {
        bar.inc(1);
        if let Ok((index, name, Ok(observation))) = probed {
            rows.push((index, name, observation));
        }
    }
    bar.finish_and_clear();
    rows.sort_by_key(|(index, ..)| *index);
    rows
}

fn is_wanted(wanted: &[String], service: &Service) -> bool {
    let name = service.name.as_str();
    wanted.is_empty() || wanted.iter().any(|text| name.contains(text))
}

fn line((_, service, observation): &Row) -> Line<'_> {
    let exchange = observation.exchange.as_ref();
    let result = exchange.map(|exchange| exchange.result.as_ref());
    Line {
        service,
        outcome: observation.judgement.outcome,
        latency_ms: observation
            .latency()
            .map(|latency| latency.as_secs_f64() * 1000.0),
        status: result
            .and_then(Result::ok)
            .map(|response| response.status.as_u16()),
        failure: result
            .and_then(Result::err)
            .map(|failure| failure.kind.as_str()),
        elapsed_us: u64::try_from(observation.judgement.elapsed.as_micros()).unwrap_or(u64::MAX),
        findings: &observation.judgement.findings,
    }
}

fn print_table(rows: &[Row]) {
    let header = ["", "service", "outcome", "latency", "what was found"];
    let mut table = vec![header.map(|title| Cell::new(FAINT, title)).to_vec()];
    for (_, name, observation) in rows {
        let outcome = observation.judgement.outcome;
        let (style, sign) = outcome_look(outcome);
        let found = observation.judgement.main_finding().map(Finding::told);
        let more = observation.judgement.findings.len().saturating_sub(1);
        let found = match (found, more) {
            (None, _) => String::new(),
            (Some(found), 0) => found,
            (Some(found), more) => format!("{found} (+{more} more)"),
        };
        let latency = observation
            .latency()
            .map_or_else(String::new, |latency| Shown(latency).to_string());
        table.push(vec![
            Cell::new(style, sign),
            Cell::plain(name),
            Cell::new(style, outcome),
            Cell::plain(latency),
            Cell::plain(found),
        ]);
    }
    table::print(&table);
    let count = |wanted| {
        rows.iter()
            .filter(|(_, _, o)| o.judgement.outcome == wanted)
            .count()
    };
    let parts: Vec<String> = Outcome::ALL
        .into_iter()
        .filter(|outcome| count(*outcome) > 0)
        .map(|outcome| format!("{} {outcome}", count(outcome)))
        .collect();
    output::note(format_args!(
        "{}: {}",
        counted(rows.len(), "service"),
        parts.join(", ")
    ));
}
