//! Puts marks before the statements of a compiled script.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rhai::{
    AST, ASTNode, Dynamic, Engine, EvalContext, Expr, Expression, FlowControl, INT, Module,
    ParseError, Position, ScriptFuncDef, Shared, Stmt, StmtBlock,
};

use super::Coverage;
use crate::script::guard::Fallible;

/// The words of the interpreter that stand for a mark and for the body of a function.
const MARK: &str = "oes_mark";
const BODY: &str = "oes_body";

/// The bodies of functions with marks. The interpreter lets nobody change a function's body, so that a function gets
/// another one that leads here.
type Bodies = Rc<RefCell<Vec<Rc<Expr>>>>;

/// Marks what one engine compiles.
pub(in crate::script) struct Marker {
    coverage: Arc<Coverage>,
    bodies: Bodies,
    /// A mark, of which there are copies.
    template: Stmt,
}

impl Marker {
    /// Teaches an engine what marks are.
    ///
    /// # Errors
    /// The engine does not take them.
    pub(in crate::script) fn register(
        engine: &mut Engine,
        coverage: &Arc<Coverage>,
    ) -> Result<Self, ParseError> {
        let bodies = Bodies::default();
        let noted = Arc::clone(coverage);
        engine.register_custom_syntax([MARK, "$int$"], false, move |_, inputs| {
            if let Some(input) = inputs.first() {
                noted.note(number(input), input.position(), true);
            }
            Ok(Dynamic::UNIT)
        })?;
        let known = Rc::clone(&bodies);
        engine.register_custom_syntax([BODY, "$int$"], false, move |context, inputs| {
            run(context, inputs, &known)
        })?;
        let template = engine.compile(format!("{MARK} 0"))?;
        Ok(Self {
            coverage: Arc::clone(coverage),
            bodies,
            template: template.statements().first().cloned().unwrap_or_default(),
        })
    }

    /// Returns a compiled script with a mark before each of its statements, which are noted.
    ///
    /// # Errors
    /// The engine is not the one of this.
    pub(in crate::script) fn mark(
        &self,
        engine: &Engine,
        ast: &AST,
        version: &Arc<str>,
    ) -> Result<AST, ParseError> {
        let marking = Marking {
            marker: self,
            script: self.coverage.number(version),
        };
        let mut functions: Module = (**ast.shared_lib()).clone();
        for (.., function) in ast.shared_lib().iter_script_fn_info() {
            functions.set_script_fn(marking.function(engine, function)?);
        }
        let statements = marking.statements(ast.statements().iter().cloned());
        Ok(AST::new(statements, functions))
    }
}

/// Returns the number that a word of ours is written with.
fn number(input: &Expression<'_>) -> usize {
    let number = input.get_literal_value::<INT>();
    number.map_or(usize::MAX, |number| number.try_into().unwrap_or(usize::MAX))
}

/// Runs the body of a function.
fn run(
    context: &mut EvalContext<'_, '_, '_, '_, '_, '_>,
    inputs: &[Expression<'_>],
    bodies: &Bodies,
) -> Fallible<Dynamic> {
    let body = inputs
        .first()
        .and_then(|input| bodies.borrow().get(number(input)).cloned());
    match body {
        Some(body) => context.eval_expression_tree(&Expression::from(&*body)),
        None => Ok(Dynamic::UNIT),
    }
}

/// One script while it is marked.
struct Marking<'a> {
    marker: &'a Marker,
    script: usize,
}

