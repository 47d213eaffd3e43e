//! `/probe`: answers a Prometheus that was configured for `blackbox_exporter`, for services of the config alone.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::auth::{Caller, Scope};
use super::facts::Facts;
use super::problem::Problem;
use crate::metrics::{Format, Late, probe_page, probe_page_late};
use crate::model::duration::Shown;
use crate::model::glance::Glance;
use crate::model::service::Service;

/// In which header Prometheus says how long it waits.
const TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";
/// What is left of that for the answer to arrive, as `blackbox_exporter` has it.
const MARGIN: Duration = Duration::from_millis(500);
/// How long is waited where nothing is said, and at most.
const WAIT_MAX: Duration = Duration::from_mins(2);
/// How long is waited at least.
const WAIT_MIN: Duration = Duration::from_millis(100);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The service: its name, its URL or its host.
    pub target: String,
    /// How it is to be judged; the config says that in any case.
    pub module: Option<String>,
    /// How long the reader waits.
    pub wait: Duration,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Probed {
    /// The service.
    pub service: Arc<Service>,
    /// What it was found by.
    pub how: &'static str,
    /// What was seen.
    pub looked: Looked,
}

/// What was seen of a service.
#[derive(Debug, Clone)]
pub enum Looked {
    /// What a probe showed that was made now or just before.
    At(Arc<Glance>),
    /// A probe takes longer than the reader waits.
    Late(Late),
}

/// Why nothing is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// No service is meant, for the person who wrote the target.
    Unknown(String),
    /// OES broke over the probe, or stops.
    Broken,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, why) = match self {
            Self::Unknown(why) => (StatusCode::BAD_REQUEST, why),
            Self::Broken => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the probe came to no end: OES stops, or its log says why".to_owned(),
            ),
        };
        (status, why + "\n").into_response()
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Parameters {
    target: Option<String>,
    module: Option<String>,
    hostname: Option<String>,
    debug: Option<String>,
}

pub(super) async fn probe(
    caller: Caller,
    State(facts): State<Arc<dyn Facts>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.needs(Scope::Look)?;
    Ok(answer(&*facts, parameters, &headers).await)
}

async fn answer(facts: &dyn Facts, parameters: Parameters, headers: &HeaderMap) -> Response {
    let Some(target) = parameters.target.filter(|target| !target.trim().is_empty()) else {
        let words = "write the service as `target`: /probe?target=NAME, its URL or its host";
        return Refused::Unknown(words.to_owned()).into_response();
    };
    if parameters.hostname.is_some() {
        let words = "`hostname` cannot be asked for: the config says what a service is asked as; leave it out";
        return Refused::Unknown(words.to_owned()).into_response();
    }
    let asked = Asked {
        target,
        module: parameters.module.filter(|module| !module.is_empty()),
        wait: wait(headers),
    };
    let probed = match facts.probe(asked).await {
        Ok(probed) => probed,
        Err(refused) => return refused.into_response(),
    };
    let is_debug = parameters.debug.as_deref() == Some("true");
    let format = if is_debug {
        Format::Prometheus
    } else {
        super::metrics::format_of(headers)
    };
    let page = match &probed.looked {
        Looked::At(glance) => {
            let shown = (Arc::clone(&probed.service), Some(Arc::clone(glance)));
            probe_page(format, &shown)
        }
        Looked::Late(late) => probe_page_late(format, late),
    };
    if is_debug {
        return [told(&probed), page].join("\n").into_response();
    }
    ([(header::CONTENT_TYPE, format.content_type())], page).into_response()
}

/// Returns how long the reader waits for a probe.
fn wait(headers: &HeaderMap) -> Duration {
    let said = headers.get(TIMEOUT).and_then(|value| value.to_str().ok());
    let said = said.and_then(|seconds| seconds.parse::<f64>().ok());
    let said = said.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let wait = said.map_or(WAIT_MAX, |said| said.saturating_sub(MARGIN));
    wait.clamp(WAIT_MIN, WAIT_MAX)
}

/// Returns for a person what was done and seen.
fn told(probed: &Probed) -> String {
    let service = &probed.service;
    let mut text = format!(
        "service   {} (found by its {})\nasks      {} {}\n",
        service.name, probed.how, service.request.method, service.request.shown_url
    );
    // Writing into a String cannot fail.
    match &probed.looked {
        Looked::Late(late) => {
            let waited = Shown(late.waited);
            writeln!(
                text,
                "outcome   none within {waited}, which the reader waits"
            )
            .unwrap_or_default();
        }
        Looked::At(glance) => seen(&mut text, glance),
    }
    text += "counted   in no window; the regular probes alone open and close incidents\n";
    text
}

fn seen(text: &mut String, glance: &Glance) {
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        writeln!(text, "{name:<9} {value}").unwrap_or_default();
    };
    line("probed", &glance.at);
    line("outcome", &glance.outcome);
    if let Some(found) = &glance.finding {
        line(
            "finding",
            &format_args!("{} [{}]", found.message, found.code),
        );
    }
    if let Some(answer) = &glance.answer {
        let (version, bytes) = (answer.version, answer.body_bytes);
        let status = answer.status.as_u16();
        line(
            "answer",
            &format_args!("{version:?} {status}, {bytes} bytes"),
        );
    }
    if let Some(peer) = &glance.peer {
        line("peer", peer);
    }
    if let Some(timings) = &glance.timings {
        let phases = timings.present();
        let phases: Vec<String> = phases
            .map(|(phase, spent)| format!("{phase} {}", Shown(spent)))
            .collect();
        line(
            "time",
            &format_args!("{} ({})", Shown(timings.total), phases.join(", ")),
        );
    }
}
