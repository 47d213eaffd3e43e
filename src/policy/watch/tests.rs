use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::judgement::{Finding as Found, NamedViolation, ScriptRun};
use crate::model::service::{ErrorRule, LatencyRule, LatencyTrigger};

const MINUTE: Duration = Duration::from_mins(1);

fn rules() -> Rules {
    Rules {
        heartbeat: false,
        error: ErrorRule::default(),
        latency: Some(LatencyRule {
            limit: Duration::from_millis(500),
            trigger: LatencyTrigger::Mean,
            window: 7,
        }),
        unknown_after: 30 * MINUTE,
        confirm: [10, 20, 40].map(Duration::from_secs).to_vec(),
        interval: 5 * MINUTE,
        timeout: Duration::from_secs(10),
    }
}

fn at(minutes: u64) -> Timestamp {
    after(
        Timestamp::UNIX_EPOCH,
        MINUTE * u32::try_from(minutes).unwrap(),
    )
}

/// `.` pass, `w` warn, `x` fail, `u` unknown, `e` error, `s` a slow pass, `n` a pass that names `stale`, `N` a fail that does.
fn step(watch: &mut Watch, minute: u64, letter: char) -> Vec<Change> {
    let (outcome, code) = match letter {
        'w' => (Outcome::Warn, Some("odd")),
        'x' | 'N' => (Outcome::Fail, Some("refused")),
        'u' => (Outcome::Unknown, Some("dns_timeout")),
        'e' => (Outcome::Error, Some("script")),
        _ => (Outcome::Pass, None),
    };
    let mut judgement = Judgement {
        outcome,
        findings: code
            .map(|code| Found::error(code, "no"))
            .into_iter()
            .collect(),
        runs: vec![ScriptRun::default()],
        ..Judgement::default()
    };
    if matches!(letter, 'n' | 'N')
        && let Some(run) = judgement.runs.first_mut()
    {
        run.violations.push(NamedViolation {
            name: "stale".into(),
            message: "the newest point is 20 min old".to_owned(),
        });
    }
    let latency = match letter {
        'x' | 'N' | 'u' | 'e' => None,
        's' => Some(Duration::from_millis(900)),
        _ => Some(Duration::from_millis(100)),
    };
    let sample = Sample {
        at: at(minute),
        outcome,
        latency,
        code: code.map(Into::into),
    };
    watch.observe(
        &sample,
        &judgement,
        &"GET https://x.example → 200 in 100 ms",
    )
}

/// Runs outcomes five minutes apart and writes what opened (`+`) and closed (`-`) at which probe, from 1.
fn run(outcomes: &str) -> String {
    let mut watch = Watch::new(rules(), Restored::default());
    let mut log = Vec::new();
    for (n, letter) in (1..).zip(outcomes.chars()) {
        for change in step(&mut watch, n * 5, letter) {
            match change {
                Change::Opened(opened) => log.push(format!("+{}@{n}", opened.violation)),
                Change::Closed { violation, .. } => log.push(format!("-{violation}@{n}")),
                Change::Updated { violation, .. } => log.push(format!("~{violation}@{n}")),
            }
        }
    }
    log.join(" ")
}

#[test]
fn opens_and_closes_by_the_table() {
    let rows = [
        ("..............", ""),
        ("xxx....", ""),
        ("xxxx", "+error@4"),
        (".......xxxx", "+error@11"),
        ("xxxx......", "+error@4 -error@10"),
        ("xxxx.....x.", "+error@4"),
        ("x.x.x.x", "+error@7"),
        ("e.e.e", ""),
        ("ee.", "+matcher@2 -matcher@3"),
        ("eueu.", "+matcher@3 -matcher@5"),
        ("sssssss", "+latency@7"),
        ("sssssss....", "+latency@7 -latency@11"),
        ("uuuuuu", ""),
        ("uuuuuuu.", "+unknown@7 -unknown@8"),
        ("uuu.uuuu", ""),
        ("uuuuuuue", "+unknown@7 -unknown@8"),
        ("n.", "+stale@1 -stale@2"),
        ("nnuen.", "+stale@1 -stale@6"),
        ("NNNNN", "+stale@1 +error@4"),
    ];
    for (outcomes, expected) in rows {
        assert_eq!(run(outcomes), expected, "{outcomes}");
    }
}

