//! The state of one service: which rules it breaks now, and when to look again.
//!
//! What opens and what closes each violation:
//!
//! | violation | opens | closes |
//! | --- | --- | --- |
//! | `error` | on a failed probe, once the failed ones among the last N are more than threshold · N | the last two counted probes are good and the failed ones are at most half of threshold · N |
//! | `latency` | the trigger's value is above the limit | the value is at most 90 % of the limit, or was within the limit for a whole window of measured probes |
//! | `matcher` | the second outcome `error` with no judged probe in between | the first judged probe |
//! | `unknown` | outcome `unknown`, and nothing else for `unknown_after` | the first outcome that is not `unknown` |
//! | `flapping` | `error` is open and half of the last verdicts differ from the one before | at most a quarter does |
//! | `heartbeat` | a beat is late, or says that the job failed | a good beat |
//! | named | a script that did not break names it | the next judged probe does not name it, provided that a script ran or the probe is good |
//!
//! A judged probe is one whose outcome counts: pass, warn, fail. Time in which nobody looked (OES was down, the
//! machine slept) does not count towards `unknown_after`.
//!
//! After an outcome that disagrees with the present state the service is looked at again soon: a failed probe while
//! `error` is closed, a good one while it is open, a broken matcher while `matcher` is closed. The delays of `confirm`
//! are used in order and then the interval again; on the way back from an outage the last delay is repeated until
//! `error` closes, so that a recovery is seen as soon as an outage and does not take a window full of intervals. An
//! `unknown` outcome in between goes on with the next delay. A delay that is not shorter than the interval is not
//! used: the regular probe comes first.

mod causes;
mod change;
mod confirm;
mod flaps;
mod held;
mod judge;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use self::causes::Causes;
pub use self::change::{Change, Opened};
use self::confirm::Confirm;
use self::flaps::Flaps;
use self::judge::Finding;
pub use self::rules::Rules;
use super::reason::reason;
use super::trigger::{self, Reading};
use super::window::Window;
use crate::model::duration::{after, since};
use crate::model::glance::WindowNumbers;
use crate::model::incident::Reason;
use crate::model::judgement::{Judgement, Outcome};
use crate::model::violation::{Sample, Violation};

/// How many violations scripts can hold open for one service; further names are dropped.
pub const NAMED_MAX: usize = 16;
/// Two looks further apart than this many intervals have a gap between them in which nobody looked.
const GAP_INTERVALS: u32 = 3;

/// What is known of a service from before the start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Restored {
    /// The newest samples, oldest first.
    pub samples: Vec<Sample>,
    /// The violations that are open, with the reason last given.
    pub open: Vec<(Violation, Reason)>,
    /// The last good probe; absent if there never was one.
    pub last_good: Option<Timestamp>,
    /// Since when every outcome is `unknown`.
    pub unknown_since: Option<Timestamp>,
}

/// The state machine of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    rules: Rules,
    window: Window,
    open: BTreeMap<Violation, Mark>,
    last_good: Option<Timestamp>,
    last_at: Option<Timestamp>,
    unknown_since: Option<Timestamp>,
    broken_since: Option<Timestamp>,
    broken: u32,
    good: u32,
    within_limit: usize,
    confirm: Confirm,
    flaps: Flaps,
    causes: Causes,
}

/// What a reason last said, to tell whether it says something else now.
type Mark = (Option<Arc<str>>, Option<String>);

impl Watch {
    /// Returns the watch of a service with what is known of it. Open violations that the rules no longer watch are
    /// dropped; the ledger has its own way to end them ([`super::ledger::unwatch`]).
    pub fn new(rules: Rules, restored: Restored) -> Self {
        let mut watch = Self {
            window: window(&rules),
            confirm: Confirm::default(),
            flaps: Flaps::default(),
            causes: Causes::default(),
            open: BTreeMap::new(),
            last_good: restored.last_good,
            last_at: None,
            unknown_since: None,
            broken_since: None,
            broken: 0,
            good: 0,
            within_limit: 0,
            rules,
        };
        for sample in &restored.samples {
            watch.remember(sample);
        }
        // The samples know of gaps in which nobody looked, but may not reach back to the first `unknown`.
        let oldest = restored.samples.first().map(|sample| sample.at);
        if oldest.is_none()
            || watch
                .unknown_since
                .is_some_and(|began| Some(began) == oldest)
        {
            watch.unknown_since = restored.unknown_since;
        }
        watch.hold_open(restored.open);
        watch
    }

