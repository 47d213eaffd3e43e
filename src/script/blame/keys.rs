//! The keys of maps that the script, or OES, made: a key that is missing in one of them is a mistake of the script.

use rhai::{AST, ASTNode, Expr, Position};

use crate::script::api::http::{ANSWER_KEYS, EXCHANGE_KEYS};
use crate::script::lint::{Link, held, links};

/// Returns the keys of the map of which the script reads a key at a position; absent if that is no map that it made, or
/// not seen to be one.
pub(in crate::script) fn keys(ast: &AST, position: Position) -> Option<Vec<String>> {
    let made = held(ast, keys_of);
    let mut found = None;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(expression)) = path.last()
            && let Some((root, links)) = links(expression)
        {
            found = match (root, links.as_slice()) {
                (Expr::Variable(variable, ..), [Link::Property(_, at), ..]) if *at == position => {
                    made.get(variable.1.as_str()).cloned()
                }
                (handle, [Link::Method(call, _), Link::Property(_, at), ..]) if *at == position => {
                    answer(handle, &call.name)
                }
                _ => None,
            };
        }
        found.is_none()
    });
    found
}

/// Returns the keys of the map that an expression makes.
fn keys_of(expression: &Expr) -> Option<Vec<String>> {
    if let Expr::Map(parts, _) = expression {
        let members = parts.0.iter();
        return Some(members.map(|(key, _)| key.name.to_string()).collect());
    }
    let (handle, links) = links(expression)?;
    match links.as_slice() {
        [Link::Method(call, _)] => answer(handle, &call.name),
        _ => None,
    }
}

/// Returns the keys of the map that a handle's function returns.
fn answer(handle: &Expr, function: &str) -> Option<Vec<String>> {
    let Expr::Variable(variable, ..) = handle else {
        return None;
    };
    let keys = match (variable.1.as_str(), function) {
        ("http", "get" | "delete" | "post" | "put" | "patch" | "request") => ANSWER_KEYS,
        ("tcp", "exchange") => EXCHANGE_KEYS,
        _ => return None,
    };
    Some(keys.iter().map(|key| (*key).to_owned()).collect())
}
