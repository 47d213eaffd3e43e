//! `--fail-if`: what a backtest fails for.

use serde_json::json as data;

use super::super::json;
use super::{desk, shown};

#[test]
fn it_fails_for_what_it_is_told_to() {
    let desk = desk();
    desk.write(
        "known.toml",
        "[[outage]]\nfrom = 2026-03-01T12:10:00Z\nto = 2026-03-01T12:20:00Z\n",
    );
    let run = |more: &[&str]| {
        let words: Vec<&str> = ["backtest", "price"].iter().chain(more).copied().collect();
        let output = desk.run(&words);
        (output.status.code().unwrap(), shown(&desk, &words))
    };
    for (code, more) in [
        (0, &["--fail-if", "violations > 2"][..]),
        (1, &["--fail-if", "violations > 2", "--fail-if", "fail>=10"]),
        (1, &["--fail-if", "messages == 4"]),
        (
            0,
            &["--fail-if", "new_violations > 0", "--compare", "current"],
        ),
        (
            1,
            &[
                "--fail-if",
                "gone_violations != 0",
                "--set",
                "latency=600ms",
                "--compare",
                "current",
            ],
        ),
        (0, &["--fail-if", "missed > 0", "--labels", "known.toml"]),
        (
            1,
            &["--fail-if", "false_alarms > 0", "--labels", "known.toml"],
        ),
        (2, &["--fail-if", "violation > 0"]),
        (2, &["--fail-if", "violations"]),
        (2, &["--fail-if", "new_violations > 0"]),
        (2, &["--fail-if", "missed > 0"]),
    ] {
        let (got, said) = run(more);
        assert_eq!(got, code, "{more:?}: {said}");
    }
    let (_, said) = run(&["--fail-if", "violations > 2", "--fail-if", "fail>=10"]);
    assert!(
        said.ends_with("✓ violations > 2 does not hold: 2\n✗ fail>=10 holds: 10"),
        "{said}"
    );
    let (_, said) = run(&["--fail-if", "violation > 0"]);
    insta::assert_snapshot!(said, @r"
    exit 2
    error: --fail-if: nothing is called `violation`; did you mean `violations`?
    ");
    let found = json(&desk.run(&["backtest", "price", "--json", "--fail-if", "fail > 9"]));
    assert_eq!(
        found["fail_if"][0],
        data!({ "condition": "fail > 9", "value": 10, "holds": true })
    );
}
