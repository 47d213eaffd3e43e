//! The samples of a service, as far as the history has them one by one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Asked, Named};
use super::paging::{Wanted, cursor};
use super::read::moment;
use super::{Answer, Shared, list};
use crate::history::series::RawSample;
use crate::model::exchange::Phase;
use crate::model::judgement::Outcome;
use crate::model::service::ServiceName;
use crate::policy::orders::{Refusal, RefusalKind};
use crate::web::problem::Problem;
use crate::web::site::Site;

/// Returns the pages for those who may see everything.
pub(super) fn to_read() -> OpenApiRouter<Site> {
    OpenApiRouter::default().routes(routes!(samples))
}

/// A page of samples.
#[derive(Serialize, ToSchema)]
struct Samples {
    samples: Vec<Taken>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// One probe.
#[derive(Serialize, ToSchema)]
struct Taken {
    /// When it began.
    at: Timestamp,
    /// Its outcome.
    outcome: Outcome,
    /// Microseconds that the exchange took; absent where nothing was measured.
    latency_us: Option<u64>,
    /// Microseconds of each phase that happened.
    phases_us: std::collections::BTreeMap<&'static str, u64>,
    /// Code of the main finding.
    code: Option<Arc<str>>,
}

impl From<RawSample> for Taken {
    fn from(sample: RawSample) -> Self {
        let micros =
            |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let phases = Phase::ALL.into_iter().zip(sample.phases);
        Self {
            at: sample.at,
            outcome: sample.outcome,
            latency_us: sample.latency.map(micros),
            phases_us: phases
                .filter_map(|(phase, time)| Some((phase.as_str(), micros(time?))))
                .collect(),
            code: sample.code,
        }
    }
}

/// Which samples are listed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SamplesAsked {
    /// Only those that began at this moment or later.
    #[serde(default, deserialize_with = "moment")]
    from: Option<Timestamp>,
    /// Only those that began before this moment.
    #[serde(default, deserialize_with = "moment")]
    until: Option<Timestamp>,
    /// At most so many, 1 to 1,000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A history that cannot be read is no doing of the caller, and may be mended or begun anew.
fn unreadable(refusal: Refusal) -> Problem {
    match refusal.kind {
        RefusalKind::Conflict => Problem::new(StatusCode::SERVICE_UNAVAILABLE, refusal.to_string()),
        _ => refusal.into(),
    }
}

/// Its probes one by one, the newest first
#[utoipa::path(get, path = "/services/{name}/samples", tag = "services",
    params(("name" = String, Path, description = "Its name"), SamplesAsked),
    responses((status = 200, description = "A page of them, the newest first", body = Samples)))]
async fn samples(
    State(control): Shared,
    Named(name): Named,
    Asked(asked): Asked<SamplesAsked>,
) -> Answer {
    let wanted = Wanted {
        limit: asked.limit,
        cursor: asked.cursor.as_deref(),
    };
    let limit = wanted.limit()?;
    let from = asked.from.unwrap_or(Timestamp::MIN);
    let until = asked.until.unwrap_or(Timestamp::MAX);
    if until <= from {
        let words = format!("`from`, {from}, is to be before `until`, {until}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, words));
    }
    let until = wanted
        .after::<Timestamp>()?
        .map_or(until, |before| before.min(until));
    let service = ServiceName::new(name);
    // One more than is shown tells whether there is another page.
    let found = control.samples(service, from..until, limit + 1).await;
    let mut found = found.map_err(unreadable)?;
    let more = found.len() > limit;
    found.reverse();
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|sample| cursor(&sample.at));
    Ok(list(&Samples {
        samples: found.into_iter().map(Taken::from).collect(),
        next,
    }))
}
