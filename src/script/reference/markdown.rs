//! The reference of everything that a script can use, for people.

use std::fmt::Write as _;

use super::values::VALUES;
use super::{Function, GROUPS, Group};

const INTRODUCTION: &str = "# Script reference

Every value and every function of OES, written by `OES_UPDATE=1 cargo test reference` from the table in
`src/script/reference/` and checked by the tests against what the interpreter really has. [Scripts](scripts.md) is where
to begin; what the language itself has is in the [Rhai book](https://rhai.rs/book/language/). `oes definitions` writes the
same for editors.

`name?` is a parameter that may be left out. A `time` is RFC 3339 text with a zone or a number of s, ms, µs or ns by its
size; a `duration` is seconds or text such as `\"15m\"`. **Asks** marks what makes a request, within the run's budget.
Functions marked **matchers** are for matcher scripts only; channel scripts have all others.
";

/// Returns `docs/script-reference.md`.
pub fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    text.push_str(
        "\n## Values\n\nMatcher scripts have them everywhere, also inside functions.\n\n",
    );
    text.push_str("| name | kind | what it is |\n| --- | --- | --- |\n");
    for value in VALUES {
        // Writing to a string cannot fail.
        let _infallible = writeln!(
            text,
            "| `{}` | {} | {} |",
            value.name, value.kind, value.about
        );
        for property in value.properties {
            let _infallible = writeln!(
                text,
                "| `{}.{}` | {} | {} |",
                value.name, property.0, property.1, property.2
            );
        }
    }
    for group in GROUPS {
        of_group(&mut text, group);
    }
    text
}

fn of_group(text: &mut String, group: &Group) {
    let _infallible = writeln!(text, "\n## {}", group.title);
    for function in group.functions {
        of_function(text, function);
    }
}

fn of_function(text: &mut String, function: &Function) {
    let _infallible = writeln!(text, "\n### {}", title(function));
    text.push_str("\n```rhai\n");
    for form in function.forms {
        text.push_str(form);
        text.push('\n');
    }
    text.push_str("```\n\n");
    let mut letters = function.about.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    text.extend(first.chain(letters));
    text.push('.');
    for (is_so, mark) in [
        (function.requests, "**Asks.**"),
        (!function.channels, "**Matchers.**"),
    ] {
        if is_so {
            text.push(' ');
            text.push_str(mark);
        }
    }
    text.push('\n');
    if !function.example.is_empty() {
        let _infallible = write!(text, "\n```rhai\n{}\n```\n", function.example);
    }
}

/// Returns the names that the forms of a function have: `http.get, http.delete`.
fn title(function: &Function) -> String {
    let mut names: Vec<&str> = function
        .forms
        .iter()
        .filter_map(|form| Some(form.split_once('(')?.0))
        .collect();
    names.dedup();
    names.join(", ")
}
