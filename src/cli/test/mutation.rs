//! Which changes of a script no test fails for.

use serde_json::{Value, json};

use super::gate::{percent, reaches};
use crate::cli::output::{self, ERROR, FAINT, GOOD, WARNING, styled};
use crate::config::report::FileReport;
use crate::script::mutants::Mutant;
use crate::suite::Mutated;

/// Prints how many changes of each script are caught, and those that are not.
pub(super) fn print(mutated: &[Mutated], min: Option<u8>) {
    for one in mutated {
        let (style, sign) = match (one.survivors.is_empty(), min) {
            (true, _) => (GOOD, "✓"),
            (false, Some(min)) if !reaches(one.caught(), one.mutants, min) => (ERROR, "✗"),
            (false, _) => (WARNING, "!"),
        };
        let percent = percent(one.caught(), one.mutants);
        output::result(format_args!(
            "\n{} {}  {} of {} changes caught, {percent} %",
            styled(style, sign),
            one.script.file,
            one.caught(),
            one.mutants
        ));
        let text = file(one);
        for mutant in &one.survivors {
            let place = text.place(mutant.span.start);
            let line = one
                .script
                .text
                .lines()
                .nth(place.line.saturating_sub(1) as usize);
            output::result(format_args!(
                "     {}: no test fails for {}\n     {}",
                place,
                what(one, mutant),
                styled(FAINT, line.unwrap_or_default().trim())
            ));
        }
    }
}

/// Returns the same as a part of `oes.test/1`.
pub(super) fn json(mutated: &[Mutated]) -> Value {
    let one = |one: &Mutated| {
        let text = file(one);
        let survivor = |mutant: &Mutant| {
            let place = text.place(mutant.span.start);
            json!({ "line": place.line, "column": place.column, "change": what(one, mutant) })
        };
        json!({
            "script": &*one.script.file,
            "mutants": one.mutants,
            "caught": one.caught(),
            "survivors": one.survivors.iter().map(survivor).collect::<Vec<_>>(),
        })
    };
    mutated.iter().map(one).collect()
}

fn file(mutated: &Mutated) -> FileReport {
    let script = &mutated.script;
    FileReport::new(&*script.file, &*script.text, Vec::new())
}

fn what(mutated: &Mutated, mutant: &Mutant) -> String {
    let before = mutated.script.text.get(mutant.span.clone());
    let before = before.unwrap_or_default();
    if mutant.replacement.is_empty() {
        if !before.ends_with(')') {
            return format!("`{before}` taken out");
        }
        let name = before.split('(').next().unwrap_or_default();
        return format!("`{}(…)` taken out", name.trim());
    }
    format!("`{}` instead of `{before}`", mutant.replacement)
}
