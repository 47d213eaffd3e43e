//! What OES answers over HTTP: whether it lives, whether it does its work, its metrics, and the API for those who may
//! act on it.
//!
//! There is no endpoint that takes a URL: OES never asks an address because a visitor named it.

pub mod api;
pub mod beat;
mod problem;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Serialize;
use tokio::net::TcpListener;

/// What will be there later.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the pages show; asked anew for each request.
pub trait Facts: Send + Sync {
    /// Returns the metrics in the OpenMetrics text format.
    fn metrics(&self) -> String;

    /// Returns how the parts of the daemon are doing.
    fn health(&self) -> Health;
}

/// How the parts of the daemon are doing.
#[derive(Debug, Clone, Serialize)]
pub struct Health {
    /// The parts, in a fixed order.
    pub parts: Vec<Part>,
}

/// How one part of the daemon is doing.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Its name: `scheduler`, `state`, `notifier`, `config`, and with canaries `network`.
    pub name: &'static str,
    /// Whether the daemon cannot do its work without a restart.
    pub alive: bool,
    /// Whether it does its work now.
    pub ready: bool,
    /// What is so, for a person.
    pub detail: String,
}

/// Where the pages are served.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The address to listen on.
    pub listen: SocketAddr,
}

/// Opens the listening socket.
///
/// # Errors
/// If the address is taken or not ours.
pub async fn bind(settings: Settings) -> io::Result<TcpListener> {
    TcpListener::bind(settings.listen).await
}

/// How long open requests may go on after the stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Serves until `stop` is ready, then lets open requests end for at most two seconds.
///
/// # Errors
/// If the listener breaks.
pub async fn serve(
    listener: TcpListener,
    facts: Arc<dyn Facts>,
    control: Arc<dyn api::Control>,
    beats: Arc<dyn beat::Listener>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (told, stopped) = tokio::sync::oneshot::channel::<()>();
    let stop = async move {
        stop.await;
        drop(told);
    };
    let serving = axum::serve(listener, router(facts, control, beats))
        .with_graceful_shutdown(stop)
        .into_future();
    tokio::select! {
        served = serving => served,
        () = async { drop(stopped.await); tokio::time::sleep(STOP_GRACE).await } => Ok(()),
    }
}

fn router(
    facts: Arc<dyn Facts>,
    control: Arc<dyn api::Control>,
    beats: Arc<dyn beat::Listener>,
) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(facts)
        .nest("/beat", beat::router(beats))
        .nest("/api/v1", api::router(control))
}

async fn index() -> &'static str {
    "OES\n\n/healthz   is the daemon alive\n/readyz    does it do its work\n/metrics   OpenMetrics\n/beat      where jobs report\n/api/v1    for those who show a token\n"
}

async fn metrics(State(facts): State<Arc<dyn Facts>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], facts.metrics()).into_response()
}

async fn healthz(State(facts): State<Arc<dyn Facts>>) -> Response {
    let health = facts.health();
    answer(health.parts.iter().all(|part| part.alive), &health)
}

async fn readyz(State(facts): State<Arc<dyn Facts>>) -> Response {
    let health = facts.health();
    answer(
        health.parts.iter().all(|part| part.alive && part.ready),
        &health,
    )
}

fn answer(fine: bool, health: &Health) -> Response {
    let status = if fine {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, axum::Json(health)).into_response()
}
