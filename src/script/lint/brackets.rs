//! Brackets that nothing closes or opens.

use crate::script::bare;

/// One that is open.
struct Open {
    at: usize,
    closes: char,
    /// How far its line is indented.
    indent: usize,
}

/// A bracket without its other one, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lone {
    /// Nothing closes it.
    Opening(usize),
    /// Nothing opens it.
    Closing(usize),
}

/// Returns the bracket that has no other one in a text that may end too early.
///
/// A `}` that stands further left than the line of its `{` closes another one: the `{` is the one that was left open.
pub(super) fn lone(text: &str) -> Option<Lone> {
    let code = bare::code(text);
    let mut open: Vec<Open> = Vec::new();
    let mut line = 0;
    for (at, letter) in code.char_indices() {
        let closes = match letter {
            '\n' => {
                line = at + 1;
                continue;
            }
            '{' => '}',
            '(' => ')',
            '[' => ']',
            '}' | ')' | ']' => {
                let Some(last) = open.pop() else {
                    return Some(Lone::Closing(at));
                };
                let indent = indent(&code, line);
                let is_further_left = indent == at - line && indent < last.indent;
                if last.closes != letter || is_further_left {
                    return Some(Lone::Opening(last.at));
                }
                continue;
            }
            _ => continue,
        };
        open.push(Open {
            at,
            closes,
            indent: indent(&code, line),
        });
    }
    open.pop().map(|last| Lone::Opening(last.at))
}

fn indent(code: &str, line: usize) -> usize {
    let rest = code.get(line..).unwrap_or_default();
    rest.len() - rest.trim_start_matches([' ', '\t']).len()
}
