//! Arguments of functions of OES that are written out and can never be right: paths, regular expressions, durations,
//! times, URLs, samples, names of options.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};
use url::Url;

use super::chains::{Link, links};
use super::{TOLD_MAX, is_of_oes, sample};
use crate::model::code::Code;
use crate::model::path::Path;
use crate::model::span::{Mistake, did_you_mean};
use crate::script::api::{patterns, time};
use crate::script::engine::HANDLES;
use crate::script::error::span;
use crate::script::reference::{self, Parameter};

/// What is wrong with a literal, and how to mend it.
type Wrong = (String, &'static str);

/// Returns everything that is wrong with arguments that are written out, in no order.
pub(super) fn find(ast: &AST, text: &str) -> Vec<Mistake> {
    let mut search = Search {
        text,
        found: Vec::new(),
    };
    ast.walk(&mut |path| {
        match path.last() {
            Some(
                ASTNode::Expr(Expr::FnCall(call, position))
                | ASTNode::Stmt(Stmt::FnCall(call, position)),
            ) if call.op_token.is_none() && !call.is_qualified() => {
                search.call(None, call, *position, 0);
            }
            Some(ASTNode::Expr(expression)) => {
                if let Some((root, links)) = links(expression) {
                    search.chain(root, &links);
                }
            }
            _ => {}
        }
        search.found.len() < TOLD_MAX
    });
    search.found
}

struct Search<'a> {
    text: &'a str,
    found: Vec<Mistake>,
}

impl Search<'_> {
    fn chain(&mut self, root: &Expr, links: &[Link<'_>]) {
        let is_handle = |name: &&str| HANDLES.contains(name) || ["http", "memory"].contains(name);
        let mut handle = is_of_oes(root).filter(is_handle);
        for link in links {
            let Link::Method(call, position) = link else {
                handle = None;
                continue;
            };
            // What is no function of the handle is one that takes what comes before the dot.
            let receivers = usize::from(handle.is_none());
            self.call(handle, call, *position, receivers);
            handle = (handle == Some("memory") && call.name == "shared").then_some("shared_memory");
        }
    }

    /// Looks at a call with so many values before its arguments.
    fn call(
        &mut self,
        handle: Option<&str>,
        call: &FnCallExpr,
        position: Position,
        receivers: usize,
    ) {
        let forms = reference::forms_of(handle, &call.name, call.args.len() + receivers);
        let mut told: Option<Vec<Mistake>> = None;
        for form in forms {
            let pairs = form.parameters.iter().skip(receivers).zip(&call.args);
            let wrong: Vec<Mistake> = pairs
                .filter_map(|(parameter, argument)| {
                    let mistake = self.argument(parameter, argument, position);
                    mistake.or_else(|| self.options(handle, call, parameter, argument))
                })
                .collect();
            if wrong.is_empty() {
                return;
            }
            told.get_or_insert(wrong);
        }
        self.found.extend(told.into_iter().flatten());
    }

    fn argument(
        &self,
        parameter: &Parameter<'_>,
        argument: &Expr,
        call: Position,
    ) -> Option<Mistake> {
        let (name, kind, _) = *parameter;
        let (message, help) = match (kind, argument) {
            ("any", sample) if name == "sample" => {
                return sample::mistake(sample, call, self.text);
            }
            (_, Expr::StringConstant(text, _)) => wrong(name, kind, text)?,
            _ => return None,
        };
        let at = match argument.start_position() {
            at if at.is_none() => call,
            at => at,
        };
        let mistake = Mistake::error(Code::BadLiteral, span(self.text, at), message);
        Some(mistake.help(help))
    }

    fn options(
        &self,
        handle: Option<&str>,
        call: &FnCallExpr,
        parameter: &Parameter<'_>,
        argument: &Expr,
    ) -> Option<Mistake> {
        let ("options", Expr::Map(members, _)) = (parameter.0, argument) else {
            return None;
        };
        let function = match handle {
            Some(handle) => format!("{handle}.{}", call.name),
            None => call.name.to_string(),
        };
        let known = reference::options(&function)?;
        members.0.iter().find_map(|(key, value)| {
            let name = key.name.as_str();
            let Some((_, kind)) = known.iter().find(|(known, _)| *known == name) else {
                let message = format!("`{function}` has no option `{name}`");
                let names = || known.iter().map(|(known, _)| *known);
                let help = match did_you_mean(name, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
                };
                let mistake =
                    Mistake::error(Code::UnknownOption, span(self.text, key.pos), message);
                return Some(mistake.help(help));
            };
            self.argument(&(name, kind, false), value, key.pos)
        })
    }
}

/// Returns what is wrong with a text for a parameter.
fn wrong(name: &str, kind: &str, text: &str) -> Option<Wrong> {
    match (kind, name) {
        ("duration", _) => time::parse_duration(text).is_none().then(|| {
            let message = format!("\"{text}\" is no duration");
            (message, "write 30s, 15m or 1h30m, or seconds as a number")
        }),
        ("time", _) => (!time::is_time(text)).then(|| {
            let message = format!("\"{text}\" is no time");
            (message, "write RFC 3339 with a zone, or seconds since 1970")
        }),
        ("string", "path" | "items" | "next") => text.parse::<Path>().err().map(|error| {
            (
                error.to_string(),
                "a path is written as `$.items[0].price`, with `[*]` for every element",
            )
        }),
        ("string", "pattern") => patterns::build(text).err().map(|message| {
            let help = "a sign that means itself has a backslash before it, which a text in quotes writes twice: \"\\\\(\"";
            (message, help)
        }),
        ("string", "url") => (!is_url(text)).then(|| {
            let message = format!("`{text}` is no http or https URL");
            (message, "write it whole: https://api.example.io/price")
        }),
        _ => None,
    }
}

fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}
