//! What is kept of a probe that opened an incident, changed its main finding or closed it: what was asked and answered,
//! what was found, what scripts remember of it. Secrets are taken out on the history's own thread, before anything is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::observe::{Watched, hiding};
use crate::history::Store;
use crate::model::evidence::{BYTES_MAX, Evidence, Moment, SeenExchange, cut, shown_memory};
use crate::model::exchange::Exchange;
use crate::model::incident::{Incident, IncidentId, Ledger};
use crate::model::judgement::{Judgement, MemoryDiff};
use crate::model::observation::Observation;
use crate::model::redaction::Redaction;
use crate::model::service::ServiceName;
use crate::policy::chronicle::is_other_finding;

/// What a piece weighs besides its body, about.
const HEAD_BYTES: usize = 4 * 1024;

/// A probe of which evidence may be kept.
#[derive(Clone)]
pub(super) struct Probe {
    history: Arc<Store>,
    service: ServiceName,
    at: jiff::Timestamp,
    exchange: Option<Arc<Exchange>>,
    judgement: Judgement,
    hidden: Arc<Redaction>,
}

/// The incidents of a service before a change.
pub(super) type Standing = BTreeMap<IncidentId, Incident>;

/// Returns the open incidents of a service.
pub(super) fn standing(ledger: &Ledger, service: &ServiceName) -> Standing {
    let incidents = ledger.incidents.values();
    let open = incidents.filter(|one| one.is_open() && one.service == *service);
    open.map(|one| (one.id.clone(), one.clone())).collect()
}

impl Probe {
    pub(super) fn new(history: &Arc<Store>, watched: &Watched, observation: &Observation) -> Self {
        let exchange = observation.exchange.clone();
        let bearer = exchange.as_ref().and_then(|one| one.bearer.as_ref());
        Self {
            history: Arc::clone(history),
            service: watched.config.service.name.clone(),
            at: observation.at,
            hidden: hiding(watched, bearer),
            judgement: observation.judgement.clone(),
            exchange,
        }
    }

    /// Keeps what the probe saw with every incident of its service that it has turned.
    pub(super) fn keep(&self, before: &Standing, ledger: &Ledger) {
        for incident in ledger
            .incidents
            .values()
            .filter(|one| one.service == self.service)
        {
            let moment = match before.get(&incident.id) {
                None if incident.is_open() => Moment::Opened,
                Some(_) if !incident.is_open() => Moment::Closed,
                Some(known) if is_other_finding(known, incident) => Moment::Finding,
                _ => continue,
            };
            self.write(incident.id.clone(), moment);
        }
    }

    fn write(&self, incident: IncidentId, moment: Moment) {
        let probe = self.clone();
        let response = self
            .exchange
            .as_ref()
            .and_then(|one| one.result.as_ref().ok());
        let body = response.map_or(0, |response| response.body.bytes.len());
        self.history
            .write_evidence(body + HEAD_BYTES, move || probe.evidence(incident, moment));
    }

    fn evidence(self, incident: IncidentId, moment: Moment) -> Evidence {
        let Self {
            judgement, hidden, ..
        } = self;
        let mut evidence = Evidence {
            incident,
            service: self.service,
            moment,
            at: self.at,
            outcome: judgement.outcome,
            exchange: self
                .exchange
                .map(|exchange| SeenExchange::of(&exchange, &hidden)),
            findings: judgement.findings,
            notes: Vec::new(),
            calls: Vec::new(),
            memory: MemoryDiff::default(),
        };
        for run in judgement.runs {
            evidence.notes.extend(run.notes);
            evidence.calls.extend(run.http);
            let own = shown_memory(&run.memory, &hidden);
            evidence.memory.set.extend(own.set);
            evidence.memory.removed.extend(own.removed);
        }
        fit(&mut evidence);
        evidence
    }
}

/// Leaves out what matters least until the rest is short enough.
fn fit(evidence: &mut Evidence) {
    let cuts: [fn(&mut Evidence); 6] = [
        |evidence| evidence.memory = MemoryDiff::default(),
        |evidence| evidence.calls.truncate(20),
        |evidence| {
            evidence.notes.truncate(20);
            for note in &mut evidence.notes {
                cut(note, 200);
            }
        },
        |evidence| evidence.findings.truncate(10),
        |evidence| {
            for finding in &mut evidence.findings {
                (finding.expected, finding.actual) = (None, None);
                finding.evidence.clear();
                cut(&mut finding.message, 1_000);
            }
        },
        |evidence| {
            if let Some(exchange) = &mut evidence.exchange
                && let Some(response) = &mut exchange.response
            {
                response.headers.truncate(50);
            }
        },
    ];
    let is_long =
        |evidence: &Evidence| serde_json::to_vec(evidence).is_ok_and(|text| text.len() > BYTES_MAX);
    for cut in cuts {
        if !is_long(evidence) {
            break;
        }
        cut(evidence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json::Json;
    use crate::model::judgement::Finding;

    #[test]
    fn evidence_has_a_size() {
        let mut finding = Finding::error("a", "b".repeat(9_000));
        finding.actual = Some(Json::from("c".repeat(50_000)));
        let mut evidence = Evidence {
            incident: IncidentId("1".into()),
            service: ServiceName::new("s"),
            moment: Moment::Opened,
            at: jiff::Timestamp::UNIX_EPOCH,
            outcome: crate::model::judgement::Outcome::Fail,
            exchange: None,
            findings: vec![finding; 100],
            notes: vec!["d".repeat(3_000); 100],
            calls: Vec::new(),
            memory: MemoryDiff::default(),
        };
        fit(&mut evidence);
        assert!(serde_json::to_vec(&evidence).unwrap().len() <= BYTES_MAX);
        assert!(!evidence.findings.is_empty());
    }
}
