//! What OES counts, in the texts of Prometheus. Names and labels are declared here and nowhere else; labels come from the
//! ops config or from closed sets, never from response data.

mod blackbox;
mod exports;
mod muted;
mod notifier;
pub mod otlp;
mod own;
mod probes;
mod process;
mod script_gauges;
mod script_runs;
mod services;
mod text;
mod workers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::model::exchange::Timings;
use crate::model::incident::Ledger;
use crate::model::judgement::Outcome;
use crate::model::observation::Observation;
use crate::model::service::{ChannelName, ServiceName};
use crate::policy::mute::Muted;

pub use blackbox::{Late, probe_page, probe_page_late};
pub use exports::ExportMetrics;
pub use notifier::ChannelOwed;
pub use own::OwnMetrics;
pub use services::{ServiceCounters, Shown};
pub use text::{Format, Give};
pub use workers::{WorkerMetrics, Workers};

use notifier::NotifierMetrics;
use probes::ProbeMetrics;
use script_gauges::ScriptGauges;
use script_runs::ScriptRuns;
use services::Services;
use text::Text;

/// A gauge of seconds or of a share.
pub type FloatGauge = Gauge<f64, std::sync::atomic::AtomicU64>;

/// Everything that OES counts. Clones share.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    services: Services,
    probes: ProbeMetrics,
    script_gauges: Arc<ScriptGauges>,
    script_runs: ScriptRuns,
    notifier: NotifierMetrics,
    /// The processes that scripts run in.
    pub workers: WorkerMetrics,
    /// What the daemon counts of itself.
    pub own: OwnMetrics,
    /// Held while gauges that follow from a scene are set and told.
    writing: Arc<Mutex<()>>,
}

/// What a page tells besides what was counted.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The services that are watched, in order.
    pub services: &'a [Shown],
    /// Incidents and deliveries.
    pub ledger: &'a Ledger,
    /// What each channel is owed.
    pub owed: &'a [ChannelOwed],
    /// What is muted.
    pub muted: &'a Muted,
    /// The worker processes, where there are any.
    pub workers: Option<&'a Workers>,
    /// Scripts that are set aside.
    pub suspended: usize,
    /// The time.
    pub now: Timestamp,
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
            services: Services::default(),
            probes: ProbeMetrics::default(),
            script_gauges: Arc::default(),
            script_runs: ScriptRuns::default(),
            notifier: NotifierMetrics::default(),
            workers: WorkerMetrics::default(),
            own: OwnMetrics::default(),
            writing: Arc::default(),
        };
        metrics.own.register(&mut registry);
        metrics.probes.register(&mut registry);
        metrics.notifier.register(&mut registry);
        metrics.workers.register(&mut registry);
        metrics.script_runs.register(&mut registry);
        registry.register_collector(Box::new(Arc::clone(&metrics.script_gauges)));
        Self {
            registry: Arc::new(registry),
            ..metrics
        }
    }
}

impl Metrics {
    /// Returns the counters of a service, looked up once so that a probe costs no look-up.
    pub fn service(&self, service: &ServiceName) -> Arc<ServiceCounters> {
        self.services.of(service)
    }

    /// Counts one probe of a service.
    pub fn probed(&self, counters: &ServiceCounters, observation: &Observation) {
        counters.count(observation.judgement.outcome, observation.latency());
        let exchange = observation.exchange.as_ref();
        let timings = exchange.map_or_else(Timings::default, |exchange| exchange.timings);
        self.probes.timed(&timings);
        // What reports by itself is never due.
        if observation.beat.is_none() {
            self.own.lag.observe(timings.lag.as_secs_f64());
        }
        if let Some(Err(failure)) = exchange.map(|exchange| &exchange.result) {
            self.probes.failed(failure.kind);
        }
        self.script_runs.judged(&observation.judgement);
    }

    /// Sets a gauge that a script reports for a service; its name becomes `oes_script_NAME`.
    pub fn script_gauge(&self, service: &ServiceName, name: &str, value: f64) {
        self.script_gauges.set(name, service, value);
    }

    /// Tells of a channel from now on, how its tries may end as well: a count that begins at 0 is seen to grow.
    pub fn channel(&self, channel: &ChannelName, results: &[&'static str]) {
        self.notifier.begin(channel, results);
    }

    /// Counts one try of a channel: how it ended, and how long it took.
    pub fn attempted(&self, channel: &ChannelName, result: &'static str, took: Duration) {
        self.notifier.attempted(channel, result, took);
    }

    /// Notes that a channel has taken a message so long after what it tells.
    pub fn delivered(&self, channel: &ChannelName, delay: Duration) {
        self.notifier.delivered(channel, delay);
    }

    /// Has the counters of a service go on under another name.
    pub fn rename(&self, old: &ServiceName, new: &ServiceName) {
        self.services.rename(old, new);
    }

    /// Forgets the counters of a service that is no longer watched.
    pub fn forget(&self, service: &ServiceName) {
        self.services.forget(service);
    }

    /// Returns how many probes of all services ended how.
    pub fn outcomes(&self) -> BTreeMap<Outcome, u64> {
        self.services.outcomes()
    }

    /// Returns what was counted besides services, in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail; a short text would be noticed by its missing end mark.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
    }

    /// Gives away, piece by piece, everything that is told on `/metrics`; tells whether all of it was taken. Takes a while
    /// with many services: call it where nobody waits.
    pub fn page(&self, format: Format, scene: &Scene<'_>, give: Give<'_>) -> bool {
        let mut text = Text::new(format, give);
        text.registry(&self.registry_of(scene));
        own::write(&mut text, scene.ledger);
        blackbox::write_reload(&mut text, self.own.reload_successful.get() == 1);
        process::write(&mut text);
        muted::write(&mut text, scene.ledger, scene.muted);
        self.services.write(&mut text, scene.services, scene.ledger);
        text.end()
    }

    /// Returns what the registry says of a scene, and of no other that is told at the same time.
    fn registry_of(&self, scene: &Scene<'_>) -> String {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.notifier.refresh(scene.ledger, scene.owed, scene.now);
        self.workers.refresh(scene.workers, scene.suspended);
        // A probe that was under way may have told of a service that is gone.
        let by_name = |name: &ServiceName| {
            let services = scene.services;
            services.binary_search_by(|(service, _)| service.name.cmp(name))
        };
        self.script_gauges.keep(|name| by_name(name).is_ok());
        self.encode()
    }
}
