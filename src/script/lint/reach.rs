//! Statements that nothing comes to: what stands behind `return`, `throw`, `stop()` or `skip(…)`.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use super::TOLD_MAX;
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::error::span;

/// Functions that end the script.
const ENDS: &[&str] = &["stop", "skip"];

/// Returns a warning for the first statement of each block that nothing comes to, in no order.
pub(super) fn find(ast: &AST, text: &str) -> Vec<Mistake> {
    let mut search = Search {
        text,
        found: Vec::new(),
    };
    search.block(ast.statements().iter());
    // A function's own statements are reached through a copy that has no other function.
    for function in ast.iter_functions() {
        let is_it = |name: &str, count| name == function.name && count == function.params.len();
        let mut alone = ast.clone_functions_only();
        alone.retain_functions(|_, _, name, count| is_it(name, count));
        // Functions for different kinds of `this` have one name.
        if alone.iter_functions().count() != 1 {
            continue;
        }
        let mut ended = None;
        let mut told = false;
        alone.walk(&mut |path| {
            if let [ASTNode::Stmt(statement)] = path
                && !told
            {
                told = search.follow(&mut ended, statement);
            }
            true
        });
    }
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Stmt(statement)) => search.within(statement),
            Some(ASTNode::Expr(Expr::Stmt(block))) => search.block(block.statements().iter()),
            _ => {}
        }
        search.found.len() < TOLD_MAX
    });
    search.found
}

struct Search<'a> {
    text: &'a str,
    found: Vec<Mistake>,
}

impl Search<'_> {
    /// Looks at the blocks of a statement.
    fn within(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Block(block) => self.block(block.statements().iter()),
            Stmt::If(flow, _)
            | Stmt::TryCatch(flow, _)
            | Stmt::While(flow, _)
            | Stmt::Do(flow, _, _) => {
                self.block(flow.body.statements().iter());
                self.block(flow.branch.statements().iter());
            }
            Stmt::For(parts, _) => self.block(parts.2.body.statements().iter()),
            _ => {}
        }
    }

    fn block<'s>(&mut self, statements: impl Iterator<Item = &'s Stmt>) {
        let mut ended = None;
        for statement in statements {
            if self.follow(&mut ended, statement) {
                return;
            }
        }
    }

    /// Reports a statement behind one that ends; tells whether it did.
    fn follow(&mut self, ended: &mut Option<&'static str>, statement: &Stmt) -> bool {
        let Some(by) = *ended else {
            *ended = end(statement);
            return false;
        };
        let position = begin(statement);
        if position.is_none() {
            return false;
        }
        let mistake = Mistake::warning(
            Code::Unreachable,
            span(self.text, position),
            format!("nothing comes here: `{by}` ends before it"),
        );
        let help = "put it before, or take it out";
        self.found.push(mistake.help(help));
        true
    }
}

/// Returns where a statement begins; none of what the compiler puts in.
fn begin(statement: &Stmt) -> Position {
    match statement {
        Stmt::Noop(_) | Stmt::Share(_) => Position::NONE,
        Stmt::Expr(expression) => expression.start_position(),
        Stmt::Assignment(parts) => parts.1.lhs.start_position(),
        other => other.position(),
    }
}

/// Returns by what a statement ends what it stands in, if it always does.
fn end(statement: &Stmt) -> Option<&'static str> {
    match statement {
        Stmt::Return(_, flags, _) if flags.contains(rhai::ASTFlags::BREAK) => Some("throw"),
        Stmt::Return(..) => Some("return"),
        Stmt::BreakLoop(_, flags, _) if flags.contains(rhai::ASTFlags::BREAK) => Some("break"),
        Stmt::BreakLoop(..) => Some("continue"),
        Stmt::FnCall(call, _) => by_call(call),
        Stmt::Expr(expression) => match &**expression {
            Expr::FnCall(call, _) => by_call(call),
            Expr::Stmt(block) => block.statements().iter().find_map(end),
            _ => None,
        },
        Stmt::Block(block) => block.statements().iter().find_map(end),
        Stmt::If(flow, _) => {
            let first = flow.body.statements().iter().find_map(end)?;
            flow.branch.statements().iter().find_map(end)?;
            Some(first)
        }
        _ => None,
    }
}

fn by_call(call: &FnCallExpr) -> Option<&'static str> {
    let name = ENDS.iter().find(|name| ***name == *call.name)?;
    call.op_token.is_none().then_some(*name)
}
