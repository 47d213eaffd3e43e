//! Reading the ops config again.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::control::Reloaded;
use super::{Answer, Shared};
use crate::web::problem::Problem;
use crate::web::site::Site;

/// Returns the pages for those who may act on the daemon itself.
pub(super) fn to_administer() -> OpenApiRouter<Site> {
    OpenApiRouter::default().routes(routes!(reload))
}

/// Reads the ops config again, and answers what came of it; what is wrong with it stands in `mistakes`
#[utoipa::path(post, path = "/reload", tag = "daemon",
    responses(
        (status = 200, description = "It runs, or ran already", body = Reloaded),
        (status = 422, description = "It cannot be used; what ran goes on", body = Problem, content_type = "application/problem+json")))]
async fn reload(State(control): Shared) -> Answer {
    let reloaded = control.reload().await?;
    if let Reloaded::Refused { mistakes } = reloaded {
        let words = "the ops config cannot be used; what ran goes on";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, words).because(mistakes));
    }
    Ok(axum::Json(reloaded).into_response())
}
