//! Which files are tests, and what is wrong with them.

use insta::assert_snapshot;

use super::Desk;

const PASS: &str =
    "script = \"n.rhai\"\n[[test]]\nname = \"n\"\nprobe = [{ json = { n = 1 } }]\nexpect = \"P\"\n";
const SCRIPT: &str = "expect(body.n == 1);\n";

#[test]
fn files_are_found_at_any_depth_but_not_in_hidden_folders() {
    let desk = Desk::new(&[
        ("a/b/n.test.toml", PASS),
        ("a/b/n.rhai", SCRIPT),
        (".hidden/n.test.toml", "broken"),
        ("target/n.test.toml", "broken"),
        ("a/target/n.test.toml", "broken"),
        ("a/other.toml", "broken"),
        ("named.toml", &PASS.replace("n.rhai", "a/b/n.rhai")),
    ]);
    assert_snapshot!(desk.seen(&["test"]), @r"
    exit 0
    ── out
    ✓ a/b/n.test.toml  1 test

    ✓ 1 test passed · 1 probe · 1 file
    ");
    assert_snapshot!(desk.seen(&["test", "a", "a/b", "named.toml"]), @r"
    exit 0
    ── out
    ✓ a/b/n.test.toml  1 test
    ✓ named.toml  1 test

    ✓ 2 tests passed · 2 probes · 2 files
    ");
    assert_snapshot!(desk.seen(&["test", "target"]), @r"
    exit 2
    ── out

    ✗ 1 mistake, no test was run · 0 probes · 1 file
    ── err
      × key with no value, expected `=` [config/syntax]
       ╭─[target/n.test.toml:1:7]
     1 │ broken
       ·      ─
       ╰────
      help: one key = value a line, strings in quotes; a service begins with [[services]]
    ");
}

#[test]
fn where_there_are_no_tests_nothing_passes() {
    let desk = Desk::new(&[("empty/x", "")]);
    assert_snapshot!(desk.seen(&["test"]), @r"
    exit 2
    ── err
    error: there is no file *.test.toml in this folder
    ");
    assert_snapshot!(desk.seen(&["test", "empty", "gone"]), @r"
    exit 2
    ── out

    ✗ 1 mistake, no test was run · 0 probes · 1 file
    ── err
      × gone: there is no such file [config/file]
    ");
}

#[test]
fn the_other_files_are_tested_beside_one_that_cannot_be_used() {
    let desk = Desk::new(&[
        ("n.rhai", SCRIPT),
        ("n.test.toml", PASS),
        (
            "m.test.toml",
            "script = \"m.rhai\"\n[[test]]\nname = \"m\"\nprobe = [{}]\n",
        ),
    ]);
    assert_snapshot!(desk.seen(&["test"]), @r#"
    exit 2
    ── out
    ✓ n.test.toml  1 test

    ✗ 1 mistake, 1 test passed · 1 probe · 2 files
    ── err
      × m.rhai: there is no such file [config/file]
       ╭─[m.test.toml:1:10]
     1 │ script = "m.rhai"
       ·          ────────
       ╰────
    "#);
}

/// Returns the mistakes of a file of tests, one a line.
fn mistakes(tests: &str) -> Vec<String> {
    let script = "//! x\n//! ---\n//! [params.max]\n//! kind = \"number\"\nexpect(body.n < param(\"max\"));\n";
    let own = "//! x\n//! ---\n//! request = false\nexpect(http.get(service.url).ok);\n";
    let desk = Desk::new(&[
        ("max.rhai", script),
        ("own.rhai", own),
        ("x.test.toml", tests),
    ]);
    let output = desk.run(&["test", "--json"]);
    assert_eq!(output.status.code(), Some(2), "{tests}");
    let json = super::json(&output);
    let lines = json["mistakes"].as_array().unwrap().iter();
    lines
        .map(|line| {
            format!(
                "{}:{}: {}",
                line["line"],
                line["column"],
                line["message"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn mistakes_are_told_at_their_place() {
    for (tests, expected) in [
        ("script = \"max\"\n", "1:1: a file of tests without a test"),
        (
            "[[test]]\nname = \"x\"\nprobe = [{ json = 1 }]\nexpect = \"P\"\n",
            "1:1: a file of tests that names no script",
        ),
        (
            "script = \"max\"\ntest = []\n",
            "2:1: a file of tests without a test",
        ),
        (
            "script = \"maks\"\n[[test]]\nname = \"x\"\nprobe = [{ json = 1 }]\nexpect = \"P\"\n",
            "1:10: there is no matcher `maks`",
        ),
    ] {
        assert_eq!(mistakes(tests), [expected]);
    }
}

/// Lines of a test, with what is wrong with them.
const OF_A_TEST: &[(&str, &str)] = &[
    (
        "probe = [{ json = 1 }]",
        "3:8: a test that accepts whatever comes",
    ),
    (
        "probe = [{ json = 1 }]\nexpect = \".\"",
        "3:8: a test that accepts whatever comes",
    ),
    ("expect = \"P\"", "3:8: a test without `probe`"),
    (
        "probe = []\nexpect = \"P\"",
        "5:9: a test without a probe tests nothing",
    ),
    (
        "probe = [{}]\nexpect = \"P\"",
        "5:10: a probe without an answer",
    ),
    (
        "probe = [{ json = 1 }]\nexpect = \"PP\"",
        "6:10: 2 letters for 1 probe",
    ),
    (
        "probe = [{ json = 1 }]\nexpect = \"X\"",
        "6:10: `X` is no outcome",
    ),
    (
        "probe = [{ json = 1, body = \"\" }]\nexpect = \"P\"",
        "5:22: `body` beside `json`",
    ),
    (
        "probe = [{ json = 1, error = \"timeout\" }]\nexpect = \"P\"",
        "5:12: `json` beside `error`",
    ),
    (
        "probe = [{ error = \"tiemout\" }]\nexpect = \"P\"",
        "5:20: there is no failure `tiemout`",
    ),
    (
        "probe = [{ body_file = \"gone\" }]\nexpect = \"P\"",
        "5:24: gone: there is no such file",
    ),
    (
        "probe = [{ json = 1 }]\nexpect = \"P\"\nhttp = [{ url = \"x\", json = 1 }]",
        "7:17: `x` is no URL",
    ),
    (
        "probe = [{ json = 1 }]\nexpect = \"P\"\nhttp = [{ url = \"/x\" }]",
        "7:9: a mock without an answer",
    ),
    (
        "probe = [{ json = 1 }]\nexpect = \"P\"\nstart = \"now\"",
        "7:9: this is no time",
    ),
    (
        "probe = [{ json = 1 }]\nexpect = \"P\"\nsecret = 1",
        "7:1: unknown key `secret` in a test",
    ),
];

#[test]
fn mistakes_of_a_test_are_told_at_their_place() {
    for (lines, expected) in OF_A_TEST {
        let tests =
            format!("script = \"max\"\n[[test]]\nname = \"x\"\nparams = {{ max = 1 }}\n{lines}\n");
        assert_eq!(mistakes(&tests), [*expected], "{lines}");
    }
}

#[test]
fn what_a_script_needs_is_asked_of_the_test_that_lacks_it() {
    let tests = "script = \"max\"\n[[test]]\nname = \"x\"\nprobe = [{ json = 1 }]\nexpect = \"P\"\n\
                 [[test]]\nname = \"x\"\nparams = { max = \"1\" }\nprobe = [{ json = 1 }]\nexpect = \"P\"\n";
    assert_eq!(
        mistakes(tests),
        [
            "3:8: `max` needs the parameter `max`",
            "7:8: another test is called `x`",
            "8:18: `max` is \"1\", not a number such as 2.5",
        ]
    );
    let tests =
        "script = \"own.rhai\"\n[[test]]\nname = \"x\"\nprobe = [{ json = 1 }]\nexpect = \"P\"\n";
    assert_eq!(
        mistakes(tests),
        ["4:10: the script own makes its own requests: its probe has no answer"]
    );
}
