//! What OES counts, in OpenMetrics text. Names and labels are declared here and nowhere else; labels come from the ops
//! config or from closed sets, never from response data.

mod script_gauges;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::model::duration::since;
use crate::model::exchange::{Phase, Timings};
use crate::model::failure::FailureKind;
use crate::model::incident::Ledger;
use crate::model::judgement::Outcome;
use crate::model::service::{ChannelName, ServiceName};

use script_gauges::ScriptGauges;

/// A gauge of seconds or of a share.
pub type FloatGauge = Gauge<f64, std::sync::atomic::AtomicU64>;

/// Everything that OES counts. Clones share.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    probes: Family<ProbeLabels, Counter>,
    failures: Family<FailureLabels, Counter>,
    durations: Family<PhaseLabels, Histogram, fn() -> Histogram>,
    violations: Family<ViolationLabels, Gauge>,
    script_gauges: Arc<ScriptGauges>,
    notifier: NotifierMetrics,
    /// What the daemon counts of itself.
    pub own: OwnMetrics,
}

/// What the notifier counts.
#[derive(Debug, Clone, Default)]
struct NotifierMetrics {
    owed: Family<ChannelLabels, Gauge>,
    oldest_owed: Family<ChannelLabels, FloatGauge>,
    up: Family<ChannelLabels, Gauge>,
    attempts: Family<AttemptLabels, Counter>,
    dead_letters: Gauge,
}

/// What the daemon counts of itself.
#[derive(Debug, Clone)]
pub struct OwnMetrics {
    /// How late probes began after they were due, in seconds.
    pub lag: Histogram,
    /// Probes that were still running when their next one was due.
    pub overruns: Counter,
    /// Time of one state commit, in seconds.
    pub commit_seconds: Histogram,
    /// State commits that failed.
    pub commit_failures: Counter,
    /// Sequence number of the state file.
    pub state_seq: Gauge,
    /// 1 while every announced incident is on disk.
    pub state_durable: Gauge,
    /// Tasks that panicked and were restarted.
    pub task_panics: Counter,
    /// 1 if the last reload of the ops config was accepted.
    pub reload_successful: Gauge,
    /// When the last reload was accepted, in Unix seconds.
    pub reload_success_seconds: Gauge,
    /// Services that are watched.
    pub services: Gauge,
    /// Rows that the history database could not take.
    pub history_dropped: Gauge,
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ViolationLabels {
    service: String,
    violation: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabels {
    channel: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    channel: String,
    result: &'static str,
}

/// From half a millisecond to 32 s, each bound twice the last.
fn seconds_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 17))
}

