//! What follows a value of OES: `response.status`, `http.get(…)`, `track(…).first`, `body.items[0]`.

use std::collections::BTreeSet;

use rhai::{AST, ASTFlags, ASTNode, BinaryExpr, Expr, FnCallExpr, Position, Stmt};

use super::held::held;
use super::known::Known;
use super::{LANGUAGE, TOLD_MAX, arguments, is_of_oes};
use crate::model::code::Code;
use crate::model::exchange::Phase;
use crate::model::span::{Mistake, did_you_mean};
use crate::script::api::memory::TRACKED;
use crate::script::error::span;
use crate::script::job::SERVICE_KEYS;

/// What a script sees of the request.
const REQUEST: &[&str] = &["method", "url", "headers"];
const TLS: &[&str] = &["days_left", "issuer", "subject"];

/// Functions that change an array or a map, and that nothing else has.
pub(in crate::script) const CHANGES: &[&str] = &[
    "push",
    "insert",
    "shift",
    "sort",
    "sort_by",
    "sort_desc",
    "reverse",
    "retain",
    "drain",
    "splice",
    "dedup",
    "mixin",
    "fill_with",
];

/// What other languages call functions that are here, too.
const ELSEWHERE: &[(&str, &str)] = &[
    ("length", "len"),
    ("size", "len"),
    ("toUpperCase", "to_upper"),
    ("toLowerCase", "to_lower"),
    ("upper", "to_upper"),
    ("lower", "to_lower"),
    ("includes", "contains"),
    ("has", "contains"),
    ("indexOf", "index_of"),
    ("startsWith", "starts_with"),
    ("endsWith", "ends_with"),
    ("any", "some"),
    ("every", "all"),
    ("forEach", "for_each"),
    ("toString", "to_string"),
];

/// One step of a chain.
pub(in crate::script) enum Link<'a> {
    /// `.name`
    Property(&'a str, Position),
    /// `.name(…)`
    Method(&'a FnCallExpr, Position),
    /// `[…]`
    Index,
}

/// Returns everything that is wrong with chains, in no order.
pub(super) fn find(ast: &AST, known: &Known, text: &str) -> Vec<Mistake> {
    let mut search = Search {
        known,
        text,
        tracked: held(ast, |value| is_track(value).then_some(true))
            .into_keys()
            .collect(),
        found: Vec::new(),
    };
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Expr(expression)) => search.chain(expression),
            Some(ASTNode::Stmt(Stmt::Assignment(parts))) => search.assignment(&parts.1.lhs),
            _ => {}
        }
        search.found.len() < TOLD_MAX
    });
    search.found
}

struct Search<'a> {
    known: &'a Known,
    text: &'a str,
    /// Variables that hold what `track` returned and nothing else.
    tracked: BTreeSet<String>,
    found: Vec<Mistake>,
}

