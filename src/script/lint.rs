//! What can be known to be wrong with a script before it runs: by reading it, never by running it.
//!
//! What is not certain is no error: a method may be a function that a map holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rhai::{AST, ASTNode, Engine, Expr, FnCallExpr, Position, Stmt, Token};

use super::error::span;
use crate::model::span::{Mistake, did_you_mean};

/// Functions of OES: the first that a misspelt name may have meant, and not to be defined again.
const PROVIDED: &[&str] = &[
    "expect",
    "require",
    "fail",
    "warn",
    "skip",
    "stop",
    "note",
    "print",
    "metric",
    "violation",
    "step",
    "at",
    "jp",
    "has",
    "count",
    "num",
    "str",
    "types",
    "exact",
    "diff",
    "pct_diff",
    "approx",
    "median",
    "hex",
    "json",
    "parse_json",
    "now",
    "age",
    "parse_time",
    "time_unix",
    "duration",
    "human",
    "track",
    "param",
    "secret",
    "cut",
    "utf16_len",
    "url_encode",
];

/// Functions that the language itself has.
const LANGUAGE: &[&str] = &[
    "call",
    "curry",
    "debug",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "print",
    "type_of",
    "this",
    "eval",
    "Fn",
];

/// What was learned of a script by reading it.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub(super) mistakes: Vec<Mistake>,
    pub(super) functions: Vec<(Arc<str>, usize)>,
    pub(super) uses_prev: bool,
    pub(super) uses_http: bool,
    pub(super) returns_value: bool,
}

/// The functions that an engine has: by name, how many arguments they take.
pub(super) struct Known(BTreeMap<String, BTreeSet<usize>>);

impl Known {
    pub(super) fn of(engine: &Engine) -> Self {
        let mut known: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for signature in engine.gen_fn_signatures(true) {
            let Some((name, rest)) = signature.split_once('(') else {
                continue;
            };
            known
                .entry(name.trim().to_owned())
                .or_default()
                .insert(parameters(rest));
        }
        Self(known)
    }
}

/// Counts the parameters of a signature from after its `(`: `a: Map<K, V>, b: i64) -> T` has two.
fn parameters(rest: &str) -> usize {
    let mut depth = 0_i32;
    let mut count = 0;
    let mut empty = true;
    for letter in rest.chars() {
        match letter {
            ')' if depth == 0 => break,
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth -= 1,
            ',' if depth == 0 => count += 1,
            _ => {}
        }
        empty = false;
    }
    if empty { 0 } else { count + 1 }
}

/// Tells whether the script ends with an expression rather than with a `;`, comments aside.
fn returns_value(text: &str) -> bool {
    let mut letters = text.chars().peekable();
    let mut last = ';';
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('/', Some('/')) => drop(letters.by_ref().find(|letter| *letter == '\n')),
            ('/', Some('*')) => {
                let mut star = false;
                letters.next();
                for inner in letters.by_ref() {
                    if star && inner == '/' {
                        break;
                    }
                    star = inner == '*';
                }
            }
            ('"' | '`' | '\'', _) => {
                while let Some(inner) = letters.next() {
                    if inner == '\\' {
                        letters.next();
                    } else if inner == letter {
                        break;
                    }
                }
                last = letter;
            }
            (letter, _) if !letter.is_whitespace() => last = letter,
            _ => {}
        }
    }
    last != ';'
}

/// Reads a compiled script.
pub(super) fn examine(known: &Known, ast: &AST, text: &str, params: &[Arc<str>]) -> Examined {
    let functions: Vec<(Arc<str>, usize)> = ast
        .iter_functions()
        .filter(|function| !function.name.starts_with("anon$"))
        .map(|function| (function.name.into(), function.params.len()))
        .collect();
    let mut reader = Reader {
        known,
        text,
        params,
        functions,
        found: Examined::default(),
    };
    reader.definitions();
    reader.idle(ast.statements(), true);
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Expr(expression)) => reader.expression(expression),
            Some(ASTNode::Stmt(statement)) => reader.statement(statement),
            _ => {}
        }
        true
    });
    let mut found = reader.found;
    found.functions = reader.functions;
    found.returns_value = returns_value(text);
    found.mistakes.dedup();
    found
}

struct Reader<'a> {
    known: &'a Known,
    text: &'a str,
    params: &'a [Arc<str>],
    functions: Vec<(Arc<str>, usize)>,
    found: Examined,
}

