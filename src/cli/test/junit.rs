//! What became of tests as the XML of `JUnit`, which build servers read.

use std::fmt::Write as _;

use super::gate::Gate;
use super::{Results, failed::failed};
use crate::config::report::Report;

/// Returns the report: a suite a file, one of what is wrong with the files themselves, and one of what is less than `--min`.
pub(super) fn report(results: &Results<'_>, mistakes: &Report, gate: &Gate) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for group in results.chunk_by(|one, next| one.0.file == next.0.file) {
        let Some((suite, ..)) = group.first() else {
            continue;
        };
        let failures = group.iter().filter(|(.., ran)| !ran.passes()).count();
        let file = escaped(&suite.file);
        let tests = group.len();
        line(
            &mut text,
            &format!(
                "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
            ),
        );
        for (suite, test, ran) in group {
            let name = escaped(test.name());
            let at = format!(
                "name=\"{name}\" classname=\"{file}\" file=\"{file}\" line=\"{}\"",
                test.line()
            );
            if ran.passes() {
                line(&mut text, &format!("    <testcase {at}/>"));
                continue;
            }
            let shown = failed(suite, test, ran);
            let why = escaped(&anstream::adapter::strip_str(&shown).to_string());
            line(&mut text, &format!("    <testcase {at}>"));
            line(
                &mut text,
                &format!("      <failure message=\"{name}\">{why}</failure>"),
            );
            line(&mut text, "    </testcase>");
        }
        line(&mut text, "  </testsuite>");
    }
    let wrong: Vec<_> = mistakes
        .lines()
        .into_iter()
        .filter(|line| line.severity == "error")
        .collect();
    if !wrong.is_empty() {
        let count = wrong.len();
        line(
            &mut text,
            &format!(
                "  <testsuite name=\"files\" tests=\"{count}\" failures=\"0\" errors=\"{count}\">"
            ),
        );
        for mistake in wrong {
            let place = format!("{}:{}", mistake.file, mistake.line);
            let message = escaped(&mistake.message);
            line(
                &mut text,
                &format!(
                    "    <testcase name=\"{}\" classname=\"files\"><error message=\"{message}\"/></testcase>",
                    escaped(&place)
                ),
            );
        }
        line(&mut text, "  </testsuite>");
    }
    measures(&mut text, gate);
    text.push_str("</testsuites>\n");
    text
}

fn measures(text: &mut String, gate: &Gate) {
    let count = gate.short.len();
    if count == 0 {
        return;
    }
    line(
        text,
        &format!(
            "  <testsuite name=\"measures\" tests=\"{count}\" failures=\"{count}\" errors=\"0\">"
        ),
    );
    for short in &gate.short {
        let (file, message) = (escaped(&short.file), escaped(&short.message));
        line(
            text,
            &format!(
                "    <testcase name=\"{file}\" classname=\"measures\"><failure message=\"{message}\"/></testcase>"
            ),
        );
    }
    line(text, "  </testsuite>");
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").unwrap_or_default();
}

/// Returns a text that XML may hold anywhere; control characters, which it may not, are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            '\u{FFFE}' | '\u{FFFF}' => escaped.push('\u{FFFD}'),
            _ if character.is_control() => escaped.push('\u{FFFD}'),
            _ => escaped.push(character),
        }
    }
    escaped
}
