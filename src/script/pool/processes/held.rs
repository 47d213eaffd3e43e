//! What a worker says of a run is held against the run's limits once more: the worker may be the script's by now.
//!
//! Frames are bounded by what the run may hold; here it is seen that nothing of it can add up in the daemon from run to
//! run. A worker that says more than its own limits let through is ended as one that broke.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::json::Json;
use crate::model::judgement::{Finding, Judgement, MemoryEntry, SHARED, ScriptRun};
use crate::script::api::verdict::{metric_name, violation_name};
use crate::script::execute::Task;
use crate::script::job::Input;
use crate::script::limits::Limits;

/// A frame may be this long besides what its run may hold.
const FRAME_BYTES: usize = 1 << 20;
/// Findings of OES itself beside those of the script: limits, and what `always` left for the end.
const OWN_FINDINGS: usize = 32;
/// Bytes of a finding's message; of the script itself there are fewer.
const MESSAGE_BYTES: usize = 64 << 10;
/// Bytes of a code, which samples keep.
const CODE_BYTES: usize = 256;
/// Bytes of a key of memory, with what OES puts before it.
const KEY_BYTES: usize = 1 << 10;
/// Named values, and calls, of one finding.
const PARTS: usize = 256;
/// Metrics, and steps, of a run.
const GAUGES: usize = 100;
/// What a cut text may have beyond its limit: `…`.
const CUT_BYTES: usize = 8;

/// Returns how long a frame of a worker may be under a run with these limits.
pub(super) fn frame_bytes(limits: &Limits) -> usize {
    // Evidence is copied out of what the run holds.
    let findings = limits.findings.saturating_mul(MESSAGE_BYTES);
    let kept = limits.heap_bytes.max(limits.memory_bytes.saturating_mul(2));
    kept.max(findings).saturating_add(FRAME_BYTES)
}

/// Returns what in a judgement no run of the task can have said; absent if nothing is.
pub(super) fn excess(judgement: &Judgement, task: &Task) -> Option<&'static str> {
    let limits = &task.limits;
    let [run] = judgement.runs.as_slice() else {
        return Some("not one run");
    };
    if run.script != task.source.name || run.version != task.source.version {
        return Some("another script");
    }
    if judgement.findings.len() > limits.findings.saturating_add(OWN_FINDINGS) {
        return Some("too many findings");
    }
    judgement
        .findings
        .iter()
        .find_map(too_much)
        .or_else(|| loud(run, limits))
        .or_else(|| grown(run, &task.input, limits))
}

/// Returns what is too much in a finding.
pub(super) fn too_much(finding: &Finding) -> Option<&'static str> {
    let is_long = finding.message.len() > MESSAGE_BYTES || finding.code.len() > CODE_BYTES;
    let is_wide = finding.evidence.len() > PARTS || finding.stack.len() > PARTS;
    (is_long || is_wide).then_some("a finding that is too long")
}

fn loud(run: &ScriptRun, limits: &Limits) -> Option<&'static str> {
    let line = limits.log_line_bytes.saturating_add(CUT_BYTES);
    let is_long = |text: &String| text.len() > line;
    if run.notes.len() > limits.log_lines.saturating_add(1) || run.notes.iter().any(is_long) {
        return Some("too many notes");
    }
    let named = |name: &str| metric_name(name).is_ok();
    if run.metrics.len() > GAUGES || !run.metrics.keys().all(|name| named(name)) {
        return Some("metrics that no script can set");
    }
    if run.steps.len() > GAUGES || run.steps.iter().any(|step| step.name.len() > CODE_BYTES) {
        return Some("too many steps");
    }
    let is_none = |name: &str| violation_name(name).is_err();
    let mut violations = run.violations.iter();
    if run.violations.len() > limits.findings
        || violations.any(|one| is_none(&one.name) || one.message.len() > MESSAGE_BYTES)
    {
        return Some("violations that no script can name");
    }
    None
}

/// Returns what is too much in what a run remembers, with all that the service remembered before.
fn grown(run: &ScriptRun, input: &Input, limits: &Limits) -> Option<&'static str> {
    let (before, diff) = (&input.memory, &run.memory);
    if diff.removed.len() > before.len() {
        return Some("keys forgotten that there never were");
    }
    if diff.set.is_empty() {
        return None;
    }
    let size = |value: &Json| value.to_string().len();
    let is_long = |(key, entry): (&Arc<str>, &MemoryEntry)| {
        own_key(key).1.len() > KEY_BYTES || size(&entry.value) > limits.memory_value_bytes
    };
    if diff.set.iter().any(is_long) {
        return Some("a value that is too long to be remembered");
    }
    let removed: BTreeSet<&Arc<str>> = diff.removed.iter().collect();
    let stays = |(key, entry): &(&Arc<str>, &MemoryEntry)| {
        let lives = entry.expires_at.is_none_or(|end| end > input.now);
        lives && !diff.set.contains_key(*key) && !removed.contains(*key)
    };
    // Each space of shared memory has the limits of a service.
    let mut spaces: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (key, entry) in before.iter().filter(stays).chain(&diff.set) {
        let (space, key) = own_key(key);
        let (keys, bytes) = spaces.entry(space).or_default();
        *keys += 1;
        *bytes = bytes.saturating_add(key.len() + size(&entry.value));
    }
    spaces
        .values()
        .any(|(keys, bytes)| *keys > limits.memory_keys || *bytes > limits.memory_bytes)
        .then_some("more than a service may remember")
}

/// Returns the space of shared memory that a key is of, nothing for the service's own, and the key within it.
fn own_key(key: &str) -> (&str, &str) {
    key.strip_prefix(SHARED)
        .and_then(|rest| rest.split_once(':'))
        .unwrap_or(("", key))
}

#[cfg(test)]
mod tests;
