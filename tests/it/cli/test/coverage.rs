//! `--coverage`: which lines no test runs.

use insta::assert_snapshot;
use serde_json::Value;

use super::{Desk, json};

/// Statements wherever the language has them.
const SCRIPT: &str = r#"fn kind(n) {
    switch n {
        0 => "none",
        1 | 2 => "few",
        3..9 => { let some = "some"; some },
        50..99 if n > 70 => "lots",
        _ => "many"
    }
}
fn early(n) {
    if n < 0 { return "below"; }
    n
}
let n = body.n;
let seen = [];
if n == 0 { seen.push("zero"); } else if n == 1 {
    seen.push("one");
} else {
    seen.push("other");
}
for i in 0..n {
    if i == 1 { continue; }
    seen.push(i);
}
let left = n;
while left > 0 { left -= 1; }
let doubled = seen.map(|x| x * 2.0);
let named = doubled.filter(|x| {
    let big = x > 2;
    big
});
try { throw "n"; } catch { seen.push("caught"); }
let unused = || "never run";
let text = `${if n > 1 { "several" } else { "one" }} of ${kind(n)}`;
expect(early(n) != "below",
       "below");
note(text);
"#;

fn desk(bodies: &str) -> Desk {
    // What is mapped is a number each time, whatever the script pushed before.
    let script = SCRIPT.replace("seen.push(\"zero\")", "seen.push(0)");
    let script = script.replace("seen.push(\"one\")", "seen.push(1)");
    let script = script.replace("seen.push(\"other\")", "seen.push(2)");
    let script = script.replace("seen.push(\"caught\")", "seen.push(3)");
    let tests =
        format!("script = \"n.rhai\"\n[[test]]\nname = \"n\"\nprobe = [{bodies}]\ncodes = []\n");
    Desk::new(&[("n.rhai", &script), ("n.test.toml", &tests)])
}

fn missing(bodies: &str) -> Vec<(u64, u64, bool)> {
    let output = desk(bodies).run(&["test", "--coverage", "--json"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        super::super::seen(&output)
    );
    let seen = json(&output);
    let runs = seen["coverage"][0]["missing"].as_array().unwrap();
    let number = |run: &Value, key: &str| run[key].as_u64().unwrap();
    runs.iter()
        .map(|run| {
            let partly = run["partly"] == true;
            (number(run, "first"), number(run, "last"), partly)
        })
        .collect()
}

#[test]
fn each_statement_counts_wherever_it_stands() {
    assert_eq!(
        missing("{ json = { n = 0 } }"),
        [
            (4, 7, false),   // other arms of `switch`
            (11, 11, true),  // `return` on the line of its `if`
            (16, 16, true),  // `else if` on the line of its `if`
            (17, 19, false), // its block, and that of `else`
            (22, 23, false), // the body of a loop
            (26, 26, true),  // that of a loop of one line
            (33, 33, true),  // a closure that is never called
            (34, 34, true),  // a branch within a text
        ]
    );
}

#[test]
fn all_tests_together_run_the_lines() {
    assert_eq!(
        missing(
            "{ json = { n = 0 } }, { json = { n = 1 } }, { json = { n = 5 } }, { json = { n = 20 } }"
        ),
        [(6, 6, false), (11, 11, true), (33, 33, true)]
    );
}

#[test]
fn lines_that_no_test_runs_are_shown() {
    let desk = Desk::new(&[
        (
            "n.rhai",
            "let n = body.n;\nif n > 1 {\n    warn(\"large\");\n    note(\"large\");\n}\nif n < 0 { fail(\"below\"); }\n",
        ),
        (
            "n.test.toml",
            "script = \"n.rhai\"\n[[test]]\nname = \"n\"\nprobe = [{ json = { n = 1 } }]\nexpect = \"P\"\n",
        ),
    ]);
    assert_snapshot!(desk.seen(&["test", "--coverage"]), @r#"
    exit 0
    ── out
    ✓ n.test.toml  1 test

    ✓ 1 test passed · 1 probe · 1 file

    ! n.rhai  2 of 5 lines run, 40 %
         n.rhai:3-4
         warn("large");
         n.rhai:6: some of it
         if n < 0 { fail("below"); }
    "#);
    let code = |arguments: &[&str]| desk.run(arguments).status.code();
    assert_eq!(code(&["test", "--coverage", "--min", "40"]), Some(0));
    assert_eq!(code(&["test", "--coverage", "--min", "41"]), Some(1));
    assert_eq!(code(&["test", "--min", "41"]), Some(2));
}

#[test]
fn limits_have_room_for_it() {
    let script = "let n = 0;\nfor i in 0..40000 { n += i; }\nexpect(n > body);\n";
    let tests =
        "script = \"n.rhai\"\n[[test]]\nname = \"n\"\nprobe = [{ json = 1 }]\nexpect = \"P\"\n";
    let desk = Desk::new(&[("n.rhai", script), ("n.test.toml", tests)]);
    let output = desk.run(&["test", "--coverage", "--min", "100"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        super::super::seen(&output)
    );
}
