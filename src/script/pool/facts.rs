//! What is known of worker processes, and what somebody should be told of them.

use std::sync::Arc;
use std::time::Duration;

/// What is known of the worker processes of a pool.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkerFacts {
    /// Processes without work.
    pub idle: usize,
    /// Processes at work.
    pub busy: usize,
    /// Processes started so far.
    pub started: u64,
    /// Processes that ended before their time, by reason: `died`, `overdue`, `grown`.
    pub ended: Vec<(&'static str, u64)>,
    /// Resident bytes of the idle processes.
    pub resident_bytes: u64,
    /// Runs whose round trip was measured.
    pub round_trips: u64,
    /// Time of all of these besides what the script itself and its requests took.
    pub round_trip_time: Duration,
}

/// What somebody should be told of a worker process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkerNews {
    /// One ended while it had nothing to do.
    EndedIdle {
        /// How: `signal 9`.
        how: String,
    },
    /// One that had been idle broke under a run, which was done once more in another.
    Repeated {
        /// The script.
        script: Arc<str>,
        /// How it broke.
        how: String,
    },
}
