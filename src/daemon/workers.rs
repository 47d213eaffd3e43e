//! Sees to the worker processes of scripts from time to time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::script::pool::{Pool, WorkerNews};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// Ends workers that nobody needs and logs what became of others, until `stop`.
pub(super) async fn run(pool: Arc<Pool>, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(EVERY)).await.is_some() {
        pool.tidy();
        pool.worker_news().iter().for_each(tell);
    }
}

fn tell(news: &WorkerNews) {
    match news {
        WorkerNews::EndedIdle { how } => {
            warn!(
                how,
                "a worker process of scripts ended while it had nothing to do"
            );
        }
        WorkerNews::Repeated { script, how } => {
            warn!(script = %script, how, "a worker process broke; its script was run once more in another");
        }
    }
}
