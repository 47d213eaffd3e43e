//! What the operating system tells the daemon.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::Daemon;

/// Returns once SIGTERM or SIGINT asks for a stop. SIGHUP meanwhile reloads the config.
pub async fn stop_requested(daemon: &Daemon) {
    let mut hangup = listen(SignalKind::hangup());
    let mut terminate = listen(SignalKind::terminate());
    let mut interrupt = listen(SignalKind::interrupt());
    loop {
        tokio::select! {
            () = next(&mut terminate) => { info!(signal = "SIGTERM", "stopping"); return }
            () = next(&mut interrupt) => { info!(signal = "SIGINT", "stopping"); return }
            () = next(&mut hangup) => daemon.reload(),
        }
    }
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind)
        .inspect_err(|error| warn!(%error, ?kind, "signal cannot be listened for"))
        .ok()
}

/// Waits for a signal; for ever if it cannot be listened for.
async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
