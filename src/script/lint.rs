//! What can be known to be wrong with a script before it runs: by reading it, never by running it.
//!
//! What is not certain is no error: a method may be a function that a map holds.

mod arguments;
mod brackets;
mod calls;
mod chains;
mod declared;
mod ending;
mod files;
mod foreign;
mod held;
mod known;
mod library;
mod literals;
mod params;
mod parse;
mod reach;
mod sample;
mod shadows;
mod syntax;
mod unused;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rhai::{AST, ASTNode, Engine, Expr, FnAccess};

use super::engine::{self, HANDLES, VALUES};
use super::guard;
use super::header::Named;
use super::source::{AskedHost, Header, Part, Source};
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

/// Returns what scripts of OES know.
fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    // Made once, on the thread of the first script that asks; it is not that script's memory.
    guard::exempt(|| KNOWN.get_or_init(|| Known::of(&engine::build())))
}

/// Tells whether there is a function of this name for any kinds of so many values, the receiver of a method included.
pub(super) fn takes(name: &str, values: usize) -> bool {
    let arities = known().arities(name);
    arities.is_some_and(|arities| arities.contains(&values))
}

/// Tells whether there is a function of this name for values of these kinds, the receiver of a method first.
pub(super) fn accepts(name: &str, kinds: &[&str]) -> bool {
    known().accepts(name, kinds)
}

/// Returns which value of a call is of a kind that the function does not take there.
pub(super) fn odd_one(name: &str, kinds: &[&str]) -> Option<usize> {
    known().odd_one(name, kinds)
}

/// What is told of one kind of mistake; nobody mends more at once, and each takes time to tell.
const TOLD_MAX: usize = 100;

/// What was learned of a script by reading it.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what is learned by reading a script are facts that do not depend on each other"
)]
pub(super) struct Examined {
    pub(super) mistakes: Vec<Mistake>,
    pub(super) functions: Vec<(Arc<str>, usize)>,
    /// Of a library, those that only it can call.
    pub(super) hidden: Vec<Arc<str>>,
    /// Files of schemas that it names, with where.
    pub(super) schemas: Vec<Named>,
    /// Spaces of shared memory that it uses.
    pub(super) spaces: BTreeSet<Arc<str>>,
    pub(super) uses_prev: bool,
    pub(super) uses_http: bool,
    pub(super) asks: Vec<AskedHost>,
    pub(super) reads_params: bool,
    pub(super) returns_value: bool,
}

impl Examined {
    /// What is learned of a script that is refused for one mistake.
    pub(super) fn refused(mistake: Mistake) -> Self {
        Self {
            mistakes: vec![mistake],
            ..Self::default()
        }
    }
}

/// What is read, and what lies beside it.
pub(super) struct Subject<'a> {
    pub(super) part: Part,
    pub(super) file: &'a Arc<str>,
    pub(super) text: &'a str,
    /// What its header says.
    pub(super) header: &'a Header,
    /// The libraries that its header names, and what they use.
    pub(super) libraries: &'a [Arc<Source>],
}

/// Reads scripts for one engine.
pub(super) struct Lint(Known);

impl Lint {
    pub(super) fn of(engine: &Engine) -> Self {
        Self(Known::of(engine))
    }

    /// Compiles a script within an amount of processor time, and reads it.
    pub(super) fn examine(
        &self,
        engine: &mut Engine,
        subject: &Subject<'_>,
        time: Duration,
    ) -> Examined {
        let (ast, mistakes) = parse::parse(engine, subject, time);
        let mut examined = match ast {
            Some(ast) => self.read(&ast, subject),
            None => Examined::default(),
        };
        if !mistakes.is_empty() {
            // What a mended text does not do is no mistake of its own.
            let certain = |mistake: &Mistake| mistake.severity == MistakeSeverity::Error;
            examined.mistakes.retain(certain);
            examined.mistakes.extend(mistakes);
        }
        examined
    }

    /// Reads a compiled script.
    fn read(&self, ast: &AST, subject: &Subject<'_>) -> Examined {
        let text = subject.text;
        let mut functions: Vec<(Arc<str>, usize)> = ast
            .iter_functions()
            .filter(|function| !function.name.starts_with("anon$"))
            .map(|function| (function.name.into(), function.params.len()))
            .collect();
        let returns_value = ending::returns_value(text);
        let mut mistakes = calls::find(ast, &self.0, &functions, subject);
        mistakes.extend(chains::find(ast, &self.0, text));
        mistakes.extend(arguments::find(ast, text));
        let (spaces, unnamed) = files::spaces(ast, text);
        mistakes.extend(unnamed);
        mistakes.extend(reach::find(ast, text));
        mistakes.extend(shadows::find(ast, text));
        let params = params::find(ast, subject);
        mistakes.extend(params.mistakes);
        let uses = declared::find(ast, subject);
        mistakes.extend(uses.mistakes);
        let mut hidden = Vec::new();
        match subject.part {
            Part::Script => {
                mistakes.extend(unused::find(ast, text, returns_value));
                if mistakes.is_empty() {
                    mistakes.extend(ending::checks_nothing(ast, returns_value));
                }
            }
            Part::Library => {
                mistakes.extend(unused::find(ast, text, true));
                mistakes.extend(library::find(ast, text));
                let is_public = |(name, _): &(Arc<str>, usize)| {
                    ast.iter_functions().any(|function| {
                        *function.name == **name && function.access == FnAccess::Public
                    })
                };
                let (public, private): (Vec<_>, Vec<_>) =
                    functions.into_iter().partition(is_public);
                functions = public;
                hidden = private.into_iter().map(|(name, _)| name).collect();
            }
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
            hidden,
            schemas: files::schemas(ast, text),
            spaces,
            uses_prev: reads(ast, "prev"),
            uses_http: reads(ast, "http") || HANDLES.iter().any(|handle| reads(ast, handle)),
            asks: uses.hosts,
            reads_params: params.reads,
            returns_value,
        }
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
