//! `oes dry-run`: what an author sees of a script.

use insta::assert_snapshot;

use super::{Desk, json, repository};
use crate::support::upstream::{Upstream, ok};

const FROZEN: &str = r#"let chart = track("chart", body);
expect(chart.unchanged_for < duration("15m"), "the chart is frozen");
"#;

#[test]
fn a_sample_is_compared_with_a_file() {
    let desk = Desk::new(&[("body.json", r#"{"status":"ok","price":"1.31"}"#)]);
    let expected = r##"{"status":"ok","price":"#number > 0"}"##;
    assert_snapshot!(desk.seen(&["dry-run", "types", "--response", "body.json", "--expected", expected]), @r#"
    exit 1
    ── out
      request    read body.json
                 200 OK · application/json · 30 B · TIME
                 {"status":"ok","price":"1.31"}

    ✗ type $.price: expected number > 0, got string "1.31"

      would do   count 1 failure; with more than 50 % of 7 needed, this alone would not notify; look again soon
    ✗ FAIL  1 error · nothing was saved or sent
    "#);
}

#[test]
fn a_script_file_is_named_by_its_path() {
    let desk = Desk::new(&[
        ("a/mine.rhai", "expect(body.n == 1);\n"),
        ("body.json", r#"{"n":2}"#),
    ]);
    assert_snapshot!(desk.seen(&["dry-run", "a/mine.rhai", "--response", "body.json"]), @r#"
    exit 1
    ── out
    ✓ compiled a/mine.rhai, 1 line, 0 warnings
      request    read body.json
                 200 OK · application/json · 7 B · TIME
                 {"n":2}
      script     mine · 0 requests
                 N of 500,000 operations · TIME of TIME CPU · TIME of TIME in all · N of 16 MiB heap · 1 of 100 findings

    ✗ body-n-1 expected body.n == 1
         at a/mine.rhai:1:1
          1 │ expect(body.n == 1);
            │ ^
            body.n = 2

      would do   count 1 failure; with more than 50 % of 7 needed, this alone would not notify; look again soon
    ✗ FAIL  1 error · nothing was saved or sent
    "#);
    assert_snapshot!(desk.seen(&["dry-run", "a/yours.rhai", "--response", "body.json"]), @r#"
    exit 2
    ── err
    error: a/yours.rhai: there is no such file
    "#);
}

#[test]
fn a_frozen_chart_fails_once_it_is_old_enough() {
    let desk = Desk::new(&[("frozen.rhai", FROZEN), ("body.json", "[[1, 2]]")]);
    let shown = desk.run(&[
        "dry-run",
        "frozen",
        "--response",
        "body.json",
        "--times",
        "5",
        "--every",
        "4m",
    ]);
    let outcomes: String = String::from_utf8(shown.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| match line.split_whitespace().nth(1) {
            Some("PASS") => Some('P'),
            Some("FAIL") => Some('F'),
            _ => None,
        })
        .collect();
    assert_eq!((outcomes.as_str(), shown.status.code()), ("PPPPF", Some(1)));
}

#[test]
fn a_shipped_script_goes_by_its_short_name() {
    let desk = Desk::new(&[("body.json", "[[1, 2]]")]);
    for name in ["price_chart", "price_chart_matcher"] {
        let shown = desk.run(&[
            "dry-run",
            name,
            "--response",
            "body.json",
            "--param",
            "max_age=15m",
        ]);
        assert_eq!(shown.status.code(), Some(0), "{name}");
    }
}

#[test]
fn mistakes_of_a_script_have_a_place() {
    let desk = Desk::new(&[
        ("bad.rhai", "let x = 1;\nif x > 0 { fial(\"no\") }\n"),
        ("body.json", "{}"),
    ]);
    assert_snapshot!(desk.seen(&["dry-run", "bad.rhai", "--response", "body.json"]), @r#"
    exit 2
    ── err
      × there is no function `fial` [script/unknown-function]
       ╭─[bad.rhai:2:12]
     2 │ if x > 0 { fial("no") }
       ·            ────
       ╰────
      help: did you mean `fail`?
    "#);
    let told = desk.run(&["dry-run", "bad.rhai", "--response", "body.json", "--json"]);
    let told_json = json(&told);
    assert_eq!(told.status.code(), Some(2));
    assert_eq!(told_json["compile"]["mistakes"][0]["line"], 2);
    assert_eq!(told_json["schema"], "oes.dry-run/1");
}

#[test]
fn a_script_that_breaks_is_not_the_services_fault() {
    let desk = Desk::new(&[
        (
            "breaks.rhai",
            "let x = 1;\nlet y = x / (x - 1);\nexpect(y == 1);\n",
        ),
        ("body.json", "{}"),
    ]);
    assert_snapshot!(desk.seen(&["dry-run", "breaks", "--response", "body.json"]), @r#"
    exit 4
    ── out
    ✓ compiled breaks.rhai, 3 lines, 0 warnings
      request    read body.json
                 200 OK · application/json · 2 B · TIME
                 {}
      script     breaks · 0 requests
                 N of 500,000 operations · TIME of TIME CPU · TIME of TIME in all · N of 16 MiB heap

    ✗ script division by zero: 1 / 0  (the script is broken)
         at breaks.rhai:2:11
          2 │ let y = x / (x - 1);
            │           ^

      would do   count nothing; a second one in a row would tell the channels that the matcher is broken
    ✗ SCRIPT ERROR  1 script error · nothing was saved or sent
    "#);
}

#[test]
fn the_status_and_the_warnings_count_as_asked() {
    let desk = Desk::new(&[
        ("odd.rhai", "warn(\"odd\", \"it is odd\");\n"),
        ("body.json", "{}"),
    ]);
    let code = |more: &[&str]| {
        desk.run(&[&["dry-run", "odd", "--response", "body.json"], more].concat())
            .status
            .code()
    };
    assert_eq!(code(&[]), Some(0));
    assert_eq!(code(&["--fail-on", "warn"]), Some(1));
    assert_eq!(code(&["--status", "503"]), Some(1));
}

#[test]
fn memory_is_taken_from_a_file() {
    let desk = Desk::new(&[
        ("counts.rhai", "expect(memory.get(\"n\", 0) == 7);\n"),
        ("memory.json", r#"{"n":7}"#),
        ("body.json", "{}"),
    ]);
    let code = |memory: &str| {
        desk.run(&[
            "dry-run",
            "counts",
            "--response",
            "body.json",
            "--memory",
            memory,
        ])
        .status
        .code()
    };
    assert_eq!((code("@memory.json"), code("empty")), (Some(0), Some(1)));
}

#[tokio::test]
async fn the_json_says_what_went_over_the_wire_without_secrets() {
    let desk = Desk::new(&[]);
    let upstream = Upstream::answering(ok(r#"{"a":1}"#)).await;
    let mut command = desk.command(&[
        "dry-run",
        "status_code",
        "--json",
        "-H",
        "Authorization: Bearer s3cret",
    ]);
    command.arg(upstream.url("/x"));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let told = json(&output);
    assert_eq!(told["schema"], "oes.dry-run/1");
    assert_eq!(told["result"]["outcome"], "pass");
    assert_eq!(told["response"]["body_excerpt"], r#"{"a":1}"#);
    assert_eq!(told["side_effects"], "none");
    assert_eq!(
        told["compile"],
        serde_json::json!({ "ok": true, "warnings": [] })
    );
    assert!(told["result"]["elapsed_us"].is_u64(), "{told}");
    let sent = told["request"]["headers"].as_array().unwrap();
    assert!(
        sent.contains(&serde_json::json!(["authorization", "***"])),
        "{told}"
    );
    assert!(told["response"]["headers"].is_array(), "{told}");
    assert!(!String::from_utf8(output.stdout).unwrap().contains("s3cret"));
}

#[test]
fn evidence_is_an_object_in_its_order() {
    let script = "fail(\"off\", \"it is off\", #{ ours: 2.5, theirs: 1.0 });\nexpect(body.z + body.a == 1);\n";
    let desk = Desk::new(&[("off.rhai", script), ("body.json", r#"{"a":1,"z":2}"#)]);
    let output = desk.run(&["dry-run", "off", "--response", "body.json", "--json"]);
    let told = json(&output);
    let findings = &told["result"]["findings"];
    assert_eq!(findings[0]["evidence"]["ours"], 2.5, "{told}");
    let text = String::from_utf8(output.stdout).unwrap();
    let place = |name: &str| text.find(&format!("\"{name}\":")).unwrap();
    assert!(place("body.z") < place("body.a"), "{text}");
}

#[test]
fn warnings_about_a_script_are_shown() {
    let desk = Desk::new(&[
        ("odd.rhai", "let a = 1;\na == 2;\nexpect(true);\n"),
        ("body.json", "{}"),
    ]);
    assert_snapshot!(desk.seen(&["dry-run", "odd", "--response", "body.json"]), @r#"
    exit 0
    ── out
    ✓ compiled odd.rhai, 3 lines, 1 warning
      request    read body.json
                 200 OK · application/json · 2 B · TIME
                 {}
      script     odd · 0 requests
                 N of 500,000 operations · TIME of TIME CPU · TIME of TIME in all · N of 16 MiB heap

      would do   count a good probe
    ✓ PASS  nothing found · nothing was saved or sent
    ── err
      ⚠ this does nothing [script/no-effect]
       ╭─[odd.rhai:2:1]
     2 │ a == 2;
       · ─
       ╰────
      help: did you mean expect(…)?
    "#);
    let told = json(&desk.run(&["dry-run", "odd", "--response", "body.json", "--json"]));
    assert_eq!(told["compile"]["ok"], true);
    assert_eq!(told["compile"]["warnings"][0]["line"], 2, "{told}");
}

#[test]
fn a_long_line_of_the_body_ends_in_dots() {
    let body = format!("\"{}\"", "x".repeat(300));
    let desk = Desk::new(&[("body.json", &body)]);
    let seen = desk.seen(&["dry-run", "non_empty", "--response", "body.json"]);
    assert!(
        seen.contains(&format!("\"{}…\n", "x".repeat(159))),
        "{seen}"
    );
}

#[test]
fn each_of_several_probes_is_headed_by_its_time() {
    let desk = Desk::new(&[("body.json", "{}")]);
    let output = desk.run(&[
        "dry-run",
        "status_code",
        "--response",
        "body.json",
        "--times",
        "2",
        "--every",
        "300",
        "--now",
        "2026-01-31T12:00:00Z",
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with("──")).collect();
    assert_eq!(
        heads,
        ["── 2026-01-31T12:00:00Z ──", "── 2026-01-31T12:05:00Z ──"]
    );
    assert!(text.starts_with("──"), "{text}");
}

#[test]
fn a_response_is_read_from_standard_input() {
    use std::io::Write as _;
    let desk = Desk::new(&[]);
    let mut command = desk.command(&[
        "dry-run",
        "types",
        "--expected",
        "{\"a\":1}",
        "--response",
        "-",
    ]);
    let pipe = std::process::Stdio::piped;
    let mut child = command.stdin(pipe()).stdout(pipe()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"a\":2}").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("read standard input"), "{text}");
}

/// The first script of the README, judged against a body it is made for.
#[test]
fn the_first_script_of_the_readme_works() {
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    let script = readme
        .split("```rhai\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let orders = r#"{"orders":[{"id":17}],"queue":3}"#;
    let desk = Desk::new(&[
        ("scripts/matchers/orders_move.rhai", script),
        ("orders.json", orders),
    ]);
    let arguments = readme
        .lines()
        .find_map(|line| {
            line.strip_prefix("oes ")
                .filter(|line| line.contains("--response orders.json"))
        })
        .unwrap();
    let shown = desk.run(&arguments.split_whitespace().collect::<Vec<_>>());
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(
        text.contains("✓ PASS") && text.contains("no new order for 30m"),
        "{text}"
    );
    assert_eq!(shown.status.code(), Some(1));
}

/// The caret stands below what it means, however deep that is indented.
#[test]
fn a_finding_in_a_block_has_its_caret_below_it() {
    let script = "if true {\n    if body.price > 1 {\n        fail(\"too dear\");\n    }\n}\n";
    let desk = Desk::new(&[("p.rhai", script), ("body.json", "{\"price\": 2}")]);
    let seen = desk.seen(&["dry-run", "p.rhai", "--response", "body.json"]);
    let drawn = "      3 │         fail(\"too dear\");\n        │         ^\n";
    assert!(seen.contains(drawn), "{seen}");
}
