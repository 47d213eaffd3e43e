//! Trying a script: what `oes dry-run` shows, from where the daemon runs.

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::control::Tried;
use super::extract::{Body, Named};
use super::{Answer, Shared};
use crate::model::service::ServiceName;
use crate::policy::dry_run::DryRunJson;
use crate::web::SCRIPT_BODY_BYTES_MAX;
use crate::web::problem::Problem;
use crate::web::site::Site;

/// Returns the pages for those who may act on the daemon itself: a script sends requests with the secrets of its service.
pub(super) fn to_administer() -> OpenApiRouter<Site> {
    OpenApiRouter::default()
        .routes(routes!(dry_run))
        .layer(DefaultBodyLimit::max(SCRIPT_BODY_BYTES_MAX))
}

/// What is tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Script {
    /// The text of a matcher script.
    script: String,
}

/// Probes it once and shows what a script says, in the place of its own; nothing comes of it
#[utoipa::path(post, path = "/services/{name}/dry-run", tag = "services",
    params(("name" = String, Path, description = "Its name")), request_body = Script,
    responses(
        (status = 200, description = "What `oes dry-run --json` prints, without `exit`", body = DryRunJson<'_>),
        (status = 422, description = "The script cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Another dry run is under way: `Retry-After`", body = Problem, content_type = "application/problem+json")))]
async fn dry_run(
    State(control): Shared,
    Named(name): Named,
    Body(Script { script }): Body<Script>,
) -> Answer {
    match control.dry_run(ServiceName::new(name), script).await? {
        Tried::Ran(run) => Ok(axum::Json(run.to_json(None)).into_response()),
        Tried::Refused { mistakes, .. } => {
            let words = "the script cannot be used";
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, words).because(mistakes))
        }
    }
}
