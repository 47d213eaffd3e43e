//! What is known after a start, and what time in which OES was down excuses.

use super::*;
use crate::model::judgement::Outcome;
use crate::model::violation::Sample;

fn missing_at(moment: &str, code: FindingCode) -> Sample {
    Sample {
        at: at(moment),
        outcome: Outcome::Fail,
        latency: None,
        code: Some(code.as_str().into()),
    }
}

/// Restarts: OES listens for `up`, is down for `down`, and so on until something is missing; returns when that is.
fn restarting(
    rule: &Heartbeat,
    mut known: Known,
    from: Timestamp,
    (up, down): (Duration, Duration),
    killed: bool,
) -> Timestamp {
    let mut now = from;
    for _ in 0..10_000 {
        let mut pulse = Pulse::new(rule, &known, now);
        let until = after(now, up);
        loop {
            let due = pulse.due(rule);
            if due <= now {
                return now;
            }
            let note = pulse.note_heard(rule, now).unwrap_or(due);
            if note.min(due) > until {
                break;
            }
            now = note.min(due);
        }
        if !killed {
            pulse.stop(rule, until);
        }
        known.heard = pulse.heard.clone();
        now = after(until, down);
    }
    panic!("never told");
}

#[test]
fn however_often_oes_starts_anew_a_grace_is_used_up() {
    let rule = daily();
    let minutes = Duration::from_mins;
    for (up, down, killed, told) in [
        // Of every 16 minutes it listens for 15: two of them are the grace.
        (15, 1, false, "02T03:31"),
        (15, 1, true, "02T03:31"),
        (10, 5, false, "02T03:40"),
        // As long up as down.
        (1, 1, false, "02T03:59"),
    ] {
        let at_once = restarting(
            &rule,
            beaten("01T03:00"),
            at("02T03:00"),
            (minutes(up), minutes(down)),
            killed,
        );
        let early = since(at_once, at(told));
        let late = since(at(told), at_once);
        assert!(
            early.max(late) <= minutes(1),
            "{up} {down} {killed}: {at_once}"
        );
    }
    // Killed again and again, before it could note anything twice.
    let crashing = (Duration::from_secs(3), Duration::from_secs(1));
    let told = restarting(&rule, beaten("01T03:00"), at("02T03:00"), crashing, true);
    assert!(at("02T03:29") <= told && told <= at("02T03:45"), "{told}");
}

#[test]
fn a_run_over_its_limit_is_told_however_often_oes_starts_anew() {
    let mut rule = daily();
    rule.run_max = Some(Duration::from_hours(2));
    let known = Known {
        begun: [(None, at("02T03:00")), (RunId::new("b"), at("02T03:01"))].into(),
        ..beaten("01T03:00")
    };
    let times = (Duration::from_mins(15), Duration::from_mins(1));
    let told = restarting(&rule, known, at("02T06:00"), times, false);
    assert_eq!(told, at("02T06:31"));
}

#[test]
fn only_what_could_not_come_is_excused() {
    let rule = daily();
    let heard = |until: &str| Known {
        heard: Heard {
            until: Some(at(until)),
            ..Heard::default()
        },
        ..beaten("01T03:00")
    };
    for (until, due) in [
        // Nobody listened at all, or only before it was due.
        (None, "02T08:30"),
        (Some("02T03:00"), "02T08:30"),
        // What was left of the grace is left.
        (Some("02T03:20"), "02T08:10"),
        // It was used up.
        (Some("02T03:30"), "02T03:30"),
        (Some("02T04:00"), "02T03:30"),
    ] {
        let known = until.map_or_else(|| beaten("01T03:00"), heard);
        let pulse = Pulse::new(&rule, &known, at("02T08:00"));
        assert_eq!(pulse.due(&rule), at(due), "{until:?}");
    }
    // A start that comes before anything is due changes nothing.
    let pulse = Pulse::new(&rule, &beaten("01T03:00"), at("02T02:00"));
    assert_eq!(pulse.due(&rule), at("02T03:30"));
}

#[test]
fn it_is_noted_that_beats_are_heard_only_while_one_is_due() {
    let rule = daily();
    let mut pulse = Pulse::new(&rule, &beaten("01T03:00"), at("01T04:00"));
    assert_eq!(
        pulse.note_heard(&rule, at("01T04:00")),
        Some(at("02T03:00"))
    );
    assert_eq!(pulse.heard, Heard::default());
    let again = pulse.note_heard(&rule, at("02T03:00"));
    assert_eq!(again, Some(after(at("02T03:00"), Duration::from_secs(10))));
    assert_eq!(pulse.heard.until, again);
    pulse.report(&rule, &done(), at("02T03:05"));
    assert_eq!(
        pulse.note_heard(&rule, at("02T03:05")),
        Some(at("03T03:05"))
    );
    assert_eq!(pulse.heard, Heard::default());
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
        begun: [(None, at("02T03:00"))].into(),
        ..beaten("01T03:00")
    };
    let mut pulse = Pulse::new(&rule, &known, at("02T04:00"));
    assert_eq!(pulse.due(&rule), at("02T05:00"));
    let (beat, _) = pulse.report(&rule, &done(), at("02T04:30")).unwrap();
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
