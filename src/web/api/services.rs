//! What is watched, and how it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::beats::{Beats, Kind};
use super::control::Control;
use super::extract::{Asked, Named};
use super::paging::Wanted;
use super::uptime::Uptime;
use super::{Answer, Shared, list};
use crate::model::glance::Glance;
use crate::model::incident::{Incident, IncidentId};
use crate::model::judgement::Outcome;
use crate::model::service::{Service, ServiceName, ServiceSeverity};
use crate::model::violation::Violation;
use crate::policy::orders::Refusal;
use crate::policy::planned::OnNow;
use crate::web::page::Pages;
use crate::web::page::record::Record;
use crate::web::site::Site;

/// What the history knows.
type Past = State<Arc<Pages>>;

/// Returns the pages for those who may see everything.
pub(super) fn to_read() -> OpenApiRouter<Site> {
    OpenApiRouter::default()
        .routes(routes!(services))
        .routes(routes!(service))
}

/// Returns the pages for those who may act.
pub(super) fn to_operate() -> OpenApiRouter<Site> {
    OpenApiRouter::default().routes(routes!(probe))
}

/// A page of services.
#[derive(Serialize, ToSchema)]
struct Services {
    services: Vec<Watched>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A service, and how it is.
#[derive(Serialize, ToSchema)]
struct Watched {
    /// Its name.
    name: ServiceName,
    /// How it is watched.
    kind: Kind,
    /// The request method; absent of a service that is not asked.
    method: Option<String>,
    /// Where the request goes, without what is secret; absent of a service that is not asked.
    url: Option<Arc<str>>,
    /// The group it is shown in.
    group: Option<String>,
    /// Its tags.
    tags: Vec<String>,
    /// How bad a violation of it is.
    severity: ServiceSeverity,
    /// Whether a public page shows it.
    public: bool,
    /// Services whose outage explains this one's.
    depends_on: Vec<ServiceName>,
    /// Link to instructions for the person who is woken.
    runbook: Option<String>,
    /// Seconds between the beginnings of two probes, or between two beats; absent where a cron expression says when.
    interval_s: Option<f64>,
    /// When the next probe begins; absent before the first, and of a service that is not asked.
    next_probe_at: Option<Timestamp>,
    /// What is waited for; absent of a service that is asked.
    heartbeat: Option<Beats>,
    /// The newest probe, or the newest beat or that it was missing; absent before the first.
    last: Option<Probed>,
    /// The maintenance that is on now; absent without one.
    maintenance: Option<String>,
    /// The violations that are open.
    violations: Vec<Open>,
    /// How much of the past it was up, the shortest span first.
    uptime: Vec<Uptime>,
    /// Why `uptime` is empty; absent where it is not.
    uptime_error: Option<&'static str>,
}

/// The newest probe of a service.
#[derive(Serialize, ToSchema)]
struct Probed {
    /// When it began.
    at: Timestamp,
    /// Its outcome.
    outcome: Outcome,
    /// Microseconds that the exchange took; absent where nothing was measured.
    latency_us: Option<u64>,
    /// The status of the response; absent without one.
    status: Option<u16>,
    /// Code of the main finding; absent where all is as it should be.
    code: Option<Arc<str>>,
    /// The main finding, for people.
    finding: Option<Arc<str>>,
    /// When the certificate that was last seen ends.
    certificate_expires: Option<Timestamp>,
}

/// An open violation.
#[derive(Clone, Serialize, ToSchema)]
struct Open {
    /// What is violated.
    violation: Violation,
    /// The incident.
    incident: IncidentId,
    /// Since when.
    since: Timestamp,
    /// Why, for people: the rule with its numbers of now, of when it opened where those are not known.
    rule: String,
    /// Whether somebody has taken it on.
    acked: bool,
}

impl Open {
    fn of(incident: &Incident, glance: Option<&Glance>) -> Self {
        let held = glance.and_then(|glance| glance.held(&incident.violation));
        let rule = held.and_then(|held| held.rule.as_ref());
        Self {
            violation: incident.violation.clone(),
            incident: incident.id.clone(),
            since: incident.opened_at,
            rule: rule.unwrap_or(&incident.reason.rule).clone(),
            acked: incident.ack.is_some(),
        }
    }
}

/// The open violations of each service.
struct AllOpen(BTreeMap<ServiceName, Vec<Open>>);

impl AllOpen {
    fn of(control: &dyn Control) -> Self {
        let ledger = control.ledger();
        let mut open: BTreeMap<ServiceName, Vec<Open>> = BTreeMap::new();
        for incident in ledger.incidents.values().filter(|one| one.is_open()) {
            let of = open.entry(incident.service.clone()).or_default();
            let glance = control.glance(&incident.service);
            of.push(Open::of(incident, glance.as_deref()));
        }
        Self(open)
    }
}

fn watched(
    control: &dyn Control,
    service: &Service,
    (open, on): (&AllOpen, &OnNow<'_>),
    record: Option<&Record>,
) -> Watched {
    let last = control.glance(&service.name).map(|glance| Probed {
        at: glance.at,
        outcome: glance.outcome,
        latency_us: glance
            .latency
            .map(|latency| u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)),
        status: glance.answer.map(|answer| answer.status.as_u16()),
        code: glance.finding.as_ref().map(|found| Arc::clone(&found.code)),
        finding: glance
            .finding
            .as_ref()
            .map(|found| Arc::clone(&found.message)),
        certificate_expires: glance.certificate_expires,
    });
    Watched {
        name: service.name.clone(),
        kind: Kind::of(service),
        method: service.asked().map(|request| request.method.to_string()),
        url: service
            .asked()
            .map(|request| Arc::clone(&request.shown_url)),
        group: service.group.clone(),
        tags: service.tags.clone(),
        severity: service.severity,
        public: service.public,
        depends_on: service.depends_on.clone(),
        runbook: service.runbook.as_ref().map(ToString::to_string),
        interval_s: service.period().map(|period| period.as_secs_f64()),
        next_probe_at: control.next_probe(&service.name),
        heartbeat: Beats::of(control, service),
        last,
        maintenance: on.covering(service).map(|on| on.name.to_owned()),
        violations: open.0.get(&service.name).cloned().unwrap_or_default(),
        uptime: Uptime::all(record),
        uptime_error: Uptime::error(record),
    }
}

/// Which services are listed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ServicesAsked {
    /// Only those of this group.
    group: Option<String>,
    /// Only those with this tag.
    tag: Option<String>,
    /// Only those whose newest probe had this outcome.
    outcome: Option<Outcome>,
    /// Only those with open violations, or only those without.
    violated: Option<bool>,
    /// At most so many, 1 to 1,000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What is watched, and how it is
#[utoipa::path(get, path = "/services", tag = "services", params(ServicesAsked),
    responses((status = 200, description = "A page of services, in the order of their names", body = Services)))]
