//! What can be known to be wrong with a script before it runs: by reading it, never by running it.
//!
//! What is not certain is no error: a method may be a function that a map holds.

mod calls;
mod chains;
mod declared;
mod ending;
mod held;
mod known;
mod literals;
mod params;
mod reach;
mod shadows;
mod syntax;
mod unused;

use std::sync::{Arc, OnceLock};

use rhai::{AST, ASTNode, Engine, Expr, ParseError};

use super::engine::{self, HANDLES, VALUES};
use super::guard;
use super::source::{AskedHost, Header};
use crate::model::span::{Mistake, MistakeSeverity};
pub(super) use chains::{CHANGES, Link, links};
pub(super) use held::held;
use known::Known;
#[cfg(test)]
pub(super) use known::parameters;

/// Functions that the language itself has.
const LANGUAGE: &[&str] = &[
    "call",
    "curry",
    "debug",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "print",
    "type_of",
    "this",
    "eval",
    "Fn",
];

/// Tells whether there is a function of this name for any kinds of so many values, the receiver of a method included.
pub(super) fn takes(name: &str, values: usize) -> bool {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    // Made once, on the thread of the first script that asks; it is not that script's memory.
    let known = guard::exempt(|| KNOWN.get_or_init(|| Known::of(&engine::build())));
    known
        .arities(name)
        .is_some_and(|arities| arities.contains(&values))
}

/// What is told of one kind of mistake; nobody mends more at once, and each takes time to tell.
const TOLD_MAX: usize = 100;

/// What was learned of a script by reading it.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub(super) mistakes: Vec<Mistake>,
    pub(super) functions: Vec<(Arc<str>, usize)>,
    pub(super) uses_prev: bool,
    pub(super) uses_http: bool,
    pub(super) asks: Vec<AskedHost>,
    pub(super) returns_value: bool,
}

/// Reads scripts for one engine.
pub(super) struct Lint(Known);

impl Lint {
    pub(super) fn of(engine: &Engine) -> Self {
        Self(Known::of(engine))
    }

    /// Reads a compiled script, whose header says `header`.
    pub(super) fn examine(&self, ast: &AST, text: &str, header: &Header) -> Examined {
        let functions: Vec<(Arc<str>, usize)> = ast
            .iter_functions()
            .filter(|function| !function.name.starts_with("anon$"))
            .map(|function| (function.name.into(), function.params.len()))
            .collect();
        let returns_value = ending::returns_value(text);
        let mut mistakes = calls::find(ast, &self.0, &functions, text);
        mistakes.extend(chains::find(ast, &self.0, text));
        mistakes.extend(unused::find(ast, text, returns_value));
        mistakes.extend(reach::find(ast, text));
        mistakes.extend(shadows::find(ast, text));
        let is_channel = ending::is_channel(ast);
        mistakes.extend(params::find(ast, &header.params, text, is_channel));
        let uses = declared::find(ast, header, text);
        mistakes.extend(uses.mistakes);
        if mistakes.is_empty() {
            mistakes.extend(ending::checks_nothing(ast, returns_value));
        }
        // Of one place an error says more than a guess, and what is read in two ways is told once.
        let is_guess = |mistake: &Mistake| mistake.severity == MistakeSeverity::Warning;
        mistakes.sort_by_key(|mistake| (mistake.span.start, is_guess(mistake)));
        mistakes.dedup_by(|next, told| {
            next == told || (next.span == told.span && is_guess(next) && !is_guess(told))
        });
        Examined {
            mistakes,
            functions,
            uses_prev: reads(ast, "prev"),
            uses_http: reads(ast, "http") || HANDLES.iter().any(|handle| reads(ast, handle)),
            asks: uses.hosts,
            returns_value,
        }
    }
}

/// Returns the mistake that keeps a text from being a script.
pub(super) fn syntax(error: &ParseError, text: &str) -> Examined {
    Examined {
        mistakes: vec![syntax::mistake(error, text)],
        ..Examined::default()
    }
}

fn reads(ast: &AST, value: &str) -> bool {
    let mut found = false;
    ast.walk(&mut |path| {
        if let Some(ASTNode::Expr(expression)) = path.last() {
            found |= is_of_oes(expression) == Some(value);
        }
        !found
    });
    found
}

/// Returns the name of a value that is OES's rather than the script's own.
fn is_of_oes(expression: &Expr) -> Option<&str> {
    match expression {
        // What the script defines itself has an index, long or short.
        Expr::Variable(variable, None, _) if variable.0.is_none() => {
            let name = variable.1.as_str();
            (VALUES.contains(&name) || HANDLES.contains(&name)).then_some(name)
        }
        _ => None,
    }
}

/// Returns how many arguments these are, as a person counts: `1 argument`, `2 or 3 arguments`.
fn arguments(counts: impl Iterator<Item = usize>) -> String {
    let counts: Vec<String> = counts.map(|count| count.to_string()).collect();
    let noun = if counts == ["1"] {
        "argument"
    } else {
        "arguments"
    };
    match counts.split_last() {
        Some((last, [])) => format!("{last} {noun}"),
        Some((last, others)) => format!("{} or {last} {noun}", others.join(", ")),
        None => format!("no {noun}"),
    }
}
