//! Who is to blame for a value of the wrong kind: found by reading the script where the run broke.
//!
//! Scalars of a response are plain values to a script, so that a run which breaks on one (`body.price > 5` where the
//! price is `null`) does not know where it came from. The script's text does: whatever is made from `body` is the
//! response's, whatever is made from `http` is the answer's of a dependency, and what OES itself makes of either
//! (`track`, `num`, `age`) is nobody's. Names are followed through `let`, `for`,
//! closures and the script's own functions, without regard to order: a name that holds a part of the response
//! somewhere counts as doing so everywhere.

mod keys;

use std::collections::HashMap;

use super::engine::HANDLES;
use rhai::{AST, ASTNode, Expr, FnCallExpr, FnPtr, Position, Stmt};

pub(super) use keys::keys;

/// Whose value a script works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reads {
    /// The answer to a request of its own.
    Answer,
    /// The probed response.
    Response,
}

/// How often names are followed through other names.
const ROUNDS_MAX: usize = 8;

/// Functions that return a value of OES's own making, whatever they are given.
const OWN_RESULTS: &[&str] = &[
    "track",
    "age",
    "num",
    "str",
    "count",
    "has",
    "duration",
    "human",
    "parse_time",
    "pct_diff",
    "approx",
    "median",
    "type_of",
    "types",
    "exact",
    "diff",
];

/// Returns whose value the script reads at a position; absent if it is its own. Where it is known which `operand` of an
/// operator is wrong, only that one counts; of a method the first one is what it is called on.
pub(super) fn at(ast: &AST, position: Position, operand: Option<usize>) -> Option<Reads> {
    let names = Names::of(ast);
    let mut found = None;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if is_at(path.last(), position) && (operand.is_none() || is_call(path.last(), position)) {
            found = found.max(names.in_chain(path, operand));
        }
        true
    });
    found
}

/// Tells whether a node is what an error at a position is about.
fn is_at(node: Option<&ASTNode<'_>>, position: Position) -> bool {
    match node {
        Some(ASTNode::Expr(expression)) => {
            expression.position() == position || expression.start_position() == position
        }
        Some(ASTNode::Stmt(Stmt::FnCall(_, at))) => *at == position,
        Some(ASTNode::Stmt(statement)) => statement.position() == position,
        _ => false,
    }
}

/// Tells whether a node is a call whose name, or operator, is at a position.
fn is_call(node: Option<&ASTNode<'_>>, position: Position) -> bool {
    match node {
        Some(
            ASTNode::Expr(Expr::FnCall(_, at) | Expr::MethodCall(_, at))
            | ASTNode::Stmt(Stmt::FnCall(_, at)),
        ) => *at == position,
        _ => false,
    }
}

/// Returns how many values a closure captures: they come before its own parameters.
pub(super) fn captured(ast: &AST, name: &str) -> usize {
    let mut found = 0;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::FnCall(call, _))) = path.last()
            && call.name == "curry"
            && let Some((pointer, captured)) = call.args.split_first()
            && closure(pointer).is_some_and(|closure| closure == name)
        {
            found = captured.len();
        }
        found == 0
    });
    found
}

/// The names that hold a part of what somebody answered.
struct Names(HashMap<String, Reads>);

impl Names {
    fn of(ast: &AST) -> Self {
        let mut names = Self(HashMap::new());
        for name in ["body", "response"] {
            names.0.insert(name.to_owned(), Reads::Response);
        }
        for name in HANDLES.iter().chain(&["http"]) {
            names.0.insert((*name).to_owned(), Reads::Answer);
        }
        let parameters: HashMap<&str, Vec<&str>> = ast
            .iter_functions()
            .map(|function| (function.name, function.params))
            .collect();
        for _ in 0..ROUNDS_MAX {
            let before = names.0.len();
            ast.walk(&mut |path: &[ASTNode<'_>]| {
                match path.last() {
                    Some(ASTNode::Stmt(statement)) => names.statement(statement, &parameters),
                    Some(ASTNode::Expr(expression)) => names.expression(expression, &parameters),
                    _ => {}
                }
                true
            });
            if names.0.len() == before {
                break;
            }
        }
        names
    }

    fn learn(&mut self, name: &str, reads: Option<Reads>) {
        if let Some(reads) = reads {
            let known = self.0.entry(name.to_owned()).or_insert(reads);
            *known = reads.max(*known);
        }
    }

