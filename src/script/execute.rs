//! One run from its inputs to plain results, on the thread that this is called on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rhai::{CallFnOptions, Dynamic, Engine, EvalAltResult, Scope};

use super::api;
use super::bench::Compiled;
use super::callers::Callers;
use super::guard::{self, Fallible, Halt, Spent};
use super::job::{CallError, CallJob, Input, Job, Rights};
use super::limits::Limits;
use super::run::{self, Link, Run};
use super::source::Source;
use super::value::{Origin, to_json, view};
use super::{error, heap};
use crate::model::json::Json;
use crate::model::judgement::{
    Finding, Judgement, MemoryDiff, MemoryEntry, Outcome, Severity, Usage, Used,
};
use crate::model::span::Place;

/// What came of a run, with the bytes that it left behind and that can never be freed.
pub(super) type Ran = (Judgement, i64);
/// What came of a call, with the bytes that it left behind.
pub(super) type Called = (Result<Json, CallError>, i64);

/// One run of a matcher script, as it goes to whatever thread or process runs it.
pub(super) struct Task {
    pub(super) source: Arc<Source>,
    pub(super) input: Input,
    pub(super) limits: Limits,
    /// Whether the broker has secrets that may be in what the probe saw.
    pub(super) hides: bool,
}

impl Task {
    /// Returns the same run within other limits.
    pub(super) fn within(&self, limits: Limits) -> Self {
        Self {
            source: Arc::clone(&self.source),
            input: self.input.clone(),
            limits,
            hides: self.hides,
        }
    }

    /// Takes a job apart into what goes to whatever runs it, and what stays with its broker.
    pub(super) fn of(job: Job) -> (Arc<Self>, Arc<Rights>) {
        let task = Self {
            source: job.source,
            input: job.input,
            limits: job.limits,
            hides: !job.rights.redaction.is_empty(),
        };
        (Arc::new(task), Arc::new(job.rights))
    }
}

/// How a script, or what it left for its end, ended.
struct End {
    way: Way,
    halt: Halt,
}

enum Way {
    Value,
    Failed(Box<Finding>),
    /// By force, there.
    Terminated(Option<Place>, Option<String>),
}

/// Runs a matcher script, and returns what came of it with the bytes that it left behind.
///
/// Whatever the link holds that was allocated before must outlive this call.
pub(super) fn run(
    engine: &Engine,
    script: &Compiled,
    task: &Arc<Task>,
    link: impl FnOnce() -> Box<dyn Link>,
) -> Ran {
    let (source, limits) = (&task.source, &task.limits);
    let wall = limits.wall.unwrap_or(task.input.wall);
    guard::begin(limits, wall);
    run::begin(Run::of_matcher(task, link()));
    let end = evaluate(source, script, || {
        let mut scope = Scope::new();
        let value: Dynamic = engine.eval_ast_with_scope(&mut scope, &script.ast)?;
        if source.returns_value {
            run::conclude(&value)?;
        }
        Ok(())
    });
    let mut ends = vec![end];
    ends.extend(clean_up(engine, source, script));
    let spent = guard::finish();
    let Some(state) = run::end() else {
        return (Judgement::default(), 0);
    };
    let mut judgement = state.judgement(|findings| {
        findings.extend(ends.into_iter().filter_map(|end| settled(end, source)));
    });
    if !judgement.findings.is_empty()
        && let Some(callers) = Callers::of(script)
    {
        for finding in &mut judgement.findings {
            callers.tell(finding, source);
        }
    }
    let leaked = left_behind(&mut judgement);
    for run in &mut judgement.runs {
        fill_usage(&mut run.usage, &spent, limits, wall);
    }
    forget_if_broken(&mut judgement);
    (judgement, leaked)
}

/// A script that broke writes no memory.
pub(super) fn forget_if_broken(judgement: &mut Judgement) {
    if judgement.outcome == Outcome::Error {
        for run in &mut judgement.runs {
            run.memory = MemoryDiff::default();
        }
    }
}

/// Calls a function of a script, and returns what came of it with the bytes that the call left behind.
pub(super) fn call(engine: &Engine, script: &Compiled, job: &CallJob) -> Called {
    let source = &job.source;
    guard::begin(
        &job.limits,
        job.limits.wall.unwrap_or(Duration::from_secs(10)),
    );
    run::begin(Run::of_call(source, &job.limits, job.now));
    let mut result = None;
    let end = evaluate(source, script, || {
        let arguments: Vec<Dynamic> = job
            .arguments
            .iter()
            .map(|argument| view(argument, Origin::Own))
            .collect();
        let value: Dynamic = engine.call_fn_with_options(
            CallFnOptions::new().eval_ast(true),
            &mut Scope::new(),
            &script.ast,
            &*job.function,
            arguments,
        )?;
        result = Some(to_json(&value)?);
        Ok(())
    });
    drop(run::end());
    let before = heap::held();
    let copy = result.as_ref().map(deep_copy);
    let size = heap::held() - before;
    let result = {
        drop(result);
        copy
    };
    let held = guard::heap_now() - size - failure_bytes(&end);
    let called = match (settled(end, source), result) {
        (None, Some(json)) => Ok(json),
        (Some(finding), _) => Err(CallError(Box::new(finding))),
        (None, None) => Err(CallError(Box::new(
            Finding::error("script", "the script stopped without a value")
                .weighing(Severity::Broken),
        ))),
    };
    (called, held)
}

