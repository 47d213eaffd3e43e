//! What the newest probes have shown of each service, for others than its own loop.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use crate::model::service::ServiceName;

/// What the newest probes have shown. Clones share.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Arc<RwLock<Facts>>);

#[derive(Debug, Default)]
struct Facts {
    failed: HashSet<ServiceName>,
    expires: HashMap<ServiceName, Timestamp>,
}

impl Seen {
    /// Notes how the last probe of a service ended.
    pub(super) fn note_failed(&self, service: &ServiceName, failed: bool) {
        let mut facts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if failed {
            facts.failed.insert(service.clone());
        } else {
            facts.failed.remove(service);
        }
    }

    /// Tells whether the last probe of a service failed.
    pub(super) fn failed(&self, service: &ServiceName) -> bool {
        let facts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        facts.failed.contains(service)
    }

    /// Notes when the certificate of a service expires.
    pub(super) fn note_expiry(&self, service: &ServiceName, at: Timestamp) {
        let mut facts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        facts.expires.insert(service.clone(), at);
    }

    /// Returns when the certificates of services expire, the next first.
    pub(super) fn expiries(&self) -> Vec<(ServiceName, Timestamp)> {
        let facts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = facts
            .expires
            .iter()
            .map(|(name, at)| (name.clone(), *at))
            .collect();
        all.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        all
    }

    /// Forgets a service.
    pub(super) fn forget(&self, service: &ServiceName) {
        let mut facts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        facts.failed.remove(service);
        facts.expires.remove(service);
    }
}
