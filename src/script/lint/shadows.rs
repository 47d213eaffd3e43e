//! Names of the script's own that hide a handle of OES.

use std::collections::BTreeSet;

use rhai::{AST, ASTNode, Position, Stmt};

use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::engine::HANDLES;
use crate::script::error::span;

/// Returns a warning for the first place where each handle gets another meaning, in no order.
///
/// Parameters of functions are meant to have what names they like, and are left alone.
pub(super) fn find(ast: &AST, text: &str) -> Vec<Mistake> {
    let mut hidden = BTreeSet::new();
    let mut found = Vec::new();
    let mut look = |name: &str, position: Position| {
        let Some(handle) = HANDLES.iter().find(|handle| **handle == name) else {
            return;
        };
        if !hidden.insert(*handle) {
            return;
        }
        let message = format!("`{name}` hides the `{name}` of OES from here on");
        let mistake = Mistake::warning(Code::ShadowedHandle, span(text, position), message);
        found.push(mistake.help("give yours another name"));
    };
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(parts, ..))) => look(&parts.0.name, parts.0.pos),
            Some(ASTNode::Stmt(Stmt::For(parts, _))) => {
                look(&parts.0.name, parts.0.pos);
                if let Some(counter) = &parts.1 {
                    look(&counter.name, counter.pos);
                }
            }
            _ => {}
        }
        true
    });
    found
}
