//! Starts tasks, catches their panics, and stops them in bounded time. The only place that spawns.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, error, error_span, info};

use crate::metrics::Metrics;

/// A task that panicked starts again after this.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Starts tasks and stops them. Clones share.
#[derive(Debug, Clone)]
pub(super) struct Supervisor {
    stop: CancellationToken,
    tasks: TaskTracker,
    panics: Counter,
}

/// How a stop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Every task came to its end.
    Drained,
    /// The grace period ended first.
    Abandoned,
}

impl Supervisor {
    /// Returns a supervisor that counts panics in `metrics`.
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            panics: metrics.own.task_panics.clone(),
        }
    }

    /// Returns the token that tells tasks to stop.
    pub(super) fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task. If it panics it is logged, counted and made anew by `make` after a second; it ends when its
    /// future does.
    pub(super) fn start<F>(
        &self,
        name: impl fmt::Display,
        mut make: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let span = error_span!(parent: None, "task", name = %name);
        let (stop, panics) = (self.stop.clone(), self.panics.clone());
        let task = async move {
            while let Err(panic) = Caught(Box::pin(make())).await {
                panics.inc();
                error!(panic = %panic, "task panicked and starts again");
                if stop
                    .run_until_cancelled(sleep(RESTART_AFTER))
                    .await
                    .is_none()
                {
                    break;
                }
            }
        };
        self.spawn(task.instrument(span));
    }

    /// Starts a task that cannot be made anew after a panic, since it holds what there is only one of.
    pub(super) fn start_once(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let mut task = Some(task);
        self.start(name, move || {
            let task = task.take();
            async move {
                if let Some(task) = task {
                    task.await;
                } else {
                    error!(task = name, "this task cannot go on; restart the daemon");
                }
            }
        });
    }

    /// Starts a task that a stop ends at once, and that is not made anew if it panics; that is logged and counted.
    pub(super) fn start_one(
        &self,
        name: impl fmt::Display,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let span = error_span!(parent: None, "task", name = %name);
        let (stop, panics) = (self.stop.clone(), self.panics.clone());
        let task = async move { stop.run_until_cancelled(task).await.unwrap_or_default() };
        let task = Box::pin(task);
        let task = async move {
            if let Err(panic) = Caught(task).await {
                panics.inc();
                error!(panic = %panic, "task panicked");
            }
        };
        self.spawn(task.instrument(span));
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that spawns"
    )]
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(self.tasks.track_future(task)));
    }

    /// Tells every task to stop and waits for at most `grace`.
    pub(super) async fn stop(&self, grace: Duration) -> Stopped {
        self.stop.cancel();
        self.tasks.close();
        if timeout(grace, self.tasks.wait()).await.is_ok() {
            return Stopped::Drained;
        }
        info!(
            tasks = self.tasks.len(),
            "grace period ended with tasks still at work"
        );
        Stopped::Abandoned
    }
}

/// What a panic said.
#[derive(Debug, Clone)]
pub(super) struct PanicText(Arc<str>);

impl fmt::Display for PanicText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A future whose panic becomes its error.
struct Caught<F>(Pin<Box<F>>);

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, PanicText>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // The future is dropped after a panic and never polled again, so no broken state is seen.
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(payload) => {
                let text = payload
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
                    .or_else(|| payload.downcast_ref::<String>().cloned());
                Poll::Ready(Err(PanicText(text.as_deref().unwrap_or("no text").into())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_counted_and_the_task_goes_on() {
        let supervisor = Supervisor::new(&Metrics::default());
        let runs = Arc::new(AtomicU32::new(0));
        let (counted, stop) = (Arc::clone(&runs), supervisor.stopping());
        supervisor.start("test", move || {
            let (counted, stop) = (Arc::clone(&counted), stop.clone());
            async move {
                assert!(
                    counted.fetch_add(1, Ordering::SeqCst) > 0,
                    "the first run fails"
                );
                stop.cancelled().await;
            }
        });
        sleep(Duration::from_secs(5)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        assert_eq!(supervisor.panics.get(), 1);
        assert_eq!(
            supervisor.stop(Duration::from_secs(1)).await,
            Stopped::Drained
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_abandoned() {
        let supervisor = Supervisor::new(&Metrics::default());
        supervisor.start("deaf", std::future::pending::<()>);
        assert_eq!(
            supervisor.stop(Duration::from_secs(1)).await,
            Stopped::Abandoned
        );
    }
}
