//! Libraries: what is none, and what scripts use of one.

use std::sync::Arc;

use rhai::{AST, ASTFlags, Expr, FnCallExpr, Namespace, Position, Stmt};

use super::{Subject, TOLD_MAX, arguments};
use crate::model::code::Code;
use crate::model::span::{Mistake, did_you_mean};
use crate::script::error::span;

/// Returns what keeps a text from being a library: it runs by itself, or has nothing to call.
pub(super) fn find(ast: &AST, text: &str) -> Vec<Mistake> {
    let mut mistakes: Vec<Mistake> = ast
        .statements()
        .iter()
        .filter_map(|statement| stray(statement, text))
        .take(TOLD_MAX)
        .collect();
    let has_function = ast
        .iter_functions()
        .any(|function| !function.name.starts_with("anon$"));
    if mistakes.is_empty() && !has_function {
        let mistake = Mistake::error(Code::Library, 0..0, "this library has no function");
        mistakes.push(mistake.help("write one: fn middle(a, b) { (a + b) / 2 }"));
    }
    mistakes
}

fn stray(statement: &Stmt, text: &str) -> Option<Mistake> {
    let (message, help) = match statement {
        Stmt::Noop(_) => return None,
        Stmt::Var(parts, flags, _) if flags.contains(ASTFlags::CONSTANT) => {
            if parts.1.is_constant() {
                return None;
            }
            (
                "a constant of a library is a plain value",
                "work it out in a function, which sees constants as global::NAME",
            )
        }
        _ => (
            "a library has functions and constants only; nothing else of it would run",
            "put it into a function",
        ),
    };
    Some(Mistake::error(Code::Library, span(text, statement.position()), message).help(help))
}

/// Returns what is wrong with a call by the name of a library; absent if nothing is.
pub(super) fn call(
    call: &FnCallExpr,
    position: Position,
    subject: &Subject<'_>,
) -> Option<Mistake> {
    let name = call.name.as_str();
    let library = match used(&call.namespace, subject) {
        Ok(library) => library?,
        Err(mistake) => return Some(mistake),
    };
    let functions = || library.functions.iter();
    let counts = || {
        functions()
            .filter(|(known, _)| **known == *name)
            .map(|(_, count)| *count)
    };
    let given = call.args.len();
    if counts().any(|count| count == given) {
        return None;
    }
    let place = span(subject.text, position);
    if counts().next().is_some() {
        let mut takes: Vec<usize> = counts().collect();
        takes.sort_unstable();
        let takes = arguments(takes.into_iter());
        let message = format!("`{}::{name}` takes {takes}, not {given}", library.name);
        return Some(Mistake::error(Code::Arity, place, message));
    }
    let message = format!("the library `{}` has no function `{name}`", library.name);
    let mut names: Vec<&str> = functions().map(|(known, _)| &**known).collect();
    names.sort_unstable();
    names.dedup();
    let help = match did_you_mean(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", names.join(", ")),
    };
    Some(Mistake::error(Code::UnknownFunction, place, message).help(help))
}

/// Returns what is wrong with a value that is read by the name of a library: there is none.
pub(super) fn value(expression: &Expr, subject: &Subject<'_>) -> Option<Mistake> {
    let Expr::Variable(variable, _, _) = expression else {
        return None;
    };
    if variable.2.is_empty() {
        return None;
    }
    match used(&variable.2, subject) {
        Ok(library) => {
            let library = library?;
            let name = variable.1.as_str();
            let place = span(subject.text, variable.2.position());
            let message = format!("`{}::{name}` is no function call", library.name);
            let help = format!(
                "scripts reach functions of a library only: {}::{name}(…)",
                library.name
            );
            Some(Mistake::error(Code::UnknownProperty, place, message).help(help))
        }
        Err(mistake) => Some(mistake),
    }
}

/// Returns the library that a name before `::` means, absent for `global` and for one that is not there, which is told
/// where the header names it.
fn used<'a>(
    namespace: &Namespace,
    subject: &Subject<'a>,
) -> Result<Option<&'a super::Source>, Mistake> {
    let root = namespace.root();
    if root == "global" {
        return Ok(None);
    }
    let is_used = subject.header.uses.iter().any(|name| **name == *root);
    let mut libraries = subject.libraries.iter();
    if !is_used {
        let is_there =
            |name: &&Arc<str>| subject.libraries.iter().any(|known| known.name == **name);
        let missing = subject.header.uses.iter().filter(|name| !is_there(name));
        if did_you_mean(root, missing.map(|name| &**name)).is_some() {
            return Ok(None);
        }
        return Err(unknown(root, namespace.position(), subject));
    }
    Ok(libraries
        .find(|library| *library.name == *root)
        .map(|library| &**library))
}

/// Returns the mistake that a script does not use the library of this name.
fn unknown(name: &str, position: Position, subject: &Subject<'_>) -> Mistake {
    let message = format!("this script uses no library `{name}`");
    let place = span(subject.text, position);
    let help = match did_you_mean(name, subject.header.uses.iter().map(|name| &**name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("add it to the header, below `//! ---`: //! use = [\"{name}\"]"),
    };
    Mistake::error(Code::UnknownLibrary, place, message).help(help)
}
