//! What OES answers over HTTP: whether it lives, whether it does its work, its metrics, and the API for those who may
//! act on it.
//!
//! OES never asks an address because a visitor named it: `/probe` takes a URL only to find the service that has it.

pub mod api;
pub mod auth;
pub mod beat;
mod etag;
mod facts;
mod headers;
mod listen;
mod metrics;
mod own;
pub mod page;
pub mod probe;
mod problem;
mod site;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::any;

pub use facts::{Facts, Health, Part};
pub use listen::{Certificate, CertificateError, Pair, Place, Socket, bind, print};
pub use site::{Pending, Site};

/// No body with a script in it is larger, however it is written.
const SCRIPT_BODY_BYTES_MAX: usize = 1 << 20;

/// Serves until `stop` is ready, then lets open requests end for at most two seconds.
pub async fn serve(
    socket: Socket,
    site: Site,
    certificate: Option<Arc<Certificate>>,
    stop: impl Future<Output = ()> + Send,
) {
    let served = listen::Served {
        base: Arc::clone(&site.base),
        router: router(site),
        certificate,
    };
    listen::serve(socket, served, stop).await;
}

/// Returns all pages. Whoever asks for one is known by then: see [`auth::Caller`].
fn router(site: Site) -> Router {
    let gate = Arc::clone(&site.gate);
    Router::new()
        .merge(page::router())
        .merge(own::router())
        .nest("/beat", beat::router())
        // The fallback of a nested router has all paths below but this one.
        .route("/beat/", any(beat::incomplete))
        .merge(auth::login())
        .nest(api::PATH, api::router())
        .route(&[api::PATH, "/"].concat(), any(api::nothing))
        .layer(middleware::from_fn_with_state(gate, auth::identify))
        .layer(middleware::from_fn_with_state(
            site.clone(),
            page::for_people,
        ))
        .layer(middleware::from_fn(headers::strict))
        .with_state(site)
}
