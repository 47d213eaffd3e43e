//! What variables hold, where that can be read from the text.

use std::collections::BTreeMap;

use rhai::{AST, ASTNode, Expr, Stmt};

use super::chains::links;

/// Returns the variables that hold one and the same thing wherever they are defined and whatever is assigned to them,
/// with that thing; `of` says what a value is.
pub(in crate::script) fn held<T: Clone + PartialEq>(
    ast: &AST,
    of: impl Fn(&Expr) -> Option<T>,
) -> BTreeMap<String, T> {
    let mut variables: BTreeMap<String, Option<T>> = BTreeMap::new();
    let mut hold = |name: &str, thing: Option<T>| {
        let known = variables
            .entry(name.to_owned())
            .or_insert_with(|| thing.clone());
        if *known != thing {
            *known = None;
        }
    };
    for function in ast.iter_functions() {
        for parameter in &function.params {
            hold(parameter, None);
        }
    }
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(parts, ..))) => hold(&parts.0.name, of(&parts.1)),
            Some(ASTNode::Stmt(Stmt::For(parts, _))) => {
                hold(&parts.0.name, None);
                if let Some(counter) = &parts.1 {
                    hold(&counter.name, None);
                }
            }
            Some(ASTNode::Stmt(Stmt::TryCatch(flow, _))) => {
                if let Expr::Variable(variable, ..) = &flow.expr {
                    hold(&variable.1, None);
                }
            }
            Some(ASTNode::Stmt(Stmt::Assignment(parts))) => {
                let target = &parts.1.lhs;
                let root = links(target).map_or(target, |(root, _)| root);
                if let Expr::Variable(variable, ..) = root {
                    hold(&variable.1, None);
                }
            }
            _ => {}
        }
        true
    });
    let known = variables.into_iter();
    known
        .filter_map(|(name, thing)| Some((name, thing?)))
        .collect()
}
