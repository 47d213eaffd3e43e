//! `--mutate`: tests put to the test.

use insta::assert_snapshot;

use super::{Desk, json};

const SCRIPT: &str =
    "expect(body.n < 10, \"n\", \"n is too large\");\nif body.n == 3 { warn(\"three\"); }\n";

fn desk(probes: &str, expect: &str) -> Desk {
    let tests = format!(
        "script = \"n.rhai\"\n[[test]]\nname = \"n\"\nprobe = [{probes}]\nexpect = \"{expect}\"\n"
    );
    Desk::new(&[("n.rhai", SCRIPT), ("n.test.toml", &tests)])
}

#[test]
fn changes_that_no_test_fails_for_are_named() {
    let desk = desk("{ json = { n = 1 } }, { json = { n = 11 } }", "PF");
    assert_snapshot!(desk.seen(&["test", "--mutate"]), @r#"
    exit 0
    ── out
    ✓ n.test.toml  1 test

    ✓ 1 test passed · 2 probes · 1 file

    ! n.rhai  2 of 6 changes caught, 33 %
         n.rhai:1:15: no test fails for `<=` instead of `<`
         expect(body.n < 10, "n", "n is too large");
         n.rhai:1:17: no test fails for `11` instead of `10`
         expect(body.n < 10, "n", "n is too large");
         n.rhai:2:14: no test fails for `4` instead of `3`
         if body.n == 3 { warn("three"); }
         n.rhai:2:18: no test fails for `warn(…)` taken out
         if body.n == 3 { warn("three"); }
    "#);
    let output = desk.run(&["test", "--mutate", "--min", "34", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let script = &json(&output)["mutants"][0];
    assert_eq!(
        (&script["mutants"], &script["caught"]),
        (&6.into(), &2.into())
    );
    assert_eq!(script["survivors"][0]["change"], "`<=` instead of `<`");
}

#[test]
fn good_tests_catch_every_change() {
    let desk = desk(
        "{ json = { n = 9 } }, { json = { n = 10 } }, { json = { n = 3 } }",
        "PFW",
    );
    let output = desk.run(&["test", "--mutate", "--min", "100"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        super::super::seen(&output)
    );
}

#[test]
fn nothing_is_changed_while_a_test_fails() {
    let desk = desk("{ json = { n = 1 } }", "F");
    let shown = desk.seen(&["test", "--mutate"]);
    assert!(
        shown.starts_with("exit 1") && !shown.contains("changes"),
        "{shown}"
    );
}

/// What a script says besides findings, negations and sums can be wrong as well.
#[test]
fn what_is_said_and_reckoned_is_changed_too() {
    let script = "if !has(body, \"$.n\") { stop(); }\nlet sum = body.n * 2 + body.m;\nmetric(\"sum\", sum);\n\
        if sum > 9 { violation(\"high\", \"too high\"); }\nlet text = \"a\" + sum;\nnote(text);\n";
    let desk = |metrics: &str| {
        let tests = format!(
            "script = \"n.rhai\"\n[[test]]\nname = \"n\"\nprobe = [{{ json = {{}} }}, {{ json = {{ n = 3, m = 4 }} }}, {{ json = {{ n = 2, m = 5 }} }}]\n\
             expect = \"PFP\"\n{metrics}"
        );
        Desk::new(&[("n.rhai", script), ("n.test.toml", &tests)])
    };
    assert_snapshot!(desk("").seen(&["test", "--mutate"]), @r#"
    exit 0
    ── out
    ✓ n.test.toml  1 test

    ✓ 1 test passed · 3 probes · 1 file

    ! n.rhai  8 of 9 changes caught, 88 %
         n.rhai:3:1: no test fails for `metric(…)` taken out
         metric("sum", sum);
    "#);
    let good = desk("metrics = { sum = 9 }\n");
    assert_snapshot!(good.seen(&["test", "--mutate"]), @r"
    exit 0
    ── out
    ✓ n.test.toml  1 test

    ✓ 1 test passed · 3 probes · 1 file

    ✓ n.rhai  9 of 9 changes caught, 100 %
    ");
    let wrong = desk("metrics = { sum = 8, more = 1 }   # mine\n");
    assert_snapshot!(wrong.seen(&["test"]), @r"
    exit 1
    ── out
    ✗ n.test.toml  1 of 1 test failed

    ✗ n  at n.test.toml:2
         outcomes  PFP
         the metrics of the last probe differ
           expected { more = 1, sum = 8 }
           got      { sum = 9 }

    ✗ 1 of 1 test failed · 3 probes · 1 file
    ");
    let failures = &json(&wrong.run(&["test", "--json"]))["tests"][0]["failures"];
    assert_eq!(failures[0]["got"]["sum"], 9.0);
    wrong.run(&["test", "--update", "--yes"]);
    let written = std::fs::read_to_string(wrong.path("n.test.toml")).unwrap();
    assert!(
        written.ends_with("metrics = { sum = 9 }   # mine\n"),
        "{written}"
    );
}
