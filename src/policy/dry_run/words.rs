//! A dry run in words, for whoever shows it to a person.

use std::time::Duration;

use super::DryRun;
use crate::model::duration::Shown;
use crate::model::judgement::{Memory, MemoryDiff, Severity, Usage, Used};

/// Characters of a remembered value that are shown.
const VALUE_CHARS: usize = 60;

/// Returns what was found by its weight: `1 error, 2 warnings`.
pub fn found(run: &DryRun) -> String {
    let findings = &run.judgement.findings;
    let mut parts = Vec::new();
    for (severity, what) in [
        (Severity::Broken, "script error"),
        (Severity::Error, "error"),
        (Severity::Unknown, "unknown"),
        (Severity::Warning, "warning"),
    ] {
        match findings
            .iter()
            .filter(|one| one.severity == severity)
            .count()
        {
            0 => {}
            1 => parts.push(format!("1 {what}")),
            many => parts.push(format!("{many} {what}s")),
        }
    }
    if parts.is_empty() {
        let nothing = match run.unjudged {
            Some(_) => "cannot be judged",
            None => "nothing found",
        };
        parts.push(nothing.to_owned());
    }
    parts.join(", ")
}

/// Returns what a run changed in what scripts remember, a line a key.
pub fn changed(memory: &MemoryDiff, before: &Memory) -> Vec<String> {
    let set = memory.set.iter().map(|(key, entry)| {
        let before = before.get(key);
        let before = before.map(|entry| entry.value.summary(VALUE_CHARS));
        format!(
            "{key}: {} → {}",
            before.unwrap_or_else(|| "nothing".to_owned()),
            entry.value.summary(VALUE_CHARS)
        )
    });
    let removed = memory.removed.iter().map(|key| format!("{key}: removed"));
    set.chain(removed).collect()
}

/// Returns what a run used of what it was allowed; of the rarer things only those that it used at all.
pub fn used(usage: &Usage) -> String {
    let count = |used: Used, what: &str| {
        format!("{} of {} {what}", grouped(used.used), grouped(used.allowed))
    };
    let millis = |used: Used, unit: fn(u64) -> Duration, what: &str| {
        format!(
            "{} of {} {what}",
            Shown(unit(used.used)),
            Shown(unit(used.allowed))
        )
    };
    let mut parts = vec![
        count(usage.operations, "operations"),
        millis(usage.cpu_us, Duration::from_micros, "CPU"),
        millis(usage.wall_ms, Duration::from_millis, "in all"),
        format!("{} heap", bytes(usage.heap_bytes)),
    ];
    let rarer = [
        (usage.http_calls, count(usage.http_calls, "requests")),
        (
            usage.http_bytes,
            format!("{} of answers", bytes(usage.http_bytes)),
        ),
        (usage.findings, count(usage.findings, "findings")),
        (usage.log_lines, count(usage.log_lines, "notes")),
        (
            usage.memory_bytes,
            format!("{} memory", bytes(usage.memory_bytes)),
        ),
    ];
    parts.extend(
        rarer
            .into_iter()
            .filter(|(used, _)| used.used > 0)
            .map(|(_, text)| text),
    );
    parts.join(" · ")
}

fn bytes(used: Used) -> String {
    format!("{} of {}", kib(used.used), kib(used.allowed))
}

fn kib(count: u64) -> String {
    match count {
        0..10_240 => format!("{count} B"),
        10_240..10_485_760 => format!("{} KiB", count / 1024),
        _ => format!("{} MiB", count >> 20),
    }
}

/// Returns the number with a comma every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
