//! What a script names that is brought for it: files of schemas, and spaces of shared memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use rhai::{AST, ASTNode, Expr, FnCallExpr, Stmt};

use super::TOLD_MAX;
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::api::memory::shared::check_name;
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

/// Returns the spaces of `memory.shared("prices")`, and what is wrong with them.
pub(super) fn spaces(ast: &AST, text: &str) -> (BTreeSet<Arc<str>>, Vec<Mistake>) {
    let (mut found, mut mistakes) = (BTreeSet::new(), Vec::new());
    ast.walk(&mut |path| {
        if let Some(ASTNode::Expr(Expr::MethodCall(call, position))) = path.last()
            && call.name == "shared"
            && let [space] = call.args.as_slice()
        {
            let wrong = match space {
                Expr::StringConstant(name, _) => {
                    found.insert(name.as_str().into());
                    let message = check_name(name).err();
                    message
                        .map(|message| (message, "letters, digits, `_`, `-` and `.`, at most 64"))
                }
                _ => Some((
                    "the name of shared memory is not written out".to_owned(),
                    "write it as text: memory.shared(\"prices\"); what differs goes into the key",
                )),
            };
            mistakes.extend(wrong.map(|(message, help)| {
                Mistake::error(Code::BadName, span(text, *position), message).help(help)
            }));
        }
        mistakes.len() < TOLD_MAX
    });
    (found, mistakes)
}
