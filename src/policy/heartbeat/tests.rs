//! Rhythms, grace, failures, runs one at a time.

mod overlaps;
mod restarts;

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

fn beaten(last: &str) -> Known {
    Known {
        last: Some(at(last)),
        ..Known::default()
    }
}

fn of(run: Option<&str>, said: Said) -> Report {
    Report {
        run: run.and_then(RunId::new),
        said,
    }
}

fn begun() -> Report {
    of(None, Said::Begun)
}

fn done() -> Report {
    of(None, Said::Done)
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
    pulse.report(&rule, &done(), early).unwrap();
    assert_eq!(pulse.due(&rule), at("03T03:30"));
    // One by hand in the afternoon is not the one of the night.
    pulse.report(&rule, &done(), at("03T15:00")).unwrap();
    assert_eq!(pulse.due(&rule), at("04T03:30"));
}

#[test]
fn a_failure_counts_as_a_beat_and_says_what_the_job_said() {
    let rule = daily();
    let mut pulse = Pulse::new(&rule, &Known::default(), at("01T03:00"));
    let begun = pulse.report(&rule, &begun(), at("01T03:00"));
    assert!(begun.is_none());
    let failed = of(
        None,
        Said::Failed {
            exit: Some(3),
            text: "no space left".to_owned(),
        },
    );
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
    pulse.report(&rule, &begun(), at("02T03:00"));
    assert_eq!(
        missed(&rule, &mut pulse, "02T03:00", "03T03:30"),
        [at("02T05:00")]
    );
    pulse.report(&rule, &begun(), at("03T03:00"));
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
    assert!(pulse.report(&rule, &begun(), at("01T03:05")).is_none());
    for (again, ago) in [
        ("01T03:10", "5 min"),
        ("01T03:15", "5 min"),
        ("01T03:21", "6 min"),
    ] {
        let (beat, judgement) = pulse.report(&rule, &begun(), at(again)).unwrap();
        let said = format!("the run that began {ago} ago has not ended; another one begins");
        assert_eq!(text(&judgement), said);
        assert_eq!(beat.took, None);
    }
    assert_eq!(pulse.due(&rule), at("01T03:31"));
    let (beat, judgement) = pulse.report(&rule, &done(), at("01T03:24")).unwrap();
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
            assert!(pulse.report(&rule, &begun(), now).is_none());
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
    for moment in ["01T10:00", "01T20:00", "02T03:20"] {
        assert!(pulse.report(&rule, &begun(), at(moment)).is_none());
        assert_eq!(pulse.due(&rule), at("02T03:30"));
    }
}
