//! What belongs to the one run on this thread: its inputs, and what it has found so far.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use regex::Regex;
use rhai::{Dynamic, FnPtr};

use super::api::http::Network;
use super::api::memory::Remembered;
use super::api::secrets::Secrets;
use super::execute::Around;
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
    pub(super) source: Arc<Source>,
    pub(super) input: Arc<Input>,
    pub(super) findings: Vec<Finding>,
    pub(super) out: ScriptRun,
    pub(super) memory: Remembered,
    pub(super) secrets: Secrets,
    pub(super) network: Network,
    /// Positions in `out.steps` of the steps that are running, outermost first.
    pub(super) steps: Vec<usize>,
    /// What the script left for its end.
    pub(super) always: Vec<FnPtr>,
    /// Requests that are kept for the end.
    pub(super) kept_calls: usize,
    /// Whether the script itself has ended.
    pub(super) is_ending: bool,
}

impl Matcher {
    /// Returns a parameter: what the config says, else the header's default.
    pub(super) fn param(&self, name: &str) -> Option<&Json> {
        let default = || {
            let params = &self.source.header.params;
            params
                .iter()
                .find(|param| *param.name == *name)
                .and_then(|param| param.default.as_ref())
        };
        self.input.params.get(name).or_else(default)
    }

    /// Returns all parameters.
    pub(super) fn params(&self) -> Json {
        let declared = self.source.header.params.iter().map(|param| &param.name);
        let names: BTreeSet<&Arc<str>> = declared.chain(self.input.params.keys()).collect();
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
    pub(super) fn of_matcher(
        source: &Arc<Source>,
        limits: &Limits,
        input: &Arc<Input>,
        around: &Around<'_>,
    ) -> Self {
        Self {
            now: input.now,
            limits: limits.clone(),
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
                secrets: Secrets::new(&input.redaction),
                network: Network::new(around.runtime, around.host, around.tokens),
                steps: Vec::new(),
                always: Vec::new(),
                kept_calls: 0,
                is_ending: false,
                source: Arc::clone(source),
                input: Arc::clone(input),
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
        out.usage.http_calls.used = out.http.len() as u64;
        out.usage.http_bytes.used = out.http.iter().map(|call| call.bytes).sum();
        out.usage.findings.used = findings
            .iter()
            .filter(|finding| finding.severity != Severity::Broken)
            .count() as u64;
        out.usage.log_lines.used = out.notes.len() as u64;
        out.usage.memory_bytes.used = matcher.memory.bytes() as u64;
        out.memory = matcher.memory.diff();
        let mut judgement = Judgement::of(findings);
        judgement.runs.push(out);
        matcher.secrets.hide(&mut judgement);
        judgement
    }
}
