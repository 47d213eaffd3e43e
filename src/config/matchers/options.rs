//! Options of the built-in matchers.

use crate::config::loader::Loader;
use crate::config::tree::{Node, Value};
use crate::matcher::spec::{ExactOptions, Extra, Tolerance, TypesOptions};
use crate::model::code::Code;
use crate::model::path::Path;
use crate::model::span::Mistake;

/// Reads the options of `types`.
pub(super) fn types_options(table: &Node) -> TypesOptions {
    TypesOptions {
        extra: extra(table).unwrap_or_default(),
        strict_numbers: word(table, "numbers") == Some("strict"),
        ignore: paths(table, "ignore"),
    }
}

/// Reads the options of `exact`; reports those that are no paths, tolerances or digests. Absent if the digest is none.
pub(super) fn exact_options(loader: &mut Loader<'_>, table: &Node) -> Option<ExactOptions> {
    let tolerance = table.get("tolerance").map_or(&[][..], Node::members);
    let tolerance = tolerance.iter().filter_map(|member| {
        let path = match member.key.parse::<Path>() {
            Ok(path) => path,
            Err(error) => {
                let mistake =
                    Mistake::error(Code::Value, member.key_span.clone(), error.to_string());
                loader.report(mistake.help("write $.items[*].price"));
                return None;
            }
        };
        let tolerance = tolerance_of(&member.node);
        if tolerance.is_none() && matches!(member.node.value, Value::Text(_)) {
            let mistake = Mistake::error(
                Code::Value,
                member.node.span.clone(),
                "this is no tolerance",
            );
            loader.report(mistake.help("write a number such as 2, or percent such as \"1%\""));
        }
        Some((path, tolerance?))
    });
    let tolerance = tolerance.collect();
    let sha256 = match table.get("sha256") {
        Some(node) => Some(sha256(loader, node)?),
        None => None,
    };
    Some(ExactOptions {
        extra: extra(table),
        ignore: paths(table, "ignore"),
        unordered: paths(table, "unordered"),
        tolerance,
        null_is_missing: table
            .get("null_is_missing")
            .and_then(Node::boolean)
            .unwrap_or(false),
        sha256,
    })
}

fn sha256(loader: &mut Loader<'_>, node: &Node) -> Option<String> {
    let text = node.text()?;
    let right = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !right {
        let mistake = Mistake::error(Code::Value, node.span.clone(), "this is no SHA-256");
        loader.report(mistake.help("it has 64 hexadecimal digits; `sha256sum FILE` prints it"));
    }
    right.then(|| text.to_ascii_lowercase())
}

fn tolerance_of(node: &Node) -> Option<Tolerance> {
    if let Some(number) = node.number() {
        return Some(Tolerance::Absolute(number.as_f64()));
    }
    let percent = node.text()?.trim().strip_suffix('%')?.trim();
    let percent: f64 = percent.parse().ok()?;
    (percent.is_finite() && percent >= 0.0).then_some(Tolerance::Percent(percent))
}

fn extra(table: &Node) -> Option<Extra> {
    match word(table, "extra")? {
        "allow" => Some(Extra::Allow),
        "warn" => Some(Extra::Warn),
        "deny" => Some(Extra::Deny),
        _ => None,
    }
}

fn word<'a>(table: &'a Node, key: &str) -> Option<&'a str> {
    table.get(key)?.text().map(|text| &**text)
}

/// Returns the paths of a list; what is no path was reported by the check of kinds.
pub(super) fn paths(table: &Node, key: &str) -> Vec<Path> {
    table
        .get(key)
        .map_or(&[][..], Node::items)
        .iter()
        .filter_map(|item| item.text()?.parse().ok())
        .collect()
}
