//! The definitions of what a script can use, for editors that read Rhai's definition files.

use std::fmt::Write as _;

use super::values::VALUES;
use super::{Function, GROUPS, Signature};

/// Returns the text of a file of definitions, `oes.d.rhai`.
pub fn definitions() -> String {
    let mut text = "module static;\n".to_owned();
    for value in VALUES {
        push(&mut text, value.about, "");
        // Writing to a string cannot fail.
        let _infallible = writeln!(text, "let {}: {};", value.name, kind(value.kind));
        for property in value.properties {
            if value.kind == "map" {
                continue;
            }
            push(&mut text, property.2, "");
            let _infallible = writeln!(
                text,
                "fn get {}(_: {}) -> {};",
                property.0,
                kind(value.kind),
                kind(property.1)
            );
        }
    }
    for function in GROUPS.iter().flat_map(|group| group.functions) {
        for form in function.forms {
            if let Some(signature) = Signature::of(form) {
                define(&mut text, function, &signature);
            }
        }
    }
    text
}

/// Writes a form once for each number of arguments that it takes: definitions know no optional ones.
fn define(text: &mut String, function: &Function, signature: &Signature) {
    for count in signature.arities() {
        push(text, function.about, function.example);
        let receiver = signature.handle.map(|handle| format!("_: {handle}"));
        let parameters = signature
            .parameters
            .iter()
            .take(count)
            .map(|(name, of, _)| format!("{name}: {}", kind(of)));
        let all: Vec<String> = receiver.into_iter().chain(parameters).collect();
        let (name, returns) = (signature.name, kind(signature.returns));
        let _infallible = writeln!(text, "fn {name}({}) -> {returns};", all.join(", "));
    }
}

fn push(text: &mut String, about: &str, example: &str) {
    let _infallible = writeln!(text, "\n/// {about}");
    if !example.is_empty() {
        let _infallible = writeln!(text, "///\n/// ```rhai\n/// {example}\n/// ```");
    }
}

/// Returns what Rhai calls a kind.
fn kind(name: &str) -> &str {
    match name {
        "any" | "time" | "duration" => "?",
        "string" => "String",
        "number" => "float",
        "integer" => "int",
        "array" => "Array",
        "map" => "Map",
        "closure" => "FnPtr",
        "nothing" => "()",
        other => other,
    }
}