/// Runs what the script left for its end, the last first, each whatever becomes of the others.
fn clean_up(engine: &Engine, source: &Source, script: &Compiled) -> Vec<End> {
    let left = api::left_for_the_end();
    guard::release();
    left.into_iter()
        .map(|body| {
            evaluate(source, script, || {
                body.call::<Dynamic>(engine, &script.ast, ()).map(drop)
            })
        })
        .collect()
}

/// Runs the script and turns whatever comes of it into plain data, all that it made dropped.
fn evaluate(source: &Source, script: &Compiled, run: impl FnOnce() -> Fallible<()>) -> End {
    let way = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => Way::Value,
        Ok(Err(failed)) if terminated(&failed) => {
            let (at, line) = error::ended(&failed, source);
            Way::Terminated(at, line)
        }
        Ok(Err(failed)) => Way::Failed(Box::new(error::finding(&failed, source, script))),
        Err(_) => Way::Failed(Box::new(
            Finding::error(
                "script.crashed",
                "the interpreter broke on this script; please report it with the script",
            )
            .weighing(Severity::Broken),
        )),
    };
    End {
        way,
        halt: guard::halt(),
    }
}

/// Returns about what the finding of a failed run takes.
fn failure_bytes(end: &End) -> i64 {
    let before = heap::held();
    let copy = match &end.way {
        Way::Failed(finding) => {
            let mut copy = finding.clone();
            copy.code = Arc::from(&*finding.code);
            Some(copy)
        }
        Way::Value | Way::Terminated(..) => None,
    };
    let size = heap::held() - before;
    drop(copy);
    size
}

fn terminated(mut error: &EvalAltResult) -> bool {
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _) = error {
        error = inner;
    }
    matches!(error, EvalAltResult::ErrorTerminated(..))
}

/// Returns what the end amounts to, if it is a finding. A limit that was hit beats whatever the script returned.
fn settled(end: End, source: &Source) -> Option<Finding> {
    let finding = match (&end.halt.trip, end.way) {
        (Some(trip), way) => {
            let mut finding = error::limit(trip);
            match way {
                Way::Value => {}
                Way::Failed(failed) => {
                    (finding.at, finding.source) = (failed.at, failed.source);
                    finding.stack = failed.stack;
                }
                Way::Terminated(at, line) => (finding.at, finding.source) = (at, line),
            }
            finding
        }
        (None, Way::Value) => return None,
        (None, Way::Failed(_) | Way::Terminated(..)) if end.halt.stopped => return None,
        (None, Way::Failed(finding)) => *finding,
        (None, Way::Terminated(at, line)) => {
            let message = format!("`{}` was stopped for no known reason", source.name);
            let mut finding = Finding::error("script", message).weighing(Severity::Broken);
            (finding.at, finding.source) = (at, line);
            finding
        }
    };
    Some(error::about(finding, source))
}

/// Makes the results independent of the run, and returns the bytes that the run left behind besides them.
fn left_behind(judgement: &mut Judgement) -> i64 {
    let before = heap::held();
    let copy = independent(judgement);
    let size = heap::held() - before;
    // What is shared with the run goes with the original; what then is held beyond the copy can never be freed.
    drop(std::mem::replace(judgement, copy));
    guard::heap_now() - size
}

/// Copies a judgement with everything that it shares.
fn independent(judgement: &Judgement) -> Judgement {
    let fresh = |text: &Arc<str>| Arc::<str>::from(&**text);
    let mut copy = judgement.clone();
    for finding in &mut copy.findings {
        finding.code = fresh(&finding.code);
        for value in finding
            .evidence
            .iter_mut()
            .map(|(_, value)| value)
            .chain(&mut finding.expected)
            .chain(&mut finding.actual)
        {
            *value = deep_copy(value);
        }
    }
    for run in &mut copy.runs {
        run.metrics = run
            .metrics
            .iter()
            .map(|(name, value)| (fresh(name), *value))
            .collect();
        run.memory.set = run
            .memory
            .set
            .iter()
            .map(|(key, entry)| {
                let entry = MemoryEntry {
                    value: deep_copy(&entry.value),
                    expires_at: entry.expires_at,
                };
                (fresh(key), entry)
            })
            .collect();
        for violation in &mut run.violations {
            violation.name = fresh(&violation.name);
        }
        for removed in &mut run.memory.removed {
            *removed = fresh(removed);
        }
    }
    copy
}

fn deep_copy(json: &Json) -> Json {
    match json {
        Json::String(text) => Json::string(&**text),
        Json::Array(items) => items.iter().map(deep_copy).collect(),
        Json::Object(members) => Json::object(
            members
                .iter()
                .map(|(key, value)| (Arc::<str>::from(&**key), deep_copy(value))),
        ),
        scalar => scalar.clone(),
    }
}

fn fill_usage(usage: &mut Usage, spent: &Spent, limits: &Limits, wall: Duration) {
    let count = |number: usize| number as u64;
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let used = |used: u64, allowed: u64| Used { used, allowed };
    usage.operations = used(spent.operations, limits.operations);
    usage.cpu_us = used(micros(spent.cpu), micros(limits.cpu));
    usage.wall_ms = used(millis(spent.wall), millis(wall));
    usage.heap_bytes = used(spent.heap_peak, count(limits.heap_bytes));
    usage.http_calls.allowed = count(limits.http_calls);
    usage.http_bytes.allowed = count(limits.http_bytes.saturating_mul(limits.http_calls));
    usage.findings.allowed = count(limits.findings);
    usage.log_lines.allowed = count(limits.log_lines);
    usage.memory_bytes.allowed = count(limits.memory_bytes);
}
