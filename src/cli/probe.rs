//! Probes every service of a config once.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use comfy_table::{Cell, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::task::JoinSet;

use super::output::{exit_of, outcome_look, styled};
use super::{Exit, load, output, runtime};
use crate::daemon::once::{Once, OnceError};
use crate::model::duration::Shown;
use crate::model::judgement::{Finding, Outcome};
use crate::model::observation::Observation;
use crate::model::service::ServiceName;

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

    /// Print one JSON object (`oes.probe/1`) a service, in the order of the config
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    service: &'a ServiceName,
    outcome: Outcome,
    latency_ms: Option<f64>,
    status: Option<u16>,
    failure: Option<&'static str>,
    findings: &'a [Finding],
}

/// One service's result, in the order of the config.
type Row = (usize, ServiceName, Observation);

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Some(config) = load::load(&arguments.config) else { return Exit::Usage };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return output::usage_error(&error),
    };
    let rows = runtime.block_on(async {
        let once = Once::new(&config)?;
        Ok::<_, OnceError>(probe_all(once, &config, &arguments.services).await)
    });
    let rows = match rows {
        Ok(rows) => rows,
        Err(error) => return output::usage_error(&error),
    };
    if rows.is_empty() {
        output::note("no service has such a name");
        return Exit::Usage;
    }
    if arguments.json {
        rows.iter().for_each(print_json);
    } else {
        print_table(&rows);
    }
    runtime.shutdown_timeout(Duration::from_millis(100));
    exit_of(rows.iter().map(|(_, _, observation)| observation.judgement.outcome))
}

/// Probes all services at once, within the prober's own limits, with a progress bar on a terminal.
async fn probe_all(once: Once, config: &crate::config::Config, wanted: &[String]) -> Vec<Row> {
    let mut probes = JoinSet::new();
    for (index, service) in config.services.iter().enumerate() {
        let name = service.service.name.clone();
        if wanted.is_empty() || wanted.iter().any(|text| name.as_str().contains(text)) {
            let once = once.clone();
            let service = std::sync::Arc::clone(service);
            probes.spawn(async move { (index, name, once.probe(&service).await) });
        }
    }
    let bar = ProgressBar::new(probes.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} services") {
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

fn print_json((_, service, observation): &Row) {
    let exchange = observation.exchange.as_ref();
    let result = exchange.map(|exchange| exchange.result.as_ref());
    output::json(&Line {
        schema: "oes.probe/1",
        service,
        outcome: observation.judgement.outcome,
        latency_ms: observation.latency().map(|latency| latency.as_secs_f64() * 1000.0),
        status: result.and_then(Result::ok).map(|response| response.status.as_u16()),
        failure: result.and_then(Result::err).map(|failure| failure.kind.as_str()),
        findings: &observation.judgement.findings,
    });
}

fn print_table(rows: &[Row]) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["", "service", "outcome", "latency", "what was found"]);
    for (_, name, observation) in rows {
        let outcome = observation.judgement.outcome;
        let (style, sign) = outcome_look(outcome);
        let found = observation.judgement.main_finding().map(ToString::to_string);
        let more = observation.judgement.findings.len().saturating_sub(1);
        let found = match (found, more) {
            (None, _) => String::new(),
            (Some(found), 0) => found,
            (Some(found), more) => format!("{found} (+{more} more)"),
        };
        let latency = observation.latency().map_or_else(String::new, |latency| Shown(latency).to_string());
        table.add_row([
            Cell::new(styled(style, sign)),
            Cell::new(name),
            Cell::new(styled(style, outcome)),
            Cell::new(latency),
            Cell::new(found),
        ]);
    }
    output::result(table);
    let count = |wanted| rows.iter().filter(|(_, _, o)| o.judgement.outcome == wanted).count();
    let parts: Vec<String> = Outcome::ALL
        .into_iter()
        .filter(|outcome| count(*outcome) > 0)
        .map(|outcome| format!("{} {outcome}", count(outcome)))
        .collect();
    output::note(format_args!("{}: {}", output::counted(rows.len(), "service"), parts.join(", ")));
}
