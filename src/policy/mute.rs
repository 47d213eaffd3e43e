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
//! What any of them held when OES started is held on for a minute, or until a probe has failed: it may be over.
//!
//! A mute hides what has not been said. The end of an incident that was announced is always told; only flapping holds
//! it until the flapping ends.

mod cause;
mod muted;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::duration::{after, before, since};
use crate::model::incident::{Announced, Incident, IncidentId, Ledger};
use crate::model::maintenance::Maintenance;
use crate::model::mute::Silence;
use crate::model::service::{Service, ServiceName};
use crate::model::violation::Violation;
pub use cause::Cause;
pub use muted::Muted;

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
    /// Which of the causes it is.
    pub cause: Cause,
    /// When it ends, absent if nobody knows.
    pub until: Option<Timestamp>,
    /// What it is, for people: `the silence 7c2f by ada`.
    pub why: String,
    /// Whether it holds the end of an incident that was announced as well.
    pub holds_ends: bool,
}

impl Mute {
    fn until(cause: Cause, until: Option<Timestamp>, why: String) -> Self {
        Self {
            cause,
            until,
            why,
            holds_ends: false,
        }
    }

    fn of(silence: &Silence) -> Self {
        let why = format!("the silence {} by {}", silence.id, silence.by);
        Self::until(Cause::Silence, Some(silence.until), why)
    }
}

/// Says it: `held back until 26 Nov 2026, 14:00 UTC: the silence 7c2f by ada`.
impl fmt::Display for Mute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("held back")?;
        if let Some(until) = self.until {
            write!(f, " until {}", until.strftime("%-d %b %Y, %H:%M UTC"))?;
        }
        write!(f, ": {}", self.why)
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
    /// Tells whether the last probe of a service since the start failed.
    pub suspect: &'a dyn Fn(&ServiceName) -> bool,
    /// When OES started.
    pub started_at: Timestamp,
    /// The moment.
    pub now: Timestamp,
}

impl<'a> Facts<'a> {
    /// Returns the facts for those who look at how things stand. Maintenance is said by itself there, and what was held
    /// before the start is a matter of the first minute.
    pub fn to_look_at(
        ledger: &'a Ledger,
        services: &'a HashMap<ServiceName, Arc<Service>>,
        suspect: &'a dyn Fn(&ServiceName) -> bool,
        now: Timestamp,
    ) -> Self {
        Self {
            ledger,
            services,
            maintenance: &[],
            suspect,
            started_at: Timestamp::MIN,
            now,
        }
    }

    /// Returns what was held when OES started, with what held it, as long as a fresh look may still be to come.
    fn held_at_start(&self) -> HashMap<&'a IncidentId, &'a str> {
        if since(self.started_at, self.now) >= GRACE {
            return HashMap::new();
        }
        let deliveries = self.ledger.deliveries.iter();
        let held = deliveries.filter(|(_, delivery)| {
            delivery.announced == Announced::No && delivery.intent.is_none()
        });
        held.filter_map(|((_, id), delivery)| {
            let muted = delivery.muted.as_ref().filter(|muted| muted.is_on)?;
            Some((id, muted.why.as_str()))
        })
        .collect()
    }
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
    /// What was held when OES started, with what held it.
    held: HashMap<&'a IncidentId, &'a str>,
    /// Since when the network is lost, and until when it was.
    network: Option<(Timestamp, Option<Timestamp>)>,
}

impl<'a> Muting<'a> {
    /// Returns what is muted.
    pub fn new(facts: Facts<'a>) -> Self {
        let now = facts.now;
        let planned = facts.maintenance.iter();
        let on = planned.filter_map(|one| Some((one, one.is_on(now)?)));
        let mut muting = Self {
            facts,
            silences: facts
                .ledger
                .silences
                .values()
                .filter(|silence| silence.is_active(now))
                .collect(),
            maintenance: on.collect(),
            held: facts.held_at_start(),
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
            .or_else(|| self.unseen(incident))
    }

    /// Returns the silence of a service, whatever it may violate.
    pub fn silence(&self, service: &Service) -> Option<Mute> {
        let silences = self.silences.iter();
        let of_all = silences.filter(|one| one.of.covers_all(service));
        let last = of_all.max_by_key(|silence| silence.until);
        last.map(|silence| Mute::of(silence))
    }

    fn planned(&self, incident: &Incident, service: Option<&Service>) -> Option<Mute> {
        let (name, violation) = (&incident.service, &incident.violation);
        let silences = self.silences.iter();
        let silence = silences
            .filter(|silence| silence.of.selects(name, violation, service))
            .max_by_key(|silence| silence.until)
            .map(|silence| Mute::of(silence));
        let planned = self.maintenance.iter();
        let planned = planned
            .filter(|(one, _)| one.selects(name, violation, service))
            .max_by_key(|(_, until)| *until)
            .map(|(one, until)| {
                let why = format!("the maintenance {}", one.name);
                Mute::until(Cause::Maintenance, Some(*until), why)
            });
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
                Cause::Network,
                back_at.map(|back| after(back, GRACE)),
                "the loss of OES's own network".to_owned(),
            )
        })
    }

    fn depending(&self, incident: &Incident, service: Option<&Service>) -> Option<Mute> {
        self.ancestors(service?)
            .find_map(|name| self.excuses(name, incident))
    }

    /// Returns what a service depends on, directly or by others, each once.
    fn ancestors<'b>(&'b self, service: &'b Service) -> impl Iterator<Item = &'b ServiceName> {
        let mut seen: HashSet<&ServiceName> = HashSet::new();
        let mut next: Vec<&ServiceName> = service.depends_on.iter().collect();
        std::iter::from_fn(move || {
            loop {
                let name = next.pop()?;
                if seen.insert(name) {
                    let further = self.facts.services.get(name);
                    next.extend(further.iter().flat_map(|service| &service.depends_on));
                    return Some(name);
                }
            }
        })
    }

    /// Returns what a service that another depends on does to its incident.
    fn excuses(&self, name: &ServiceName, incident: &Incident) -> Option<Mute> {
        let outage = |until| Mute::until(Cause::Dependency, until, format!("the outage of {name}"));
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
            cause: Cause::Flapping,
            until: None,
            why: "flapping".to_owned(),
            holds_ends: true,
        })
    }

    /// Returns what held an incident before the start: that it is over says nothing of the service, which nobody has seen
    /// since. Until a probe fails, or for as long as one may take to come, it goes on.
    fn unseen(&self, incident: &Incident) -> Option<Mute> {
        let why = self.held.get(&incident.id)?;
        let began_before = incident.opened_at < self.facts.started_at;
        let unseen = began_before && !(self.facts.suspect)(&incident.service);
        unseen.then(|| {
            let until = after(self.facts.started_at, GRACE);
            Mute::until(Cause::Start, Some(until), (*why).to_owned())
        })
    }
}
