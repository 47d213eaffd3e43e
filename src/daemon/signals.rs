//! What the operating system tells the daemon.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::Daemon;

/// The signals that the daemon acts on. From [`Signals::listen`] on none of them ends the process by itself.
#[derive(Debug)]
pub struct Signals {
    hangup: Option<Signal>,
    terminate: Option<Signal>,
    interrupt: Option<Signal>,
}

impl Signals {
    /// Listens; call it before the start, so that a stop during the start drains as well.
    pub fn listen() -> Self {
        Self {
            hangup: listen(SignalKind::hangup()),
            terminate: listen(SignalKind::terminate()),
            interrupt: listen(SignalKind::interrupt()),
        }
    }

    /// Returns once SIGTERM or SIGINT asks for a stop. SIGHUP meanwhile reloads the config.
    pub async fn stop_requested(mut self, daemon: &Daemon) {
        loop {
            let stop = tokio::select! {
                () = next(&mut self.terminate) => "SIGTERM",
                () = next(&mut self.interrupt) => "SIGINT",
                () = next(&mut self.hangup) => { daemon.reload(); continue }
            };
            info!(signal = stop, "stopping");
            return;
        }
    }
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind)
        .inspect_err(
            |error| warn!(%error, number = kind.as_raw_value(), "signal cannot be listened for"),
        )
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
