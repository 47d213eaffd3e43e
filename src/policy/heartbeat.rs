//! When a job that reports is late, and what its reports say.
//!
//! A beat is expected by the [`Rhythm`](crate::model::heartbeat::Rhythm) of the service, counted from the beat before,
//! good or bad. It is late once the grace is over as well; from then on each further one that does not come is said
//! again, so that no missed beat is swallowed. A run whose beginning was reported is expected to end within `run_max`
//! instead, where the service has one.
//!
//! While OES is down nobody can report. A beat that was due then is given the grace from the start on.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::code::FindingCode;
use crate::model::duration::{Shown, after, before, since};
use crate::model::heartbeat::{Beat, Heartbeat, Report};
use crate::model::judgement::{Finding, Judgement};

/// What is known of the beats of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulse {
    /// The last beat, else since when one is expected.
    since: Timestamp,
    /// The last report of the end of a run, absent before the first.
    last: Option<Timestamp>,
    /// When the run under way began.
    begun: Option<Timestamp>,
    /// When the next one is late.
    late_at: Timestamp,
}

/// What is waited for of a service that reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// When it last reported the end of a run, good or bad; absent before the first.
    pub last_report: Option<Timestamp>,
    /// When the run under way began, where that was reported.
    pub running_since: Option<Timestamp>,
    /// When the next beat is expected.
    pub expected_at: Timestamp,
    /// When silence becomes a violation, or is said again.
    pub late_at: Timestamp,
}

impl Pulse {
    /// Returns what is known at a start, where `last` is the last beat that is known of.
    pub fn new(rule: &Heartbeat, last: Option<Timestamp>, now: Timestamp) -> Self {
        let mut pulse = Self {
            since: last.unwrap_or(now),
            last,
            begun: None,
            late_at: now,
        };
        pulse.follow(rule, now);
        pulse
    }

    /// Goes on with another rule.
    pub fn follow(&mut self, rule: &Heartbeat, now: Timestamp) {
        let late_at = late(rule, self.since);
        self.late_at = if late_at < now {
            after(now, rule.grace)
        } else {
            late_at
        };
    }

    /// Returns when to look whether a beat is missing.
    pub fn due(&self, rule: &Heartbeat) -> Timestamp {
        match (self.begun, rule.run_max) {
            (Some(begun), Some(run_max)) => after(begun, run_max),
            _ => self.late_at,
        }
    }

    /// Returns what is waited for.
    pub fn awaited(&self, rule: &Heartbeat) -> Awaited {
        Awaited {
            last_report: self.last,
            running_since: self.begun,
            expected_at: before(self.late_at, rule.grace),
            late_at: self.due(rule),
        }
    }

    /// Takes in what a job reports; absent for the beginning of a run, which is judged by its end.
    pub fn report(
        &mut self,
        rule: &Heartbeat,
        report: &Report,
        now: Timestamp,
    ) -> Option<(Beat, Judgement)> {
        if *report == Report::Begun {
            self.begun = Some(now);
            return None;
        }
        let took = self.begun.take().map(|begun| since(begun, now));
        self.since = now;
        self.last = Some(now);
        self.late_at = late(rule, now);
        let (mut words, findings) = match report {
            Report::Failed { exit, text } => {
                let status = exit.map(|exit| format!("with exit status {exit}"));
                let mut words = "the job says that it failed".to_owned();
                for (before, more) in [(" ", status.as_deref()), (": ", Some(text.as_str()))] {
                    if let Some(more) = more.filter(|more| !more.is_empty()) {
                        words = words + before + more;
                    }
                }
                let finding = Finding::error(FindingCode::HeartbeatFailed, words);
                ("beat: failed".to_owned(), vec![finding])
            }
            Report::Done | Report::Begun => ("beat: done".to_owned(), Vec::new()),
        };
        if let Some(took) = took {
            words = format!("{words} after {}", Shown(took));
        }
        Some((Beat { took, words }, Judgement::of(findings)))
    }

    /// Returns what it means that nothing came until [`due`](Self::due), and waits for the next one.
    pub fn miss(&mut self, rule: &Heartbeat, now: Timestamp) -> (Beat, Judgement) {
        let (words, finding) =
            if let (Some(begun), Some(run_max)) = (self.begun.take(), rule.run_max) {
                let words = format!("no end of the run that began at {}", shown(begun));
                let text = format!(
                    "the run that began {} ago has not ended; it may take {}",
                    Shown(since(begun, now)),
                    Shown(run_max)
                );
                self.since = now;
                self.late_at = late(rule, now);
                (
                    words,
                    Finding::error(FindingCode::HeartbeatUnfinished, text),
                )
            } else {
                let (words, silence) = if self.last.is_some() {
                    let words = format!("no beat since {}", shown(self.since));
                    (words, "no beat for")
                } else {
                    ("no beat yet".to_owned(), "no beat yet, after")
                };
                let text = format!(
                    "{silence} {}; one is expected {} and may be {} late",
                    Shown(since(self.since, now)),
                    rule.rhythm,
                    Shown(rule.grace)
                );
                let next = late(rule, before(now, rule.grace));
                self.late_at = next.max(after(now, SOONEST));
                (words, Finding::error(FindingCode::HeartbeatLate, text))
            };
        (Beat { took: None, words }, Judgement::of(vec![finding]))
    }
}

