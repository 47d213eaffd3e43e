//! What one run of a script is allowed: for all services, and for one.

use crate::config::layers::{self, Layers};
use crate::config::loader::Loader;
use crate::config::tree::Node;
use crate::config::values;
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::limits::Limits;

/// Limits that a script is compiled with, once for every service that uses it.
const OF_COMPILING: &[&str] = &[
    "source_bytes",
    "expression_depth",
    "function_expression_depth",
    "functions",
];

/// Returns `base` with what a table says.
pub(super) fn over(base: &Limits, table: Option<&Node>) -> Limits {
    let mut limits = base.clone();
    let Some(table) = table else {
        return limits;
    };
    let count = |key: &str, slot: &mut usize| {
        if let Some(value) = table.get(key).and_then(layers::integer) {
            *slot = value;
        }
    };
    let size = |key: &str, slot: &mut usize| {
        let bytes = table.get(key).and_then(|node| values::size(node).ok());
        if let Some(bytes) = bytes.and_then(|bytes| usize::try_from(bytes).ok()) {
            *slot = bytes;
        }
    };
    if let Some(operations) = table.get("operations").and_then(layers::integer) {
        limits.operations = operations;
    }
    if let Some(cpu) = table.get("cpu").and_then(layers::seconds) {
        limits.cpu = cpu;
    }
    limits.wall = table.get("wall").and_then(layers::seconds).or(limits.wall);
    count("call_depth", &mut limits.call_depth);
    count("expression_depth", &mut limits.expression_depth);
    count(
        "function_expression_depth",
        &mut limits.function_expression_depth,
    );
    count("variables", &mut limits.variables);
    count("functions", &mut limits.functions);
    size("string_bytes", &mut limits.string_bytes);
    count("array_items", &mut limits.array_items);
    count("map_keys", &mut limits.map_keys);
    size("heap_bytes", &mut limits.heap_bytes);
    size("source_bytes", &mut limits.source_bytes);
    count("findings", &mut limits.findings);
    count("log_lines", &mut limits.log_lines);
    size("log_line_bytes", &mut limits.log_line_bytes);
    count("http_calls", &mut limits.http_calls);
    size("http_bytes", &mut limits.http_bytes);
    size("memory_value_bytes", &mut limits.memory_value_bytes);
    size("memory_bytes", &mut limits.memory_bytes);
    count("memory_keys", &mut limits.memory_keys);
    limits
}

/// Returns `base` with what the defaults and the service say; reports what cannot differ from service to service.
pub(super) fn of_service(loader: &mut Loader<'_>, layers: &Layers<'_>, base: &Limits) -> Limits {
    let defaults = layers.defaults.and_then(|defaults| defaults.get("limits"));
    let own = layers.service.get("limits");
    for key in OF_COMPILING {
        for member in [defaults, own].into_iter().flatten() {
            if let Some(member) = member.member(key) {
                let message = format!("`{key}` is for all services: a script is compiled once");
                let mistake = Mistake::error(Code::Value, member.key_span.clone(), message);
                loader.report(mistake.help("write it in `limits` at the top level"));
            }
        }
    }
    over(&over(base, defaults), own)
}
