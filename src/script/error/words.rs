//! What the interpreter says, in words for a person.

use rhai::{AST, EvalAltResult};

use super::THROWN_BYTES;
use crate::model::counted::counted;
use crate::model::span::did_you_mean;
use crate::script::value::{cut, rendered};
use crate::script::{blame, lint, reference};

/// Returns what an error of a run says.
pub(super) fn reworded(error: &EvalAltResult, ast: &AST) -> String {
    match error {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => function_not_found(signature, ast),
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            format!(
                "there is no variable `{name}` here; a function sees its parameters and the values of OES only"
            )
        }
        EvalAltResult::ErrorPropertyNotFound(name, _) => format!("there is no key `{name}`"),
        EvalAltResult::ErrorIndexNotFound(key, _) => {
            format!("there is no element {}", rendered(key, 60))
        }
        EvalAltResult::ErrorArrayBounds(0, index, _) => {
            format!("the array is empty: there is no element {index}")
        }
        EvalAltResult::ErrorArrayBounds(length, index, _) => {
            format!("the array has no element {index} ({length} elements)")
        }
        EvalAltResult::ErrorMismatchDataType(wanted, got, _) => {
            format!("expected {}, got {}", kind(wanted), kind(got))
        }
        EvalAltResult::ErrorMismatchOutputType(wanted, got, _) => {
            format!(
                "a function should return {}, it returned {}",
                kind(wanted),
                kind(got)
            )
        }
        EvalAltResult::ErrorIndexingType(what, _) => {
            let of = what.split(" [").next().unwrap_or(what);
            format!("cannot take an element of {}", kind(of))
        }
        EvalAltResult::ErrorFor(_) => "`for` needs an array or a range to go through".to_owned(),
        EvalAltResult::ErrorArithmetic(what, _) => reworded_syntax(what),
        EvalAltResult::ErrorDotExpr(what, _) if what.contains("setter is not registered") => {
            "a response is read only; take `.copy()` of it first".to_owned()
        }
        EvalAltResult::ErrorDotExpr(what, _) if !what.is_empty() => no_property(what),
        other => {
            let text = cut(&other.to_string(), THROWN_BYTES);
            let place = text.rfind(" (line ").unwrap_or(text.len());
            reworded_syntax(text.get(..place).unwrap_or(&text))
        }
    }
}

/// Returns what is said of a key that a map of the script's own, with these keys, lacks.
pub(super) fn no_key(key: &str, keys: &[String]) -> String {
    if keys.is_empty() {
        return format!("there is no key `{key}`");
    }
    let known = keys.iter().map(String::as_str);
    let near = match did_you_mean(key, known) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    format!("there is no key `{key}` (keys: {}){near}", keys.join(", "))
}

/// Rewords `Unknown property 'x' - a getter is not registered for type 'T'`.
fn no_property(what: &str) -> String {
    let mut quoted = what.split('\'').skip(1).step_by(2);
    match (quoted.next(), quoted.next()) {
        (Some(name), Some(of)) if what.starts_with("Unknown property") => {
            format!("{} has no `{name}`", kind(of))
        }
        _ => reworded_syntax(what),
    }
}

/// Rewords `- (string, i64)` to `cannot subtract …` and `foo (map)` to a sentence with the nearest known name.
fn function_not_found(signature: &str, ast: &AST) -> String {
    let (name, given) = parts(signature);
    if let Some(closure) = ast.iter_functions().find(|one| one.name == name)
        && name.starts_with("anon$")
    {
        let captured = blame::captured(ast, name);
        return format!(
            "the closure takes {}, not {}",
            counted(closure.params.len().saturating_sub(captured), "argument"),
            given.len().saturating_sub(captured)
        );
    }
    let is_change = changes(name, &given);
    let takes = reference::takes(name, &given);
    let kinds: Vec<&str> = given.into_iter().map(kind).collect();
    match (name, kinds.as_slice()) {
        (operator, [a, b]) if !is_word(operator) => {
            format!("there is no `{operator}` between {a} and {b}")
        }
        (operator, [a]) if !is_word(operator) => format!("there is no `{operator}` for {a}"),
        (setter, [of, ..]) if is_change || setter.contains("set$") => {
            format!("{of} of a response is read only; take `.copy()` of it first")
        }
        (name, []) => format!("there is no function {name}() without arguments"),
        (name, kinds) if takes.is_empty() => {
            format!("there is no function `{name}` for {}", kinds.join(", "))
        }
        (name, kinds) => format!(
            "there is no `{name}` for {}; there is {}",
            kinds.join(", "),
            takes.join(" or ")
        ),
    }
}

/// Returns what a person calls a kind that the interpreter names.
fn kind(name: &str) -> &str {
    match name.trim_start_matches("&mut ").trim() {
        "()" => "null",
        "i64" => "a whole number",
        "f64" => "a number",
        "bool" => "a boolean",
        "string" | "ImmutableString" | "&str | ImmutableString | String" => "a string",
        "char" => "a character",
        "array" => "an array",
        "map" => "an object",
        "Fn" => "a function",
        "shared_memory" => "shared memory",
        other => other,
    }
}

/// Returns a text of the interpreter as part of a sentence.
pub(super) fn reworded_syntax(message: &str) -> String {
    let mut letters = message.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => "syntax error".to_owned(),
    }
}

/// Tells whether this call, which there is for values of these kinds that are the script's own, would change a part of a
/// response.
pub(super) fn changes(name: &str, kinds: &[&str]) -> bool {
    lint::CHANGES.contains(&name)
        && matches!(kinds.first(), Some(&("array" | "map")))
        && lint::accepts(name, kinds)
}

/// Takes `- (string, i64)` apart.
pub(super) fn parts(signature: &str) -> (&str, Vec<&str>) {
    let (name, kinds) = signature.split_once(" (").unwrap_or((signature, ""));
    let kinds = kinds.strip_suffix(')').unwrap_or(kinds).split(", ");
    (name, kinds.filter(|kind| !kind.is_empty()).collect())
}

/// Tells whether it is the name of a function, and no operator.
pub(super) fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}
