//! In which function of a script a place is, and from where that is called: read from the text, as far as it is certain.

use rhai::{AST, ASTNode, Expr, Position, Stmt};

use super::bench::Compiled;
use super::error;
use super::source::Source;
use crate::model::judgement::{Call, Finding};

/// Calls that are followed.
const DEPTH_MAX: usize = 8;

/// A function of a script, from where its body begins to where it ends.
struct Function {
    name: String,
    parameters: usize,
    from: Position,
    to: Position,
}

/// The functions of a script and of its libraries, and where they are called.
pub(super) struct Callers {
    functions: Vec<Function>,
    /// Names with how many arguments are given, and where.
    calls: Vec<(String, usize, Position)>,
}

impl Callers {
    /// Reads a script; absent if it has no functions.
    pub(super) fn of(script: &Compiled) -> Option<Self> {
        let mut callers = Self {
            functions: Vec::new(),
            calls: Vec::new(),
        };
        for ast in script.parts() {
            callers.add(ast);
        }
        (!callers.functions.is_empty()).then_some(callers)
    }

    fn add(&mut self, ast: &AST) {
        for (.., function) in ast.shared_lib().iter_script_fn_info() {
            self.functions.push(Function {
                name: function.name.to_string(),
                parameters: function.params.len(),
                from: function.body.start_position(),
                to: function.body.end_position(),
            });
        }
        ast.walk(&mut |path| {
            if let Some(
                ASTNode::Expr(Expr::FnCall(call, at) | Expr::MethodCall(call, at))
                | ASTNode::Stmt(Stmt::FnCall(call, at)),
            ) = path.last()
                && call.op_token.is_none()
            {
                self.calls
                    .push((call.name.to_string(), call.args.len(), *at));
            }
            true
        });
    }

    /// Adds to a finding in which function it was made, if it was in one and nothing says so yet.
    pub(super) fn tell(&self, finding: &mut Finding, source: &Source) {
        let (true, Some(at)) = (finding.stack.is_empty(), &finding.at) else {
            return;
        };
        let Some((before, _)) = source.parts().find(|(_, part)| part.file == at.file) else {
            return;
        };
        let number = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        let line = u16::try_from(before).map(|before| before.saturating_add(number(at.line)));
        let (Ok(line @ 1..), column) = (line, number(at.column)) else {
            return;
        };
        let mut here = Position::new(line, column);
        while finding.stack.len() < DEPTH_MAX
            && let Some(function) = self.around(here)
        {
            let from = self.only_call(function);
            finding.stack.push(Call {
                function: error::function_name(&function.name),
                from: from.and_then(|from| source.spot(from).shown().0),
            });
            match from {
                Some(from) => here = from,
                None => return,
            }
        }
    }

    /// Returns the innermost function that a place is in.
    fn around(&self, place: Position) -> Option<&Function> {
        let within = |function: &&Function| function.from <= place && place <= function.to;
        self.functions
            .iter()
            .filter(within)
            .max_by_key(|function| function.from)
    }

    /// Returns where a function is called, if it is in one place.
    fn only_call(&self, function: &Function) -> Option<Position> {
        let is_it =
            |name: &str, count: usize| *name == *function.name && count == function.parameters;
        let mut calls = self
            .calls
            .iter()
            .filter(|(name, count, _)| is_it(name, *count));
        let (_, _, at) = calls.next()?;
        calls.next().is_none().then_some(*at)
    }
}
