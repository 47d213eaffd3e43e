//! `oes dry-run --http deny` and `--http replay:FOLDER`: what was not answered is nobody's fault.

use super::{Desk, json};

const URL: &str = "https://other.test/n";

/// A script that fails, names a violation and remembers where another host does not answer.
fn desk() -> Desk {
    let fails = format!(
        "//! Asks.\n//! ---\n//! hosts = [\"other.test\"]\n\
         let got = http.get(\"{URL}\");\nexpect(got.json.n == 1);\n"
    );
    let passes = format!(
        "//! Asks.\n//! ---\n//! hosts = [\"other.test\"]\n\
         try {{ http.get(\"{URL}\").json; }} catch {{ note(\"none\"); }}\nexpect(body.n == 1);\n"
    );
    Desk::new(&[
        ("fails.rhai", &fails),
        ("passes.rhai", &passes),
        ("quiet.rhai", "expect(body.n == 1);\n"),
        ("body.json", "{\"n\":1}"),
        ("record/http.json", "[]"),
    ])
}

#[test]
fn what_a_script_was_not_answered_cannot_be_judged() {
    let desk = desk();
    for (mode, why) in [
        ("deny", format!("`--http deny` refused GET {URL}")),
        (
            "replay:record",
            format!("no answer to GET {URL} was recorded"),
        ),
    ] {
        for script in ["fails", "passes"] {
            let arguments = ["dry-run", script, "--response", "body.json", "--http", mode];
            let shown = desk.seen(&arguments);
            assert!(shown.starts_with("exit 3"), "{script}: {shown}");
            assert!(
                shown.contains(&format!("? cannot be judged: {why}")),
                "{script}: {shown}"
            );
            assert!(
                !shown.contains("FAIL") && !shown.contains("PASS"),
                "{shown}"
            );
            let output = desk.run(&[&arguments[..], &["--json"]].concat());
            let said = json(&output);
            assert_eq!(output.status.code(), Some(3));
            assert_eq!(said["exit"], 3);
            assert_eq!(said["unjudged"], why.as_str());
            assert_eq!(said["result"]["outcome"], "unknown");
            assert_eq!(said["result"]["findings"], serde_json::json!([]));
        }
        let arguments = [
            "dry-run",
            "quiet",
            "--response",
            "body.json",
            "--http",
            mode,
        ];
        let shown = desk.seen(&arguments);
        assert!(
            shown.starts_with("exit 0") && shown.contains("PASS"),
            "{shown}"
        );
    }
}