impl Search<'_> {
    fn chain(&mut self, expression: &Expr) {
        let Some((root, links)) = links(expression) else {
            return;
        };
        if let Some(name) = is_of_oes(root) {
            self.of_value(name, &links);
        } else if self.is_tracked(root)
            && let [Link::Property(name, at), ..] = links.as_slice()
        {
            self.property("what `track` returns", name, *at, TRACKED);
        }
    }

    fn of_value(&mut self, value: &str, links: &[Link<'_>]) {
        match (value, links) {
            ("http" | "memory" | "auth" | "tcp" | "dns" | "tls", [Link::Method(call, at), ..]) => {
                self.handle(value, call, *at);
            }
            (
                "http" | "memory" | "auth" | "tcp" | "dns" | "tls",
                [Link::Property(name, at), ..],
            ) => {
                self.report(
                    Code::UnknownProperty,
                    *at,
                    format!("`{value}` has no `{name}`, it has functions only"),
                    None,
                );
            }
            ("response" | "prev", [Link::Property(name, at), rest @ ..]) => {
                let of_prev = |name: &str| matches!(name, "at" | "age");
                let names: Vec<&str> = self
                    .known
                    .properties("response")
                    .filter(|name| value == "prev" || !of_prev(name))
                    .collect();
                self.property(&format!("`{value}`"), name, *at, &names);
                match (*name, rest) {
                    ("timing", [Link::Property(name, at), ..]) => {
                        let phases = Phase::ALL.map(Phase::as_str);
                        let names = [&phases[..], &["total"]].concat();
                        self.property(&format!("`{value}.timing`"), name, *at, &names);
                    }
                    ("tls", [Link::Property(name, at), ..]) => {
                        self.property(&format!("`{value}.tls`"), name, *at, TLS);
                    }
                    ("json", rest) => self.read_only(rest),
                    _ => {}
                }
            }
            ("request", [Link::Property(name, at), ..]) => {
                self.property("`request`", name, *at, REQUEST);
            }
            ("service", [Link::Property(name, at), ..]) => {
                self.property("`service`", name, *at, SERVICE_KEYS);
            }
            ("body", links) => self.read_only(links),
            _ => {}
        }
    }

    /// Reports a method that `http` or `memory` does not have, or not with so many arguments.
    fn handle(&mut self, value: &str, call: &FnCallExpr, at: Position) {
        let name = call.name.as_str();
        let Some(methods) = self.known.methods(value) else {
            return;
        };
        let given = call.args.len();
        match methods.get(name) {
            Some(arities) if !arities.contains(&given) => {
                let takes = arguments(arities.iter().copied());
                self.report(
                    Code::Arity,
                    at,
                    format!("`{value}.{name}` takes {takes}, not {given}"),
                    None,
                );
            }
            Some(_) => {}
            None if LANGUAGE.contains(&name) => {}
            None => {
                let names = || methods.keys().map(String::as_str);
                let help = match did_you_mean(name, names()) {
                    Some(near) => format!("did you mean `{value}.{near}`?"),
                    None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
                };
                self.report(
                    Code::UnknownFunction,
                    at,
                    format!("`{value}` has no function `{name}`"),
                    Some(help),
                );
            }
        }
    }

    fn property(&mut self, of: &str, name: &str, at: Position, names: &[&str]) {
        if names.contains(&name) {
            return;
        }
        let help = match did_you_mean(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", names.join(", ")),
        };
        self.report(
            Code::UnknownProperty,
            at,
            format!("there is no `{name}` in {of}"),
            Some(help),
        );
    }

    /// Reports a function that would change the response: what comes before it leads to a part of it.
    fn read_only(&mut self, links: &[Link<'_>]) {
        for link in links {
            match link {
                Link::Property(..) | Link::Index => {}
                Link::Method(call, at) => {
                    let name = call.name.as_str();
                    if CHANGES.contains(&name) {
                        self.unchangeable(*at);
                    } else if self.known.arities(name).is_none() && !LANGUAGE.contains(&name) {
                        self.unknown(name, *at);
                    }
                    return;
                }
            }
        }
    }

    /// Reports a change of the response by `=`.
    fn assignment(&mut self, target: &Expr) {
        let Some((root, links)) = links(target) else {
            return;
        };
        let of_response = matches!(
            (is_of_oes(root), links.as_slice()),
            (Some("body"), _) | (Some("response" | "prev"), [Link::Property(..), ..])
        );
        let plain = links.iter().all(|link| !matches!(link, Link::Method(..)));
        if of_response && plain {
            self.unchangeable(root.start_position());
        }
    }

    /// Reports a function that no value has. A response holds no functions of its own.
    fn unknown(&mut self, name: &str, at: Position) {
        let elsewhere = ELSEWHERE.iter().find(|(other, _)| *other == name);
        let near = elsewhere
            .map(|(_, ours)| *ours)
            .or_else(|| did_you_mean(name, self.known.names()));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        self.report(
            Code::UnknownFunction,
            at,
            format!("there is no function `{name}`"),
            help,
        );
    }

    fn unchangeable(&mut self, at: Position) {
        let help = "body.copy() gives a value that you can change: let mine = body.copy();";
        self.report(
            Code::ReadOnly,
            at,
            "the response is read only".to_owned(),
            Some(help.to_owned()),
        );
    }

    fn report(&mut self, code: Code, at: Position, message: String, help: Option<String>) {
        let mut mistake = Mistake::error(code, span(self.text, at), message);
        mistake.help = help;
        self.found.push(mistake);
    }

    fn is_tracked(&self, root: &Expr) -> bool {
        match root {
            Expr::Variable(variable, ..) => self.tracked.contains(variable.1.as_str()),
            other => is_track(other),
        }
    }
}

fn is_track(expression: &Expr) -> bool {
    matches!(expression, Expr::FnCall(call, _) if call.name == "track")
}

/// Returns what a chain begins with and its links; absent for what is no chain.
pub(in crate::script) fn links(expression: &Expr) -> Option<(&Expr, Vec<Link<'_>>)> {
    let (pair, mut flags, mut by_index) = part(expression)?;
    let root = &pair.lhs;
    let mut links = Vec::new();
    let mut rest = &pair.rhs;
    loop {
        // Where a chain is broken off, the right side is a whole expression of its own.
        let next = (!flags.contains(ASTFlags::BREAK))
            .then(|| part(rest))
            .flatten();
        let here = next.map_or(rest, |(pair, ..)| &pair.lhs);
        links.push(match here {
            _ if by_index => Link::Index,
            Expr::Property(property, at) => Link::Property(property.2.as_str(), *at),
            Expr::MethodCall(call, at) => Link::Method(call, *at),
            _ => Link::Index,
        });
        let Some((pair, more, index)) = next else {
            return Some((root, links));
        };
        (rest, flags, by_index) = (&pair.rhs, more, index);
    }
}

fn part(expression: &Expr) -> Option<(&BinaryExpr, ASTFlags, bool)> {
    match expression {
        Expr::Dot(pair, flags, _) => Some((pair, *flags, false)),
        Expr::Index(pair, flags, _) => Some((pair, *flags, true)),
        _ => None,
    }
}
