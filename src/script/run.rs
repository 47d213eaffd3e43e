//! What belongs to the one run on this thread: its inputs, and what it has found so far.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use regex::Regex;
use rhai::{Dynamic, FnPtr};
use tokio::time::Instant;

use super::api::memory::Remembered;
use super::broker::{Brought, Errand, Errands, Left, Refusal};
use super::execute::Task;
use super::guard::{self, Fallible};
use super::job::Input;
use super::limits::Limits;
use super::source::Source;
use super::value::{kind_name, problem};
use crate::model::json::Json;
use crate::model::judgement::{Finding, Judgement, ScriptRun, Severity};

/// The state of a run.
pub(super) struct Run {
    pub(super) now: Timestamp,
    pub(super) limits: Limits,
    pub(super) source: Arc<Source>,
    /// Regular expressions that the script used.
    pub(super) patterns: HashMap<String, Regex>,
    /// Absent in a call.
    pub(super) matcher: Option<Matcher>,
}

/// What a matcher script has besides.
pub(super) struct Matcher {
    task: Arc<Task>,
    pub(super) findings: Vec<Finding>,
    pub(super) out: ScriptRun,
    pub(super) memory: Remembered,
    link: Box<dyn Link>,
    /// Whether the script was given a stand-in.
    has_stand_ins: bool,
    /// Requests that the run has made.
    pub(super) calls: usize,
    /// Whether anybody but the service itself was asked.
    pub(super) asked_others: bool,
    /// Positions in `out.steps` of the steps that are running, outermost first.
    pub(super) steps: Vec<usize>,
    /// What the script left for its end.
    pub(super) always: Vec<FnPtr>,
    /// Requests that are kept for the end.
    pub(super) kept_calls: usize,
    /// Whether the script itself has ended.
    pub(super) is_ending: bool,
}

/// The way of a run to its broker.
pub(super) trait Link {
    /// Sends the broker on an errand and waits for what it brings.
    fn run(&mut self, errand: Errand) -> Errands<Brought>;

    /// Lets the broker, where it is on this thread, add what it did and take the secrets out.
    fn finish(self: Box<Self>, judgement: &mut Judgement);
}

impl Matcher {
    /// Returns what the run was given.
    pub(super) fn input(&self) -> &Input {
        &self.task.input
    }

    fn errand(&mut self, errand: Errand) -> Fallible<Brought> {
        guard::check()?;
        self.has_stand_ins |= matches!(errand, Errand::Secret(_) | Errand::Token { .. });
        let began = Instant::now();
        let brought = self.link.run(errand);
        guard::waited(began.elapsed());
        brought.map_err(Refusal::raised)
    }

    /// Returns a value as it may be remembered: without secrets.
    pub(super) fn hidden(&mut self, json: Json) -> Fallible<Json> {
        if !self.task.hides && !self.has_stand_ins {
            return Ok(json);
        }
        match self.errand(Errand::Hide(json))? {
            Brought::Json(json) => Ok(json),
            Brought::Text(_) | Brought::Answer(_) => Err(problem("the broker brought no value")),
        }
    }

    /// Returns a parameter: what the config says, else the header's default.
    pub(super) fn param(&self, name: &str) -> Option<&Json> {
        self.task.source.header.param(name, &self.task.input.params)
    }

    /// Returns all parameters.
    pub(super) fn params(&self) -> Json {
        let declared = self
            .task
            .source
            .header
            .params
            .iter()
            .map(|param| &param.name);
        let names: BTreeSet<&Arc<str>> = declared.chain(self.task.input.params.keys()).collect();
        let pairs = names
            .into_iter()
            .filter_map(|name| Some((Arc::clone(name), self.param(name)?.clone())));
        Json::object(pairs)
    }
}

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// Makes this the run on this thread.
pub(super) fn begin(run: Run) {
    RUN.replace(Some(run));
}

/// Ends the run on this thread and returns its state.
pub(super) fn end() -> Option<Run> {
    RUN.take()
}

/// Gives access to the run.
///
/// # Errors
/// There is none on this thread.
pub(super) fn with<T>(access: impl FnOnce(&mut Run) -> Fallible<T>) -> Fallible<T> {
    RUN.with_borrow_mut(|run| match run {
        Some(run) => access(run),
        None => Err(problem("no script is running")),
    })
}

/// Gives access to what only a matcher script has.
///
/// # Errors
/// This is a call of a channel script's function.
pub(super) fn matcher<T>(access: impl FnOnce(&mut Matcher, &Limits) -> Fallible<T>) -> Fallible<T> {
    with(|run| match &mut run.matcher {
        Some(matcher) => access(matcher, &run.limits),
        None => Err(problem("this is available in matcher scripts only")),
    })
}

