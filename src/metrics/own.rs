//! What the daemon counts of itself.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::exports::ExportMetrics;
use super::seconds_histogram;
use super::text::{Kind, Text, label};
use crate::model::incident::Ledger;

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
    /// 1 while room is kept for a full disk.
    pub state_room: Gauge,
    /// Tasks that panicked and were restarted.
    pub task_panics: Counter,
    /// 1 if the last reload of the ops config was accepted.
    pub reload_successful: Gauge,
    /// When the last reload was accepted, in Unix seconds.
    pub reload_success_seconds: Gauge,
    /// Services that are watched.
    pub services: Gauge,
    /// Rows that the history database could not take.
    history_dropped: Counter,
    /// What is recorded for a backtest.
    pub recorder: RecorderMetrics,
    /// Exports to a collector.
    pub exports: ExportMetrics,
}

/// What is recorded for a backtest.
#[derive(Debug, Clone, Default)]
pub struct RecorderMetrics {
    written: Counter,
    dropped: Counter,
    bytes: Gauge,
}

impl RecorderMetrics {
    /// Sets how many probes were written, how many were not, and the bytes that all take.
    pub fn set(&self, [written, dropped, bytes]: [u64; 3]) {
        count_up_to(&self.written, written);
        count_up_to(&self.dropped, dropped);
        self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "recorder_written_probes",
            "Probes that were recorded since the start",
            self.written.clone(),
        );
        registry.register(
            "recorder_dropped_probes",
            "Probes of recorded services that could not be recorded since the start",
            self.dropped.clone(),
        );
        registry.register_with_unit(
            "recorder_size",
            "What all recordings take, compressed",
            Unit::Bytes,
            self.bytes.clone(),
        );
    }
}

/// Brings a counter to what somebody else has counted since the start.
fn count_up_to(counter: &Counter, number: u64) {
    counter.inner().fetch_max(number, Ordering::Relaxed);
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
            state_room: Gauge::default(),
            task_panics: Counter::default(),
            reload_successful: Gauge::default(),
            reload_success_seconds: Gauge::default(),
            services: Gauge::default(),
            history_dropped: Counter::default(),
            recorder: RecorderMetrics::default(),
            exports: ExportMetrics::default(),
        }
    }
}

impl OwnMetrics {
    /// Says that an ops config was accepted at a second of Unix time.
    pub fn accepted(&self, second: i64) {
        self.reload_successful.set(1);
        self.reload_success_seconds.set(second);
    }

    /// Says how many rows the history could not take since the start.
    pub fn history_dropped(&self, rows: u64) {
        count_up_to(&self.history_dropped, rows);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
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
            "state_room",
            "1 while room is kept on the disk for the state file, 0 while the disk is full",
            self.state_room.clone(),
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
            "Rows that the history database could not take since the start",
            self.history_dropped.clone(),
        );
        self.recorder.register(registry);
        self.exports.register(registry);
    }
}

/// Writes what follows from the program and the ledger.
pub(super) fn write(text: &mut Text<'_>, ledger: &Ledger) {
    let name = "oes_build_info";
    text.family(name, Kind::Gauge, "The program: always 1");
    let version = label("version", env!("CARGO_PKG_VERSION"));
    text.sample(name, &version, "", 1_u64.into());
    let name = "oes_incidents_open";
    let help = "Incidents that are open, by whether somebody has taken them on";
    text.family(name, Kind::Gauge, help);
    let open = || ledger.incidents.values().filter(|one| one.is_open());
    let taken = open().filter(|one| one.ack.is_some()).count();
    for (acknowledged, number) in [("false", open().count() - taken), ("true", taken)] {
        let acknowledged = label("acknowledged", acknowledged);
        text.sample(name, &acknowledged, "", number.into());
    }
}
