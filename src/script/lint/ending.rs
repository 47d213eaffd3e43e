//! What a script comes to: whether its last value counts, and whether it checks anything at all.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Stmt};

use super::is_of_oes;
use crate::model::code::Code;
use crate::model::span::Mistake;

/// Functions by which a script finds something, `expect` and `require` aside, which are syntax. Some find it by
/// failing where a value is missing.
const CHECKS: &[&str] = &[
    "fail",
    "warn",
    "skip",
    "violation",
    "metric",
    "track",
    "at",
    "num",
    "str",
];

/// What OES calls in a channel script.
const CHANNEL_FUNCTIONS: &[(&str, usize)] = &[("requests", 2), ("answer", 3)];

/// Tells whether the script ends with an expression rather than with a `;`, comments aside.
pub(super) fn returns_value(text: &str) -> bool {
    let mut letters = text.chars().peekable();
    let mut last = ';';
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('/', Some('/')) => drop(letters.by_ref().find(|letter| *letter == '\n')),
            ('/', Some('*')) => {
                let mut star = false;
                letters.next();
                for inner in letters.by_ref() {
                    if star && inner == '/' {
                        break;
                    }
                    star = inner == '*';
                }
            }
            ('"' | '`' | '\'', _) => {
                while let Some(inner) = letters.next() {
                    if inner == '\\' {
                        letters.next();
                    } else if inner == letter {
                        break;
                    }
                }
                last = letter;
            }
            (letter, _) if !letter.is_whitespace() => last = letter,
            _ => {}
        }
    }
    last != ';'
}

/// Returns a warning if nothing in the script can find anything, and an error if there is nothing in it: a file that was
/// cut off must not replace a check. `value_counts` says whether its last value does.
pub(super) fn checks_nothing(ast: &AST, value_counts: bool) -> Option<Mistake> {
    let ends_with_value = value_counts && ast.statements().last().is_some_and(has_value);
    if is_channel(ast) || ends_with_value || has_check(ast) {
        return None;
    }
    let is_empty = ast.statements().is_empty() && ast.iter_functions().next().is_none();
    let mistake = if is_empty {
        Mistake::error(Code::ChecksNothing, 0..0, "there is nothing in this script")
    } else {
        Mistake::warning(Code::ChecksNothing, 0..0, "this script checks nothing")
    };
    Some(mistake.help("say what must hold: expect(body.price > 0, \"the price must be positive\")"))
}

/// Tells whether a script has the functions that OES calls in a channel script.
pub(super) fn is_channel(ast: &AST) -> bool {
    ast.iter_functions()
        .any(|function| CHANNEL_FUNCTIONS.contains(&(function.name, function.params.len())))
}

fn has_check(ast: &AST) -> bool {
    let mut found = false;
    ast.walk(&mut |path| {
        found |= match path.last() {
            Some(ASTNode::Expr(expression)) => match expression {
                Expr::Custom(..) => true,
                Expr::FnCall(call, _) | Expr::MethodCall(call, _) => checks(call),
                variable => is_of_oes(variable) == Some("http"),
            },
            Some(ASTNode::Stmt(Stmt::FnCall(call, _))) => checks(call),
            // `return` and `throw` with a value.
            Some(ASTNode::Stmt(Stmt::Return(Some(_), ..))) => true,
            _ => false,
        };
        !found
    });
    found
}

/// Tells whether a call may find something; a function of a library may.
fn checks(call: &FnCallExpr) -> bool {
    call.is_qualified() || CHECKS.contains(&call.name.as_str())
}

/// Tells whether a statement is one that can have a value.
fn has_value(statement: &Stmt) -> bool {
    matches!(
        statement,
        Stmt::Expr(_)
            | Stmt::FnCall(..)
            | Stmt::If(..)
            | Stmt::Switch(..)
            | Stmt::Block(_)
            | Stmt::TryCatch(..)
            | Stmt::While(..)
            | Stmt::Do(..)
    )
}
