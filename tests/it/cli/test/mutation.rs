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