impl Reader<'_> {
    fn definitions(&mut self) {
        for (name, _) in &self.functions {
            if !PROVIDED.contains(&&**name) {
                continue;
            }
            let place = self
                .text
                .find(&format!("fn {name}"))
                .map_or(0, |start| start + 3);
            self.found.mistakes.push(
                Mistake::error(
                    place..place + name.len(),
                    format!("`{name}` is a function of OES and cannot be defined again"),
                )
                .help("give yours another name"),
            );
        }
    }

    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::Variable(variable, _, _) if variable.0.is_none() => {
                self.found.uses_prev |= variable.1 == "prev";
                self.found.uses_http |= variable.1 == "http";
            }
            Expr::FnCall(call, position) => self.call(call, *position),
            Expr::MethodCall(call, position) => self.method(call, *position),
            _ => {}
        }
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::FnCall(call, position) => self.call(call, *position),
            Stmt::Block(block) => self.idle(block.statements(), true),
            Stmt::If(flow, _) => {
                self.idle(flow.body.statements(), true);
                self.idle(flow.branch.statements(), true);
            }
            Stmt::While(flow, _) | Stmt::Do(flow, _, _) => self.idle(flow.body.statements(), false),
            Stmt::For(parts, _) => self.idle(parts.2.body.statements(), false),
            _ => {}
        }
    }

    /// Warns of comparisons whose result goes nowhere.
    fn idle(&mut self, statements: &[Stmt], last_counts: bool) {
        let checked = statements.len().saturating_sub(usize::from(last_counts));
        for statement in statements.iter().take(checked) {
            let position = match statement {
                Stmt::FnCall(call, position) if compares(call) => start(call, *position),
                Stmt::Expr(expression) => match &**expression {
                    Expr::FnCall(call, position) if compares(call) => start(call, *position),
                    Expr::And(parts, position) | Expr::Or(parts, position) => {
                        parts.first().map_or(*position, Expr::start_position)
                    }
                    _ => continue,
                },
                _ => continue,
            };
            self.found.mistakes.push(
                Mistake::warning(span(self.text, position), "this does nothing")
                    .help("did you mean expect(…)?"),
            );
        }
    }

    fn call(&mut self, call: &FnCallExpr, position: Position) {
        let name = call.name.as_str();
        if call.op_token.is_some() || !is_word(name) || LANGUAGE.contains(&name) {
            return;
        }
        self.undeclared(call, position);
        let given = call.args.len();
        let own: Vec<usize> = self.arities(name);
        let provided = self.known.0.get(name);
        if own.contains(&given) || provided.is_some_and(|arities| arities.contains(&given)) {
            return;
        }
        let place = span(self.text, position);
        let mistake = if own.is_empty() && provided.is_none() {
            let mistake = Mistake::error(place, format!("there is no function `{name}`"));
            match self.nearest(name) {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake,
            }
        } else {
            let takes: BTreeSet<usize> = own
                .into_iter()
                .chain(provided.into_iter().flatten().copied())
                .collect();
            let takes: Vec<String> = takes.iter().map(usize::to_string).collect();
            Mistake::error(
                place,
                format!(
                    "`{name}` takes {} arguments, not {given}",
                    takes.join(" or ")
                ),
            )
        };
        self.found.mistakes.push(mistake);
    }

    /// A method may be a function that a map holds: only a near miss is worth a word.
    fn method(&mut self, call: &FnCallExpr, position: Position) {
        let name = call.name.as_str();
        let known = self.known.0.contains_key(name)
            || !is_word(name)
            || LANGUAGE.contains(&name)
            || !self.arities(name).is_empty();
        if known {
            return;
        }
        if let Some(near) = self.nearest(name) {
            let mistake = Mistake::warning(
                span(self.text, position),
                format!("there is no function `{name}`"),
            )
            .help(format!("did you mean `{near}`?"));
            self.found.mistakes.push(mistake);
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
        let candidates = PROVIDED.iter().copied().chain(own).chain(
            self.known
                .0
                .keys()
                .map(String::as_str)
                .filter(|name| is_word(name)),
        );
        did_you_mean(name, candidates).map(str::to_owned)
    }

    /// Warns of `param("x")` where nothing says that there is an `x`.
    fn undeclared(&mut self, call: &FnCallExpr, position: Position) {
        let [Expr::StringConstant(name, _)] = call.args.as_slice() else {
            return;
        };
        if call.name != "param" || self.params.iter().any(|known| **known == *name.as_str()) {
            return;
        }
        let mistake = Mistake::warning(
            span(self.text, position),
            format!("the header declares no parameter `{name}`"),
        )
        .help(format!(
            "add `//! [params.{name}]` to the header, or give a default: param(\"{name}\", …)"
        ));
        self.found.mistakes.push(mistake);
    }
}

fn is_word(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
        && name
            .chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_')
}

fn compares(call: &FnCallExpr) -> bool {
    matches!(
        call.op_token,
        Some(
            Token::EqualsTo
                | Token::NotEqualsTo
                | Token::LessThan
                | Token::LessThanEqualsTo
                | Token::GreaterThan
                | Token::GreaterThanEqualsTo
        )
    )
}

fn start(call: &FnCallExpr, position: Position) -> Position {
    call.args.first().map_or(position, Expr::start_position)
}