#[test]
fn says_since_when_and_whether_it_ever_came_up() {
    let mut watch = Watch::new(rules(), Restored::default());
    let mut opened = |outcomes: &str, from: u64| {
        (from..)
            .zip(outcomes.chars())
            .flat_map(|(minute, letter)| step(&mut watch, minute, letter))
            .find_map(|change| match change {
                Change::Opened(opened) => Some(opened),
                _ => None,
            })
    };
    let never_up = opened("xxxx", 1).unwrap();
    assert_eq!((never_up.since, never_up.last_good), (at(1), None));
    assert_eq!(
        never_up.reason.rule,
        "4 of the last 4 probes failed, more than 50 % of 7"
    );
    assert_eq!(never_up.reason.samples.len(), 4);
    assert_eq!(never_up.reason.finding.as_deref(), Some("no"));
    assert!(opened(".......", 5).is_none());
    let down = opened("x.xxxx", 20).unwrap();
    assert_eq!((down.since, down.last_good), (at(22), Some(at(21))));
}

#[test]
fn looks_again_soon_while_the_outcome_disagrees() {
    let rows = [
        ("....", "- - - -"),
        (".xxxxx", "- 10 20 40 - -"),
        (".x.x", "- 10 - 10"),
        (".xuxx", "- 10 20 40 -"),
        ("xxxx......", "10 20 40 - 10 20 40 40 40 -"),
        ("xxxx.xx.", "10 20 40 - 10 - - 10"),
        ("ee.", "10 - -"),
        ("uu", "- -"),
    ];
    for (outcomes, expected) in rows {
        let mut watch = Watch::new(rules(), Restored::default());
        let mut delays = Vec::new();
        for (minute, letter) in (1..).zip(outcomes.chars()) {
            step(&mut watch, minute, letter);
            let delay = watch
                .next_confirm()
                .map(|delay| delay.as_secs().to_string());
            delays.push(delay.unwrap_or("-".to_owned()));
        }
        assert_eq!(delays.join(" "), expected, "{outcomes}");
    }
}

#[test]
fn confirm_is_off_when_empty_and_unused_when_the_interval_is_shorter() {
    let off = Rules {
        confirm: Vec::new(),
        ..rules()
    };
    let fast = Rules {
        interval: Duration::from_secs(10),
        ..rules()
    };
    for rules in [off, fast] {
        let mut watch = Watch::new(rules, Restored::default());
        step(&mut watch, 1, 'x');
        assert_eq!(watch.next_confirm(), None);
    }
}

#[test]
fn time_in_which_nobody_looked_is_not_unknown() {
    let mut watch = Watch::new(
        rules(),
        Restored {
            unknown_since: Some(at(0)),
            ..Restored::default()
        },
    );
    assert_eq!(step(&mut watch, 600, 'u'), []);
    assert_eq!(watch.unknown_since(), Some(at(600)));
}

#[test]
fn the_time_unknown_goes_on_after_a_restart_but_not_over_a_gap() {
    let unknown = |minute: u64| Sample {
        at: at(minute),
        outcome: Outcome::Unknown,
        latency: None,
        code: None,
    };
    let rows = [
        (vec![100, 105], 60, 60),
        (vec![100, 105, 600, 605], 60, 600),
    ];
    for (samples, stored, expected) in rows {
        let watch = Watch::new(
            rules(),
            Restored {
                samples: samples.into_iter().map(unknown).collect(),
                unknown_since: Some(at(stored)),
                ..Restored::default()
            },
        );
        assert_eq!(watch.unknown_since(), Some(at(expected)));
    }
}

#[test]
fn a_latency_within_the_limit_but_near_it_closes_after_a_window() {
    let near = |watch: &mut Watch, minute: u64, ms: u64| {
        let sample = Sample {
            at: at(minute),
            outcome: Outcome::Pass,
            latency: Some(Duration::from_millis(ms)),
            code: None,
        };
        watch.observe(&sample, &Judgement::default(), &"")
    };
    let mut watch = Watch::new(rules(), Restored::default());
    let opened = (0..7).flat_map(|n| near(&mut watch, n, 510)).count();
    assert_eq!(opened, 1);
    let closed_at = (7..30).find(|n| !near(&mut watch, *n, 490).is_empty());
    assert_eq!(
        closed_at,
        Some(7 + 3 + 6),
        "3 until the mean is within, then a whole window"
    );
}

#[test]
fn a_removed_latency_rule_is_no_longer_watched() {
    let mut watch = Watch::new(rules(), Restored::default());
    for minute in 0..7 {
        step(&mut watch, minute, 's');
    }
    let gone = watch.reconfigure(Rules {
        latency: None,
        ..rules()
    });
    assert_eq!(gone, [Violation::Latency]);
    assert_eq!(watch.window().counted().len(), 7);
}

