//! What the daemon must make of the probes of a test: open violations and messages.

use super::subject::Configured;
use super::{Notice, Pipeline, Probe, test};
use crate::config::layers::{self, Layers};
use crate::config::loader::Loader;
use crate::config::tree::{Node, Value};
use crate::model::code::Code;
use crate::model::span::Mistake;

/// The letters of `violations`.
const LETTERS: &str = "- nothing, e error, l latency, m matcher, u unknown, f flapping, n named by a script, `.` any; of several open \
                       at once write all, as in `el`";

/// Reads what the daemon must make of the probes; what cannot be used is reported.
pub(super) fn read(
    loader: &mut Loader<'_>,
    layers: &Layers<'_>,
    configured: &Configured,
    probes: &[Probe],
) -> Pipeline {
    let violations = layers.get("violations");
    let notify = layers.get("notify");
    Pipeline {
        gather: configured.gather,
        zone: configured.zone.clone(),
        violations: violations.and_then(|node| open(loader, node, probes)),
        notify: notify.map(|list| list.items().iter().filter_map(notice).collect()),
    }
}

fn open(loader: &mut Loader<'_>, node: &Node, probes: &[Probe]) -> Option<Vec<Option<String>>> {
    let text = node.text().filter(|text| !text.is_empty())?;
    let mut all = Vec::new();
    for word in text.split_whitespace() {
        let letters = |word: &str| word.chars().all(|letter| "elmufn".contains(letter));
        all.push(match word {
            "." => None,
            "-" => Some(String::new()),
            word if letters(word) => {
                let known = "elmufn".chars().filter(|letter| word.contains(*letter));
                Some(known.collect())
            }
            word => {
                let message = format!("`{word}` is no violation");
                loader
                    .report(Mistake::error(Code::Value, node.span.clone(), message).help(LETTERS));
                return None;
            }
        });
    }
    test::one_a_probe(loader, node, (all.len(), "word"), probes).then_some(all)
}

fn notice(table: &Node) -> Option<Notice> {
    if !matches!(table.value, Value::Table(_)) {
        return None;
    }
    let text = |key: &str| table.get(key).and_then(Node::text);
    Some(Notice {
        at: table.get("at").and_then(layers::seconds)?,
        kind: match &**text("kind")? {
            "resolved" => "resolved",
            "outage" => "outage",
            _ => "opened",
        },
        violation: text("violation").and_then(|name| name.parse().ok()),
        contains: text("contains").map(ToString::to_string),
    })
}
