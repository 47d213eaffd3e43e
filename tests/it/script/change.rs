//! What a script sees of earlier runs, and what it does at its end.

use std::sync::Arc;
use std::time::Duration;

use super::bench::*;
use oes::model::judgement::{Judgement, Memory};
use oes::script::limits::Limits;

/// Runs a script once for each body at its minute, with what it remembers, and returns the notes of every run.
async fn over_time(script: &str, runs: &[(i64, &str)]) -> Vec<String> {
    let pool = pool(&silent());
    let mut memory = Memory::new();
    let mut notes = Vec::new();
    for (minute, body) in runs {
        let mut input = input(body);
        input.now = now() + jiff::SignedDuration::from_mins(*minute);
        input.memory = Arc::new(memory.clone());
        let judgement = judge(&pool, script, input).await;
        memory.extend(judgement.runs[0].memory.set.clone());
        notes.extend(lines(&judgement));
        notes.extend(judgement.runs[0].notes.clone());
    }
    notes
}

#[tokio::test]
async fn track_counts_looks_and_holes_between_them() {
    let script = "let t = track(\"h\", body.h); note(`${t.samples} ${t.gap}`);";
    let runs = [
        (0, r#"{"h":5}"#),
        (1, r#"{"h":5}"#),
        (31, r#"{"h":5}"#),
        (32, r#"{"h":6}"#),
    ];
    assert_eq!(
        over_time(script, &runs).await,
        ["1 0", "2 60", "3 1800", "1 0"]
    );
}

#[tokio::test]
async fn stale_wants_the_age_and_a_second_look() {
    let script = "note(stale(\"h\", body.h, \"15m\"));";
    let runs = [
        (0, r#"{"h":5}"#),
        (14, r#"{"h":5}"#),
        (15, r#"{"h":5.0}"#),
        (16, r#"{"h":6}"#),
        (40, r#"{"h":7}"#),
    ];
    assert_eq!(
        over_time(script, &runs).await,
        ["false", "false", "true", "false", "false"]
    );
    let script = "note(stale(\"h\", body.h, \"15m\", #{ gap: \"10m\" }));";
    let runs = [(0, r#"{"h":5}"#), (16, r#"{"h":5}"#)];
    assert_eq!(
        over_time(script, &runs).await,
        ["false", "false"],
        "nobody looked for 16 minutes"
    );
}

#[tokio::test]
async fn track_leaves_out_places_and_small_changes() {
    let script =
        "note(track(\"b\", body, #{ ignore: [\"$.at\", \"$.l[*].at\", \"$.l[-1].x\"] }).changed);";
    let runs = [
        (0, r#"{"at":1,"l":[{"at":1,"x":1},{"at":1,"x":1}]}"#),
        (1, r#"{"at":2,"l":[{"at":2,"x":1},{"at":2,"x":2}]}"#),
        (2, r#"{"at":2,"l":[{"at":2,"x":3},{"at":2,"x":2}]}"#),
    ];
    assert_eq!(over_time(script, &runs).await, ["false", "false", "true"]);
    // A slow drift is a change too: values are held against the first, not against the last.
    let script = "note(track(\"b\", body, #{ tolerance: 0.5 }).changed);";
    let runs = [
        (0, r#"{"p":[1.0]}"#),
        (1, r#"{"p":[1.4]}"#),
        (2, r#"{"p":[1.6]}"#),
        (3, r#"{"p":[1.2]}"#),
    ];
    assert_eq!(
        over_time(script, &runs).await,
        ["false", "false", "true", "false"]
    );
    let wrong = over_time(
        "let options = #{ tolerence: 1 }; track(\"b\", 1, options);",
        &[(0, "{}")],
    )
    .await;
    assert_eq!(
        wrong,
        [
            "error script: `track` has no option `tolerence`; track and stale have ignore and tolerance, stale gap too"
        ]
    );
}

#[tokio::test]
async fn monotonic_holds_against_the_highest() {
    let runs = [
        (0, r#"{"h":5}"#),
        (1, r#"{"h":5}"#),
        (2, r#"{"h":4}"#),
        (3, r#"{"h":4.5}"#),
        (70, r#"{"h":4}"#),
        (71, r#"{"h":4}"#),
    ];
    assert_eq!(
        over_time("note(monotonic(\"h\", body.h));", &runs).await,
        ["true", "true", "false", "false", "false", "false"]
    );
    assert_eq!(
        over_time("note(monotonic(\"h\", body.h, \"1h\"));", &runs).await,
        ["true", "true", "false", "false", "true", "true"]
    );
}

#[tokio::test]
async fn memory_at_finds_the_value_of_a_time_ago() {
    let script = "note(memory.at(\"p\", \"1h\", \"none\")); memory.record(\"p\", body.p, \"1h\");";
    let runs = [
        (0, r#"{"p":1}"#),
        (1, r#"{"p":2}"#),
        (55, r#"{"p":3}"#),
        (60, r#"{"p":4}"#),
        (121, r#"{"p":5}"#),
        (500, r#"{"p":5}"#),
    ];
    assert_eq!(
        over_time(script, &runs).await,
        ["none", "none", "1", "1", "4", "none"]
    );
    let wrong = over_time(
        "memory.record(\"p\", 1); memory.at(\"p\", \"2d\");",
        &[(0, "{}")],
    )
    .await;
    assert_eq!(
        wrong,
        [
            "error script: `p` is kept for 1d only, not 2d; say so where it is recorded: memory.record(\"p\", …, \"2d\")"
        ]
    );
}

#[tokio::test]
async fn what_is_recorded_stays_small() {
    let pool = pool(&silent());
    let mut memory = Memory::new();
    for second in 0..2000 {
        let mut input = input("{}");
        input.now = now() + jiff::SignedDuration::from_secs(second);
        input.memory = Arc::new(memory.clone());
        let judgement = judge(&pool, "memory.record(\"p\", 1, \"10m\");", input).await;
        memory.extend(judgement.runs[0].memory.set.clone());
    }
    let items = memory["ring:p"]
        .value
        .get("items")
        .unwrap()
        .as_array()
        .unwrap()
        .len();
    assert!((150..=290).contains(&items), "{items}");
}

async fn ended(script: &str, limits: Limits) -> (Judgement, Vec<String>) {
    let host = fake(|request| match request.url.path() {
        "/slow" => reply(599, ""),
        _ => reply(200, "{}"),
    });
    let job = input("{}").job(source(script), limits);
    let judgement = pool(&host).run(job).await;
    let asked = host.asked.lock().unwrap();
    let asked = asked
        .iter()
        .map(|request| format!("{} {}", request.method, request.url.path()));
    (judgement, asked.collect())
}

const CLEANS: &str = "let id = 7; always(|| { http.delete(`https://api.example.io/o/${id}`); });";

#[tokio::test]
async fn always_runs_however_the_script_ends() {
    for (ending, found) in [
        ("", &[] as &[&str]),
        ("id = 8;", &[]),
        ("stop();", &[]),
        ("require(false, \"a\", \"b\");", &["fail a: b"]),
        ("throw \"oh\";", &["error script: oh"]),
        (
            "[1][9];",
            &["error script: the array has no element 9 (1 elements)"],
        ),
        (
            "loop { }",
            &["error limit.operations: the script used 40000"],
        ),
        (
            "let a = []; loop { a.push(\"x\" + a.len()); }",
            &["error limit."],
        ),
        (
            "for n in 0..20 { http.get(`https://api.example.io/${n}`); }",
            &[
                "error limit.http_calls: the script wanted to make more than 10 requests; 2 of these are kept for `always`",
            ],
        ),
        ("always(|| throw \"first\");", &["error script: first"]),
        ("always(|| { loop { } });", &["error limit.operations"; 2]),
    ] {
        let mut limits = limits();
        limits.heap_bytes = 4 << 20;
        let (judgement, asked) = ended(&format!("{CLEANS} {ending}"), limits).await;
        let lines = lines(&judgement);
        let as_expected = lines.len() == found.len()
            && lines
                .iter()
                .zip(found)
                .all(|(line, found)| line.starts_with(found));
        assert!(as_expected, "{ending}: {lines:?}");
        let expected = if ending == "id = 8;" {
            "DELETE /o/8"
        } else {
            "DELETE /o/7"
        };
        let no_rest = ending.starts_with("always(|| { loop");
        assert_eq!(
            asked.last().map(String::as_str),
            (!no_rest).then_some(expected),
            "{ending}"
        );
    }
}

#[tokio::test]
async fn always_has_time_left_of_a_slow_script() {
    let mut limits = limits();
    limits.wall = Some(Duration::from_secs(1));
    let began = tokio::time::Instant::now();
    let (judgement, asked) = ended(
        &format!("{CLEANS} http.get(\"https://api.example.io/slow\"); fail(\"went on\");"),
        limits,
    )
    .await;
    assert!(
        began.elapsed() < Duration::from_millis(1200),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        asked,
        ["GET /slow", "DELETE /o/7"],
        "{:?}",
        lines(&judgement)
    );
}

#[tokio::test]
async fn always_may_find_and_may_not_go_on_for_ever() {
    let (judgement, _) = ended("always(|| { fail(\"left\", \"order left\"); });", limits()).await;
    assert_eq!(lines(&judgement), ["fail left: order left"]);
    let (judgement, _) = ended("always(|| { always(|| 1); });", limits()).await;
    assert_eq!(
        lines(&judgement),
        ["error script: `always` is for the script, not for what it does at its end"]
    );
}

#[tokio::test]
async fn many_values_are_summed_up() {
    let pool = pool(&silent());
    let body = r#"{"l":[{"n":1,"s":"2"},{"n":3,"s":"0x10"}],"f":[{"n":1},{"n":1.0}],"e":[]}"#;
    for condition in [
        "sum_of(body, \"$.l[*].n\") == 4 && sum_of(body, \"$.l[*].s\") == 18 && sum_of(body, \"$.e[*]\") == 0",
        "sum_of([1, 0.5], \"$[*]\") == 1.5 && sum_of([9223372036854775807, 1], \"$[*]\") > 9.2e18",
        "unique(body, \"$.l[*].n\") && !unique(body, \"$.f[*].n\") && unique(body.e, \"$[*]\")",
        "mad([1, 1, 2, 2, 4, 6, 9]) == 1.0 && mad(jp(body, \"$.l[*].n\")) == 1.0 && mad([5]) == 0.0",
    ] {
        let judgement = judge(&pool, &format!("expect({condition});"), input(body)).await;
        assert_eq!(lines(&judgement), [""; 0], "{condition}");
    }
    let wrong = judge(&pool, "sum_of(body, \"$.l[*]\");", input(body)).await;
    assert_eq!(
        lines(&wrong),
        ["fail shape: $.l[0] is {\"n\":1,\"s\":\"2\"}, not a number"]
    );
}
