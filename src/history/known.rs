//! What is known of a service from before the start.

use jiff::Timestamp;

use crate::model::incident::Reason;
use crate::model::judgement::{Memory, Outcome};
use crate::model::service::Service;
use crate::model::violation::{Sample, Violation};
use crate::policy::watch::{self, Rules, Watch};

/// What is known of a service from before the start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Restored {
    /// The newest samples, oldest first.
    pub samples: Vec<Sample>,
    /// What its scripts remember, without what has expired.
    pub memory: Memory,
    /// What it has been through.
    pub counters: Counters,
}

impl Restored {
    /// Returns how a service stands by what is known of it, with the violations that the ledger holds open.
    pub fn watch(self, service: &Service, open: Vec<(Violation, Reason)>) -> Watch {
        let restored = watch::Restored {
            samples: self.samples,
            open,
            last_good: self.counters.last_good,
            unknown_since: self.counters.unknown_since,
        };
        Watch::new(Rules::from(service), restored)
    }

    /// Returns this and what is known of the same service later.
    #[must_use]
    pub fn and_then(mut self, later: Self) -> Self {
        self.samples.extend(later.samples);
        self.memory.extend(later.memory);
        self.counters.merge(&later.counters);
        self
    }
}

/// What a service has been through since it was first seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// When it was first probed.
    pub first_seen: Option<Timestamp>,
    /// The last good probe; absent if there never was one.
    pub last_good: Option<Timestamp>,
    /// Since when every outcome is `unknown`; absent if the last one is not.
    pub unknown_since: Option<Timestamp>,
    /// Probes by outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; 5],
}

impl Counters {
    /// Returns how many probes there were.
    pub fn probes(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Returns how many probes had an outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome as usize).copied().unwrap_or(0)
    }

    /// Counts one probe, the newest.
    pub(super) fn add(&mut self, at: Timestamp, outcome: Outcome) {
        self.first_seen.get_or_insert(at);
        if let Some(count) = self.outcomes.get_mut(outcome as usize) {
            *count = count.saturating_add(1);
        }
        if outcome.is_good() {
            self.last_good = Some(at);
        }
        self.unknown_since = match outcome {
            Outcome::Unknown => self.unknown_since.or(Some(at)),
            _ => None,
        };
    }

    /// Adds what the same service was through under another name.
    pub fn merge(&mut self, other: &Self) {
        let earlier = self.first_seen.into_iter().chain(other.first_seen).min();
        self.first_seen = earlier;
        self.last_good = self.last_good.max(other.last_good);
        for (mine, theirs) in self.outcomes.iter_mut().zip(other.outcomes) {
            *mine = mine.saturating_add(theirs);
        }
    }
}
