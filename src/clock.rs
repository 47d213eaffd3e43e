//! The only place that reads the wall clock. Everything else is handed a time.

use jiff::Timestamp;
use tokio::time::Instant;

/// A source of wall time.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// The machine's clock; follows its jumps.
    System,
    /// Wall time derived from tokio's clock, so that a test which pauses and advances that clock moves this one too.
    Anchored {
        /// Wall time at `at`.
        start: Timestamp,
        /// The moment on tokio's clock that `start` belongs to.
        at: Instant,
    },
}

impl Clock {
    /// Returns a clock that reads `start` now and advances with tokio's clock.
    pub fn anchored(start: Timestamp) -> Self {
        Self::Anchored {
            start,
            at: Instant::now(),
        }
    }

    /// Returns the present wall time.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Anchored { start, at } => start.saturating_add(at.elapsed()).unwrap_or(*start),
        }
    }
}
