//! What runs for each service, for those who ask out of turn: its settings, what its scripts know of the past, and the
//! newest look that was asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, watch};
use tokio::time::Instant;

use super::observe::{Past, Watched};
use crate::model::glance::Glance;
use crate::model::service::ServiceName;
use crate::script::source::Source;

/// What the scripts of a service know of the past. Its loop alone changes it; clones share.
#[derive(Debug, Clone)]
pub(super) struct SharedPast(Arc<Mutex<Past>>);

impl SharedPast {
    pub(super) fn new(past: Past) -> Self {
        Self(Arc::new(Mutex::new(past)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Past> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is known now.
    pub(super) fn now(&self) -> Past {
        self.lock().clone()
    }
}

/// What a look showed, and how long it took.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) glance: Arc<Glance>,
    pub(super) took: Duration,
}

/// A look, and when it ended.
pub(super) type Ended = (Instant, Look);

/// One service that runs. Clones share.
#[derive(Debug, Clone)]
pub(super) struct Running {
    settings: watch::Receiver<Arc<Watched>>,
    pub(super) past: SharedPast,
    /// The newest look that somebody asked for; held while one is under way.
    pub(super) asked: Arc<Turn<Option<Ended>>>,
}

impl Running {
    /// Returns the service as it is watched now.
    pub(super) fn watched(&self) -> Arc<Watched> {
        Arc::clone(&self.settings.borrow())
    }
}

/// The services that run. Clones share.
#[derive(Debug, Clone, Default)]
pub(super) struct Roster(Arc<RwLock<HashMap<ServiceName, Running>>>);

impl Roster {
    pub(super) fn add(
        &self,
        service: &ServiceName,
        settings: watch::Receiver<Arc<Watched>>,
        past: SharedPast,
    ) {
        let running = Running {
            settings,
            past,
            asked: Arc::default(),
        };
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(service.clone(), running);
    }

    pub(super) fn remove(&self, service: &ServiceName) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(service);
    }

    /// Returns the scripts that something lies beside: libraries, schemas.
    pub(super) fn furnished(&self) -> Vec<Arc<Source>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for running in all.values() {
            let watched = running.watched();
            let scripts = watched.scripts().map(|script| &script.source);
            let has_any =
                |source: &&Arc<Source>| !(source.libraries.is_empty() && source.schemas.is_empty());
            found.extend(scripts.filter(has_any).map(Arc::clone));
        }
        found
    }

    pub(super) fn get(&self, service: &ServiceName) -> Option<Running> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(service).cloned()
    }
}
