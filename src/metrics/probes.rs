//! What is counted of probes.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::seconds_histogram;
use crate::model::exchange::{Phase, Timings};
use crate::model::failure::FailureKind;
use crate::model::judgement::Outcome;
use crate::model::service::ServiceName;

/// What is counted of probes.
#[derive(Debug, Clone)]
pub(super) struct ProbeMetrics {
    probes: Family<ProbeLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
    durations: Family<PhaseLabels, Histogram, fn() -> Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProbeLabels {
    service: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabels {
    phase: &'static str,
}

impl Default for ProbeMetrics {
    fn default() -> Self {
        Self {
            probes: Family::default(),
            failures: Family::default(),
            durations: Family::new_with_constructor(seconds_histogram),
        }
    }
}

impl ProbeMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "probes",
            "Probes by service and outcome",
            self.probes.clone(),
        );
        registry.register(
            "probe_failures",
            "Probes that got no usable response, by kind of failure",
            self.failures.clone(),
        );
        registry.register_with_unit(
            "probe_phase",
            "Time of each phase of all probes; a phase that did not happen is not observed",
            Unit::Seconds,
            self.durations.clone(),
        );
    }

    pub(super) fn probed(&self, counters: &ServiceCounters, outcome: Outcome, timings: &Timings) {
        counters.count(self, outcome);
        for (phase, spent) in timings.present() {
            self.phase(phase).observe(spent.as_secs_f64());
        }
    }

    fn phase(&self, phase: Phase) -> Histogram {
        self.durations.get_or_create_owned(&PhaseLabels {
            phase: phase.as_str(),
        })
    }

    pub(super) fn failed(&self, kind: FailureKind) {
        self.failures
            .get_or_create(&FailureLabels {
                kind: kind.as_str(),
            })
            .inc();
    }

    pub(super) fn forget(&self, service: &ServiceName) {
        for outcome in Outcome::ALL {
            let outcome = outcome.as_str();
            self.probes.remove(&ProbeLabels {
                service: service.to_string(),
                outcome,
            });
        }
    }
}

/// The counters of one service, looked up once so that a probe costs no look-up.
#[derive(Debug, Default)]
pub struct ServiceCounters {
    service: String,
    by_outcome: [std::sync::OnceLock<Counter>; 5],
}

impl ServiceCounters {
    /// Returns the counters of a service; a counter appears with its first count.
    pub fn new(service: &ServiceName) -> Self {
        Self {
            service: service.to_string(),
            by_outcome: Default::default(),
        }
    }

    fn count(&self, metrics: &ProbeMetrics, outcome: Outcome) {
        if let Some(slot) = self.by_outcome.get(outcome as usize) {
            slot.get_or_init(|| {
                let service = self.service.clone();
                metrics.probes.get_or_create_owned(&ProbeLabels {
                    service,
                    outcome: outcome.as_str(),
                })
            })
            .inc();
        }
    }
}
