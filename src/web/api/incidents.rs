//! Incidents, and who has taken them on.

use std::cmp::Reverse;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::control::Carried;
use super::extract::{Asked, Body, Named};
use super::paging::Wanted;
use super::{Answer, Shared, carried, list};
use crate::model::incident::Incident;
use crate::policy::orders::Order;
use crate::policy::story::Story;
use crate::web::site::Site;

/// Returns the pages for those who may see everything.
pub(super) fn to_read() -> OpenApiRouter<Site> {
    OpenApiRouter::default()
        .routes(routes!(incidents))
        .routes(routes!(incident))
}

/// Returns the pages for those who may act.
pub(super) fn to_operate() -> OpenApiRouter<Site> {
    OpenApiRouter::default().routes(routes!(ack))
}

/// A page of incidents.
#[derive(Serialize, ToSchema)]
struct Incidents {
    incidents: Vec<Incident>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which incidents are listed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct IncidentsAsked {
    /// Only those of this service.
    service: Option<String>,
    /// Only open ones, or only those that are over.
    open: Option<bool>,
    /// At most so many, 1 to 1,000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What the state file knows: the open ones first, then the newest
#[utoipa::path(get, path = "/incidents", tag = "incidents", params(IncidentsAsked),
    responses((status = 200, description = "A page of them", body = Incidents)))]
async fn incidents(State(control): Shared, Asked(asked): Asked<IncidentsAsked>) -> Answer {
    let ledger = control.ledger();
    let wanted = Wanted {
        limit: asked.limit,
        cursor: asked.cursor.as_deref(),
    };
    let meant = |one: &&Incident| {
        let service = asked.service.as_deref();
        service.is_none_or(|service| one.service.as_str() == service)
            && asked.open.is_none_or(|open| one.is_open() == open)
    };
    let all = ledger.incidents.values().filter(meant);
    let page = wanted.of(all, |one| {
        let newest = Reverse(one.opened_at.as_microsecond());
        (!one.is_open(), newest, one.id.clone())
    })?;
    Ok(list(&Incidents {
        incidents: page.items.into_iter().cloned().collect(),
        next: page.next,
    }))
}

/// All that is known of one: `incident`, `channels`, `events`
#[utoipa::path(get, path = "/incidents/{id}", tag = "incidents",
    params(("id" = String, Path, description = "Its name, or its first characters, at least four")),
    responses((status = 200, description = "What is known", body = Story)))]
async fn incident(State(control): Shared, Named(id): Named) -> Answer {
    Ok(axum::Json(control.story(id).await?).into_response())
}

/// Who takes an incident on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AckBody {
    /// Who.
    #[schema(min_length = 1)]
    by: String,
    /// What they say.
    #[serde(default)]
    reason: String,
}

/// Takes it on: `by`, `reason`
#[utoipa::path(post, path = "/incidents/{id}/ack", tag = "incidents", request_body = AckBody,
    params(("id" = String, Path, description = "Its name, or its first characters, at least four")),
    responses(
        (status = 200, description = "It is taken on, and that is on disk", body = Carried),
        (status = 202, description = "It is taken on, but that is not on disk", body = Carried)))]
async fn ack(
    State(control): Shared,
    Named(incident): Named,
    Body(AckBody { by, reason }): Body<AckBody>,
) -> Answer {
    let order = Order::Acknowledge {
        incident,
        by,
        reason,
    };
    carried(&control, order, StatusCode::OK).await
}
