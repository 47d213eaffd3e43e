//! Parameters: those that nothing declares, those that nothing reads, those that are used as another kind of value.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt, Token};

use super::chains::{Link, links};
use super::held::held;
use super::{Subject, ending, is_of_oes, literals};
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::api::schemas::is_file;
use crate::script::error::span;
use crate::script::source::{Param, ParamKind, Part};

/// What was found, in no order.
pub(super) struct Uses {
    pub(super) mistakes: Vec<Mistake>,
    /// Whether any parameter is read.
    pub(super) reads: bool,
}

/// Reads what a script does with parameters. A library has those of the script that uses it, which nobody knows yet.
pub(super) fn find(ast: &AST, subject: &Subject<'_>) -> Uses {
    let params = &subject.header.params;
    let held = held(ast, |value| read(value).map(str::to_owned));
    let mut search = Search {
        params,
        text: subject.text,
        is_script: subject.part == Part::Script,
        held,
        read: BTreeSet::new(),
        reads_all: false,
        found: Vec::new(),
    };
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::FnCall(call, position))) => search.call(call, *position),
            Some(ASTNode::Expr(expression)) => {
                search.expression(expression, path);
                if let Expr::FnCall(call, position) = expression {
                    search.call(call, *position);
                }
            }
            _ => {}
        }
        true
    });
    let reads = search.reads_all || !search.read.is_empty();
    let in_libraries = subject.libraries.iter().any(|library| library.reads_params);
    // What a channel's header declares are the options of the channel, which are read as `channel.NAME`.
    if !ending::is_channel(ast) && !search.reads_all && !in_libraries {
        search.unread();
    }
    Uses {
        mistakes: search.found,
        reads,
    }
}

struct Search<'a> {
    params: &'a [Param],
    text: &'a str,
    is_script: bool,
    /// Variables that hold a parameter and nothing else, with its name.
    held: BTreeMap<String, String>,
    read: BTreeSet<String>,
    /// Whether a parameter is read whose name is not written out.
    reads_all: bool,
    found: Vec<Mistake>,
}

impl Search<'_> {
    fn call(&mut self, call: &FnCallExpr, position: Position) {
        if let ([a, b], Some(operator)) = (call.args.as_slice(), &call.op_token) {
            self.operation(operator, a, b, position);
        }
        let (("param", [name] | [name, _]) | ("schema", [_, name])) =
            (call.name.as_str(), call.args.as_slice())
        else {
            return;
        };
        let Expr::StringConstant(name, _) = name else {
            self.reads_all = true;
            return;
        };
        self.read.insert(name.to_string());
        let without_default = call.name == "param" && call.args.len() == 1;
        let of_schema = call.name == "schema" && !is_file(name);
        if self.is_script && (without_default || of_schema) {
            self.undeclared(name, &call.name, position);
        }
    }

    fn expression(&mut self, expression: &Expr, path: &[ASTNode<'_>]) {
        if is_of_oes(expression) != Some("params") {
            return;
        }
        let parent = path.iter().rev().nth(1);
        match parent {
            Some(ASTNode::Expr(chain)) => match links(chain) {
                Some((root, links)) if std::ptr::eq(root, expression) => match links.first() {
                    Some(Link::Property(name, _)) => {
                        self.read.insert((*name).to_owned());
                    }
                    _ => self.reads_all = true,
                },
                _ => self.reads_all = true,
            },
            _ => self.reads_all = true,
        }
    }

    fn undeclared(&mut self, name: &str, function: &str, position: Position) {
        if self.params.iter().any(|known| *known.name == *name) {
            return;
        }
        let mistake = Mistake::warning(
            Code::UndeclaredParam,
            span(self.text, position),
            format!("the header declares no parameter `{name}`"),
        )
        .help(if function == "schema" {
            format!("add `//! [params.{name}]` to the header, or name a file: \"{name}.json\"")
        } else {
            format!(
                "add `//! [params.{name}]` to the header, or give a default: param(\"{name}\", …)"
            )
        });
        self.found.push(mistake);
    }

    fn unread(&mut self) {
        for param in self.params {
            if self.read.contains(&*param.name) {
                continue;
            }
            let message = format!("nothing reads the parameter `{}`", param.name);
            let help = format!("read it with param(\"{}\"), or take it out", param.name);
            let mistake = Mistake::warning(Code::UnusedParam, param.place.clone(), message);
            self.found.push(mistake.help(help));
        }
    }

    /// Looks at an operation one side of which is a parameter.
    fn operation(&mut self, operator: &Token, a: &Expr, b: &Expr, position: Position) {
        for (one, other) in [(a, b), (b, a)] {
            let Some(param) = self.param_of(one) else {
                continue;
            };
            let at = match one.start_position() {
                at if at.is_none() => position,
                at => at,
            };
            let mistake = of_kind(param, operator, other, span(self.text, at));
            if mistake.is_some() {
                self.found.extend(mistake);
                return;
            }
        }
    }

    fn param_of(&self, expression: &Expr) -> Option<&Param> {
        let name = match expression {
            Expr::Variable(variable, ..) => self.held.get(variable.1.as_str())?.as_str(),
            other => read(other)?,
        };
        self.params.iter().find(|param| *param.name == *name)
    }
}

/// Returns the name of the parameter that an expression reads.
fn read(expression: &Expr) -> Option<&str> {
    if let Expr::FnCall(call, _) = expression {
        return match (call.name.as_str(), call.args.as_slice()) {
            ("param", [Expr::StringConstant(name, _), ..]) => Some(name.as_str()),
            _ => None,
        };
    }
    let (root, links) = links(expression)?;
    match (is_of_oes(root), links.as_slice()) {
        (Some("params"), [Link::Property(name, _)]) => Some(*name),
        _ => None,
    }
}

/// Returns what is wrong with an operation of a parameter and another value.
fn of_kind(
    param: &Param,
    operator: &Token,
    other: &Expr,
    at: std::ops::Range<usize>,
) -> Option<Mistake> {
    let orders = matches!(
        operator,
        Token::LessThan | Token::LessThanEqualsTo | Token::GreaterThan | Token::GreaterThanEqualsTo
    );
    let calculates = matches!(
        operator,
        Token::Minus | Token::Multiply | Token::Divide | Token::Modulo
    );
    let (name, kind) = (&param.name, param.kind);
    if kind == ParamKind::Duration && (orders || calculates) {
        let message = format!("the parameter `{name}` may be text such as \"15m\", no number");
        let help = format!("duration(param(\"{name}\")) gives its seconds");
        return Some(Mistake::warning(Code::ParamKind, at, message).help(help));
    }
    let own = words(kind)?;
    let given = literals::kind(other).filter(|given| *given != "null" && *given != own)?;
    let equals = matches!(operator, Token::EqualsTo | Token::NotEqualsTo);
    (orders || calculates || equals).then(|| {
        let message = format!("the parameter `{name}` is {own}, this is {given}");
        let help =
            format!("the header says kind = \"{kind}\": write {own} here, or mend the header");
        Mistake::error(Code::ParamKind, at, message).help(help)
    })
}

/// Returns what a value of this kind is, where it can only be one thing.
fn words(kind: ParamKind) -> Option<&'static str> {
    match kind {
        ParamKind::Any | ParamKind::Duration => None,
        ParamKind::String | ParamKind::Url => Some("a string"),
        ParamKind::Number | ParamKind::Integer => Some("a number"),
        ParamKind::Boolean => Some("a boolean"),
        ParamKind::Array => Some("an array"),
        ParamKind::Object => Some("an object"),
    }
}
