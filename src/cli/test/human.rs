//! What became of tests, for a person.

use super::failed::failed;
use super::{Results, Tests};
use crate::cli::output::{self, ERROR, GOOD, styled};
use crate::model::counted::counted;

/// Prints what became of tests: a line a file, each failure, and how many there are.
pub(super) fn print(results: &Results<'_>, tests: &Tests) {
    print_files(results, tests);
    for (suite, test, ran) in results.iter().filter(|(.., ran)| !ran.passes()) {
        output::result(format_args!("\n{}", failed(suite, test, ran)));
    }
    output::result(format_args!("\n{}", summary(results, tests)));
}

/// Prints a line a file.
pub(super) fn print_files(results: &Results<'_>, tests: &Tests) {
    for suite in &tests.suites {
        let of = results.iter().filter(|(of, ..)| of.file == suite.file);
        let failing: Vec<_> = of.clone().filter(|(.., ran)| !ran.passes()).collect();
        let all = counted(of.count(), "test");
        if failing.is_empty() {
            output::result(format_args!("{} {}  {all}", styled(GOOD, "✓"), suite.file));
        } else {
            let failing = failing.len();
            let line = format!("{} {}  {failing} of {all}", styled(ERROR, "✗"), suite.file);
            output::result(format_args!("{line} failed"));
        }
    }
}

fn summary(results: &Results<'_>, tests: &Tests) -> String {
    let failed = results.iter().filter(|(.., ran)| !ran.passes()).count();
    let probes: usize = results.iter().map(|(.., ran)| ran.outcomes.len()).sum();
    let unusable = tests.report.errors();
    let all = counted(results.len(), "test");
    let (style, mut text) = match failed {
        0 if results.is_empty() => (ERROR, "✗ no test was run".to_owned()),
        0 => (GOOD, format!("✓ {all} passed")),
        _ => (ERROR, format!("✗ {failed} of {all} failed")),
    };
    let mut style = style.bold();
    if unusable > 0 {
        style = ERROR.bold();
        text = format!(
            "✗ {}, {}",
            counted(unusable, "mistake"),
            text.split_off("✗ ".len())
        );
    }
    let messages = results
        .iter()
        .filter(|(_, test, _)| test.probes().is_none());
    let messages = messages.count();
    let mut parts = vec![styled(style, text)];
    if probes > 0 || messages == 0 {
        parts.push(counted(probes, "probe"));
    }
    if messages > 0 {
        parts.push(counted(messages, "message"));
    }
    parts.push(counted(tests.files, "file"));
    parts.join(" · ")
}
