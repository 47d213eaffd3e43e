//! Until when a beat may come that could not while OES was down.
//!
//! Before silence is held against a job, OES listened for the whole grace before the deadline. What it was down of that
//! puts the deadline off by as much, and no more: a grace that was used up while it listened stays used up, however often
//! it starts anew. So it is written down until when it listened, while any deadline is that near, a little ahead of time:
//! a process that is killed leaves no word.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::duration::{after, before, since};

/// It is noted so many times in a grace that beats are heard, …
const NOTES: u32 = 60;
/// … no more often than this …
const NOTE_MIN: Duration = Duration::from_secs(1);
/// … and at least this often.
const NOTE_MAX: Duration = Duration::from_secs(10);

/// What is known of when beats are heard, for deadlines that are near.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// Until when they are; absent while no deadline is near.
    pub until: Option<Timestamp>,
    /// Until when what was due at a moment may come, where that was put off.
    pub put_off: BTreeMap<Timestamp, Timestamp>,
}

impl Heard {
    /// Returns until when what is due at a moment may come.
    pub(super) fn due(&self, deadline: Timestamp) -> Timestamp {
        self.put_off.get(&deadline).copied().unwrap_or(deadline)
    }

    /// Listens again, of all that is waited for.
    pub(super) fn resume(&mut self, deadlines: &[Timestamp], grace: Duration, now: Timestamp) {
        let put_off = deadlines.iter().filter_map(|deadline| {
            let due = self.due(*deadline);
            let missed = match self.until {
                Some(until) if due <= until => Duration::ZERO,
                until => since(until.unwrap_or(Timestamp::MIN).max(before(due, grace)), now),
            };
            let later = after(due, missed);
            (later != *deadline).then_some((*deadline, later))
        });
        self.put_off = put_off.collect();
        self.until = None;
    }

    /// Notes that beats are heard, where a deadline of all that is waited for is so near that silence counts. Forgets what
    /// is waited for no longer.
    pub(super) fn note(&mut self, deadlines: &[Timestamp], grace: Duration, now: Timestamp) {
        self.put_off.retain(|one, _| deadlines.contains(one));
        if self.near(deadlines, grace).is_none_or(|near| now < near) {
            self.until = None;
        } else if self.until.is_none_or(|until| until <= now) {
            self.until = Some(after(now, (grace / NOTES).clamp(NOTE_MIN, NOTE_MAX)));
        }
    }

    /// Notes that beats are heard until now and no longer.
    pub(super) fn stop(&mut self, now: Timestamp) {
        self.until = self.until.map(|until| until.min(now));
    }

    /// Returns when to note next that beats are heard.
    pub(super) fn note_at(&self, deadlines: &[Timestamp], grace: Duration) -> Option<Timestamp> {
        self.until.or_else(|| self.near(deadlines, grace))
    }

    /// Returns from when on silence counts for any deadline.
    fn near(&self, deadlines: &[Timestamp], grace: Duration) -> Option<Timestamp> {
        let from = |deadline: &Timestamp| before(self.due(*deadline), grace);
        deadlines.iter().map(from).min()
    }
}
