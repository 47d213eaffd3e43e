//! `--min`, and measures that measure nothing.

use super::{Desk, json};

const SCRIPT: &str = "let n = body.n;\nif n > 1 {\n    warn(\"large\");\n}\n";
const TESTS: &str = "script = \"p.rhai\"\n[[test]]\nname = \"n\"\nprobe = [{ json = { n = 1 } }]\n";

fn desk(expect: &str) -> Desk {
    let tests = format!("{TESTS}expect = \"{expect}\"\n");
    Desk::new(&[("p.rhai", SCRIPT), ("p.test.toml", &tests)])
}

/// Only tests of a whole service.
fn of_service() -> Desk {
    let config =
        "[[services]]\nname = \"a\"\nurl = \"http://a.test/\"\nmatch = [{ script = \"p\" }]\n";
    let tests = "config = \"oes.toml\"\nservice = \"a\"\n[[test]]\nname = \"n\"\n\
                 probe = [{ json = { n = 1 } }]\nexpect = \"P\"\n";
    Desk::new(&[
        ("p.rhai", SCRIPT),
        ("oes.toml", config),
        ("p.test.toml", tests),
    ])
}

#[test]
fn what_is_less_than_min_is_said_last_and_in_every_format() {
    let desk = desk("P");
    let arguments = ["test", "--coverage", "--min", "90"];
    let shown = desk.seen(&arguments);
    let message = "p.rhai: 66 % of its lines are run, at least 90 % are wanted";
    assert!(shown.starts_with("exit 1"), "{shown}");
    assert!(shown.ends_with(&format!("✗ {message}")), "{shown}");
    let with = |more: &[&str]| desk.run(&[&arguments[..], more].concat());
    let said = json(&with(&["--json"]));
    assert_eq!(said["short"][0]["measure"], "coverage");
    assert_eq!(said["short"][0]["message"], message);
    let github = String::from_utf8(with(&["--github", "--junit", "j.xml"]).stdout).unwrap();
    let command = "::error file=p.rhai,line=1,title=oes test::p.rhai: 66 %25 of its lines";
    assert!(github.contains(command), "{github}");
    let junit = std::fs::read_to_string(desk.path("j.xml")).unwrap();
    let failure = format!("<failure message=\"{message}\"/>");
    assert!(junit.contains(&failure), "{junit}");

    let shown = desk.seen(&["test", "--mutate", "--min", "100"]);
    let message = "of its changes are caught, at least 100 % are wanted";
    assert!(
        shown.starts_with("exit 1") && shown.ends_with(message),
        "{shown}"
    );
    let enough = desk.seen(&["test", "--coverage", "--min", "66"]);
    assert!(
        enough.starts_with("exit 0") && !enough.contains("wanted"),
        "{enough}"
    );
}

#[test]
fn a_measure_that_measures_nothing_says_so_and_fails_with_min() {
    let desk = of_service();
    for option in ["--coverage", "--mutate"] {
        let said = format!("{option}: nothing was measured");
        let shown = desk.seen(&["test", option]);
        assert!(
            shown.starts_with("exit 0") && shown.contains(&format!("! {said}")),
            "{shown}"
        );
        let shown = desk.seen(&["test", option, "--min", "90"]);
        assert!(
            shown.starts_with("exit 1") && shown.contains(&format!("✗ {said}")),
            "{shown}"
        );
        let output = desk.run(&["test", option, "--min", "90", "--json"]);
        let message = json(&output)["short"][0]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(message.starts_with(&said), "{message}");
    }
}

#[test]
fn nothing_is_measured_of_tests_that_fail() {
    let desk = desk("F");
    for option in ["--coverage", "--mutate"] {
        let said = format!("{option}: not measured: tests fail");
        let shown = desk.seen(&["test", option]);
        assert!(
            shown.starts_with("exit 1") && shown.contains(&said),
            "{shown}"
        );
        let output = desk.run(&["test", option, "--json"]);
        assert_eq!(json(&output)["unmeasured"][0], said.as_str());
    }
}
