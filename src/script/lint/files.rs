//! The files that a script names: they are read with it.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Stmt};

use crate::script::api::schemas::is_file;
use crate::script::error::span;
use crate::script::header::Named;

/// Returns the files of `schema(value, "price.json")` with where they are written.
pub(super) fn schemas(ast: &AST, text: &str) -> Vec<Named> {
    let mut found = Vec::new();
    ast.walk(&mut |path| {
        if let Some(
            ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))
            | ASTNode::Stmt(Stmt::FnCall(call, _)),
        ) = path.last()
        {
            found.extend(schema(call, text));
        }
        true
    });
    found
}

fn schema(call: &FnCallExpr, text: &str) -> Option<Named> {
    let Some(Expr::StringConstant(name, position)) = call.args.last() else {
        return None;
    };
    let is_named = call.name == "schema" && !call.is_qualified() && is_file(name);
    is_named.then(|| (name.as_str().into(), span(text, *position)))
}
