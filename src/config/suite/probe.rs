//! The probes of a test.

use std::time::Duration;

use super::subject::Subject;
use super::{Probe, answer};
use crate::config::layers;
use crate::config::loader::Loader;
use crate::config::tree::{Node, Value};
use crate::model::code::Code;
use crate::model::judgement::remembered;
use crate::model::span::Mistake;

/// How long a probe takes where nothing is said.
const USUALLY: Duration = Duration::from_millis(100);

/// Returns the probes of a test; what cannot be used is reported.
pub(super) fn read_all(loader: &mut Loader<'_>, list: &Node, subject: &Subject<'_>) -> Vec<Probe> {
    if list.items().is_empty() && matches!(list.value, Value::List(_)) {
        let mistake = Mistake::error(
            Code::Test,
            list.span.clone(),
            "a test without a probe tests nothing",
        );
        loader.report(mistake.help("write probe = [{ json = { … } }]"));
    }
    list.items()
        .iter()
        .filter(|item| matches!(item.value, Value::Table(_)))
        .map(|item| read(loader, item, subject))
        .collect()
}

fn read(loader: &mut Loader<'_>, table: &Node, subject: &Subject<'_>) -> Probe {
    match (subject.sends_request(), answer::says_answer(table)) {
        (true, false) => {
            let mistake = Mistake::error(
                Code::Missing,
                table.span.clone(),
                "a probe without an answer",
            );
            loader.report(
                mistake.help("write json, body, body_file or status for a response, or error"),
            );
        }
        (false, true) => {
            let message = format!(
                "{} makes its own requests: its probe has no answer",
                subject.shown()
            );
            let mistake = Mistake::error(Code::Conflict, table.span.clone(), message);
            loader.report(mistake.help("write the answers to its requests into `http`"));
        }
        _ => {}
    }
    let memory = table.get("memory").map(Node::json);
    Probe {
        answer: answer::read(loader, table, USUALLY),
        repeat: table.get("repeat").and_then(layers::integer).unwrap_or(1),
        then_wait: table.get("then_wait").and_then(layers::seconds),
        memory: memory.and_then(|memory| remembered(&memory)),
    }
}
