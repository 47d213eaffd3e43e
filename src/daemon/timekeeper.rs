//! Tells the history that the monitor runs, and people what becomes of the history.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::watching::Shared;
use crate::history::{News, Store};

/// How often the history is told the time: a stop of the monitor is known to this.
const EVERY: Duration = Duration::from_secs(5);

/// Works until `stop`.
pub(super) async fn run(shared: Shared, stop: CancellationToken) {
    loop {
        shared.history.tick(shared.clock.now());
        tell(&shared.history);
        if stop.run_until_cancelled(sleep(EVERY)).await.is_none() {
            break;
        }
    }
    shared.history.tick(shared.clock.now());
}

/// Logs what became of the history since the last look, once.
fn tell(history: &Store) {
    for news in history.news() {
        match news {
            News::Failed(why) => {
                warn!(
                    why,
                    "the history is not written; monitoring and notifying go on"
                );
            }
            News::Recovered => info!("the history is written again"),
            News::SetAside { path, why } => {
                warn!(why, path = %path.display(), "the history was damaged; a new one was begun");
            }
            News::Gone => {
                warn!("the file of the history was removed; a new one was begun");
            }
        }
    }
}
