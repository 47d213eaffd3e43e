//! Everything that is muted at one moment, for those who have rules of their own.

use super::{Cause, Muting};
use crate::model::incident::IncidentId;
use crate::model::service::{Service, ServiceName};

/// Everything that is muted at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Muted {
    /// Services of which whatever opened now would be muted, each with every cause, in order.
    pub services: Vec<(ServiceName, Cause)>,
    /// Incidents that are open and muted, also those that were told before.
    pub incidents: Vec<(IncidentId, Cause)>,
}

impl Muted {
    /// Returns everything that is muted.
    pub fn of(muting: &Muting<'_>) -> Self {
        let mut services: Vec<(ServiceName, Cause)> = Vec::new();
        for service in muting.facts.services.values() {
            let causes = muting.causes(service);
            services.extend(causes.map(|cause| (service.name.clone(), cause)));
        }
        services.sort_unstable();
        let open = muting.facts.ledger.incidents.values();
        let open = open.filter(|incident| incident.is_open());
        let incidents =
            open.filter_map(|incident| Some((incident.id.clone(), muting.of(incident)?.cause)));
        Self {
            services,
            incidents: incidents.collect(),
        }
    }
}

impl Muting<'_> {
    /// Returns what mutes a service, whatever its violation.
    fn causes(&self, service: &Service) -> impl Iterator<Item = Cause> + use<> {
        let mut silences = self.silences.iter();
        let mut planned = self.maintenance.iter();
        let network = self.network.is_some_and(|(_, back)| back.is_none());
        [
            (
                Cause::Silence,
                silences.any(|one| one.of.covers_all(service)),
            ),
            (
                Cause::Maintenance,
                planned.any(|(one, _)| one.covers_all(service)),
            ),
            (Cause::Network, network),
            (Cause::Dependency, self.depends_on_one_down(service)),
            (Cause::Flapping, self.flapping.contains(&service.name)),
        ]
        .into_iter()
        .filter_map(|(cause, is_on)| is_on.then_some(cause))
    }

    fn depends_on_one_down(&self, service: &Service) -> bool {
        // Most of the time nothing is down, and of many services each would be followed.
        !self.down.is_empty() && self.ancestors(service).any(|name| self.down.contains(name))
    }
}
