//! What the newest probes have shown of each service, for others than its own loop.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::model::glance::Glance;
use crate::model::service::ServiceName;
use crate::policy::heartbeat::Awaited;

/// What the newest probes have shown. Clones share.
#[derive(Debug, Clone)]
pub(super) struct Seen(Arc<Parts>);

/// So many services that are gone are remembered.
const GONE_MAX: usize = 1_000;

#[derive(Debug)]
struct Parts {
    started_at: Timestamp,
    glances: RwLock<BTreeMap<ServiceName, Arc<Glance>>>,
    next: RwLock<HashMap<ServiceName, Timestamp>>,
    awaited: RwLock<HashMap<ServiceName, Awaited>>,
    planned: Notify,
    /// When the last probe passed of services that are gone, the newest last: one that comes back has been up before.
    gone: RwLock<VecDeque<(ServiceName, Timestamp)>>,
}

impl Seen {
    /// Returns what has seen nothing since a start.
    pub(super) fn new(started_at: Timestamp) -> Self {
        Self(Arc::new(Parts {
            started_at,
            glances: RwLock::default(),
            next: RwLock::default(),
            awaited: RwLock::default(),
            planned: Notify::new(),
            gone: RwLock::default(),
        }))
    }

    /// Returns when OES started.
    pub(super) fn started_at(&self) -> Timestamp {
        self.0.started_at
    }

    /// Returns when the last probe of a service passed that was gone for a while.
    pub(super) fn last_good(&self, service: &ServiceName) -> Option<Timestamp> {
        let gone = self.0.gone.read().unwrap_or_else(PoisonError::into_inner);
        let found = gone.iter().find(|(name, _)| name == service);
        found.map(|(_, at)| *at)
    }

    /// Notes what the newest probe of a service showed.
    pub(super) fn note(&self, service: &ServiceName, glance: Arc<Glance>) {
        let mut glances = self
            .0
            .glances
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match glances.get_mut(service) {
            Some(before) => *before = glance,
            None => drop(glances.insert(service.clone(), glance)),
        }
    }

    /// Returns what the newest probe of a service showed; absent before the first.
    pub(super) fn of(&self, service: &ServiceName) -> Option<Arc<Glance>> {
        let glances = self
            .0
            .glances
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        glances.get(service).cloned()
    }

    /// Returns what the newest probe of every service showed, by name. One that was just removed may still be there.
    pub(super) fn all(&self) -> Vec<(ServiceName, Arc<Glance>)> {
        let glances = self
            .0
            .glances
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let all = glances.iter();
        all.map(|(name, glance)| (name.clone(), Arc::clone(glance)))
            .collect()
    }

    /// Tells whether the newest probe of a service that counts failed.
    pub(super) fn failed(&self, service: &ServiceName) -> bool {
        let glances = self
            .0
            .glances
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        glances.get(service).is_some_and(|glance| glance.failing)
    }

    /// Returns when the certificates of services expire, the next first.
    pub(super) fn expiries(&self) -> Vec<(ServiceName, Timestamp)> {
        let all = self.all().into_iter();
        let mut all: Vec<_> = all
            .filter_map(|(name, glance)| Some((name, glance.certificate_expires?)))
            .collect();
        all.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        all
    }

    /// Notes when a service is looked at next: the newest probe is dealt with.
    pub(super) fn plan(&self, service: &ServiceName, at: Timestamp) {
        let mut next = self.0.next.write().unwrap_or_else(PoisonError::into_inner);
        match next.get_mut(service) {
            Some(before) => *before = at,
            None => drop(next.insert(service.clone(), at)),
        }
        drop(next);
        self.0.planned.notify_waiters();
    }

    /// Returns when a service is looked at next; absent before the first probe.
    pub(super) fn next(&self, service: &ServiceName) -> Option<Timestamp> {
        let next = self.0.next.read().unwrap_or_else(PoisonError::into_inner);
        next.get(service).copied()
    }

    /// Notes what is waited for of a service that reports.
    pub(super) fn awaits(&self, service: &ServiceName, what: Awaited) {
        let mut awaited = self.awaited_mut();
        match awaited.get_mut(service) {
            Some(before) => *before = what,
            None => drop(awaited.insert(service.clone(), what)),
        }
    }

    /// Returns what is waited for of a service that reports.
    pub(super) fn awaited(&self, service: &ServiceName) -> Option<Awaited> {
        let awaited = self.0.awaited.read();
        let awaited = awaited.unwrap_or_else(PoisonError::into_inner);
        awaited.get(service).copied()
    }

    /// Returns what is waited for of every service that reports.
    pub(super) fn all_awaited(&self) -> HashMap<ServiceName, Awaited> {
        let awaited = self.0.awaited.read();
        awaited.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn awaited_mut(&self) -> RwLockWriteGuard<'_, HashMap<ServiceName, Awaited>> {
        let awaited = self.0.awaited.write();
        awaited.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what waits until any probe is dealt with from now on.
    pub(super) fn dealt_with(&self) -> Notified<'_> {
        self.0.planned.notified()
    }

    /// Forgets a service.
    pub(super) fn forget(&self, service: &ServiceName) {
        let mut glances = self
            .0
            .glances
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let glance = glances.remove(service);
        drop(glances);
        if let Some(at) = glance.and_then(|glance| glance.last_good) {
            let mut gone = self.0.gone.write().unwrap_or_else(PoisonError::into_inner);
            gone.retain(|(name, _)| name != service);
            gone.push_back((service.clone(), at));
            let surplus = gone.len().saturating_sub(GONE_MAX);
            gone.drain(..surplus);
        }
        let mut next = self.0.next.write().unwrap_or_else(PoisonError::into_inner);
        next.remove(service);
        self.awaited_mut().remove(service);
    }
}
