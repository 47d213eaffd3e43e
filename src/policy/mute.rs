//! What holds the messages of an incident back for longer than a moment.
//!
//! | mute | since | until |
//! | --- | --- | --- |
//! | silence | a person made it | its end |
//! | maintenance | its beginning | its end |
//! | dependency | a service that this one depends on is down, or its last probe failed | a minute after that is over: time for a fresh probe |
//! | network | every canary fails | a minute after one answers |
//! | flapping | the service changes too often | it no longer does |
//!
//! A mute hides what has not been said. The end of an incident that was announced is always told; only flapping holds
//! it until the flapping ends.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::duration::{after, before, since};
use crate::model::incident::{Incident, Ledger};
use crate::model::maintenance::Maintenance;
use crate::model::mute::Silence;
use crate::model::service::{Service, ServiceName};
use crate::model::violation::Violation;

/// The service under which OES speaks of itself.
pub const OES: &str = "OES";
/// The violation of OES that its own network is lost.
pub const NETWORK: &str = "network";

/// After a dependency or the network is back, a service has so long to be found well.
const GRACE: Duration = Duration::from_mins(1);
/// What opened so long before the network was found lost is held to be its doing.
const LOST_BEFORE: Duration = Duration::from_mins(2);
/// For so long an opening waits for a dependency whose last probe failed.
const SUSPECT: Duration = Duration::from_mins(2);

/// What mutes an incident now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mute {
    /// When it ends, absent if nobody knows.
    pub until: Option<Timestamp>,
    /// What it is, for people: `the silence 7c2f by ada`.
    pub why: String,
    /// Whether it holds the end of an incident that was announced as well.
    pub holds_ends: bool,
}

impl Mute {
    fn until(until: Option<Timestamp>, why: String) -> Self {
        Self {
            until,
            why,
            holds_ends: false,
        }
    }
}

/// What mutes follow from.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// Incidents and silences.
    pub ledger: &'a Ledger,
    /// The services of the config.
    pub services: &'a HashMap<ServiceName, Arc<Service>>,
    /// The maintenance of the config.
    pub maintenance: &'a [Maintenance],
    /// Tells whether the last probe of a service failed.
    pub suspect: &'a dyn Fn(&ServiceName) -> bool,
    /// The moment.
    pub now: Timestamp,
}

/// Returns what is on, and until when. What `defaults` plan comes once for each service, one after the other: its times
/// are looked at once.
fn on_now(maintenance: &[Maintenance], now: Timestamp) -> Vec<(&Maintenance, Timestamp)> {
    let runs = maintenance.chunk_by(|one, next| one.when == next.when);
    let on = runs.filter_map(|run| Some((run, run.first()?.is_on(now)?)));
    on.flat_map(|(run, until)| run.iter().map(move |one| (one, until)))
        .collect()
}

/// What is muted at one moment.
pub struct Muting<'a> {
    facts: Facts<'a>,
    silences: Vec<&'a Silence>,
    maintenance: Vec<(&'a Maintenance, Timestamp)>,
    /// Services that are down.
    down: HashSet<&'a ServiceName>,
    /// Services that have just come back, with when.
    back: HashMap<&'a ServiceName, Timestamp>,
    flapping: HashSet<&'a ServiceName>,
    /// Since when the network is lost, and until when it was.
    network: Option<(Timestamp, Option<Timestamp>)>,
}

impl<'a> Muting<'a> {
    /// Returns what is muted.
    pub fn new(facts: Facts<'a>) -> Self {
        let now = facts.now;
        let mut muting = Self {
            facts,
            silences: facts
                .ledger
                .silences
                .values()
                .filter(|silence| silence.is_active(now))
                .collect(),
            maintenance: on_now(facts.maintenance, now),
            down: HashSet::new(),
            back: HashMap::new(),
            flapping: HashSet::new(),
            network: None,
        };
        for incident in facts.ledger.incidents.values() {
            muting.note(incident);
        }
        muting
    }

