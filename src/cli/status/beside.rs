//! What is to be known of a service besides how it stands: what is planned for now, and what holds its messages back.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::Known;
use crate::model::incident::Incident;
use crate::model::judgement::Outcome;
use crate::model::service::{Service, ServiceName};
use crate::policy::mute::{Facts, Muting};
use crate::policy::planned::OnNow;

/// What is to be known besides.
pub(super) struct Beside<'a> {
    services: &'a HashMap<ServiceName, Arc<Service>>,
    on: OnNow<'a>,
    muting: Muting<'a>,
}

impl Beside<'_> {
    /// Tells whether the service of an incident is in maintenance.
    pub(super) fn is_planned(&self, name: &ServiceName) -> bool {
        self.planned(name).is_some()
    }

    /// Returns what is said after an incident.
    pub(super) fn of_incident(&self, incident: &Incident) -> String {
        let mute = self.muting.of(incident).map(|mute| mute.to_string());
        after(self.planned(&incident.service), mute)
    }

    /// Returns what is said after a service that breaks no rule.
    pub(super) fn of_service(&self, name: &ServiceName) -> String {
        let service = self.services.get(name);
        let mute = service.and_then(|service| self.muting.silence(service));
        after(self.planned(name), mute.map(|mute| mute.to_string()))
    }

    fn planned(&self, name: &ServiceName) -> Option<String> {
        let on = self.on.covering(self.services.get(name)?)?;
        Some(format!("in maintenance: {on}"))
    }
}

fn after(planned: Option<String>, mute: Option<String>) -> String {
    let parts = planned.into_iter().chain(mute);
    parts.fold(String::new(), |text, part| format!("{text}; {part}"))
}

impl Known {
    /// Calls a function with what is to be known besides.
    pub(super) fn beside<T>(&self, now: Timestamp, then: impl FnOnce(&Beside<'_>) -> T) -> T {
        let failed = |name: &ServiceName| self.past.newest(name) == Some(Outcome::Fail);
        then(&Beside {
            services: &self.watched,
            on: OnNow::of(&self.maintenance, now),
            muting: Muting::new(Facts::to_look_at(
                &self.snapshot.ledger,
                &self.watched,
                &failed,
                now,
            )),
        })
    }
}
