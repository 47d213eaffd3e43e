//! When to look again after an outcome that disagrees with the present state.

use std::time::Duration;

use crate::model::judgement::Outcome;

/// What an outcome disagrees with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Series {
    /// It failed, and the service counts as up.
    Failing,
    /// It is good, and the service counts as down.
    Recovering,
    /// The matcher broke, and counts as sound.
    Breaking,
}

/// Whether an outcome disagrees with the present state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disagreement {
    /// It does.
    Yes(Series),
    /// It does not.
    No,
    /// It says nothing.
    Mute,
}

/// Holds an outcome against what is open after it.
pub(super) fn disagreement(outcome: Outcome, error_open: bool, matcher_open: bool) -> Disagreement {
    match outcome {
        Outcome::Unknown => Disagreement::Mute,
        Outcome::Fail if !error_open => Disagreement::Yes(Series::Failing),
        Outcome::Pass | Outcome::Warn if error_open => Disagreement::Yes(Series::Recovering),
        Outcome::Error if !matcher_open => Disagreement::Yes(Series::Breaking),
        _ => Disagreement::No,
    }
}

/// Where in its delays a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Confirm {
    running: Option<Series>,
    used: usize,
    next: Option<Duration>,
}

impl Confirm {
    /// Takes one probe in.
    pub(super) fn observe(
        &mut self,
        disagreement: Disagreement,
        delays: &[Duration],
        interval: Duration,
    ) {
        let running = match disagreement {
            Disagreement::Yes(series) => Some(series),
            Disagreement::No => None,
            Disagreement::Mute => self.running,
        };
        if running != self.running {
            self.used = 0;
        }
        self.running = running;
        let delay = match running {
            None => None,
            Some(Series::Recovering) => delays.get(self.used).or(delays.last()),
            Some(Series::Failing | Series::Breaking) => delays.get(self.used),
        };
        self.used = self.used.saturating_add(1).min(delays.len());
        self.next = delay.copied().filter(|delay| *delay < interval);
    }

    /// Returns the delay after the newest probe.
    pub(super) fn next(self) -> Option<Duration> {
        self.next
    }
}
