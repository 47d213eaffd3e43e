//! Looking at services at once instead of at their next turn, and which of them failed when last looked at.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::model::service::ServiceName;

/// Which services are looked at at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Sweep {
    /// All of them.
    #[default]
    All,
    /// These.
    These(BTreeSet<ServiceName>),
}

impl Sweep {
    /// Tells whether a service is looked at.
    pub(super) fn concerns(&self, service: &ServiceName) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(service),
        }
    }
}

/// Asks for looks at once. Clones share.
#[derive(Debug, Clone)]
pub(super) struct Sweeps(watch::Sender<Arc<Sweep>>);

impl Default for Sweeps {
    fn default() -> Self {
        Self(watch::channel(Arc::default()).0)
    }
}

impl Sweeps {
    /// Has services looked at; returns at once. Two wishes in one moment may become the newer one.
    pub(super) fn look(&self, sweep: Sweep) {
        self.0.send_replace(Arc::new(sweep));
    }

    /// Has these services looked at, if there are any.
    pub(super) fn look_at(&self, names: impl IntoIterator<Item = ServiceName>) {
        let names: BTreeSet<ServiceName> = names.into_iter().collect();
        if !names.is_empty() {
            self.look(Sweep::These(names));
        }
    }

    /// Returns what tells of the next wish.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Sweep>> {
        self.0.subscribe()
    }
}

/// The services whose last probe failed. Clones share.
#[derive(Debug, Clone, Default)]
pub(super) struct Suspects(Arc<RwLock<HashSet<ServiceName>>>);

impl Suspects {
    /// Notes how the last probe of a service ended.
    pub(super) fn note(&self, service: &ServiceName, failed: bool) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if failed {
            held.insert(service.clone());
        } else {
            held.remove(service);
        }
    }

    /// Tells whether the last probe of a service failed.
    pub(super) fn has(&self, service: &ServiceName) -> bool {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.contains(service)
    }
}
