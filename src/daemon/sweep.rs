//! Looking at services at once instead of at their next turn.

use std::collections::BTreeSet;
use std::sync::Arc;

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
