//! The pages about OES itself: whether it lives, whether it does its work, and its metrics, and a look at one service.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::auth::{Caller, Scope};
use super::facts::{Facts, Health};
use super::site::Site;
use super::{metrics, probe};

/// Returns the pages about OES itself.
pub(super) fn router() -> Router<Site> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/probe", get(probe::probe))
}

async fn healthz(caller: Caller, State(facts): State<Arc<dyn Facts>>) -> Response {
    let health = facts.health();
    let fine = health.parts.iter().all(|part| part.alive);
    answer(&caller, fine, &health)
}

async fn readyz(caller: Caller, State(facts): State<Arc<dyn Facts>>) -> Response {
    let health = facts.health();
    let fine = health.parts.iter().all(|part| part.alive && part.ready);
    answer(&caller, fine, &health)
}

/// Answers everybody how it is, and those who may look why.
fn answer(caller: &Caller, fine: bool, health: &Health) -> Response {
    let status = if fine {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    if caller.may(Scope::Look) {
        (status, axum::Json(health)).into_response()
    } else {
        (status, axum::Json(serde_json::json!({ "fine": fine }))).into_response()
    }
}
