//! Where OES listens, and what a connection is allowed.

mod certificate;
mod patience;
mod place;
mod room;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, Uri, uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_openssl::SslStream;
use tower_service::Service as _;
use tracing::error;

use super::auth::Peer;
pub use certificate::{Certificate, CertificateError, Pair, print};
use patience::{Held, Moving, Timely};
use place::Stream;
pub use place::{Place, Socket, bind};
use room::{Room, Seat};

/// So many connections at once; for a further one the one that has waited longest makes room.
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
    let room = Room::new(CONNECTIONS_MAX);
    let ending = GracefulShutdown::new();
    // Dropping it ends what is left.
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            room.open().await;
            socket.accept().await
        };
        tokio::select! {
            biased;
            () = &mut stop => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    error!(%error, "answering a caller broke; the others are answered");
                }
            }
            accepted = accepted => match accepted {
                Ok(stream) => {
                    let (served, watcher, seat) = (served.clone(), ending.watcher(), room.enter());
                    connections.spawn(async move {
                        tokio::select! {
                            () = connected(stream, served, watcher, seat.clone()) => {}
                            () = seat.sent_off() => {}
                        }
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
async fn connected(stream: Stream, served: Served, watcher: Watcher, seat: Seat) {
    let peer = Peer {
        address: stream.peer(),
        tls: served.certificate.is_some(),
    };
    match &served.certificate {
        None => answer(stream, peer, &served, watcher, seat).await,
        Some(certificate) => {
            let side = certificate.side();
            let Ok(mut stream) = side.and_then(|side| SslStream::new(side, stream)) else {
                return;
            };
            // Whoever cannot speak TLS is no news.
            let handshake = Pin::new(&mut stream).accept();
            if let Ok(Ok(())) = timeout(HANDSHAKE_TIME_MAX, handshake).await {
                answer(stream, peer, &served, watcher, seat).await;
            }
        }
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    served: &Served,
    watcher: Watcher,
    seat: Seat,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (mut router, base) = (served.router.clone(), Arc::clone(&served.base));
        let asking = seat.ask();
        async move {
            let asking = asking.ok_or(SentOff)?;
            let mut request = request.map(|body| Body::new(Timely::new(body)));
            request.extensions_mut().insert(peer);
            let response = match below(&base, request.uri()) {
                Below::Page(uri) => {
                    *request.uri_mut() = uri;
                    let Ok(response) = router.call(request).await;
                    response
                }
                Below::Root(to) => Redirect::permanent(&to).into_response(),
                Below::Nothing => nothing_here(&base),
            };
            Ok::<_, SentOff>(response.map(|body| Held::new(body, asking)))
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

/// The connection's place is somebody else's.
#[derive(Debug, thiserror::Error)]
#[error("the connection makes room for another one")]
struct SentOff;

fn nothing_here(base: &str) -> Response {
    let words = format!("OES is below {base}/\n");
    (StatusCode::NOT_FOUND, words).into_response()
}

/// What a URI means below a base.
#[derive(Debug, PartialEq, Eq)]
enum Below {
    /// A page, as it is called without the base.
    Page(Uri),
    /// The first page without the slash at its end, and so with no relative link that leads anywhere: where it is.
    Root(String),
    /// Something else.
    Nothing,
}

fn below(base: &str, uri: &Uri) -> Below {
    if base.is_empty() {
        return Below::Page(uri.clone());
    }
    let query = uri.query().map(|query| format!("?{query}"));
    let query = query.unwrap_or_default();
    match uri.path().strip_prefix(base) {
        Some("") => Below::Root(format!("{base}/{query}")),
        Some(rest) if rest.starts_with('/') => {
            with_path(uri, &format!("{rest}{query}")).map_or(Below::Nothing, Below::Page)
        }
        _ => Below::Nothing,
    }
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(uri::PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_looked_for_below_the_base() {
        let page = |uri: &str| Below::Page(uri.parse().unwrap());
        for (base, uri, expected) in [
            ("", "/a%2Fb?c", page("/a%2Fb?c")),
            ("/oes", "/oes/a%2Fb?c", page("/a%2Fb?c")),
            ("/oes", "/oes/", page("/")),
            ("/oes", "/oes", Below::Root("/oes/".to_owned())),
            ("/oes", "/oes?a=1", Below::Root("/oes/?a=1".to_owned())),
            ("/oes", "/oesa", Below::Nothing),
            ("/oes", "/", Below::Nothing),
            ("/oes", "*", Below::Nothing),
        ] {
            assert_eq!(below(base, &uri.parse().unwrap()), expected, "{uri}");
        }
    }
}
