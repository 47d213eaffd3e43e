//! Which lines of scripts no test runs.

use serde_json::{Value, json};

use super::gate::{percent, reaches};
use crate::cli::output::{self, ERROR, FAINT, GOOD, WARNING, styled};
use crate::suite::Covered;

/// Prints how many lines of each script are run, and those that are not.
pub(super) fn print(covered: &[Covered], min: Option<u8>) {
    for one in covered {
        let missing = one.missing();
        let (style, sign) = match (missing.is_empty(), min) {
            (true, _) => (GOOD, "✓"),
            (false, Some(min)) if !reaches(one.run(), one.lines.len(), min) => (ERROR, "✗"),
            (false, _) => (WARNING, "!"),
        };
        let (run, lines) = (one.run(), one.lines.len());
        let percent = percent(run, lines);
        let file = &one.script.file;
        output::result(format_args!(
            "\n{} {file}  {run} of {lines} lines run, {percent} %",
            styled(style, sign),
        ));
        for (first, last) in missing {
            let partly = partly(one, first, last);
            let place = match last {
                last if last == first => format!("{file}:{first}"),
                last => format!("{file}:{first}-{last}"),
            };
            let text = one.script.text.lines().nth(first - 1).unwrap_or_default();
            output::result(format_args!(
                "     {place}{}\n     {}",
                if partly { ": some of it" } else { "" },
                styled(FAINT, text.trim())
            ));
        }
    }
}

/// Tells whether a part of these lines is run.
fn partly(covered: &Covered, first: usize, last: usize) -> bool {
    let mut lines = covered.lines.range(first..=last);
    lines.any(|(_, line)| line.ran > 0)
}

/// Returns the same as a part of `oes.test/1`.
pub(super) fn json(covered: &[Covered]) -> Value {
    let one = |one: &Covered| {
        let missing = one.missing().into_iter();
        let missing = missing.map(|(first, last)| {
            json!({ "first": first, "last": last, "partly": partly(one, first, last) })
        });
        json!({
            "script": &*one.script.file,
            "lines": one.lines.len(),
            "run": one.run(),
            "missing": missing.collect::<Vec<_>>(),
        })
    };
    covered.iter().map(one).collect()
}