impl Marking<'_> {
    fn function(
        &self,
        engine: &Engine,
        function: &Shared<ScriptFuncDef>,
    ) -> Result<ScriptFuncDef, ParseError> {
        let statements = self.statements(statements_of(function).into_iter());
        let (start, end) = (function.body.start_position(), function.body.end_position());
        let block = StmtBlock::new(statements, start, end);
        let mut bodies = self.marker.bodies.borrow_mut();
        let other = engine.compile(format!("fn body() {{ {BODY} {} }}", bodies.len()))?;
        bodies.push(Rc::new(Expr::Stmt(Box::new(block))));
        let mut function = (**function).clone();
        for (.., leading) in other.shared_lib().iter_script_fn_info() {
            function.body = leading.body.clone();
        }
        Ok(function)
    }

    fn statements(&self, statements: impl Iterator<Item = Stmt>) -> Vec<Stmt> {
        let mut marked = Vec::new();
        for mut statement in statements {
            // What is no statement to a person: nothing, a block, what the interpreter puts before a closure.
            let counts = !matches!(&statement, Stmt::Noop(_) | Stmt::Block(_) | Stmt::Share(_));
            if counts {
                marked.push(self.mark(beginning(&statement)));
            }
            self.statement(&mut statement);
            marked.push(statement);
        }
        marked
    }

    fn mark(&self, at: Position) -> Stmt {
        self.marker.coverage.note(self.script, at, false);
        let mut mark = self.marker.template.clone();
        if let Stmt::Expr(expression) = &mut mark
            && let Expr::Custom(custom, _) = &mut **expression
            && let Some(input) = custom.inputs.first_mut()
        {
            let script = INT::try_from(self.script).unwrap_or(INT::MAX);
            *input = Expr::IntegerConstant(script, at);
        }
        mark
    }

    fn block(&self, block: &mut StmtBlock) {
        let statements = std::mem::take(block.statements_mut());
        block.extend(self.statements(statements.into_iter()));
    }

    fn flow(&self, flow: &mut FlowControl) {
        self.expression(&mut flow.expr);
        self.block(&mut flow.body);
        self.block(&mut flow.branch);
    }

    fn statement(&self, statement: &mut Stmt) {
        match statement {
            Stmt::If(flow, _)
            | Stmt::While(flow, _)
            | Stmt::Do(flow, ..)
            | Stmt::TryCatch(flow, _) => self.flow(flow),
            Stmt::For(each, _) => self.flow(&mut each.2),
            Stmt::Switch(switch, _) => {
                let (value, cases) = &mut **switch;
                self.expression(value);
                for case in &mut cases.expressions {
                    self.expression(&mut case.lhs);
                    self.arm(&mut case.rhs);
                }
            }
            Stmt::Var(variable, ..) => self.expression(&mut variable.1),
            Stmt::Assignment(assignment) => {
                self.expression(&mut assignment.1.lhs);
                self.expression(&mut assignment.1.rhs);
            }
            Stmt::FnCall(call, _) => self.expressions(&mut call.args),
            Stmt::Block(block) => self.block(block),
            Stmt::Expr(expression)
            | Stmt::BreakLoop(Some(expression), ..)
            | Stmt::Return(Some(expression), ..) => self.expression(expression),
            _ => {}
        }
    }

    /// Marks what a `switch` comes to in one case: a block, or an expression that is a statement to a person.
    fn arm(&self, value: &mut Expr) {
        if matches!(value, Expr::Stmt(_)) {
            return self.expression(value);
        }
        let at = begins(value);
        let arm = Stmt::Expr(Box::new(std::mem::take(value)));
        let block = StmtBlock::new(self.statements(std::iter::once(arm)), at, at);
        *value = Expr::Stmt(Box::new(block));
    }

    /// Marks what is in a part of a text; `${…}` itself is a block to the interpreter, but no statement to a person.
    fn part(&self, part: &mut Expr) {
        match part {
            Expr::Stmt(block) => {
                for statement in block.statements_mut() {
                    self.statement(statement);
                }
            }
            other => self.expression(other),
        }
    }

    fn expressions<'e>(&self, expressions: impl IntoIterator<Item = &'e mut Expr>) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    fn expression(&self, expression: &mut Expr) {
        match expression {
            Expr::Stmt(block) => self.block(block),
            Expr::InterpolatedString(parts, _) => parts.iter_mut().for_each(|part| self.part(part)),
            Expr::Array(parts, _) => self.expressions(parts.iter_mut()),
            Expr::Map(map, _) => self.expressions(map.0.iter_mut().map(|(_, value)| value)),
            Expr::FnCall(call, _) | Expr::MethodCall(call, _) => self.expressions(&mut call.args),
            Expr::Dot(sides, ..) | Expr::Index(sides, ..) => {
                self.expression(&mut sides.lhs);
                self.expression(&mut sides.rhs);
            }
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                self.expressions(parts.iter_mut());
            }
            Expr::Custom(custom, _) => self.expressions(&mut custom.inputs),
            _ => {}
        }
    }
}

/// Returns the statements of a function's body.
fn statements_of(function: &Shared<ScriptFuncDef>) -> Vec<Stmt> {
    let mut alone = Module::new();
    alone.set_script_fn(Shared::clone(function));
    let mut statements = Vec::new();
    AST::new([], alone).walk(&mut |path: &[ASTNode<'_>]| {
        if let [ASTNode::Stmt(statement)] = path {
            statements.push((*statement).clone());
        }
        true
    });
    statements
}

/// Returns where a statement begins for a person.
fn beginning(statement: &Stmt) -> Position {
    match statement {
        Stmt::Assignment(assignment) => begins(&assignment.1.lhs),
        Stmt::Expr(expression) => begins(expression),
        other => other.position(),
    }
}

/// Returns where an expression begins: an operator is placed behind what it begins with.
fn begins(expression: &Expr) -> Position {
    match expression {
        Expr::FnCall(call, _) if call.op_token.is_some() && call.args.len() == 2 => {
            call.args.first().map_or(Position::NONE, begins)
        }
        Expr::Dot(sides, ..) | Expr::Index(sides, ..) => begins(&sides.lhs),
        Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
            parts.first().map_or(Position::NONE, begins)
        }
        other => other.start_position(),
    }
}