    /// Goes on after a fault, with the violations that the ledger holds open: what the last probe changed may not have
    /// been told.
    pub fn resume(&mut self, open: Vec<(Violation, Reason)>) {
        self.confirm = Confirm::default();
        self.open.clear();
        self.hold_open(open);
    }

    fn hold_open(&mut self, open: Vec<(Violation, Reason)>) {
        for (violation, reason) in open {
            if self.rules.watches(&violation) {
                self.causes.restore(&violation, &reason);
                self.open.insert(violation, mark(&reason));
            }
        }
    }

    /// Goes on with other rules, keeping everything known. Returns the open violations that are no longer watched.
    pub fn reconfigure(&mut self, rules: Rules) -> Vec<Violation> {
        let mut window = window(&rules);
        let old = std::mem::replace(&mut self.window, window.clone());
        for sample in merged(&old) {
            window.push(sample);
        }
        self.window = window;
        self.rules = rules;
        self.confirm = Confirm::default();
        self.within_limit = 0;
        let gone: Vec<Violation> = self
            .open
            .keys()
            .filter(|violation| !self.rules.watches(violation))
            .cloned()
            .collect();
        self.open.retain(|violation, _| !gone.contains(violation));
        gone
    }

    /// Takes one probe in, and returns what it changed, in the order error, latency, matcher, unknown,
    /// flapping, heartbeat, named.
    ///
    /// `exchange` is written only where something changed.
    pub fn observe(
        &mut self,
        sample: &Sample,
        judgement: &Judgement,
        exchange: &dyn fmt::Display,
    ) -> Vec<Change> {
        let last_good = self.last_good;
        self.remember(sample);
        let mut changes = Vec::new();
        for (violation, finding) in self.findings(sample, judgement) {
            let seen = Seen {
                judgement,
                exchange,
                last_good,
            };
            changes.extend(self.turn(violation, finding, &seen));
        }
        let open = self.open.keys();
        let open = open.filter(|violation| **violation != Violation::Error);
        // What most failed probes found is asked when `error` opens, and so is noted before.
        let all = open.chain(std::iter::once(&Violation::Error));
        self.causes.note(sample.at, judgement, all);
        let open = &self.open;
        let is_open = |violation: &Violation| open.contains_key(violation);
        self.causes.forget(&self.window, is_open);
        let disagreement = confirm::disagreement(
            sample.outcome,
            self.is_open(&Violation::Error),
            self.is_open(&Violation::Matcher),
        );
        self.confirm
            .observe(disagreement, &self.rules.confirm, self.rules.interval);
        changes
    }

    /// Returns after which delay to look again, absent if the next regular probe is soon enough.
    pub fn next_confirm(&self) -> Option<Duration> {
        self.confirm.next()
    }

    /// Tells whether a violation is open.
    pub fn is_open(&self, violation: &Violation) -> bool {
        self.open.contains_key(violation)
    }

    /// Returns the open violations in the order of the state file.
    pub fn open(&self) -> impl Iterator<Item = &Violation> {
        self.open.keys()
    }

    /// Returns the last good probe, absent if there never was one.
    pub fn last_good(&self) -> Option<Timestamp> {
        self.last_good
    }

    /// Returns since when every outcome is `unknown`, to be kept over a restart.
    pub fn unknown_since(&self) -> Option<Timestamp> {
        self.unknown_since
    }

    /// Returns the window.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Returns what the latency trigger reads now, absent without one or with too few points.
    pub fn latency(&self) -> Option<Reading> {
        trigger::read(self.rules.latency.as_ref()?, &self.window.latencies())
    }

    /// Returns the numbers that the rules look at.
    pub fn numbers(&self) -> WindowNumbers {
        WindowNumbers {
            counted: self.window.counted().len(),
            failed: self.window.failed(),
            failing: self.window.failing(),
            size: self.rules.error.window.max(1),
            threshold: self.rules.error.threshold,
            latency: self.latency().map(|reading| reading.value),
            latency_limit: self.rules.latency.map(|rule| rule.limit),
        }
    }

