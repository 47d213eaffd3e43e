//! Literals that can never be right where they stand: `1 == "1"`, `fail("")`, `violation("error", …)`.

use rhai::{Expr, FnCallExpr, Position, Token};

use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::api::verdict;
use crate::script::error::span;

/// Returns what is wrong with the literals of a call.
pub(super) fn of_call(call: &FnCallExpr, position: Position, text: &str) -> Option<Mistake> {
    match (call.name.as_str(), call.args.as_slice()) {
        (_, [a, b]) if call.op_token.is_some() => comparison(call, a, b, text),
        ("fail" | "warn" | "skip", [message])
        | ("fail" | "warn" | "violation", [_, message])
        | ("fail" | "warn", [_, message, _])
            if is_blank(message) =>
        {
            Some(without_text(call.name.as_str(), message, text))
        }
        ("violation", [Expr::StringConstant(name, at), _]) => {
            named(verdict::violation_name(name), *at, position, text)
        }
        ("metric", [Expr::StringConstant(name, at), _]) => {
            named(verdict::metric_name(name), *at, position, text)
        }
        _ => None,
    }
}

/// Returns what is wrong with the literals of `expect(…)` or `require(…)`: its message is the last argument.
pub(super) fn of_expectation(name: &str, inputs: &[Expr], text: &str) -> Option<Mistake> {
    let (_, others) = inputs.split_first()?;
    let message = others.last().filter(|message| is_blank(message))?;
    Some(without_text(name, message, text))
}

fn is_blank(message: &Expr) -> bool {
    matches!(message, Expr::StringConstant(text, _) if text.trim().is_empty())
}

fn without_text(name: &str, message: &Expr, text: &str) -> Mistake {
    Mistake::error(
        Code::NoText,
        span(text, message.start_position()),
        format!("`{name}` without a text: nobody could tell what was found"),
    )
    .help("say what is wrong, in the words that the message to people should have")
}

fn named(
    name: Result<(), (String, &'static str)>,
    at: Position,
    call: Position,
    text: &str,
) -> Option<Mistake> {
    let (message, help) = name.err()?;
    let at = if at.is_none() { call } else { at };
    Some(Mistake::error(Code::BadName, span(text, at), message).help(help))
}

fn comparison(call: &FnCallExpr, a: &Expr, b: &Expr, text: &str) -> Option<Mistake> {
    let never = match call.op_token {
        Some(Token::EqualsTo) => "is never equal to",
        Some(Token::NotEqualsTo) => "is always different from",
        Some(
            Token::LessThan
            | Token::LessThanEqualsTo
            | Token::GreaterThan
            | Token::GreaterThanEqualsTo,
        ) => "cannot be compared with",
        _ => return None,
    };
    let (kind, other) = (kind(a)?, kind(b)?);
    (kind != other).then(|| {
        Mistake::error(
            Code::UnlikeKinds,
            span(text, a.start_position()),
            format!("{kind} {never} {other}"),
        )
        .help("write both as the same kind; num(…) reads a number from text")
    })
}

/// Returns what kind of value a literal is; absent for everything else.
pub(super) fn kind(expression: &Expr) -> Option<&'static str> {
    match expression {
        Expr::BoolConstant(..) => Some("a boolean"),
        Expr::IntegerConstant(..) | Expr::FloatConstant(..) => Some("a number"),
        Expr::StringConstant(..) | Expr::InterpolatedString(..) => Some("a string"),
        Expr::Unit(_) => Some("null"),
        Expr::Array(..) => Some("an array"),
        Expr::Map(..) => Some("an object"),
        _ => None,
    }
}
