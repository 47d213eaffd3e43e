//! Everything that a page says of this moment.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use super::state::{Standing, State};
use crate::model::glance::Glance;
use crate::model::incident::{Incident, Ledger};
use crate::model::maintenance::Maintenance;
use crate::model::service::{Service, ServiceName};
use crate::policy::heartbeat::Awaited;
use crate::web::Health;

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Anybody: services with `public = true`, by name and group, without addresses, findings or channels.
    Public,
    /// Those who run the services: everything.
    Private,
}

/// What is so at one moment, from which every page is made.
#[derive(Debug, Clone)]
pub struct Present {
    /// The moment.
    pub at: Timestamp,
    /// Incidents, deliveries, channels.
    pub ledger: Arc<Ledger>,
    /// The services in the order of the config.
    pub services: Arc<[Arc<Service>]>,
    /// What the newest probe of each service showed.
    pub glances: HashMap<ServiceName, Arc<Glance>>,
    /// What is waited for of each service that reports; nothing where no daemon runs.
    pub awaited: HashMap<ServiceName, Awaited>,
    /// The planned mutes of the config.
    pub maintenance: Vec<Maintenance>,
    /// How the parts of the daemon are doing; absent where no daemon runs.
    pub health: Option<Health>,
}

impl Present {
    /// Returns the open incidents of each service, the oldest first.
    pub fn open(&self) -> BTreeMap<&ServiceName, Vec<&Incident>> {
        let mut open: BTreeMap<&ServiceName, Vec<&Incident>> = BTreeMap::new();
        for incident in self.ledger.incidents.values().filter(|one| one.is_open()) {
            open.entry(&incident.service).or_default().push(incident);
        }
        for incidents in open.values_mut() {
            incidents.sort_by(|a, b| (a.opened_at, &a.id).cmp(&(b.opened_at, &b.id)));
        }
        open
    }

    /// Returns what the newest probe of a service showed.
    pub fn glance(&self, service: &ServiceName) -> Option<&Glance> {
        self.glances.get(service).map(|glance| &**glance)
    }

    /// Returns how each service that is shown to this audience stands, in the order of the config.
    pub fn standings(&self, audience: Audience) -> Vec<Stood<'_>> {
        let open = self.open();
        let on = OnNow::of(&self.maintenance, self.at);
        let shown = self.services.iter().filter(|one| audience.sees(one));
        shown
            .map(|service| {
                let open = open.get(&service.name).cloned().unwrap_or_default();
                let glance = self.glance(&service.name);
                let standing = Standing::of(service, glance, &open, on.covering(service), self.at);
                Stood {
                    service,
                    glance,
                    awaited: self.awaited.get(&service.name).copied(),
                    standing,
                    open,
                }
            })
            .collect()
    }

    /// Returns how one service stands, if there is one of this name that this audience may see.
    pub fn standing(&self, audience: Audience, name: &str) -> Option<Stood<'_>> {
        let all = self.standings(audience).into_iter();
        all.into_iter()
            .find(|stood| stood.service.name.as_str() == name)
    }
}

impl Audience {
    /// Tells whether a service is shown.
    pub fn sees(self, service: &Service) -> bool {
        self == Self::Private || service.public
    }

    /// Tells whether addresses, findings and channels are shown.
    pub fn is_private(self) -> bool {
        self == Self::Private
    }
}

/// A service with how it stands.
#[derive(Debug, Clone)]
pub struct Stood<'a> {
    /// The service.
    pub service: &'a Arc<Service>,
    /// Its newest probe.
    pub glance: Option<&'a Glance>,
    /// What is waited for, of one that reports.
    pub awaited: Option<Awaited>,
    /// How it stands.
    pub standing: Standing,
    /// Its open incidents, the oldest first.
    pub open: Vec<&'a Incident>,
}

impl Stood<'_> {
    /// Returns the state.
    pub fn state(&self) -> State {
        self.standing.state
    }

    /// Returns why, for those who may know.
    pub fn note(&self, audience: Audience) -> String {
        let note = Some(&self.standing.note).filter(|_| audience.is_private());
        note.cloned().unwrap_or_default()
    }
}

/// The maintenance that is on now. What `defaults` plan comes once for each service: those are found by their name.
pub(in crate::web) struct OnNow<'a> {
    by_name: HashMap<&'a str, &'a Maintenance>,
    others: Vec<&'a Maintenance>,
}

impl<'a> OnNow<'a> {
    pub(in crate::web) fn of(maintenance: &'a [Maintenance], now: Timestamp) -> Self {
        let runs = maintenance.chunk_by(|one, next| one.when == next.when);
        let on = runs.filter(|run| run.first().is_some_and(|one| one.is_on(now).is_some()));
        let mut found = Self {
            by_name: HashMap::new(),
            others: Vec::new(),
        };
        for one in on.flatten() {
            match one.of.only_service() {
                Some(name) => drop(found.by_name.insert(name, one)),
                None => found.others.push(one),
            }
        }
        found
    }

    pub(in crate::web) fn covering(&self, service: &Service) -> Option<&'a Maintenance> {
        let named = self.by_name.get(service.name.as_str()).copied();
        let mut others = self.others.iter().copied();
        named.or_else(|| others.find(|one| one.of.covers(service)))
    }
}