    fn statement(&mut self, statement: &Stmt, parameters: &HashMap<&str, Vec<&str>>) {
        match statement {
            Stmt::Var(parts, ..) => self.learn(&parts.0.name, self.within(&parts.1)),
            Stmt::Assignment(parts) => {
                if let Some(name) = root(&parts.1.lhs) {
                    self.learn(name, self.within(&parts.1.rhs));
                }
            }
            Stmt::For(parts, _) => self.learn(&parts.0.name, self.within(&parts.2.expr)),
            Stmt::FnCall(call, _) => self.call(call, None, parameters),
            _ => {}
        }
    }

    fn expression(&mut self, expression: &Expr, parameters: &HashMap<&str, Vec<&str>>) {
        match expression {
            Expr::FnCall(call, _) => self.call(call, None, parameters),
            // A method's closures are given parts of what it is called on.
            Expr::Dot(parts, ..) => {
                let on = self.within(&parts.lhs);
                let mut rest = &parts.rhs;
                while let Expr::Dot(chain, ..) | Expr::Index(chain, ..) = rest {
                    if let Expr::MethodCall(call, _) = &chain.lhs {
                        self.call(call, on, parameters);
                    }
                    rest = &chain.rhs;
                }
                if let Expr::MethodCall(call, _) = rest {
                    self.call(call, on, parameters);
                }
            }
            _ => {}
        }
    }

    /// Follows the arguments of a call into the function of the script that takes them.
    fn call(
        &mut self,
        call: &FnCallExpr,
        on: Option<Reads>,
        parameters: &HashMap<&str, Vec<&str>>,
    ) {
        let arguments = call.args.iter().map(|argument| self.within(argument));
        let arguments: Vec<Option<Reads>> = arguments.collect();
        if let Some(names) = parameters.get(call.name.as_str()) {
            for (name, reads) in names.iter().zip(&arguments) {
                self.learn(name, *reads);
            }
        }
        let given = arguments.into_iter().flatten().max().max(on);
        for argument in &call.args {
            let Some(closure) = closure(argument) else {
                continue;
            };
            // What a closure captures comes before its own parameters and is known by its own name.
            for name in parameters.get(closure.as_str()).into_iter().flatten() {
                self.learn(name, given);
            }
        }
    }

    /// Returns whose value any part of an expression is.
    fn within(&self, expression: &Expr) -> Option<Reads> {
        let mut found = None;
        expression.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
            let own = path.iter().any(|node| match node {
                ASTNode::Expr(Expr::FnCall(call, _)) => OWN_RESULTS.contains(&call.name.as_str()),
                _ => false,
            });
            if own {
                return true;
            }
            if let Some(ASTNode::Expr(Expr::Variable(variable, ..))) = path.last() {
                found = found.max(self.0.get(variable.1.as_str()).copied());
            }
            true
        });
        found
    }

    /// Returns whose value the chain or the call is that the last node of a path belongs to.
    fn in_chain(&self, path: &[ASTNode<'_>], operand: Option<usize>) -> Option<Reads> {
        let (last, before) = path.split_last()?;
        let mut whole = match last {
            ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => {
                return self.arguments(call, operand);
            }
            ASTNode::Expr(Expr::MethodCall(call, _)) if operand.is_some_and(|one| one > 0) => {
                return self.arguments(call, operand.map(|one| one - 1));
            }
            ASTNode::Expr(expression) => *expression,
            ASTNode::Stmt(Stmt::For(parts, _)) => return self.within(&parts.2.expr),
            ASTNode::Stmt(Stmt::If(flow, _) | Stmt::While(flow, _)) => {
                return self.within(&flow.expr);
            }
            _ => return None,
        };
        for node in before.iter().rev() {
            match node {
                ASTNode::Expr(expression @ (Expr::Dot(..) | Expr::Index(..))) => whole = expression,
                _ => break,
            }
        }
        self.within(whole)
    }

    /// Returns whose values a call is given.
    fn arguments(&self, call: &FnCallExpr, operand: Option<usize>) -> Option<Reads> {
        match operand.and_then(|operand| call.args.get(operand)) {
            Some(argument) => self.within(argument),
            None => call.args.iter().filter_map(|one| self.within(one)).max(),
        }
    }
}

/// Returns the variable at the beginning of a chain.
fn root(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Variable(variable, ..) => Some(variable.1.as_str()),
        Expr::Dot(parts, ..) | Expr::Index(parts, ..) => root(&parts.lhs),
        _ => None,
    }
}

/// Returns the name of the function that an argument is, where it is a closure, with or without captures.
fn closure(argument: &Expr) -> Option<String> {
    let mut found = None;
    argument.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::DynamicConstant(value, _))) = path.last()
            && let Some(pointer) = value.read_lock::<FnPtr>()
        {
            found = Some(pointer.fn_name().to_owned());
        }
        found.is_none()
    });
    found
}
