//! `oes test`: scripts on a simulated clock.

mod channel_files;
mod channels;
mod coverage;
mod files;
mod gate;
mod mocks;
mod mutation;
mod pipeline;
mod update;

use std::fmt::Write as _;

use insta::assert_snapshot;

use super::{Desk, json, repository};

const FROZEN: &str = r#"let chart = track("chart", body);
expect(chart.unchanged_for < duration("15m"), "frozen", "the chart is frozen");
"#;

fn desk(tests: &str) -> Desk {
    Desk::new(&[("frozen.rhai", FROZEN), ("frozen.test.toml", tests)])
}

#[test]
fn memory_goes_on_while_the_simulated_clock_moves() {
    let desk = desk(
        r#"script = "frozen.rhai"
[[test]]
name = "a frozen chart fails from minute 15 on"
probe = [{ json = [1], repeat = 4 }, { json = [2] }, { json = [2], then_wait = "1h" }, { json = [2] }]
expect = "PPP F PPF"
codes = ["frozen"]
[[test]]
name = "what is remembered can be set"
start = "2026-01-01T00:20:00Z"
probe = [{ json = [1] }, { json = [1], memory = {}, then_wait = "14m" }, { json = [1] }]
expect = "PPP"
codes = []
"#,
    );
    assert_snapshot!(desk.seen(&["test"]), @r"
    exit 0
    ── out
    ✓ frozen.test.toml  2 tests

    ✓ 2 tests passed · 10 probes · 1 file
    ");
}

#[test]
fn the_first_probe_that_differs_is_shown() {
    let desk = desk(
        r#"script = "frozen"
[[test]]
name = "too early"
probe = [{ json = [1], repeat = 5 }]
expect = "PPP PF"
codes = []
[[test]]
name = "a code that never comes"
probe = [{ json = [1] }, { status = 500 }]
codes = ["frozen"]
"#,
    );
    assert_snapshot!(desk.seen(&["test", "frozen.test.toml"]), @r#"
    exit 1
    ── out
    ✗ frozen.test.toml  2 of 2 tests failed

    ✗ too early  at frozen.test.toml:2
         expected  PPP PF
         got       PPP FF
                       ^
         probe 4, 15 min after the first: expected pass, got fail
         ✗ frozen the chart is frozen
              at frozen.rhai:2:1
               2 │ expect(chart.unchanged_for < duration("15m"), "frozen", "the chart is frozen");
                 │ ^
                 chart.unchanged_for = 900
                 duration("15m") = 900
         code frozen, first at probe 4: no codes are expected

    ✗ a code that never comes  at frozen.test.toml:7
         outcomes  PF
         code frozen: expected, but never found
         code status, first at probe 2: expected are frozen
         ✗ status expected 2xx, got 500 Internal Server Error

    ✗ 2 of 2 tests failed · 7 probes · 1 file
    "#);
}

#[test]
fn a_long_line_is_cut_around_what_differs() {
    let letters = "P".repeat(100);
    let desk = Desk::new(&[
        ("n.rhai", "expect(body.n == 1, \"n\", \"n is wrong\");\n"),
        (
            "n.test.toml",
            &format!(
                "script = \"n.rhai\"\n[[test]]\nname = \"long\"\nprobe = [{{ json = {{ n = 1 }}, repeat = 60 }}, \
                 {{ json = {{ n = 2 }} }}, {{ json = {{ n = 1 }}, repeat = 39 }}]\nexpect = \"{letters}\"\n"
            ),
        ),
    ]);
    let shown = String::from_utf8(desk.run(&["test"]).stdout).unwrap();
    let lines: Vec<&str> = shown.lines().map(str::trim).collect();
    let (left, right) = ("P".repeat(40), "P".repeat(19));
    assert_eq!(lines[3], format!("expected  …{left}P{right}…"));
    assert_eq!(lines[4], format!("got       …{left}F{right}…"));
    let (line, mark) = (
        shown.lines().nth(4).unwrap().chars().position(|c| c == 'F'),
        shown.lines().nth(5).unwrap().chars().position(|c| c == '^'),
    );
    assert_eq!(line, mark);
}

#[test]
fn json_is_one_object() {
    let desk = desk(
        r#"script = "frozen.rhai"
[[test]]
name = "wrong"
probe = [{ json = [1] }]
expect = "F"
"#,
    );
    let output = desk.run(&["test", "--json"]);
    let value = json(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        (&value["schema"], &value["exit"], &value["failed"]),
        (&"oes.test/1".into(), &1.into(), &1.into())
    );
    let test = &value["tests"][0];
    assert_eq!(test["outcomes"], "P");
    assert_eq!(test["expected"], "F");
    assert_eq!(test["failures"][0]["kind"], "outcome");
    assert_eq!(test["failures"][0]["probe"], 1);
    let output = desk.run(&["test", "--json", "--list"]);
    assert_eq!(json(&output)["tests"][0]["line"], 2);
}

#[test]
fn junit_holds_every_test_and_every_mistake() {
    let desk = desk(
        r#"script = "frozen.rhai"
[[test]]
name = "a <good> & \"quoted\" one"
probe = [{ json = [1] }]
expect = "P"
[[test]]
name = "wrong"
probe = [{ json = [1] }]
expect = "F"
"#,
    );
    desk.write("broken.test.toml", "script = 3\n");
    let output = desk.run(&["test", "--junit", "report.xml"]);
    assert_eq!(output.status.code(), Some(2));
    assert_snapshot!(std::fs::read_to_string(desk.path("report.xml")).unwrap(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites>
      <testsuite name="frozen.test.toml" tests="2" failures="1" errors="0">
        <testcase name="a &lt;good&gt; &amp; &quot;quoted&quot; one" classname="frozen.test.toml" file="frozen.test.toml" line="2"/>
        <testcase name="wrong" classname="frozen.test.toml" file="frozen.test.toml" line="6">
          <failure message="wrong">✗ wrong  at frozen.test.toml:6
         expected  F
         got       P
                   ^
         probe 1: expected fail, got pass, nothing found</failure>
        </testcase>
      </testsuite>
      <testsuite name="files" tests="1" failures="0" errors="1">
        <testcase name="broken.test.toml:1" classname="files"><error message="`script` must be a string, not a number"/></testcase>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn tests_are_chosen_by_file_and_name() {
    let desk = desk(
        r#"script = "frozen.rhai"
[[test]]
name = "one"
probe = [{ json = [1] }]
expect = "P"
[[test]]
name = "two"
probe = [{ json = [1] }]
expect = "P"
"#,
    );
    assert_snapshot!(desk.seen(&["test", "--list", "--filter", "frozen.*two"]), @r"
    exit 0
    ── out
    frozen.test.toml:6: two
    ");
    assert_snapshot!(desk.seen(&["test", "--filter", "three"]), @r"
    exit 2
    ── err
    error: no test matches --filter three
    ");
}

#[test]
fn results_come_in_order_and_are_always_the_same() {
    let desk = Desk::new(&[("n.rhai", "expect(body.n == 1, \"n\", \"n is wrong\");\n")]);
    for file in ["b", "a", "c"] {
        let mut text = "script = \"n.rhai\"\n".to_owned();
        for test in 0..10 {
            let repeat = (test * 7) % 10 + 1;
            write!(text,
                "[[test]]\nname = \"{test}\"\nprobe = [{{ json = {{ n = {test} }}, repeat = {repeat} }}]\ncodes = []\n"
            ).unwrap();
        }
        desk.write(&format!("{file}.test.toml"), &text);
    }
    let first = desk.seen(&["test"]);
    let files: Vec<&str> = first
        .lines()
        .filter_map(|line| line.strip_prefix("✗ ")?.split(' ').next())
        .take(3)
        .collect();
    assert_eq!(files, ["a.test.toml", "b.test.toml", "c.test.toml"]);
    for _ in 0..3 {
        assert_eq!(desk.seen(&["test"]), first);
    }
}

#[test]
fn failures_are_annotations_where_github_shows_them() {
    let desk = desk(
        r#"script = "frozen"
[[test]]
name = "too early: 100 %, or not"
probe = [{ json = [1], repeat = 4 }]
expect = "PPPP"
"#,
    );
    desk.write("broken.test.toml", "script = \"gone\"\n");
    let shown = desk.seen(&["test", "--github"]);
    let annotations: Vec<&str> = shown
        .lines()
        .filter(|line| line.starts_with("::"))
        .collect();
    assert_eq!(annotations.len(), 3, "{shown}");
    assert!(
        annotations[0].starts_with(
            "::error file=frozen.test.toml,line=2,title=too early%3A 100 %25%2C or not::     expected  PPPP%0A     got       PPPF%0A"
        ),
        "{shown}"
    );
    assert!(
        annotations[1].starts_with("::error file=broken.test.toml,line=1,title=oes test::"),
        "{shown}"
    );
    assert_eq!(
        desk.run(&["test", "--github", "--json"]).status.code(),
        Some(2)
    );
}

/// What is shipped is run to the last line, and nine of ten wrong changes of it are caught.
#[test]
fn the_shipped_scripts_pass_their_tests_which_catch_what_is_wrong() {
    let desk = Desk::new(&[]);
    let scripts = repository("scripts");
    let output = desk.run(&[
        "test",
        scripts.to_str().unwrap(),
        "--coverage",
        "--mutate",
        "--json",
    ]);
    let seen = json(&output);
    assert_eq!(output.status.code(), Some(0), "{seen}");
    let number = |part: &serde_json::Value, key: &str| part[key].as_u64().unwrap();
    let shipped = [
        oes::script::shipped::MATCHERS,
        oes::script::shipped::CHANNELS,
    ]
    .concat();
    for script in shipped {
        let of_script = |list: &str| {
            let mut parts = seen[list].as_array().unwrap().iter();
            let named =
                |part: &&serde_json::Value| part["script"].as_str().unwrap().ends_with(script.file);
            parts
                .find(named)
                .unwrap_or_else(|| panic!("{} has no tests", script.file))
                .clone()
        };
        let covered = of_script("coverage");
        assert_eq!(
            number(&covered, "run"),
            number(&covered, "lines"),
            "{covered}"
        );
        assert!(number(&covered, "lines") > 0, "{covered}");
        let mutated = of_script("mutants");
        let (caught, mutants) = (number(&mutated, "caught"), number(&mutated, "mutants"));
        assert!(caught * 100 >= mutants * 90, "{mutated}");
    }
}

/// A script that finds something in the very test that fails does not merely check nothing.
#[test]
fn a_script_that_checks_nothing_is_said_where_that_explains_something() {
    let test = |expect: &str| {
        format!(
            "script = \"x.rhai\"\n[[test]]\nname = \"x\"\nprobe = [{{ json = {{}} }}]\nexpect = \"{expect}\"\n"
        )
    };
    for (script, expect, said) in [
        ("let x = 1 + 1;\nnote(`${x}`);\n", "P", true),
        ("let x = 1 + 1;\nnote(`${x}`);\n", "F", true),
        ("let x = body.a + 1;\nnote(`${x}`);\n", "P", false),
    ] {
        let desk = Desk::new(&[("x.rhai", script), ("x.test.toml", &test(expect))]);
        let seen = desk.seen(&["test"]);
        assert_eq!(
            seen.contains("checks nothing"),
            said,
            "{script} {expect}: {seen}"
        );
        let value = json(&desk.run(&["test", "--json"]));
        assert_eq!(
            value["mistakes"][0]["code"], "script/checks-nothing",
            "{value:#}"
        );
    }
}
