//! Looking whether the history is damaged: of those who read it beside the daemon, who alone may set it aside.

use axum::extract::State;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::control::Checked;
use super::extract::Body;
use super::paging::LIMIT_MAX;
use super::{Answer, Shared};
use crate::model::service::ServiceName;
use crate::policy::orders::Refusal;
use crate::web::site::Site;

/// Returns the pages for those who may act.
pub(super) fn to_operate() -> OpenApiRouter<Site> {
    OpenApiRouter::default().routes(routes!(check))
}

/// What is read.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Doubted {
    /// The services of which the history is read through, at most 1,000.
    #[schema(max_items = 1000)]
    services: Vec<ServiceName>,
}

/// Reads through what the history has of services: `services`. One that is damaged is set aside, and a new one begun
#[utoipa::path(post, path = "/history/check", tag = "daemon", request_body = Doubted,
    responses((status = 200, description = "What was found", body = Checked)))]
async fn check(State(control): Shared, Body(Doubted { services }): Body<Doubted>) -> Answer {
    if services.len() > LIMIT_MAX {
        let words = format!("`services` are at most {LIMIT_MAX}");
        return Err(Refusal::invalid(words).into());
    }
    let checked = control.check_history(services).await?;
    Ok(axum::Json(checked).into_response())
}