impl Default for OwnMetrics {
    fn default() -> Self {
        Self {
            lag: seconds_histogram(),
            overruns: Counter::default(),
            commit_seconds: seconds_histogram(),
            commit_failures: Counter::default(),
            state_seq: Gauge::default(),
            state_durable: Gauge::default(),
            task_panics: Counter::default(),
            reload_successful: Gauge::default(),
            reload_success_seconds: Gauge::default(),
            services: Gauge::default(),
            history_dropped: Gauge::default(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("oes");
        let metrics = Self {
            registry: Arc::default(),
            probes: Family::default(),
            failures: Family::default(),
            durations: Family::new_with_constructor(seconds_histogram),
            violations: Family::default(),
            script_gauges: Arc::default(),
            notifier: NotifierMetrics::default(),
            own: OwnMetrics::default(),
        };
        metrics.register_services(&mut registry);
        metrics.notifier.register(&mut registry);
        metrics.own.register(&mut registry);
        Self {
            registry: Arc::new(registry),
            ..metrics
        }
    }
}

impl Metrics {
    fn register_services(&self, registry: &mut Registry) {
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
        registry.register(
            "violations",
            "Rules that services break now: always 1, absent when kept",
            self.violations.clone(),
        );
        registry.register_collector(Box::new(Arc::clone(&self.script_gauges)));
    }

    /// Counts one probe of a service.
    pub fn probed(&self, counters: &ServiceCounters, outcome: Outcome, timings: &Timings) {
        counters.count(self, outcome);
        for (phase, spent) in timings.present() {
            self.phase(phase).observe(spent.as_secs_f64());
        }
        self.own.lag.observe(timings.lag.as_secs_f64());
    }

    fn phase(&self, phase: Phase) -> Histogram {
        self.durations.get_or_create_owned(&PhaseLabels {
            phase: phase.as_str(),
        })
    }

    /// Counts one probe that got no usable response.
    pub fn failed(&self, kind: FailureKind) {
        self.failures
            .get_or_create(&FailureLabels {
                kind: kind.as_str(),
            })
            .inc();
    }

    /// Sets a gauge that a script reports for a service; its name becomes `oes_script_NAME`.
    pub fn script_gauge(&self, service: &ServiceName, name: &str, value: f64) {
        self.script_gauges.set(name, service, value);
    }

    /// Counts one try of a channel by how it ended.
    pub fn attempted(&self, channel: &ChannelName, result: &'static str) {
        let channel = channel.to_string();
        self.notifier
            .attempts
            .get_or_create(&AttemptLabels { channel, result })
            .inc();
    }

    /// Forgets everything labelled with a service that is no longer watched.
    pub fn forget(&self, service: &ServiceName) {
        for outcome in Outcome::ALL {
            let outcome = outcome.as_str();
            self.probes.remove(&ProbeLabels {
                service: service.to_string(),
                outcome,
            });
        }
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

/// How much one channel is owed.
#[derive(Debug, Clone)]
pub struct ChannelOwed {
    /// The channel.
    pub channel: ChannelName,
    /// Messages that it must still take.
    pub messages: usize,
    /// Since when the oldest of them is owed.
    pub oldest: Option<Timestamp>,
}

impl NotifierMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "notify_owed",
            "Messages that a channel must still take",
            self.owed.clone(),
        );
        registry.register_with_unit(
            "notify_oldest_owed",
            "Age of the oldest message that a channel must still take",
            Unit::Seconds,
            self.oldest_owed.clone(),
        );
        registry.register(
            "channel_up",
            "1 unless the channel is failing or disabled",
            self.up.clone(),
        );
        registry.register(
            "notify_attempts",
            "Tries to deliver a message, by channel and how they ended",
            self.attempts.clone(),
        );
        registry.register(
            "notify_dead_letters",
            "Messages that no try could deliver and that are kept for a person",
            self.dead_letters.clone(),
        );
    }

    fn refresh(&self, ledger: &Ledger, owed: &[ChannelOwed], now: Timestamp) {
        for family in [&self.owed, &self.up] {
            family.clear();
        }
        self.oldest_owed.clear();
        for one in owed {
            let labels = ChannelLabels {
                channel: one.channel.to_string(),
            };
            let age = one
                .oldest
                .map_or(Duration::ZERO, |oldest| since(oldest, now));
            let state = ledger.channels.get(&one.channel);
            let up = state.is_none_or(|state| state.disabled.is_none() && state.failures == 0);
            self.owed
                .get_or_create(&labels)
                .set(i64::try_from(one.messages).unwrap_or(i64::MAX));
            self.oldest_owed
                .get_or_create(&labels)
                .set(age.as_secs_f64());
            self.up.get_or_create(&labels).set(i64::from(up));
        }
        self.dead_letters
            .set(i64::try_from(ledger.dead_letters.len()).unwrap_or(i64::MAX));
    }
}

impl OwnMetrics {
    fn register(&self, registry: &mut Registry) {
        let seconds = Unit::Seconds;
        registry.register_with_unit(
            "probe_lag",
            "How late probes began after they were due",
            seconds.clone(),
            self.lag.clone(),
        );
        registry.register(
            "probe_overruns",
            "Probes that were still running when their next one was due",
            self.overruns.clone(),
        );
        registry.register_with_unit(
            "state_commit",
            "Time of one commit of the state file",
            seconds.clone(),
            self.commit_seconds.clone(),
        );
        registry.register(
            "state_commit_failures",
            "Commits of the state file that failed",
            self.commit_failures.clone(),
        );
        registry.register(
            "state_seq",
            "Sequence number of the state file",
            self.state_seq.clone(),
        );
        registry.register(
            "state_durable",
            "1 while everything announced is on disk, 0 after a failed commit",
            self.state_durable.clone(),
        );
        registry.register(
            "task_panics",
            "Tasks that panicked and were restarted",
            self.task_panics.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "1 if the last reload of the ops config was accepted",
            self.reload_successful.clone(),
        );
        registry.register_with_unit(
            "config_last_reload_success_timestamp",
            "When an ops config was last accepted, in Unix time",
            seconds,
            self.reload_success_seconds.clone(),
        );
        registry.register(
            "services",
            "Services that are watched",
            self.services.clone(),
        );
        registry.register(
            "history_dropped_rows",
            "Rows that the history database could not take",
            self.history_dropped.clone(),
        );
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

    fn count(&self, metrics: &Metrics, outcome: Outcome) {
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

#[cfg(test)]
mod tests {
    use super::*;

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
