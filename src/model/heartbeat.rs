//! A service that is not asked but reports: a job that sends a beat whenever it has run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::duration::{Shown, after};
use super::maintenance::Cron;
use super::secret::Secret;

/// A beat that comes so much before its moment is the one for it: clocks differ.
const EARLY: Duration = Duration::from_secs(30);

/// What is expected of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Heartbeat {
    /// When a beat is expected.
    pub rhythm: Rhythm,
    /// How much later it may come.
    pub grace: Duration,
    /// How long a run may take from its reported beginning to its end; absent for any time.
    pub run_max: Option<Duration>,
    /// What the job shows.
    pub token: Secret,
}

/// When beats are expected.
#[derive(Debug, Clone, PartialEq)]
pub enum Rhythm {
    /// So long after the one before.
    Every(Duration),
    /// At the moments of a cron expression.
    Cron(Cron),
}

impl Rhythm {
    /// Returns when a beat is expected after one that came at `last`; absent if a cron expression has no more moments.
    pub fn next(&self, last: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(period) => Some(after(last, *period)),
            Self::Cron(cron) => cron.next(after(last, EARLY)),
        }
    }

    /// Returns in words when a beat was expected that has not come since one at `last`: of a cron expression, which says
    /// little to who is woken, the moment.
    pub fn missed(&self, last: Timestamp) -> String {
        match (self, self.next(last)) {
            (Self::Cron(_), Some(at)) => {
                format!("was expected at {}", shown(at))
            }
            _ => format!("is expected {self}"),
        }
    }
}

/// Returns a moment as findings of jobs show it.
pub fn shown(at: Timestamp) -> impl fmt::Display {
    at.strftime("%Y-%m-%d %H:%M:%S UTC")
}

/// Writes `every 24 h`, or `at 0 3 * * *`.
impl fmt::Display for Rhythm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(period) => write!(f, "every {}", Shown(*period)),
            Self::Cron(cron) => write!(f, "at {cron}"),
        }
    }
}

/// What a job reports of one of its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which run it is of, where the job tells them apart.
    pub run: Option<RunId>,
    /// What became of it.
    pub said: Said,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It begins.
    Begun,
    /// It ended well.
    Done,
    /// It failed.
    Failed {
        /// Its exit status, where it says one.
        exit: Option<u8>,
        /// The last line of what it says, may be empty.
        text: String,
    },
}

/// What tells a run from others of the same job that are under way at the same time: a word of the job's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(Arc<str>);

impl RunId {
    /// It has at most so many characters.
    pub const CHARS_MAX: usize = 64;

    /// Returns a word as one; absent if it is empty, too long, or has spaces or anything else that is no character of ASCII
    /// which can be seen.
    pub fn new(word: &str) -> Option<Self> {
        let fits = (1..=Self::CHARS_MAX).contains(&word.len());
        let is_one = fits && word.bytes().all(|byte| byte.is_ascii_graphic());
        is_one.then(|| Self(word.into()))
    }

    /// Returns the word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A beat, or that there is none, as a message shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// How long the run took, where its beginning was reported.
    pub took: Option<Duration>,
    /// In words.
    pub words: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_that_was_missed_is_named_by_its_moment() {
        let last = "2026-11-01T03:05:00Z".parse().unwrap();
        let nightly = Rhythm::Cron(Cron::parse("0 3 * * *", "Europe/Berlin").unwrap());
        assert_eq!(
            nightly.missed(last),
            "was expected at 2026-11-02 02:00:00 UTC"
        );
        let daily = Rhythm::Every(Duration::from_hours(24));
        assert_eq!(daily.missed(last), "is expected every 24 h");
    }
}
