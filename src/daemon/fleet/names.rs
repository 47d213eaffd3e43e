//! Services that have another name than before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::{Fleet, Known};
use crate::config::Config;
use crate::daemon::observe::Watched;
use crate::history;
use crate::model::causes::Causes;
use crate::model::service::ServiceName;

/// How long a reload waits for the history to have what it needs from it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns the names that services had before, each with the one that it has now.
pub(super) fn renamed(watched: &[Arc<Watched>]) -> Vec<(ServiceName, ServiceName)> {
    let names = watched.iter().flat_map(|one| {
        let new = &one.config.service.name;
        one.config.was.iter().map(|old| (old.clone(), new.clone()))
    });
    names.collect()
}

impl Fleet {
    /// Gives services what is known of them under the names that they had before.
    pub(super) async fn follow_names(&mut self, config: &Config, watched: &[Arc<Watched>]) {
        let names = renamed(watched);
        // Whoever holds its settings no more stops without another word.
        let stopped: Vec<&ServiceName> = names
            .iter()
            .filter(|(old, _)| self.loops.remove(old).is_some())
            .map(|(old, _)| old)
            .collect();
        if !stopped.is_empty() {
            let known = self.written(config).await;
            self.restored.extend(
                known
                    .into_iter()
                    .filter(|(name, _)| stopped.contains(&name)),
            );
        }
        for (old, new) in &names {
            self.shared.metrics.rename(old, new);
            self.shared.seen.forget(old);
            self.shared.history.rename(old, new);
            if let Some(known) = self.restored.remove(old) {
                info!(
                    service.name = %new,
                    was = %old,
                    "the service has another name: history, window, memory and incidents go on under it"
                );
                let own = self.restored.entry(new.clone()).or_default();
                *own = known.and_then(std::mem::take(own));
            }
        }
    }

    /// Returns what the history knows of all services, up to what their last probes have shown.
    async fn written(&self, config: &Config) -> BTreeMap<ServiceName, Known> {
        let (history, now) = (Arc::clone(&self.shared.history), self.shared.clock.now());
        let path = config.data.join(history::FILE);
        let read = tokio::task::spawn_blocking(move || {
            history.flush(PATIENCE).map_err(|error| error.to_string())?;
            history::read(&path, now).map_err(|error| Causes(&error).to_string())
        });
        match read.await {
            Ok(Ok(known)) => known,
            Ok(Err(why)) => {
                warn!(
                    why,
                    "renamed services begin with an empty window and without memory"
                );
                BTreeMap::new()
            }
            Err(_) => BTreeMap::new(),
        }
    }
}
