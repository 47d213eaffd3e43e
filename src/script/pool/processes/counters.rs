//! What is counted of worker processes.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::script::pool::facts::WorkerFacts;

/// Why a worker process was ended before the pool was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It died.
    Died,
    /// It did not come back in time.
    Overdue,
    /// It held too much memory.
    Grown,
}

impl Ended {
    /// All reasons.
    const ALL: [Self; 3] = [Self::Died, Self::Overdue, Self::Grown];

    /// Returns the stable name.
    fn as_str(self) -> &'static str {
        match self {
            Self::Died => "died",
            Self::Overdue => "overdue",
            Self::Grown => "grown",
        }
    }
}

/// The counters behind [`WorkerFacts`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    busy: AtomicI64,
    started: AtomicU64,
    ended: [AtomicU64; 3],
    round_trips: AtomicU64,
    round_trip_ns: AtomicU64,
}

impl Counters {
    pub(super) fn started(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn busy(&self, more: i64) {
        self.busy.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, why: Ended) {
        let position = Ended::ALL.iter().position(|known| *known == why);
        if let Some(counter) = position.and_then(|position| self.ended.get(position)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn round_trip(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        self.round_trip_ns.fetch_add(time, Ordering::Relaxed);
    }

    pub(super) fn facts(&self, idle: usize, resident_bytes: u64) -> WorkerFacts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WorkerFacts {
            idle,
            busy: usize::try_from(self.busy.load(Ordering::Relaxed)).unwrap_or(0),
            started: read(&self.started),
            ended: Ended::ALL
                .iter()
                .zip(&self.ended)
                .map(|(why, counter)| (why.as_str(), read(counter)))
                .collect(),
            resident_bytes,
            round_trips: read(&self.round_trips),
            round_trip_time: Duration::from_nanos(read(&self.round_trip_ns)),
        }
    }
}