    fn note(&mut self, incident: &'a Incident) {
        let fresh = |closed: Timestamp| since(closed, self.facts.now) < GRACE;
        let closed = incident.closed_at;
        let over = closed.is_some_and(|closed| !fresh(closed));
        match &incident.violation {
            Violation::Error if closed.is_none() => {
                self.down.insert(&incident.service);
            }
            Violation::Error => {
                if let Some(closed) = closed.filter(|_| !over) {
                    self.back.insert(&incident.service, closed);
                }
            }
            Violation::Flapping if closed.is_none() => {
                self.flapping.insert(&incident.service);
            }
            Violation::Named(name)
                if **name == *NETWORK && incident.service.as_str() == OES && !over =>
            {
                let open = self.network.is_some_and(|(_, closed)| closed.is_none());
                if !open {
                    self.network = Some((incident.opened_at, closed));
                }
            }
            _ => {}
        }
    }

    /// Returns what mutes an incident; of several the first of silence, maintenance, network, dependency, flapping.
    pub fn of(&self, incident: &Incident) -> Option<Mute> {
        let service = self.facts.services.get(&incident.service).map(|one| &**one);
        self.planned(incident, service)
            .or_else(|| self.lost(incident))
            .or_else(|| self.depending(incident, service))
            .or_else(|| self.flaps(incident))
    }

    fn planned(&self, incident: &Incident, service: Option<&Service>) -> Option<Mute> {
        let (name, violation) = (&incident.service, &incident.violation);
        let silences = self.silences.iter();
        let silence = silences
            .filter(|silence| silence.of.selects(name, violation, service))
            .max_by_key(|silence| silence.until)
            .map(|silence| {
                let why = format!("the silence {} by {}", silence.id, silence.by);
                Mute::until(Some(silence.until), why)
            });
        let planned = self.maintenance.iter();
        let planned = planned
            .filter(|(one, _)| one.of.selects(name, violation, service))
            .max_by_key(|(_, until)| *until)
            .map(|(one, until)| Mute::until(Some(*until), format!("the maintenance {}", one.name)));
        silence
            .into_iter()
            .chain(planned)
            .max_by_key(|mute| mute.until)
    }

    fn lost(&self, incident: &Incident) -> Option<Mute> {
        let (lost_at, back_at) = self.network?;
        if incident.service.as_str() == OES {
            return None;
        }
        let by_it = incident.opened_at >= before(lost_at, LOST_BEFORE)
            && back_at.is_none_or(|back| incident.opened_at <= back);
        by_it.then(|| {
            Mute::until(
                back_at.map(|back| after(back, GRACE)),
                "the loss of OES's own network".to_owned(),
            )
        })
    }

    fn depending(&self, incident: &Incident, service: Option<&Service>) -> Option<Mute> {
        let mut seen: HashSet<&ServiceName> = HashSet::new();
        let mut next: Vec<&ServiceName> = service?.depends_on.iter().collect();
        while let Some(name) = next.pop() {
            if !seen.insert(name) {
                continue;
            }
            if let Some(mute) = self.excuses(name, incident) {
                return Some(mute);
            }
            let further = self.facts.services.get(name);
            next.extend(further.iter().flat_map(|service| &service.depends_on));
        }
        None
    }

    /// Returns what a service that another depends on does to its incident.
    fn excuses(&self, name: &ServiceName, incident: &Incident) -> Option<Mute> {
        let outage = |until| Mute::until(until, format!("the outage of {name}"));
        if self.down.contains(name) {
            return Some(outage(None));
        }
        if let Some(back) = self.back.get(name)
            && incident.opened_at <= *back
        {
            return Some(outage(Some(after(*back, GRACE))));
        }
        let waits_until = after(incident.opened_at, SUSPECT);
        let suspected = (self.facts.suspect)(name) && self.facts.now < waits_until;
        suspected.then(|| outage(Some(waits_until)))
    }

    fn flaps(&self, incident: &Incident) -> Option<Mute> {
        let flaps =
            self.flapping.contains(&incident.service) && incident.violation != Violation::Flapping;
        flaps.then(|| Mute {
            until: None,
            why: "flapping".to_owned(),
            holds_ends: true,
        })
    }
}
