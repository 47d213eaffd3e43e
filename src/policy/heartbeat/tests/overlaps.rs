//! Runs that overlap, told apart by what the job calls them.

use super::*;

fn begins(run: &str) -> Report {
    of(Some(run), Said::Begun)
}

fn ends(run: &str) -> Report {
    of(Some(run), Said::Done)
}

fn limited() -> Heartbeat {
    let mut rule = rule(Rhythm::Every(Duration::from_mins(5)));
    rule.run_max = Some(Duration::from_mins(20));
    rule
}

#[test]
fn ends_find_their_beginnings() {
    let rule = limited();
    let mut pulse = Pulse::new(&rule, &Known::default(), at("01T03:00"));
    for (run, moment) in [("a", "01T03:00"), ("b", "01T03:05"), ("c", "01T03:10")] {
        assert!(pulse.report(&rule, &begins(run), at(moment)).is_none());
    }
    assert!(pulse.report(&rule, &begun(), at("01T03:11")).is_none());
    assert_eq!(pulse.awaited(&rule).running, 4);
    for (run, ended, took) in [
        ("b", "01T03:12", Some(7)),
        ("a", "01T03:13", Some(13)),
        ("nobody", "01T03:13", None),
        ("a", "01T03:14", None),
    ] {
        let (beat, judgement) = pulse.report(&rule, &ends(run), at(ended)).unwrap();
        assert_eq!(beat.took, took.map(Duration::from_mins), "{run}");
        assert!(judgement.findings.is_empty());
    }
    let failed = of(
        Some("c"),
        Said::Failed {
            exit: Some(3),
            text: String::new(),
        },
    );
    let (beat, judgement) = pulse.report(&rule, &failed, at("01T03:14")).unwrap();
    assert_eq!(beat.words, "beat: failed after 4 min");
    assert_eq!(
        text(&judgement),
        "the job says that run c failed with exit status 3"
    );
    let (beat, _) = pulse.report(&rule, &done(), at("01T03:14")).unwrap();
    assert_eq!(beat.took, Some(Duration::from_mins(3)), "it had no name");
    assert_eq!(pulse.awaited(&rule).running, 0);
}

#[test]
fn each_run_is_held_against_the_limit() {
    let rule = limited();
    let mut pulse = Pulse::new(&rule, &Known::default(), at("01T03:00"));
    for (run, moment) in [("a", "01T03:00"), ("b", "01T03:05"), ("c", "01T03:10")] {
        pulse.report(&rule, &begins(run), at(moment));
    }
    pulse.report(&rule, &ends("b"), at("01T03:15"));
    assert_eq!(pulse.due(&rule), at("01T03:20"));
    let (_, judgement) = pulse.miss(&rule, at("01T03:20"));
    assert_eq!(
        text(&judgement),
        "run a that began 20 min ago has not ended; it may take 20 min"
    );
    assert_eq!(pulse.due(&rule), at("01T03:30"));
    let (_, judgement) = pulse.miss(&rule, at("01T03:30"));
    assert!(text(&judgement).starts_with("run c that began 20 min ago"));
    // No run is under way: from then on a beat is waited for.
    assert_eq!(pulse.due(&rule), at("01T04:05"));
}

#[test]
fn a_name_that_begins_again_never_ended() {
    let rule = limited();
    let mut pulse = Pulse::new(&rule, &Known::default(), at("01T03:00"));
    pulse.report(&rule, &begins("a"), at("01T03:00"));
    let soon = after(at("01T03:00"), Duration::from_secs(5));
    assert!(pulse.report(&rule, &begins("a"), soon).is_none());
    let (_, judgement) = pulse.report(&rule, &begins("a"), at("01T03:10")).unwrap();
    assert_eq!(
        text(&judgement),
        "run a that began 10 min ago has not ended; it begins anew"
    );
}

#[test]
fn so_many_runs_are_followed_and_the_oldest_is_let_go_with_a_word() {
    let mut rule = limited();
    let mut pulse = Pulse::new(&rule, &Known::default(), at("01T03:00"));
    let moment = |run: usize| after(at("01T03:00"), Duration::from_secs(run as u64));
    for run in 0..RUNS_MAX {
        let told = pulse.report(&rule, &begins(&run.to_string()), moment(run));
        assert!(told.is_none());
    }
    assert!(!pulse.overflowed());
    let (_, judgement) = pulse
        .report(&rule, &begins("one-more"), moment(RUNS_MAX))
        .unwrap();
    assert_eq!(
        text(&judgement),
        "run 0 that began 64 s ago has not ended; another one begins, and no more than 64 are followed"
    );
    assert!(pulse.overflowed());
    assert_eq!(pulse.runs.begun().len(), RUNS_MAX);
    // Where no limit says that a run must end, that is no fault of the job's.
    rule.run_max = None;
    assert!(pulse.report(&rule, &begins("more"), moment(65)).is_none());
    assert_eq!(pulse.runs.begun().len(), RUNS_MAX);
    pulse.report(&rule, &ends("more"), moment(66));
    assert!(!pulse.overflowed());
}

#[test]
fn a_name_is_a_short_word() {
    let longest = "x".repeat(RunId::CHARS_MAX);
    for word in [
        "7",
        "0b8ff6c8-25f7-4e26-8e8d-3dcbb1fd2d0a",
        "#1/2",
        &longest,
    ] {
        assert_eq!(RunId::new(word).as_ref().map(RunId::as_str), Some(word));
    }
    let longer = format!("{longest}x");
    for word in ["", "a b", "a\tb", "a\u{7f}", "ä", &longer] {
        assert_eq!(RunId::new(word), None, "{word:?}");
    }
}
