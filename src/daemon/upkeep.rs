//! What is done from time to time, beside watching and telling.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::otlp::{self, Exporter};
use super::supervisor::Supervisor;
use super::{almanac, canaries, fleet, health, heartbeat, timekeeper, watching, workers};
use crate::config::Config;

/// How often the ledger is tidied where no message is taken.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// Starts what is done from time to time.
pub(super) fn start(
    workers: &Supervisor,
    shared: &watching::Shared,
    page: &Arc<health::Page>,
    config: &Config,
) {
    let stop = || workers.stopping();
    let beating = heartbeat::run(Arc::clone(shared), Arc::clone(page), stop());
    workers.start_once("heartbeat", beating);
    let living = heartbeat::watchdog(Arc::clone(shared), Arc::clone(page), stop());
    workers.start_once("watchdog", living);
    workers.start_once("timekeeper", timekeeper::run(Arc::clone(shared), stop()));
    workers.start_once("tidy", tidy_hourly(Arc::clone(shared), stop()));
    workers.start_once("canaries", canaries::run(Arc::clone(shared), stop()));
    workers.start_once("almanac", almanac::run(Arc::clone(shared), stop()));
    start_exports(workers, shared, page, config);
    if shared.tools.pool.workers().is_some() {
        let pool = Arc::clone(&shared.tools.pool);
        workers.start_once("script workers", workers::run(pool, stop()));
    }
}

/// Starts what sends metrics to a collector, which waits where the config names none.
fn start_exports(
    workers: &Supervisor,
    shared: &watching::Shared,
    page: &Arc<health::Page>,
    config: &Config,
) {
    let exporter = Arc::new(Exporter {
        shared: Arc::clone(shared),
        page: Arc::clone(page),
        instance: otlp::instance(&config.data),
    });
    let stop = workers.stopping();
    workers.start("otlp", move || Arc::clone(&exporter).run(stop.clone()));
}

/// Removes what nobody needs any more, once an hour.
async fn tidy_hourly(shared: watching::Shared, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(TIDY_EVERY)).await.is_some() {
        let book = shared.books.newest();
        shared.recorder.tidy(shared.clock.now());
        shared.history.prune_incidents(shared.clock.now());
        shared
            .keeper
            .tell(move |ledger, now| fleet::tidy(ledger, &book.channels, now))
            .await;
    }
}
