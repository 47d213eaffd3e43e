//! What is counted of all probes together.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::seconds_histogram;
use crate::model::exchange::{Phase, Timings};
use crate::model::failure::FailureKind;

/// What is counted of all probes together.
#[derive(Debug, Clone)]
pub(super) struct ProbeMetrics {
    failures: Family<FailureLabels, Counter>,
    durations: Family<PhaseLabels, Histogram, fn() -> Histogram>,
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
            failures: Family::default(),
            durations: Family::new_with_constructor(seconds_histogram),
        }
    }
}

impl ProbeMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        // What never happened is told as well: an increase is seen only where a series was there before.
        for kind in FailureKind::ALL.map(FailureKind::as_str) {
            drop(self.failures.get_or_create(&FailureLabels { kind }));
        }
        for phase in Phase::ALL.map(Phase::as_str) {
            drop(self.durations.get_or_create(&PhaseLabels { phase }));
        }
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

    pub(super) fn timed(&self, timings: &Timings) {
        for (phase, spent) in timings.present() {
            let phase = phase.as_str();
            self.durations
                .get_or_create_owned(&PhaseLabels { phase })
                .observe(spent.as_secs_f64());
        }
    }

    pub(super) fn failed(&self, kind: FailureKind) {
        let kind = kind.as_str();
        self.failures.get_or_create(&FailureLabels { kind }).inc();
    }
}
