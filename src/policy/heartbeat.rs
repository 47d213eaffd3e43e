//! When a job that reports is late, and what its reports say.
//!
//! A beat is expected by the [`Rhythm`](crate::model::heartbeat::Rhythm) of the service, counted from the beat before,
//! good or bad. It is late once the grace is over as well; from then on each further one that does not come is said
//! again, so that no missed beat is swallowed.
//!
//! Where the service has `run_max`, each run whose beginning was reported is expected to end within that instead. Runs that
//! the job tells apart may overlap. Of one name, or without any, there is one run at a time: a beginning says of the run
//! before that it never ended, unless it comes so soon that it is the same one said again. So no beginning puts anything
//! off without a failed sample.
//!
//! While OES is down nobody can report; [`Heard`] says what that puts off.

mod heard;
mod known;
mod runs;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;

pub use self::heard::Heard;
pub use self::known::Known;
use self::runs::{Beginning, Run, Runs};
pub use self::runs::{Begun, RUNS_MAX};
use crate::model::code::FindingCode;
use crate::model::duration::{Shown, after, before, since};
use crate::model::heartbeat::{Beat, Heartbeat, Report, RunId, Said, shown};
use crate::model::judgement::{Finding, Judgement};

/// Two looks for a missing beat are at least so far apart.
const SOONEST: Duration = Duration::from_secs(1);

/// What is known of the beats of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulse {
    /// The last beat; absent if there never was one.
    last: Option<Timestamp>,
    /// Since when a first one is expected.
    known_since: Timestamp,
    /// The runs under way.
    runs: Runs,
    /// What the next beat is counted from: the last one, or the moment at which one was missing.
    from: Timestamp,
    /// When the next one is late, as long as OES listens.
    late_at: Timestamp,
    /// When OES listens, near to that.
    heard: Heard,
}

/// What is waited for of a service that reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// When it last reported the end of a run, good or bad; absent before the first.
    pub last_report: Option<Timestamp>,
    /// When the oldest run under way began, where that was reported.
    pub running_since: Option<Timestamp>,
    /// How many runs are under way whose beginning was reported.
    pub running: usize,
    /// When the next beat is expected.
    pub expected_at: Timestamp,
    /// When silence becomes a violation, or is said again.
    pub late_at: Timestamp,
}

impl Pulse {
    /// Returns what is known at a start.
    pub fn new(rule: &Heartbeat, known: &Known, now: Timestamp) -> Self {
        let known_since = known.since.unwrap_or(now);
        let seen = known.newest.as_ref().map(|newest| {
            let is_late = newest.code.as_deref() == Some(FindingCode::HeartbeatLate.as_str());
            if is_late {
                before(newest.at, rule.grace)
            } else {
                newest.at
            }
        });
        let mut pulse = Self {
            last: known.last,
            known_since,
            runs: Runs::new(&known.begun),
            from: seen.or(known.last).unwrap_or(known_since),
            late_at: now,
            heard: known.heard.clone(),
        };
        pulse.listen(rule, now);
        pulse
    }

    /// Goes on with another rule: what it expects could not come before.
    pub fn follow(&mut self, rule: &Heartbeat, now: Timestamp) {
        self.heard = Heard::default();
        self.listen(rule, now);
    }

    fn listen(&mut self, rule: &Heartbeat, now: Timestamp) {
        self.late_at = late(rule, self.from);
        let deadlines = self.deadlines(rule);
        self.heard.resume(&deadlines, rule.grace, now);
    }

    /// Returns until when something is to come, as long as OES listens: the end of each run that has a limit, or else the
    /// next beat.
    fn deadlines(&self, rule: &Heartbeat) -> Vec<Timestamp> {
        let limits = rule.run_max.into_iter().flat_map(|run_max| {
            let begun = self.runs.begun().values();
            begun.map(move |begun| after(*begun, run_max))
        });
        let limits: Vec<Timestamp> = limits.collect();
        if limits.is_empty() {
            vec![self.late_at]
        } else {
            limits
        }
    }

    /// Returns when to look whether a beat is missing.
    pub fn due(&self, rule: &Heartbeat) -> Timestamp {
        let deadlines = self.deadlines(rule).into_iter();
        let due = deadlines.map(|deadline| self.heard.due(deadline)).min();
        due.unwrap_or(self.late_at)
    }

    /// Returns what is waited for.
    pub fn awaited(&self, rule: &Heartbeat) -> Awaited {
        Awaited {
            last_report: self.last,
            running_since: self.runs.oldest().map(|run| run.begun),
            running: self.runs.begun().len(),
            expected_at: before(self.late_at, rule.grace),
            late_at: self.due(rule),
        }
    }

    /// Tells whether more runs are under way than can be followed, [`RUNS_MAX`].
    pub fn overflowed(&self) -> bool {
        self.runs.overflowed()
    }

