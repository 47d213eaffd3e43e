//! Channels: another try, and tests.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::control::{Carried, Tested};
use super::extract::{BodyOr, Named};
use super::{Answer, Shared, carried};
use crate::model::service::ChannelName;
use crate::policy::orders::Order;
use crate::web::site::Site;

/// Returns the pages for those who may act.
pub(super) fn to_operate() -> OpenApiRouter<Site> {
    OpenApiRouter::default()
        .routes(routes!(resume))
        .routes(routes!(test))
}

/// Gives it a new try
#[utoipa::path(post, path = "/channels/{name}/resume", tag = "channels",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "It is tried, and that is on disk", body = Carried),
        (status = 202, description = "It is tried, but that is not on disk", body = Carried)))]
async fn resume(State(control): Shared, Named(name): Named) -> Answer {
    let order = Order::Resume(ChannelName::new(name));
    carried(&control, order, StatusCode::OK).await
}

/// What is tested.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TestBody {
    /// Whether the end of what the other test opened is told.
    #[serde(default)]
    over: bool,
}

/// Sends one test message for real; with `{"over": true}` its end
#[utoipa::path(post, path = "/channels/{name}/test", tag = "channels",
    params(("name" = String, Path, description = "Its name")), request_body = Option<TestBody>,
    responses((status = 200, description = "How it was answered", body = Tested)))]
async fn test(
    State(control): Shared,
    Named(name): Named,
    BodyOr(body): BodyOr<TestBody>,
) -> Answer {
    let tested = control.test(ChannelName::new(name), body.over).await?;
    Ok(axum::Json(tested).into_response())
}
