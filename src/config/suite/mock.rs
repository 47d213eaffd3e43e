//! The answers to a script's own requests.

use std::ops::Range;
use std::time::Duration;

use url::Url;

use super::{Mock, answer};
use crate::config::layers;
use crate::config::loader::Loader;
use crate::config::report::{line_of, line_starts};
use crate::config::tree::{Node, Value};
use crate::config::values;
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::policy::shape::{Options, Pattern, PatternPart};

/// How long an answer takes where nothing is said.
const USUALLY: Duration = Duration::from_millis(10);

/// Returns the mocks of a test; what cannot be used is reported.
pub(super) fn read_all(loader: &mut Loader<'_>, list: &Node, service: &Url) -> Vec<Mock> {
    let starts = line_starts(loader.text);
    list.items()
        .iter()
        .filter(|item| matches!(item.value, Value::Table(_)))
        .filter_map(|item| read(loader, item, service, line_of(&starts, item.span.start)))
        .collect()
}

fn read(loader: &mut Loader<'_>, table: &Node, service: &Url, line: u32) -> Option<Mock> {
    if !answer::says_answer(table) {
        let mistake = Mistake::error(
            Code::Missing,
            table.span.clone(),
            "a mock without an answer",
        );
        loader.report(mistake.help("write json, body, body_file or status, or error"));
    }
    let method = table.get("method");
    let method = method.and_then(|node| values::method(node).ok());
    let times = table.get("times").and_then(layers::integer);
    if let (Some(_), Some(optional)) = (times, table.member("optional")) {
        let mistake = Mistake::error(
            Code::Conflict,
            optional.key_span.clone(),
            "`optional` beside `times`",
        );
        loader.report(mistake.help("`times` says how often it must be asked: leave one out"));
    }
    Some(Mock {
        line,
        method: method.map(|method| method.to_string()),
        url: url(loader, table.get("url")?, service)?,
        json: match table.get("match_json") {
            Some(node) => Some(pattern(loader, node)?),
            None => None,
        },
        bearer: table.get("match_bearer").and_then(Node::text).cloned(),
        answer: answer::read(loader, table, USUALLY)?,
        times,
        optional: table.get("optional").and_then(Node::boolean) == Some(true),
    })
}

fn url(loader: &mut Loader<'_>, node: &Node, service: &Url) -> Option<Url> {
    let text = node.text()?;
    let url = service.join(text).ok();
    let url = url.filter(|_| text.starts_with('/') || Url::parse(text).is_ok());
    if url.is_none() {
        let message = format!("`{}` is no URL", values::shorten(text));
        let help = "write \"https://host/path\", or \"/path\" for the service itself";
        loader.report(Mistake::error(Code::Value, node.span.clone(), message).help(help));
    }
    url
}

fn pattern(loader: &mut Loader<'_>, node: &Node) -> Option<Pattern> {
    match Pattern::exact(&node.json(), Options::default()) {
        Ok((pattern, _)) => Some(pattern),
        Err(mistakes) => {
            for mistake in mistakes {
                let span: Range<usize> = match &mistake.part {
                    PatternPart::Sample { path, key } => node.place(path, *key),
                    PatternPart::Option(_) => node.span.clone(),
                };
                let mut report = Mistake::error(Code::Sample, span, mistake.message);
                report.help = mistake.help;
                loader.report(report);
            }
            None
        }
    }
}
