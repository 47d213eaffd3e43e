//! Everything that a page says of this moment.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::state::{Standing, State};
use super::verdict::Verdict;
use crate::model::duration::Shown;
use crate::model::glance::Glance;
use crate::model::incident::{Incident, IncidentId, Ledger};
use crate::model::maintenance::Maintenance;
use crate::model::service::{Service, ServiceName};
use crate::policy::heartbeat::Awaited;
use crate::policy::mute::{Facts, Muting};
use crate::policy::planned::{On, OnNow};
use crate::web::Health;

/// The maintenance that is on for the service of open incidents.
pub(super) type Plans<'a> = HashMap<&'a IncidentId, On<'a>>;

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
    /// What services are called that had another name: `was`.
    pub former: Arc<HashMap<ServiceName, ServiceName>>,
    /// What the newest probe of each service showed.
    pub glances: HashMap<ServiceName, Arc<Glance>>,
    /// What is waited for of each service that reports; nothing where no daemon runs.
    pub awaited: HashMap<ServiceName, Awaited>,
    /// The planned mutes of the config.
    pub maintenance: Vec<Maintenance>,
    /// How the parts of the daemon are doing; absent where no daemon runs.
    pub health: Option<Health>,
    /// When what is known ends of a daemon that does not run; absent while one does.
    pub ended: Option<Timestamp>,
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
                let planned = on.covering(service);
                let standing = Standing::of(service, glance, &open, planned, self.at);
                Stood {
                    service,
                    glance,
                    awaited: self.awaited.get(&service.name).copied(),
                    standing,
                    planned,
                    open,
                }
            })
            .collect()
    }

    /// Calls a function with what holds messages back now, apart from maintenance, which is a state of its own.
    pub(super) fn muting<T>(&self, then: impl FnOnce(&Muting<'_>) -> T) -> T {
        let services = self.services.iter();
        let services = services.map(|one| (one.name.clone(), Arc::clone(one)));
        let services = services.collect();
        let failing = |name: &_| self.glance(name).is_some_and(|glance| glance.failing);
        then(&Muting::new(Facts::to_look_at(
            &self.ledger,
            &services,
            &failing,
            self.at,
        )))
    }

    /// Returns the maintenance that is on for the service of each open incident.
    pub(super) fn planned(&self) -> Plans<'_> {
        let on = OnNow::of(&self.maintenance, self.at);
        let open = self.open();
        let planned = self.services.iter().filter_map(|service| {
            let incidents = open.get(&service.name)?;
            Some((incidents, on.covering(service)?))
        });
        planned
            .flat_map(|(incidents, on)| incidents.iter().map(move |one| (&one.id, on)))
            .collect()
    }

    /// Returns how everything stands that is shown to this audience.
    pub(super) fn verdict(&self, audience: Audience) -> Verdict {
        Verdict::of(&self.standings(audience), self.ended)
    }

    /// Returns what a service is called now that had this name and may be seen.
    pub(super) fn renamed(&self, audience: Audience, name: &str) -> Option<&ServiceName> {
        let new = self.former.get(&ServiceName::new(name))?;
        let mut shown = self.services.iter().filter(|one| audience.sees(one));
        shown.find(|one| one.name == *new).map(|one| &one.name)
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
    /// The maintenance that is on.
    pub planned: Option<On<'a>>,
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

    /// Returns what else those should know who run it: who is on it, what holds its messages back, and whether its
    /// certificate ends soon.
    pub(super) fn besides(&self, muting: &Muting<'_>, now: Timestamp) -> Vec<String> {
        let mut acks: Vec<String> = self.open.iter().filter_map(|one| taken_on(one)).collect();
        acks.dedup();
        let of_open = self.open.iter().find_map(|one| muting.of(one));
        let mute = of_open.or_else(|| muting.silence(self.service));
        acks.extend(mute.map(|mute| mute.to_string()));
        let left = self.glance.and_then(|glance| glance.certificate_left(now));
        acks.extend(left.map(|left| match left {
            Duration::ZERO => "its certificate has expired".to_owned(),
            left => format!("its certificate ends in {}", Shown(left)),
        }));
        acks
    }
}

/// Returns who has taken an incident on, if somebody has: `taken on by ada`.
pub(super) fn taken_on(incident: &Incident) -> Option<String> {
    let ack = incident.ack.as_ref()?;
    Some(format!("taken on by {}", ack.by))
}
