//! When a job that reports is late, and what its reports say.
//!
//! A beat is expected by the [`Rhythm`](crate::model::heartbeat::Rhythm) of the service, counted from the beat before,
//! good or bad. It is late once the grace is over as well; from then on each further one that does not come is said
//! again, so that no missed beat is swallowed.
//!
//! Where the service has `run_max`, a run whose beginning was reported is expected to end within that instead. A job has
//! one run at a time: a beginning says of the run before that it never ended, unless it comes so soon that it is the same
//! one said again. So no beginning puts anything off without a failed sample.
//!
//! While OES is down nobody can report. A beat that was due then is given the grace from the start on.

mod known;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

pub use self::known::Known;
use crate::model::code::FindingCode;
use crate::model::duration::{Shown, after, before, since};
use crate::model::heartbeat::{Beat, Heartbeat, Report};
use crate::model::judgement::{Finding, Judgement};

/// Two looks for a missing beat are at least so far apart.
const SOONEST: Duration = Duration::from_secs(1);
/// A beginning so soon after the one before is the same one, said again since the first answer was lost.
const REPEATED: Duration = Duration::from_secs(30);

/// What is known of the beats of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulse {
    /// The last beat; absent if there never was one.
    last: Option<Timestamp>,
    /// Since when a first one is expected.
    known_since: Timestamp,
    /// When the run under way began.
    begun: Option<Timestamp>,
    /// What the next beat is counted from: the last one, or the moment at which one was missing.
    from: Timestamp,
    /// When the next one is late.
    late_at: Timestamp,
    /// Since when beats are heard, by this rule.
    heard_since: Timestamp,
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
            begun: known.begun,
            from: seen.or(known.last).unwrap_or(known_since),
            late_at: now,
            heard_since: now,
        };
        pulse.follow(rule, now);
        pulse
    }

    /// Goes on with another rule.
    pub fn follow(&mut self, rule: &Heartbeat, now: Timestamp) {
        self.heard_since = now;
        self.late_at = self.heard(rule, late(rule, self.from));
    }

    /// Returns when to look whether a beat is missing.
    pub fn due(&self, rule: &Heartbeat) -> Timestamp {
        match (self.begun, rule.run_max) {
            (Some(begun), Some(run_max)) => self.heard(rule, after(begun, run_max)),
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

    /// Takes in what a job reports; absent for the beginning of a run, which is judged by its end, unless the run before
    /// has none.
    pub fn report(
        &mut self,
        rule: &Heartbeat,
        report: &Report,
        now: Timestamp,
    ) -> Option<(Beat, Judgement)> {
        let (mut words, findings) = match report {
            Report::Begun => return self.begin(rule, now),
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
            Report::Done => ("beat: done".to_owned(), Vec::new()),
        };
        let took = self.begun.take().map(|begun| since(begun, now));
        self.last = Some(now);
        self.expect_after(rule, now);
        if let Some(took) = took {
            words = format!("{words} after {}", Shown(took));
        }
        Some((Beat { took, words }, Judgement::of(findings)))
    }

    /// Returns what it means that nothing came until [`due`](Self::due), and waits for the next one.
    pub fn miss(&mut self, rule: &Heartbeat, now: Timestamp) -> (Beat, Judgement) {
        if let (Some(begun), Some(run_max)) = (self.begun.take(), rule.run_max) {
            let limit = format_args!("it may take {}", Shown(run_max));
            return self.unfinished(rule, begun, limit, now);
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
            "{silence} {}; one is expected {} and may be {} late",
            Shown(since(from, now)),
            rule.rhythm,
            Shown(rule.grace)
        );
        self.expect_after(rule, before(now, rule.grace));
        self.late_at = self.late_at.max(after(now, SOONEST));
        missing(words, FindingCode::HeartbeatLate, text)
    }

    fn begin(&mut self, rule: &Heartbeat, now: Timestamp) -> Option<(Beat, Judgement)> {
        let under_way = self.begun.filter(|_| rule.run_max.is_some());
        if under_way.is_some_and(|begun| since(begun, now) < REPEATED) {
            return None;
        }
        self.begun = Some(now);
        let another = format_args!("another one begins");
        Some(self.unfinished(rule, under_way?, another, now))
    }

    fn unfinished(
        &mut self,
        rule: &Heartbeat,
        begun: Timestamp,
        why: fmt::Arguments<'_>,
        now: Timestamp,
    ) -> (Beat, Judgement) {
        self.expect_after(rule, now);
        let ago = Shown(since(begun, now));
        let text = format!("the run that began {ago} ago has not ended; {why}");
        let words = format!("no end of the run that began at {}", shown(begun));
        missing(words, FindingCode::HeartbeatUnfinished, text)
    }

    /// Returns until when what was due at a moment may come: what was due while nobody listened may be said again.
    fn heard(&self, rule: &Heartbeat, due: Timestamp) -> Timestamp {
        if due < self.heard_since {
            after(self.heard_since, rule.grace)
        } else {
            due
        }
    }

    fn expect_after(&mut self, rule: &Heartbeat, from: Timestamp) {
        self.from = from;
        self.late_at = late(rule, from);
    }
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

fn shown(at: Timestamp) -> impl fmt::Display {
    at.strftime("%Y-%m-%d %H:%M:%S UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::heartbeat::Rhythm;
    use crate::model::judgement::Outcome;
    use crate::model::maintenance::Cron;
    use crate::model::secret::Secret;
    use crate::model::violation::Sample;

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

    fn beaten(last: &str) -> Known {
        Known {
            last: Some(at(last)),
            ..Known::default()
        }
    }

    fn missing_at(moment: &str, code: FindingCode) -> Sample {
        Sample {
            at: at(moment),
            outcome: Outcome::Fail,
            latency: None,
            code: Some(code.as_str().into()),
        }
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
        let mut pulse = Pulse::new(&rule, &beaten("01T03:00"), at("01T04:00"));
        assert_eq!(
            missed(&rule, &mut pulse, "01T04:00", "04T12:00"),
            [at("02T03:30"), at("03T03:30"), at("04T03:30")]
        );
    }

    #[test]
    fn a_beat_of_a_cron_expression_may_come_a_little_early() {
        let rule = nightly();
        let mut pulse = Pulse::new(&rule, &beaten("01T03:05"), at("01T04:00"));
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
        let mut pulse = Pulse::new(&rule, &Known::default(), at("01T03:00"));
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
        let mut pulse = Pulse::new(&rule, &beaten("01T03:00"), at("01T04:00"));
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
    fn a_run_that_begins_hides_no_run_before_it() {
        let mut rule = rule(Rhythm::Every(Duration::from_mins(5)));
        rule.run_max = Some(Duration::from_mins(10));
        let mut pulse = Pulse::new(&rule, &beaten("01T03:00"), at("01T03:00"));
        assert!(
            pulse
                .report(&rule, &Report::Begun, at("01T03:05"))
                .is_none()
        );
        for (again, ago) in [
            ("01T03:10", "5 min"),
            ("01T03:15", "5 min"),
            ("01T03:21", "6 min"),
        ] {
            let (beat, judgement) = pulse.report(&rule, &Report::Begun, at(again)).unwrap();
            let said = format!("the run that began {ago} ago has not ended; another one begins");
            assert_eq!(text(&judgement), said);
            assert_eq!(beat.took, None);
        }
        assert_eq!(pulse.due(&rule), at("01T03:31"));
        let (beat, judgement) = pulse.report(&rule, &Report::Done, at("01T03:24")).unwrap();
        assert_eq!(
            (beat.took, judgement.findings.len()),
            (Some(Duration::from_mins(3)), 0)
        );
        assert_eq!(pulse.due(&rule), at("01T03:59"));
    }

    #[test]
    fn a_beginning_that_is_said_again_is_the_same_one() {
        let mut rule = rule(Rhythm::Every(Duration::from_secs(30)));
        (rule.grace, rule.run_max) = (Duration::from_secs(5), Some(Duration::from_secs(4)));
        let begin = at("01T03:00");
        let mut pulse = Pulse::new(&rule, &beaten("01T03:00"), begin);
        let mut missing = Vec::new();
        for second in 0..60 {
            let now = after(begin, Duration::from_secs(second));
            if second % 3 == 0 {
                assert!(pulse.report(&rule, &Report::Begun, now).is_none());
            }
            if pulse.due(&rule) <= now {
                missing.push(second);
                pulse.miss(&rule, now);
            }
        }
        assert_eq!(missing, [4, 10, 16, 22, 28, 34, 40, 46, 52, 58]);
    }

    #[test]
    fn without_a_limit_beginnings_change_nothing_about_when_a_beat_is_late() {
        let rule = daily();
        let mut pulse = Pulse::new(&rule, &beaten("01T03:00"), at("01T04:00"));
        for begun in ["01T10:00", "01T20:00", "02T03:20"] {
            assert!(pulse.report(&rule, &Report::Begun, at(begun)).is_none());
            assert_eq!(pulse.due(&rule), at("02T03:30"));
        }
    }

    #[test]
    fn what_was_said_before_a_start_is_not_said_again_after_it() {
        let rule = daily();
        let late = Known {
            newest: Some(missing_at("04T03:30", FindingCode::HeartbeatLate)),
            ..beaten("01T03:00")
        };
        let mut pulse = Pulse::new(&rule, &late, at("04T09:00"));
        assert_eq!(
            missed(&rule, &mut pulse, "04T09:00", "06T12:00"),
            [at("05T03:30"), at("06T03:30")]
        );
        let unfinished = Known {
            newest: Some(missing_at("04T05:00", FindingCode::HeartbeatUnfinished)),
            ..beaten("01T03:00")
        };
        let pulse = Pulse::new(&rule, &unfinished, at("04T09:00"));
        assert_eq!(pulse.due(&rule), at("05T05:30"));
        let never = Known {
            since: Some(at("01T03:00")),
            ..Known::default()
        };
        let pulse = Pulse::new(&rule, &never, at("01T20:00"));
        assert_eq!(
            pulse.due(&rule),
            at("02T03:30"),
            "each start waits no longer"
        );
    }

    #[test]
    fn a_run_goes_on_over_a_start() {
        let mut rule = nightly();
        rule.run_max = Some(Duration::from_hours(2));
        let known = Known {
            begun: Some(at("02T03:00")),
            ..beaten("01T03:00")
        };
        let mut pulse = Pulse::new(&rule, &known, at("02T04:00"));
        assert_eq!(pulse.due(&rule), at("02T05:00"));
        let (beat, _) = pulse.report(&rule, &Report::Done, at("02T04:30")).unwrap();
        assert_eq!(beat.took, Some(Duration::from_mins(90)));
        let pulse = Pulse::new(&rule, &known, at("02T06:00"));
        assert_eq!(
            pulse.due(&rule),
            at("02T06:30"),
            "its end may be said again"
        );
    }

    #[test]
    fn what_was_due_while_nobody_listened_may_be_said_again() {
        let rule = daily();
        let mut pulse = Pulse::new(&rule, &beaten("01T03:00"), at("02T08:00"));
        assert_eq!(pulse.due(&rule), at("02T08:30"));
        let (beat, judgement) = pulse.miss(&rule, at("02T08:30"));
        assert_eq!(
            text(&judgement),
            "no beat for 29 h 30 min; one is expected every 24 h and may be 30 min late"
        );
        assert_eq!(beat.words, "no beat since 2026-11-01 03:00:00 UTC");
        let mut never = Pulse::new(&rule, &Known::default(), at("01T03:00"));
        let (_, judgement) = never.miss(&rule, at("02T03:30"));
        assert_eq!(
            text(&judgement),
            "no beat yet, after 24 h 30 min; one is expected every 24 h and may be 30 min late"
        );
    }
}