/// Sends the broker on an errand; the time that it takes is no work of the script's.
///
/// # Errors
/// Why it brought nothing.
pub(super) fn errand(errand: Errand) -> Fallible<Brought> {
    matcher(|matcher, _| matcher.errand(errand))
}

/// Tells whether the script was given a stand-in of a secret, which may be in any text since.
///
/// # Errors
/// No script is running.
pub(super) fn has_stand_ins() -> Fallible<bool> {
    with(|run| Ok(run.matcher.as_ref().is_some_and(|one| one.has_stand_ins)))
}

/// Returns what the run has left for requests.
///
/// # Errors
/// This is a call of a channel script's function.
pub(super) fn left() -> Fallible<Left> {
    let kept_calls = matcher(|matcher, _| Ok(matcher.kept_calls))?;
    Ok(Left {
        wall: guard::wall_left(),
        kept_calls,
    })
}

/// Returns the time of the run.
///
/// # Errors
/// There is none on this thread.
pub(super) fn now() -> Fallible<Timestamp> {
    with(|run| Ok(run.now))
}

/// Adds a finding, within the step that runs.
///
/// # Errors
/// There are too many: the run is over.
pub(super) fn find(mut finding: Finding) -> Fallible<()> {
    matcher(|matcher, limits| {
        if matcher.findings.len() >= limits.findings {
            return Err(guard::trip(
                "findings",
                format!("found more than {} things", limits.findings),
            ));
        }
        finding.step = matcher
            .steps
            .last()
            .and_then(|step| matcher.out.steps.get(*step))
            .map(|step| step.name.clone());
        matcher.findings.push(finding);
        Ok(())
    })
}

/// Reads the value of the script's last expression.
///
/// # Errors
/// It is neither nothing, a boolean nor a string.
pub(super) fn conclude(value: &Dynamic) -> Fallible<()> {
    if value.is_unit() || value.as_bool() == Ok(true) {
        return Ok(());
    }
    if value.as_bool() == Ok(false) {
        return find(Finding::error(
            "script-returned-false",
            "script returned false",
        ));
    }
    if value.is_string() {
        let text = super::value::text(value, super::api::verdict::MESSAGE_BYTES);
        let code = super::api::verdict::slug(&text);
        let message = super::api::verdict::said(&text, &code);
        return find(Finding::error(code, message));
    }
    if let Ok(map) = value.as_map_ref() {
        return super::api::verdict::returned(&map);
    }
    Err(problem(format!(
        "the script's last value is {}; end with nothing, true, false or a message",
        kind_name(value)
    )))
}

impl Run {
    pub(super) fn of_matcher(task: &Arc<Task>, link: Box<dyn Link>) -> Self {
        let (source, input) = (&task.source, &task.input);
        Self {
            now: input.now,
            limits: task.limits.clone(),
            source: Arc::clone(source),
            patterns: HashMap::new(),
            matcher: Some(Matcher {
                findings: Vec::new(),
                out: ScriptRun {
                    script: Arc::clone(&source.name),
                    version: Arc::clone(&source.version),
                    ..ScriptRun::default()
                },
                memory: Remembered::new(Arc::clone(&input.memory), input.now),
                link,
                has_stand_ins: false,
                calls: 0,
                asked_others: false,
                steps: Vec::new(),
                always: Vec::new(),
                kept_calls: 0,
                is_ending: false,
                task: Arc::clone(task),
            }),
        }
    }

    pub(super) fn of_call(source: &Arc<Source>, limits: &Limits, now: Timestamp) -> Self {
        Self {
            now,
            limits: limits.clone(),
            source: Arc::clone(source),
            patterns: HashMap::new(),
            matcher: None,
        }
    }

    /// Returns what the run amounts to; `settle` adds how it ended.
    pub(super) fn judgement(self, settle: impl FnOnce(&mut Vec<Finding>)) -> Judgement {
        let Some(matcher) = self.matcher else {
            return Judgement::default();
        };
        let mut findings = matcher.findings;
        settle(&mut findings);
        let mut out = matcher.out;
        out.usage.findings.used = findings
            .iter()
            .filter(|finding| finding.severity != Severity::Broken)
            .count() as u64;
        out.usage.log_lines.used = out.notes.len() as u64;
        out.usage.memory_bytes.used = matcher.memory.bytes() as u64;
        out.memory = matcher.memory.diff();
        let mut judgement = Judgement::of(findings);
        judgement.runs.push(out);
        matcher.link.finish(&mut judgement);
        judgement
    }
}
