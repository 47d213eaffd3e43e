//! What OES counts, in OpenMetrics text. Names and labels are declared here and nowhere else; labels come from the ops
//! config or from closed sets, never from response data.

mod notifier;
mod own;
mod probes;
mod script_gauges;
mod workers;

use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::model::exchange::Timings;
use crate::model::failure::FailureKind;
use crate::model::incident::Ledger;
use crate::model::judgement::Outcome;
use crate::model::service::{ChannelName, ServiceName};

pub use notifier::ChannelOwed;
pub use own::OwnMetrics;
pub use probes::ServiceCounters;
pub use workers::{WorkerMetrics, Workers};

use notifier::NotifierMetrics;
use probes::ProbeMetrics;
use script_gauges::ScriptGauges;

/// A gauge of seconds or of a share.
pub type FloatGauge = Gauge<f64, std::sync::atomic::AtomicU64>;

/// Everything that OES counts. Clones share.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    probes: ProbeMetrics,
    violations: Family<ViolationLabels, Gauge>,
    script_gauges: Arc<ScriptGauges>,
    notifier: NotifierMetrics,
    /// The processes that scripts run in.
    pub workers: WorkerMetrics,
    /// What the daemon counts of itself.
    pub own: OwnMetrics,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ViolationLabels {
    service: String,
    violation: String,
}

/// From half a millisecond to 32 s, each bound twice the last.
fn seconds_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 17))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("oes");
        let metrics = Self {
            registry: Arc::default(),
            probes: ProbeMetrics::default(),
            violations: Family::default(),
            script_gauges: Arc::default(),
            notifier: NotifierMetrics::default(),
            workers: WorkerMetrics::default(),
            own: OwnMetrics::default(),
        };
        metrics.register_services(&mut registry);
        metrics.notifier.register(&mut registry);
        metrics.workers.register(&mut registry);
        metrics.own.register(&mut registry);
        Self {
            registry: Arc::new(registry),
            ..metrics
        }
    }
}

impl Metrics {
    fn register_services(&self, registry: &mut Registry) {
        self.probes.register(registry);
        registry.register(
            "violations",
            "Rules that services break now: always 1, absent when kept",
            self.violations.clone(),
        );
        registry.register_collector(Box::new(Arc::clone(&self.script_gauges)));
    }

    /// Counts one probe of a service.
    pub fn probed(&self, counters: &ServiceCounters, outcome: Outcome, timings: &Timings) {
        self.probes.probed(counters, outcome, timings);
        self.own.lag.observe(timings.lag.as_secs_f64());
    }

    /// Counts one probe that got no usable response.
    pub fn failed(&self, kind: FailureKind) {
        self.probes.failed(kind);
    }

    /// Sets a gauge that a script reports for a service; its name becomes `oes_script_NAME`.
    pub fn script_gauge(&self, service: &ServiceName, name: &str, value: f64) {
        self.script_gauges.set(name, service, value);
    }

    /// Counts one try of a channel by how it ended.
    pub fn attempted(&self, channel: &ChannelName, result: &'static str) {
        self.notifier.attempted(channel, result);
    }

    /// Forgets everything labelled with a service that is no longer watched.
    pub fn forget(&self, service: &ServiceName) {
        self.probes.forget(service);
        self.script_gauges.forget(service);
    }

    /// Brings the gauges that follow from the ledger in line with it.
    pub fn refresh(&self, ledger: &Ledger, owed: &[ChannelOwed], now: Timestamp) {
        self.violations.clear();
        for incident in ledger
            .incidents
            .values()
            .filter(|incident| incident.is_open())
        {
            let service = incident.service.to_string();
            let violation = incident.violation.to_string();
            self.violations
                .get_or_create(&ViolationLabels { service, violation })
                .set(1);
        }
        self.notifier.refresh(ledger, owed, now);
    }

    /// Returns all metrics in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail; a short text would be noticed by its missing end mark.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::exchange::Phase;

    #[test]
    fn counts_probes_by_service_and_outcome_and_forgets_them() {
        let metrics = Metrics::default();
        let name = ServiceName::new("a \"b\"");
        let counters = ServiceCounters::new(&name);
        let mut timings = Timings::default();
        timings.add(Phase::Connect, Duration::from_millis(3));
        metrics.probed(&counters, Outcome::Fail, &timings);
        metrics.probed(&counters, Outcome::Fail, &timings);
        let text = metrics.encode();
        assert!(
            text.contains(r#"oes_probes_total{service="a \"b\"",outcome="fail"} 2"#),
            "{text}"
        );
        assert!(
            text.contains(r#"oes_probe_phase_seconds_count{phase="connect"} 2"#),
            "{text}"
        );
        assert!(
            !text.contains(r#"phase="tls""#),
            "a phase that did not happen is absent: {text}"
        );
        metrics.forget(&name);
        assert!(
            !metrics.encode().contains("oes_probes_total{"),
            "{}",
            metrics.encode()
        );
    }

    #[test]
    fn script_gauges_have_their_own_names() {
        let metrics = Metrics::default();
        metrics.script_gauge(&ServiceName::new("x"), "price_usd", 2.5);
        let text = metrics.encode();
        assert!(
            text.contains(r#"oes_script_price_usd{service="x"} 2.5"#),
            "{text}"
        );
    }
}
