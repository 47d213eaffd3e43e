//! Values that are worked out and thrown away: `body.price > 2;` looks like a check and is none.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt, Token};

use super::TOLD_MAX;
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::error::span;

/// Functions that tell whether something holds and do nothing else.
const ASKS: &[&str] = &[
    "has",
    "approx",
    "unique",
    "matches",
    "contains",
    "starts_with",
    "ends_with",
    "is_empty",
];

/// Functions that list what is wrong and do nothing else.
const LISTS: &[&str] = &["types", "exact", "diff", "schema"];

const MEANT_EXPECT: &str = "did you mean expect(…)?";

/// Returns a warning for each value that is thrown away, in no order. `value_counts` says whether the script's last
/// value does.
pub(super) fn find(ast: &AST, text: &str, value_counts: bool) -> Vec<Mistake> {
    let mut search = Search {
        text,
        found: Vec::new(),
    };
    search.block(ast.statements(), value_counts);
    let mut top_level = ast.statements().len();
    ast.walk(&mut |path| {
        match path {
            [ASTNode::Stmt(_)] if top_level > 0 => top_level -= 1,
            // A function returns its last value, with or without a `;`. Which statement is the last is not known here.
            [ASTNode::Stmt(statement)] => search.statement(statement, true),
            [.., ASTNode::Expr(Expr::Stmt(block))] => search.block(block.statements(), true),
            _ => {}
        }
        true
    });
    search.found
}

struct Search<'a> {
    text: &'a str,
    found: Vec<Mistake>,
}

impl Search<'_> {
    fn block(&mut self, statements: &[Stmt], last_counts: bool) {
        for (number, statement) in statements.iter().enumerate() {
            self.statement(statement, last_counts && number + 1 == statements.len());
        }
    }

    fn statement(&mut self, statement: &Stmt, counts: bool) {
        match statement {
            Stmt::FnCall(call, position) if !counts => {
                if let Some(help) = idle_call(call) {
                    self.report(start(call, *position), help);
                }
            }
            Stmt::Expr(expression) => self.expression(expression, counts),
            Stmt::Block(block) => self.block(block.statements(), counts),
            Stmt::If(flow, _) | Stmt::TryCatch(flow, _) => {
                self.block(flow.body.statements(), counts);
                self.block(flow.branch.statements(), counts);
            }
            Stmt::Switch(parts, _) => {
                for case in &parts.1.expressions {
                    self.expression(&case.rhs, counts);
                }
            }
            Stmt::While(flow, _) | Stmt::Do(flow, _, _) => {
                self.block(flow.body.statements(), false);
            }
            Stmt::For(parts, _) => self.block(parts.2.body.statements(), false),
            _ => {}
        }
    }

    fn expression(&mut self, expression: &Expr, counts: bool) {
        if let Expr::Stmt(block) = expression {
            self.block(block.statements(), counts);
        } else if !counts && let Some(help) = idle(expression) {
            let position = match expression {
                Expr::FnCall(call, position) => start(call, *position),
                other => other.start_position(),
            };
            self.report(position, help);
        }
    }

    fn report(&mut self, position: Position, help: &str) {
        if self.found.len() >= TOLD_MAX {
            return;
        }
        let place = span(self.text, position);
        self.found
            .push(Mistake::warning(Code::NoEffect, place, "this does nothing").help(help));
    }
}

/// Returns what an expression was meant to be if evaluating it does nothing.
fn idle(expression: &Expr) -> Option<&'static str> {
    match expression {
        Expr::FnCall(call, _) => idle_call(call),
        Expr::And(parts, _) | Expr::Or(parts, _) => {
            // `body.ok || fail("…")` does something.
            parts
                .iter()
                .all(|part| !has_effect(part))
                .then_some(MEANT_EXPECT)
        }
        Expr::Dot(..) | Expr::Index(..) if !has_effect(expression) => Some(MEANT_EXPECT),
        Expr::Variable(..) => Some(MEANT_EXPECT),
        constant if constant.is_constant() && !matches!(constant, Expr::Unit(_)) => {
            Some("leave it out")
        }
        _ => None,
    }
}

fn idle_call(call: &FnCallExpr) -> Option<&'static str> {
    let name = call.name.as_str();
    match &call.op_token {
        _ if ASKS.contains(&name) => Some(MEANT_EXPECT),
        Some(
            Token::EqualsTo
            | Token::NotEqualsTo
            | Token::LessThan
            | Token::LessThanEqualsTo
            | Token::GreaterThan
            | Token::GreaterThanEqualsTo,
        ) => Some(MEANT_EXPECT),
        Some(Token::Bang) if call.args.iter().all(|part| !has_effect(part)) => Some(MEANT_EXPECT),
        None if LISTS.contains(&name) => {
            Some("did you mean fail(\"code\", …), which finds what this returns?")
        }
        _ => None,
    }
}

/// Tells whether evaluating an expression may do more than give a value.
fn has_effect(expression: &Expr) -> bool {
    let mut found = false;
    expression.walk(&mut Vec::new(), &mut |path| {
        found |= match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))) => {
                let name = call.name.as_str();
                call.op_token.is_none() && !ASKS.contains(&name) && !LISTS.contains(&name)
            }
            Some(ASTNode::Expr(Expr::Custom(..)) | ASTNode::Stmt(_)) => true,
            _ => false,
        };
        !found
    });
    found
}

/// Returns where a call begins as it is read: an operator begins with the value on its left.
fn start(call: &FnCallExpr, position: Position) -> Position {
    if call.op_token.is_none() && call.name != "contains" {
        return position;
    }
    let operands = call.args.iter().map(Expr::start_position);
    operands
        .chain([position])
        .filter(|position| !position.is_none())
        .min_by_key(|position| (position.line(), position.position()))
        .unwrap_or(position)
}
