//! What the service manager (systemd) is told: that the daemon is ready, lives, and stops. Nothing where there is none.

#[cfg(target_os = "linux")]
mod told {
    use std::time::Duration;

    use sd_notify::NotifyState;

    /// Returns how often the service manager wants to hear that the daemon lives; absent if it does not.
    pub(in crate::daemon) fn watchdog() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }

    /// The daemon watches.
    pub(in crate::daemon) fn ready() {
        tell(NotifyState::Ready);
    }

    /// The daemon lives.
    pub(in crate::daemon) fn lives() {
        tell(NotifyState::Watchdog);
    }

    /// The daemon stops.
    pub(in crate::daemon) fn stopping() {
        tell(NotifyState::Stopping);
    }

    fn tell(state: NotifyState<'_>) {
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::debug!(%error, "the service manager was not told");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod told {
    pub(in crate::daemon) fn watchdog() -> Option<std::time::Duration> {
        None
    }
    pub(in crate::daemon) fn ready() {}
    pub(in crate::daemon) fn lives() {}
    pub(in crate::daemon) fn stopping() {}
}

pub(super) use told::{lives, ready, stopping, watchdog};
