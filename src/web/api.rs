//! What people and other programs see and do over HTTP: services, incidents, silences, the outbox, channels, the daemon
//! itself.
//!
//! Every call shows a token. None takes a URL. What is confirmed is on disk; what could only be done in memory is
//! answered 202. The OpenAPI document is made from the routes.

#![expect(
    unused_qualifications,
    reason = "the macros of the OpenAPI document write whole paths"
)]

mod beats;
mod channels;
mod control;
mod document;
mod dry_run;
mod etag;
mod extract;
mod history;
mod incidents;
mod maintenance;
mod outbox;
mod paging;
mod read;
mod reload;
mod samples;
mod services;
mod silences;
mod uptime;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json, Router};
use serde::Serialize;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::auth::{Caller, Scope};
use super::problem::Problem;
use super::site::Site;
use crate::policy::orders::Order;
pub use control::{Carried, Checked, Control, Reloaded, Tested, Tried};
use document::Questions;

/// Where the API is, below all other pages.
pub const PATH: &str = "/api/v1";
/// No body of a request is larger.
const BODY_BYTES_MAX: usize = 64 << 10;

type Shared = State<Arc<dyn Control>>;
type Answer = Result<Response, Problem>;

/// Returns the OpenAPI document.
pub fn document() -> OpenApi {
    routes().into_openapi()
}

/// Returns every operation with what it needs.
fn routes() -> OpenApiRouter<Site> {
    let read = OpenApiRouter::default()
        .merge(document::to_read())
        .merge(services::to_read())
        .merge(samples::to_read())
        .merge(incidents::to_read())
        .merge(silences::to_read())
        .merge(maintenance::to_read())
        .merge(outbox::to_read());
    let operate = OpenApiRouter::default()
        .merge(services::to_operate())
        .merge(silences::to_operate())
        .merge(incidents::to_operate())
        .merge(outbox::to_operate())
        .merge(channels::to_operate())
        .merge(history::to_operate());
    let operate = document::needs(operate, Scope::Operate);
    let administer = OpenApiRouter::default()
        .merge(reload::to_administer())
        .merge(dry_run::to_administer());
    let administer = document::needs(administer, Scope::Admin);
    OpenApiRouter::with_openapi(document::blank())
        .merge(document::needs(read, Scope::Read))
        .merge(operate.route_layer(middleware::from_fn(for_operators)))
        .merge(administer.route_layer(middleware::from_fn(for_administrators)))
}

/// Returns the API.
pub(super) fn router() -> Router<Site> {
    let (router, document) = routes().split_for_parts();
    let questions = Arc::new(Questions::of(&document));
    let document = Arc::new(document);
    router
        .layer(Extension(document))
        .route_layer(middleware::from_fn(move |request: Request, next: Next| {
            document::only_known_questions(Arc::clone(&questions), request, next)
        }))
        .route_layer(middleware::from_fn(etag::unless_known))
        .fallback(nothing)
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this page does not take that method",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(for_readers))
}

/// Answers where there is no page.
pub(super) async fn nothing(caller: Caller) -> Problem {
    match caller.needs(Scope::Read) {
        Ok(()) => Problem::new(StatusCode::NOT_FOUND, "there is no such page"),
        Err(problem) => problem,
    }
}

/// Lets only those pass who may see everything.
async fn for_readers(caller: Caller, request: Request, next: Next) -> Response {
    pass(&caller, Scope::Read, request, next).await
}

/// Lets only those pass who may act.
async fn for_operators(caller: Caller, request: Request, next: Next) -> Response {
    pass(&caller, Scope::Operate, request, next).await
}

/// Lets only those pass who may act on the daemon itself.
async fn for_administrators(caller: Caller, request: Request, next: Next) -> Response {
    pass(&caller, Scope::Admin, request, next).await
}

async fn pass(caller: &Caller, scope: Scope, request: Request, next: Next) -> Response {
    match caller.needs(scope) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Returns the answer of a list.
fn list(body: &impl Serialize) -> Response {
    Json(body).into_response()
}

/// Carries an order out; what is not on disk is answered 202, whatever `done` says.
async fn carried(control: &Arc<dyn Control>, order: Order, done: StatusCode) -> Answer {
    Ok(answer(control.carry_out(order).await?, done))
}

fn answer(carried: Carried, done: StatusCode) -> Response {
    let status = if carried.durable {
        done
    } else {
        StatusCode::ACCEPTED
    };
    (status, Json(carried)).into_response()
}
