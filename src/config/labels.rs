//! Files of known outages, which a backtest is held against.

use std::path::Path;

use jiff::Timestamp;

use super::check;
use super::keys::{Kind, LABELS};
use super::loader::Loader;
use super::report::{FileReport, Report};
use super::tree::{Node, Value};
use super::{ProcessEnvironment, parse, text_of};
use crate::model::code::Code;
use crate::model::span::Mistake;

/// A known outage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// What it is called, if anything.
    pub name: Option<String>,
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub to: Timestamp,
}

/// Reads a file of known outages, JSON or TOML by its extension.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path) -> Result<Vec<Outage>, Report> {
    let text = text_of(path)?;
    let name = path.display().to_string();
    let mut loader = Loader::new(&text, Path::new(""), &ProcessEnvironment);
    let (root, mut mistakes) = parse(&name, &text);
    if let Some(root) = &root {
        check::check(
            root,
            &Kind::Table(&LABELS),
            "a file of outages",
            &mut mistakes,
        );
    }
    for mistake in mistakes {
        loader.report(mistake);
    }
    let outages = root.map_or_else(Vec::new, |root| read_all(&mut loader, &root));
    let mistakes = loader.take_mistakes();
    if mistakes.is_empty() {
        return Ok(outages);
    }
    Err(Report {
        files: vec![FileReport::new(name.as_str(), text.as_str(), mistakes)],
        ..Report::default()
    })
}

fn read_all(loader: &mut Loader<'_>, root: &Node) -> Vec<Outage> {
    let list = root.get("outage");
    let items = list.map_or(&[][..], Node::items);
    if items.is_empty() && !loader.has_errors() {
        let span = list.map_or(0..1, |list| list.span.clone());
        let mistake = Mistake::error(Code::Missing, span, "a file of outages without one");
        loader.report(mistake.help("write [[outage]], and below it from and to"));
    }
    let tables = items
        .iter()
        .filter(|item| matches!(item.value, Value::Table(_)));
    let read = tables.filter_map(|table| {
        let mut time = |key: &str| {
            let node = table.get(key)?;
            let time = node.text()?.parse().ok();
            if time.is_none() {
                let mistake = Mistake::error(
                    Code::Value,
                    node.span.clone(),
                    format!("`{key}` is no time"),
                );
                loader.report(mistake.help("write 2026-01-01T00:00:00Z, with the zone"));
            }
            time
        };
        let (from, to): (Option<Timestamp>, Option<Timestamp>) = (time("from"), time("to"));
        let (from, to) = (from?, to?);
        if to <= from {
            let span = table.get("to").map_or(0..1, |node| node.span.clone());
            let mistake = Mistake::error(Code::Value, span, "the outage ends before it begins");
            loader.report(mistake.help("`to` is later than `from`"));
        }
        Some(Outage {
            name: table
                .get("name")
                .and_then(Node::text)
                .map(ToString::to_string),
            from,
            to,
        })
    });
    read.collect()
}