    /// Returns when `unknown` will open if every outcome until then is `unknown`; absent while judged.
    pub fn unknown_due(&self) -> Option<Timestamp> {
        Some(after(self.unknown_since?, self.rules.unknown_after))
    }

    fn remember(&mut self, sample: &Sample) {
        let patience = (self.rules.interval * GAP_INTERVALS).saturating_add(self.rules.timeout);
        let unseen = self
            .last_at
            .is_none_or(|last| sample.at < last || since(last, sample.at) > patience);
        self.last_at = Some(sample.at);
        self.window.push(sample);
        if sample.outcome.counts() {
            self.broken = 0;
            self.broken_since = None;
            self.flaps.push(sample.outcome.is_good());
            self.good = if sample.outcome.is_good() {
                self.last_good = Some(sample.at);
                self.good.saturating_add(1)
            } else {
                0
            };
        }
        if sample.outcome == Outcome::Error {
            self.broken = self.broken.saturating_add(1);
            self.broken_since.get_or_insert(sample.at);
        }
        self.unknown_since = match (sample.outcome, self.unknown_since) {
            (Outcome::Unknown, Some(since)) if !unseen => Some(since),
            (Outcome::Unknown, _) => Some(sample.at),
            _ => None,
        };
    }

    fn turn(&mut self, violation: Violation, finding: Finding, seen: &Seen<'_>) -> Option<Change> {
        match finding {
            Finding::Unclear => None,
            Finding::Kept(rule) => {
                self.open.remove(&violation)?;
                let samples = self.samples(&violation).cloned().collect();
                Some(Change::Closed {
                    violation,
                    rule,
                    samples,
                })
            }
            Finding::Broken(began, rule) => {
                let reason = self.reason(&violation, rule, seen);
                let mark = mark(&reason);
                if let Some(known) = self.open.get_mut(&violation) {
                    // One finding among many others is no new cause of an outage.
                    let of_outage = violation == Violation::Error;
                    let is_new = !of_outage
                        || causes::main(&self.window, known.0.as_ref()) == mark.0
                        || known.0.is_none();
                    if *known == mark || !is_new {
                        return None;
                    }
                    *known = mark;
                    return Some(Change::Updated { violation, reason });
                }
                if matches!(violation, Violation::Named(_)) && self.named_open() >= NAMED_MAX {
                    return None;
                }
                self.open.insert(violation.clone(), mark);
                Some(Change::Opened(Opened {
                    since: began,
                    last_good: seen.last_good,
                    reason,
                    violation,
                }))
            }
        }
    }

    fn reason(&self, violation: &Violation, rule: String, seen: &Seen<'_>) -> Reason {
        reason(
            rule,
            violation,
            seen.judgement,
            seen.exchange,
            self.samples(violation),
        )
    }

    /// Returns the samples that the rule of a violation sees, oldest first.
    fn samples(&self, violation: &Violation) -> impl Iterator<Item = &Sample> {
        let latency = *violation == Violation::Latency;
        let (measured, counted) = (self.window.measured(), self.window.counted());
        let measured = measured.filter(move |_| latency);
        measured.chain(counted.filter(move |_| !latency))
    }

    fn named_open(&self) -> usize {
        let named = |violation: &&Violation| matches!(violation, Violation::Named(_));
        self.open.keys().filter(named).count()
    }
}

/// What a turn needs of the newest probe.
struct Seen<'a> {
    judgement: &'a Judgement,
    exchange: &'a dyn fmt::Display,
    last_good: Option<Timestamp>,
}

fn window(rules: &Rules) -> Window {
    let measured = rules.latency.map_or(0, |rule| rule.window);
    Window::new(rules.error.window, measured)
}

fn mark(reason: &Reason) -> Mark {
    (reason.code.clone(), reason.path.clone())
}

/// Returns the samples of both halves of a window once each, oldest first.
fn merged(window: &Window) -> Vec<&Sample> {
    let oldest_counted = window.counted().next().map(|sample| sample.at);
    let mut samples: Vec<&Sample> = window
        .measured()
        .filter(|sample| oldest_counted.is_none_or(|oldest| sample.at < oldest))
        .collect();
    samples.extend(window.counted());
    samples
}
