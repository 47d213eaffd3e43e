//! Calls of functions: unknown ones, wrong numbers of arguments, what OES does not allow.

use std::collections::BTreeSet;
use std::sync::Arc;

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use super::known::Known;
use super::{LANGUAGE, Subject, TOLD_MAX, arguments, library, literals};
use crate::model::code::Code;
use crate::model::span::{Mistake, did_you_mean};
use crate::script::error::span;
use crate::script::reference;
use crate::script::source::{Part, Source};

/// Functions of the language that a script may not use, with what to use instead.
const REFUSED: &[(&str, &str)] = &[
    (
        "sleep",
        "a script does not wait: a request takes `timeout`, and `track` sees time pass from run to run",
    ),
    ("timestamp", "OES has a clock of its own: now(), age(x)"),
];

/// Returns everything that is wrong with calls, in no order. `functions` are those that the script defines.
pub(super) fn find(
    ast: &AST,
    known: &Known,
    functions: &[(Arc<str>, usize)],
    subject: &Subject<'_>,
) -> Vec<Mistake> {
    let text = subject.text;
    let mut search = Search {
        known,
        functions,
        text,
        subject,
        found: Vec::new(),
    };
    search.definitions();
    ast.walk(&mut |path| {
        match path.last() {
            Some(
                ASTNode::Expr(Expr::FnCall(call, position))
                | ASTNode::Stmt(Stmt::FnCall(call, position)),
            ) => search.call(call, *position),
            Some(ASTNode::Expr(Expr::MethodCall(call, position))) => search.method(call, *position),
            Some(ASTNode::Expr(Expr::Custom(custom, _))) => {
                let name = custom.tokens.first().map_or("expect", |name| name.as_str());
                let mistake = literals::of_expectation(name, &custom.inputs, text);
                search.found.extend(mistake);
            }
            Some(ASTNode::Expr(variable @ Expr::Variable(..))) => {
                search.found.extend(library::value(variable, subject));
            }
            _ => {}
        }
        search.found.len() < TOLD_MAX
    });
    search.found
}

struct Search<'a> {
    known: &'a Known,
    functions: &'a [(Arc<str>, usize)],
    text: &'a str,
    subject: &'a Subject<'a>,
    found: Vec<Mistake>,
}

impl Search<'_> {
    fn definitions(&mut self) {
        for (name, _) in self.functions {
            let Some(whose) = self.taken(name) else {
                continue;
            };
            let place = self
                .text
                .find(&format!("fn {name}"))
                .map_or(0, |start| start + 3);
            self.found.push(
                Mistake::error(
                    Code::Redefined,
                    place..place + name.len(),
                    format!("`{name}` is a function of {whose}"),
                )
                .help("give yours another name"),
            );
        }
    }

    /// Returns whose function this is, where it cannot be defined again.
    fn taken(&self, name: &str) -> Option<String> {
        if reference::names().any(|known| known == name) {
            return Some("OES and cannot be defined again".to_owned());
        }
        let defines = |library: &&Arc<Source>| library.defined().any(|known| **known == *name);
        if let Some(library) = self.subject.libraries.iter().find(defines) {
            return Some(format!("the library `{}`, too", library.name));
        }
        // A script by itself may have its own; a script and its libraries would have each other's.
        let is_alone = self.subject.part == Part::Script && self.subject.libraries.is_empty();
        let is_native = self.known.arities(name).is_some() || LANGUAGE.contains(&name);
        (is_native && !is_alone).then(|| "the language, too".to_owned())
    }

    fn call(&mut self, call: &FnCallExpr, position: Position) {
        if call.is_qualified() {
            self.found
                .extend(library::call(call, position, self.subject));
            return;
        }
        self.found
            .extend(literals::of_call(call, position, self.text));
        let name = call.name.as_str();
        if call.op_token.is_some() || !is_word(name) || LANGUAGE.contains(&name) {
            return;
        }
        let given = call.args.len();
        let own: Vec<usize> = self.arities(name);
        let provided = self.known.arities(name);
        let place = span(self.text, position);
        if let Some((_, instead)) = REFUSED.iter().find(|(refused, _)| *refused == name)
            && !own.contains(&given)
        {
            let message = format!("`{name}` is not for scripts of OES");
            self.found
                .push(Mistake::error(Code::RefusedFunction, place, message).help(*instead));
            return;
        }
        if own.contains(&given) || provided.is_some_and(|arities| arities.contains(&given)) {
            return;
        }
        let mistake = if own.is_empty() && provided.is_none() {
            let mistake = Mistake::error(
                Code::UnknownFunction,
                place,
                format!("there is no function `{name}`"),
            );
            match self.nearest(name) {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake,
            }
        } else {
            let takes: BTreeSet<usize> = own
                .into_iter()
                .chain(provided.into_iter().flatten().copied())
                .collect();
            let takes = arguments(takes.into_iter());
            Mistake::error(
                Code::Arity,
                place,
                format!("`{name}` takes {takes}, not {given}"),
            )
        };
        self.found.push(mistake);
    }

    /// A method may be a function that a map holds: only a near miss is worth a word.
    fn method(&mut self, call: &FnCallExpr, position: Position) {
        let name = call.name.as_str();
        let known = self.known.arities(name).is_some()
            || !is_word(name)
            || LANGUAGE.contains(&name)
            || !self.arities(name).is_empty();
        if known {
            return;
        }
        if let Some(near) = self.nearest(name) {
            let mistake = Mistake::warning(
                Code::UnknownFunction,
                span(self.text, position),
                format!("there is no function `{name}`"),
            )
            .help(format!("did you mean `{near}`?"));
            self.found.push(mistake);
        }
    }

    fn arities(&self, name: &str) -> Vec<usize> {
        self.functions
            .iter()
            .filter(|(known, _)| **known == *name)
            .map(|(_, count)| *count)
            .collect()
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let own = self.functions.iter().map(|(known, _)| &**known);
        // Functions of OES are the first that a misspelt name may have meant.
        let ours: Vec<&str> = reference::names().chain(["print"]).collect();
        let candidates = ours
            .into_iter()
            .chain(own)
            .chain(self.known.names().filter(|name| is_word(name)));
        did_you_mean(name, candidates).map(str::to_owned)
    }
}

fn is_word(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
        && name
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_')
}