#[test]
fn a_script_cannot_open_without_bound() {
    let mut watch = Watch::new(rules(), Restored::default());
    let mut run = ScriptRun::default();
    for n in 0..100 {
        run.violations.push(NamedViolation {
            name: format!("v{n}").into(),
            message: String::new(),
        });
    }
    run.violations.push(NamedViolation {
        name: "error".into(),
        message: String::new(),
    });
    let judgement = Judgement {
        runs: vec![run],
        ..Judgement::default()
    };
    let sample = Sample {
        at: at(1),
        outcome: Outcome::Pass,
        latency: None,
        code: None,
    };
    assert_eq!(watch.observe(&sample, &judgement, &"").len(), NAMED_MAX);
    assert!(!watch.is_open(&Violation::Error));
}

#[test]
fn a_month_of_probes_takes_no_time() {
    let mut watch = Watch::new(rules(), Restored::default());
    let changes: usize = (0..30 * 288)
        .map(|n| step(&mut watch, n * 5, if n % 288 < 20 { 'x' } else { '.' }).len())
        .sum();
    assert_eq!(changes, 60, "30 outages open and close");
}

proptest! {
    #[test]
    fn opened_and_closed_alternate(outcomes in "[.wxuesnN]{0,200}") {
        let mut watch = Watch::new(rules(), Restored::default());
        let mut open = BTreeSet::new();
        for (minute, letter) in (1..).zip(outcomes.chars()) {
            for change in step(&mut watch, minute * 5, letter) {
                match change {
                    Change::Opened(opened) => prop_assert!(open.insert(opened.violation)),
                    Change::Updated { violation, .. } => prop_assert!(open.contains(&violation)),
                    Change::Closed { violation, .. } => prop_assert!(open.remove(&violation)),
                }
            }
            prop_assert!(watch.open().eq(open.iter()));
        }
    }

    #[test]
    fn a_window_of_passes_leaves_nothing_open(outcomes in "[.wxuesnN]{0,200}") {
        let mut watch = Watch::new(rules(), Restored::default());
        let mut minutes = 1..;
        let mut take = |watch: &mut Watch, letters: &str| {
            for (letter, minute) in letters.chars().zip(&mut minutes) {
                step(watch, minute * 5, letter);
            }
        };
        take(&mut watch, &(outcomes + "......."));
        prop_assert!(watch.open().all(|open| *open == Violation::Flapping));
        take(&mut watch, &".".repeat(20));
        prop_assert_eq!(watch.open().count(), 0);
    }

    #[test]
    fn equal_histories_give_equal_results(outcomes in "[.wxuesnN]{0,100}") {
        prop_assert_eq!(run(&outcomes), run(&outcomes));
    }

    /// Cutting a history at any point and going on from what is stored opens and closes the same.
    #[test]
    fn a_restart_changes_nothing(before in "[.wx]{0,40}", rest in "[.wx]{0,40}") {
        let mut whole = Watch::new(rules(), Restored::default());
        let mut samples = Vec::new();
        for (minute, letter) in (1..).zip(before.chars()) {
            step(&mut whole, minute * 5, letter);
            samples.extend(whole.window().counted().last().cloned());
        }
        let keep = samples.len().saturating_sub(20);
        let mut restarted = Watch::new(rules(), Restored {
            samples: samples.split_off(keep),
            open: whole.open().map(|open| (open.clone(), Reason { code: Some("refused".into()), ..Reason::default() })).collect(),
            last_good: whole.last_good(),
            unknown_since: whole.unknown_since(),
        });
        for (minute, letter) in (before.len() as u64 + 1..).zip(rest.chars()) {
            prop_assert_eq!(step(&mut whole, minute * 5, letter), step(&mut restarted, minute * 5, letter));
        }
    }
}

#[test]
fn what_is_open_is_told_with_the_numbers_of_now() {
    let mut watch = Watch::new(rules(), Restored::default());
    let mut minute = 0;
    let mut told = |letters: &str| {
        for letter in letters.chars() {
            step(&mut watch, minute, letter);
            minute += 5;
        }
        let held = watch.held().pop();
        held.and_then(|held| held.rule).unwrap_or_default()
    };
    assert_eq!(told("......."), "");
    assert_eq!(
        told("xxxx"),
        "4 of the last 7 probes failed, more than 50 % of 7"
    );
    assert_eq!(
        told("xxx"),
        "7 of the last 7 probes failed, more than 50 % of 7"
    );
    assert_eq!(
        told("...."),
        "3 of the last 7 probes failed, no longer more than 50 % of 7"
    );
}