async fn services(
    State(control): Shared,
    State(pages): Past,
    Asked(asked): Asked<ServicesAsked>,
) -> Answer {
    let open = AllOpen::of(&*control);
    let wanted = Wanted {
        limit: asked.limit,
        cursor: asked.cursor.as_deref(),
    };
    let is_so = |service: &ServiceName, outcome: Outcome| {
        let glance = control.glance(service);
        glance.is_some_and(|glance| glance.outcome == outcome)
    };
    let meant = |one: &Arc<Service>| {
        (asked.group.is_none() || one.group == asked.group)
            && asked.tag.as_ref().is_none_or(|tag| one.tags.contains(tag))
            && asked
                .outcome
                .is_none_or(|outcome| is_so(&one.name, outcome))
            && asked
                .violated
                .is_none_or(|violated| open.0.contains_key(&one.name) == violated)
    };
    let all = control.services();
    let page = wanted.of(all.iter().filter(|one| meant(one)), |one| one.name.clone())?;
    let names = page.items.iter().map(|one| one.name.clone());
    let records = pages.records(names.collect()).await;
    let shown = page.items.iter();
    let maintenance = control.maintenance();
    let on = OnNow::of(&maintenance, control.now());
    let shown = shown.map(|one| watched(&*control, one, (&open, &on), records.get(&one.name)));
    Ok(list(&Services {
        services: shown.collect(),
        next: page.next,
    }))
}

fn find(control: &dyn Control, name: &str) -> Result<Arc<Service>, Refusal> {
    let unknown = || Refusal::not_found(format!("there is no service `{name}`"));
    control.service(name).ok_or_else(unknown)
}

async fn shown(control: &dyn Control, pages: Arc<Pages>, service: &Service) -> Response {
    let records = pages.records(vec![service.name.clone()]).await;
    let open = AllOpen::of(control);
    let maintenance = control.maintenance();
    let on = OnNow::of(&maintenance, control.now());
    let record = records.get(&service.name);
    Json(watched(control, service, (&open, &on), record)).into_response()
}

/// One service
#[utoipa::path(get, path = "/services/{name}", tag = "services",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "The service", body = Watched)))]
async fn service(State(control): Shared, State(pages): Past, Named(name): Named) -> Answer {
    let service = find(&*control, &name)?;
    Ok(shown(&*control, pages, &service).await)
}

/// Probes it at once: counted like every probe
#[utoipa::path(post, path = "/services/{name}/probe", tag = "services",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "The service after the probe", body = Watched)))]
async fn probe(State(control): Shared, State(pages): Past, Named(name): Named) -> Answer {
    let service = find(&*control, &name)?;
    control.probe(service.name.clone()).await?;
    Ok(shown(&*control, pages, &service).await)
}
