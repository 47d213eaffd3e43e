//! Where OES listens, and what a connection is allowed.

mod certificate;
mod patience;
mod place;
mod rehearsal;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, Uri, uri};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_service::Service as _;
use tracing::error;

use super::auth::Peer;
pub use certificate::{Certificate, CertificateError, Pair, print};
use patience::{Moving, Timely};
use place::Stream;
pub use place::{Place, Socket, bind};

/// So many connections at once; further ones wait until one ends.
const CONNECTIONS_MAX: usize = 1024;
/// The head of a request comes within this, also on a connection that was idle.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// The head of a request has at most so many headers …
const HEADERS_MAX: usize = 100;
/// … and at most so many bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// A TLS handshake takes at most this.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long open requests may go on after the stop.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// After a connection could not be accepted: descriptors may be free again then.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What is served on a socket.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) router: Router,
    /// What every path begins with.
    pub(super) base: Arc<str>,
    /// What connections are encrypted with; absent for not at all.
    pub(super) certificate: Option<Arc<Certificate>>,
}

/// Serves until `stop` is ready, then lets open requests end for at most two seconds.
pub(super) async fn serve(socket: Socket, served: Served, stop: impl Future<Output = ()> + Send) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let ending = GracefulShutdown::new();
    // Dropping it ends what is left.
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                return std::future::pending().await;
            };
            (place, socket.accept().await)
        };
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    error!(%error, "answering a caller broke; the others are answered");
                }
            }
            (place, accepted) = accepted => match accepted {
                Ok(stream) => {
                    let (served, watcher) = (served.clone(), ending.watcher());
                    connections.spawn(async move {
                        connected(stream, served, watcher).await;
                        drop(place);
                    });
                }
                Err(error) if is_of_one(&error) => {}
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }
    drop(socket);
    tokio::select! {
        () = ending.shutdown() => {}
        () = sleep(STOP_GRACE) => {}
    }
}

/// Tells whether only one connection is at fault.
fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Serves one connection to its end.
async fn connected(stream: Stream, served: Served, watcher: Watcher) {
    let peer = Peer {
        address: stream.peer(),
        tls: served.certificate.is_some(),
    };
    match &served.certificate {
        None => answer(stream, peer, &served, watcher).await,
        Some(certificate) => {
            let handshake = certificate.acceptor();
            // Whoever cannot speak TLS is no news.
            if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIME_MAX, handshake.accept(stream)).await {
                answer(stream, peer, &served, watcher).await;
            }
        }
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    served: &Served,
    watcher: Watcher,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (mut router, base) = (served.router.clone(), Arc::clone(&served.base));
        async move {
            let mut request = request.map(|body| Body::new(Timely::new(body)));
            request.extensions_mut().insert(peer);
            match below(&base, request.uri()) {
                Some(uri) => {
                    *request.uri_mut() = uri;
                    router.call(request).await
                }
                None => Ok(nothing_here(&base)),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Moving::new(stream)), service);
    // A connection that breaks is the caller's affair.
    drop(watcher.watch(connection).await);
}

fn nothing_here(base: &str) -> Response {
    let words = format!("OES is below {base}/\n");
    (StatusCode::NOT_FOUND, words).into_response()
}

/// Returns a URI as it is below a base; absent if it is not.
fn below(base: &str, uri: &Uri) -> Option<Uri> {
    if base.is_empty() {
        return Some(uri.clone());
    }
    let rest = uri.path().strip_prefix(base)?;
    let path = match rest {
        "" => "/",
        rest if rest.starts_with('/') => rest,
        _ => return None,
    };
    let path = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(uri::PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_looked_for_below_the_base() {
        for (base, uri, expected) in [
            ("", "/a%2Fb?c", Some("/a%2Fb?c")),
            ("/oes", "/oes/a%2Fb?c", Some("/a%2Fb?c")),
            ("/oes", "/oes", Some("/")),
            ("/oes", "/oes?a=1", Some("/?a=1")),
            ("/oes", "/oesa", None),
            ("/oes", "/", None),
            ("/oes", "*", None),
        ] {
            let found = below(base, &uri.parse().unwrap());
            assert_eq!(
                found.map(|uri| uri.to_string()).as_deref(),
                expected,
                "{uri}"
            );
        }
    }
}
