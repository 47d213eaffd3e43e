//! The processes that scripts run in.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// What is counted of worker processes.
#[derive(Debug, Clone, Default)]
pub struct WorkerMetrics {
    processes: Family<StateLabels, Gauge>,
    resident: Gauge,
    started: Counter,
    ended: Family<ReasonLabels, Counter>,
    round_trips: Counter,
    round_trip_seconds: Counter<f64, AtomicU64>,
    suspended: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// What is known of the worker processes now.
#[derive(Debug, Clone, Default)]
pub struct Workers {
    /// Processes without work.
    pub idle: usize,
    /// Processes at work.
    pub busy: usize,
    /// Resident bytes of those without work.
    pub resident_bytes: u64,
    /// Processes started so far.
    pub started: u64,
    /// Processes that ended before their time, by reason.
    pub ended: Vec<(&'static str, u64)>,
    /// Runs so far.
    pub round_trips: u64,
    /// Time of these besides what the scripts and their requests took, in seconds.
    pub round_trip_seconds: f64,
}

impl WorkerMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "script_workers",
            "Processes that scripts run in; none where `sandbox = \"thread\"`",
            self.processes.clone(),
        );
        registry.register_with_unit(
            "script_workers_resident",
            "Memory of the worker processes that are idle",
            Unit::Bytes,
            self.resident.clone(),
        );
        registry.register(
            "script_workers_started",
            "Worker processes started",
            self.started.clone(),
        );
        registry.register(
            "script_workers_ended",
            "Worker processes that ended before their time: died, overdue, grown",
            self.ended.clone(),
        );
        registry.register(
            "script_round_trips",
            "Runs of scripts in worker processes",
            self.round_trips.clone(),
        );
        registry.register_with_unit(
            "script_round_trips",
            "Time of runs in worker processes besides what the script and its requests took",
            Unit::Seconds,
            self.round_trip_seconds.clone(),
        );
        registry.register(
            "scripts_suspended",
            "Versions of scripts that are set aside until their text changes",
            self.suspended.clone(),
        );
    }

    /// Brings the metrics in line with what is known now.
    pub(super) fn refresh(&self, workers: Option<&Workers>, suspended: usize) {
        self.suspended.set(count(suspended as u64));
        let Some(workers) = workers else { return };
        for (state, number) in [("idle", workers.idle), ("busy", workers.busy)] {
            self.processes
                .get_or_create(&StateLabels { state })
                .set(count(number as u64));
        }
        self.resident.set(count(workers.resident_bytes));
        let raise = |counter: &Counter, to: u64| counter.inner().store(to, Ordering::Relaxed);
        raise(&self.started, workers.started);
        for (reason, number) in &workers.ended {
            raise(&self.ended.get_or_create(&ReasonLabels { reason }), *number);
        }
        raise(&self.round_trips, workers.round_trips);
        let seconds = workers.round_trip_seconds.to_bits();
        self.round_trip_seconds
            .inner()
            .store(seconds, Ordering::Relaxed);
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
