//! The listening socket, and serving what comes in.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

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
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (told, stopped) = tokio::sync::oneshot::channel::<()>();
    let stop = async move {
        stop.await;
        drop(told);
    };
    let serving = axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .into_future();
    tokio::select! {
        served = serving => served,
        () = async { drop(stopped.await); tokio::time::sleep(STOP_GRACE).await } => Ok(()),
    }
}