    /// Notes that beats are heard, and returns when to note it again.
    pub fn note_heard(&mut self, rule: &Heartbeat, now: Timestamp) -> Option<Timestamp> {
        let deadlines = self.deadlines(rule);
        self.heard.note(&deadlines, rule.grace, now);
        self.heard.note_at(&deadlines, rule.grace)
    }

    /// Notes that no more beats are heard.
    pub fn stop(&mut self, rule: &Heartbeat, now: Timestamp) {
        self.note_heard(rule, now);
        self.heard.stop(now);
    }

    /// Takes in what a job reports; absent for the beginning of a run, which is judged by its end, unless it says that one
    /// before it has none.
    pub fn report(
        &mut self,
        rule: &Heartbeat,
        report: &Report,
        now: Timestamp,
    ) -> Option<(Beat, Judgement)> {
        let run = report.run.as_ref();
        let (mut words, findings) = match &report.said {
            Said::Begun => return self.begin(rule, run, now),
            Said::Failed { exit, text } => {
                let status = exit.map(|exit| format!("with exit status {exit}"));
                let what = run.map_or("it".to_owned(), |run| named(Some(run)));
                let mut words = format!("the job says that {what} failed");
                for (before, more) in [(" ", status.as_deref()), (": ", Some(text.as_str()))] {
                    if let Some(more) = more.filter(|more| !more.is_empty()) {
                        words = words + before + more;
                    }
                }
                let finding = Finding::error(FindingCode::HeartbeatFailed, words);
                ("beat: failed".to_owned(), vec![finding])
            }
            Said::Done => ("beat: done".to_owned(), Vec::new()),
        };
        let took = self.runs.end(run, now);
        self.last = Some(now);
        self.expect_after(rule, now);
        if let Some(took) = took {
            words = format!("{words} after {}", Shown(took));
        }
        Some((Beat { took, words }, Judgement::of(findings)))
    }

    /// Returns what it means that nothing came until [`due`](Self::due), and waits for the next one.
    pub fn miss(&mut self, rule: &Heartbeat, now: Timestamp) -> (Beat, Judgement) {
        if let (Some(run), Some(run_max)) = (self.runs.oldest(), rule.run_max) {
            self.runs.end(run.id.as_ref(), now);
            let limit = format!("it may take {}", Shown(run_max));
            return self.unfinished(rule, &run, &limit, now);
        }
        let (words, silence, from) = match self.last {
            Some(last) => (
                format!("no beat since {}", shown(last)),
                "no beat for",
                last,
            ),
            None => (
                "no beat yet".to_owned(),
                "no beat yet, after",
                self.known_since,
            ),
        };
        let text = format!(
            "{silence} {}; one {} and may be {} late",
            Shown(since(from, now)),
            rule.rhythm.missed(self.from),
            Shown(rule.grace)
        );
        self.expect_after(rule, before(now, rule.grace));
        self.late_at = self.late_at.max(after(now, SOONEST));
        missing(words, FindingCode::HeartbeatLate, text)
    }

    fn begin(
        &mut self,
        rule: &Heartbeat,
        id: Option<&RunId>,
        now: Timestamp,
    ) -> Option<(Beat, Judgement)> {
        let (run, why) = match self.runs.begin(id, now) {
            Beginning::New | Beginning::Repeated => return None,
            Beginning::Instead(run) if run.id.is_none() => (run, "another one begins".to_owned()),
            Beginning::Instead(run) => (run, "it begins anew".to_owned()),
            Beginning::TooMany(run) => {
                let why = format!("another one begins, and no more than {RUNS_MAX} are followed");
                (run, why)
            }
        };
        rule.run_max?;
        Some(self.unfinished(rule, &run, &why, now))
    }

    fn unfinished(
        &mut self,
        rule: &Heartbeat,
        run: &Run,
        why: &str,
        now: Timestamp,
    ) -> (Beat, Judgement) {
        self.expect_after(rule, now);
        let ago = Shown(since(run.begun, now));
        let which = named(run.id.as_ref());
        let text = format!("{which} that began {ago} ago has not ended; {why}");
        let words = format!("no end of the run that began at {}", shown(run.begun));
        missing(words, FindingCode::HeartbeatUnfinished, text)
    }

    fn expect_after(&mut self, rule: &Heartbeat, from: Timestamp) {
        self.from = from;
        self.late_at = late(rule, from);
    }
}

fn named(run: Option<&RunId>) -> String {
    run.map_or("the run".to_owned(), |id| format!("run {}", id.as_str()))
}

fn missing(words: String, code: FindingCode, text: String) -> (Beat, Judgement) {
    let judgement = Judgement::of(vec![Finding::error(code, text)]);
    (Beat { took: None, words }, judgement)
}

/// Returns when a beat is late that follows one at `last`.
fn late(rule: &Heartbeat, last: Timestamp) -> Timestamp {
    let expected = rule.rhythm.next(last).unwrap_or(Timestamp::MAX);
    after(expected, rule.grace)
}