/// Two looks for a missing beat are at least so far apart.
const SOONEST: Duration = Duration::from_secs(1);

/// Returns when a beat is late that follows one at `last`.
fn late(rule: &Heartbeat, last: Timestamp) -> Timestamp {
    let expected = rule.rhythm.next(last).unwrap_or(Timestamp::MAX);
    after(expected, rule.grace)
}

fn shown(at: Timestamp) -> impl fmt::Display {
    at.strftime("%Y-%m-%d %H:%M:%S UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::heartbeat::Rhythm;
    use crate::model::maintenance::Cron;
    use crate::model::secret::Secret;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    fn rule(rhythm: Rhythm) -> Heartbeat {
        Heartbeat {
            rhythm,
            grace: Duration::from_mins(30),
            run_max: None,
            token: Secret::hidden("of-a-nightly-job"),
        }
    }

    fn nightly() -> Heartbeat {
        rule(Rhythm::Cron(Cron::parse("0 3 * * *", "UTC").unwrap()))
    }

    fn daily() -> Heartbeat {
        rule(Rhythm::Every(Duration::from_hours(24)))
    }

    fn text(judgement: &Judgement) -> &str {
        judgement
            .main_finding()
            .map_or("", |finding| &finding.message)
    }

    /// Looks once an hour and returns the moments at which something was missing.
    fn missed(rule: &Heartbeat, pulse: &mut Pulse, from: &str, until: &str) -> Vec<Timestamp> {
        let mut missed = Vec::new();
        let mut now = at(from);
        while now < at(until) {
            if pulse.due(rule) <= now {
                missed.push(now);
                pulse.miss(rule, now);
            }
            now = after(now, Duration::from_mins(1));
        }
        missed
    }

    #[test]
    fn every_missed_beat_is_said() {
        let rule = daily();
        let mut pulse = Pulse::new(&rule, Some(at("01T03:00")), at("01T04:00"));
        assert_eq!(
            missed(&rule, &mut pulse, "01T04:00", "04T12:00"),
            [at("02T03:30"), at("03T03:30"), at("04T03:30")]
        );
    }

    #[test]
    fn a_beat_of_a_cron_expression_may_come_a_little_early() {
        let rule = nightly();
        let mut pulse = Pulse::new(&rule, Some(at("01T03:05")), at("01T04:00"));
        assert_eq!(pulse.due(&rule), at("02T03:30"));
        let early = "2026-11-02T02:59:45Z".parse().unwrap();
        pulse.report(&rule, &Report::Done, early).unwrap();
        assert_eq!(pulse.due(&rule), at("03T03:30"));
        // One by hand in the afternoon is not the one of the night.
        pulse.report(&rule, &Report::Done, at("03T15:00")).unwrap();
        assert_eq!(pulse.due(&rule), at("04T03:30"));
    }

    #[test]
    fn a_failure_counts_as_a_beat_and_says_what_the_job_said() {
        let rule = daily();
        let mut pulse = Pulse::new(&rule, None, at("01T03:00"));
        let begun = pulse.report(&rule, &Report::Begun, at("01T03:00"));
        assert!(begun.is_none());
        let failed = Report::Failed {
            exit: Some(3),
            text: "no space left".to_owned(),
        };
        let (beat, judgement) = pulse.report(&rule, &failed, at("01T03:10")).unwrap();
        assert_eq!(
            text(&judgement),
            "the job says that it failed with exit status 3: no space left"
        );
        assert_eq!(beat.words, "beat: failed after 10 min");
        assert_eq!(beat.took, Some(Duration::from_mins(10)));
        assert_eq!(pulse.due(&rule), at("02T03:40"));
    }

    #[test]
    fn a_run_that_began_is_waited_for_as_long_as_it_may_take() {
        let mut rule = nightly();
        rule.run_max = Some(Duration::from_hours(2));
        let mut pulse = Pulse::new(&rule, Some(at("01T03:00")), at("01T04:00"));
        pulse.report(&rule, &Report::Begun, at("02T03:00"));
        assert_eq!(
            missed(&rule, &mut pulse, "02T03:00", "03T03:30"),
            [at("02T05:00")]
        );
        pulse.report(&rule, &Report::Begun, at("03T03:00"));
        let (beat, judgement) = pulse.miss(&rule, at("03T05:00"));
        assert_eq!(
            text(&judgement),
            "the run that began 2 h ago has not ended; it may take 2 h"
        );
        assert_eq!(
            beat.words,
            "no end of the run that began at 2026-11-03 03:00:00 UTC"
        );
    }

    #[test]
    fn what_was_due_while_nobody_listened_may_be_said_again() {
        let rule = daily();
        let mut pulse = Pulse::new(&rule, Some(at("01T03:00")), at("02T08:00"));
        assert_eq!(pulse.due(&rule), at("02T08:30"));
        let (beat, judgement) = pulse.miss(&rule, at("02T08:30"));
        assert_eq!(
            text(&judgement),
            "no beat for 29 h 30 min; one is expected every 24 h and may be 30 min late"
        );
        assert_eq!(beat.words, "no beat since 2026-11-01 03:00:00 UTC");
        let mut never = Pulse::new(&rule, None, at("01T03:00"));
        let (_, judgement) = never.miss(&rule, at("02T03:30"));
        assert_eq!(
            text(&judgement),
            "no beat yet, after 24 h 30 min; one is expected every 24 h and may be 30 min late"
        );
    }
}
