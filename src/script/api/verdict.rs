//! What a script says: findings, notes, metrics, violations, steps, and ending early.

use std::fmt;

use rhai::{Array, Dynamic, Engine, FnPtr, Map, NativeCallContext, Position};
use tokio::time::Instant;

use super::calls;
use crate::model::json::Json;
use crate::model::judgement::{Finding, NamedViolation, Severity, StepRun};
use crate::model::violation::Violation;
use crate::script::guard::{self, Fallible};
use crate::script::run;
use crate::script::value::{cut, kind_name, problem, text, to_json};
use crate::script::{error, value};

/// Bytes of a finding's message.
pub(in crate::script) const MESSAGE_BYTES: usize = 2000;
/// Bytes of a code.
const CODE_BYTES: usize = 64;
/// Named values that a finding carries.
const EVIDENCE_MAX: usize = 20;
/// Bytes of evidence of one name, as JSON; larger values are summarised.
const EVIDENCE_BYTES: usize = 4 << 10;
/// Gauges of one run.
const METRICS_MAX: usize = 100;
/// Steps of one run.
const STEPS_MAX: usize = 100;

pub(super) fn register(engine: &mut Engine) {
    for (name, severity) in [("fail", Severity::Error), ("warn", Severity::Warning)] {
        engine
            .register_fn(
                name,
                move |context: NativeCallContext<'_>, message: &str| {
                    plain(severity, context.call_position(), message)
                },
            )
            .register_fn(
                name,
                move |context: NativeCallContext<'_>, code: &str, message: &str| {
                    coded(severity, context.call_position(), code, message, None)
                },
            )
            .register_fn(
                name,
                move |context: NativeCallContext<'_>, code: &str, message: &str, evidence: Map| {
                    coded(
                        severity,
                        context.call_position(),
                        code,
                        message,
                        Some(&evidence),
                    )
                },
            )
            .register_fn(
                name,
                move |context: NativeCallContext<'_>, code: &str, mismatches: Array| {
                    listed(severity, context.call_position(), code, &mismatches)
                },
            );
    }
    engine
        .register_fn("skip", |context: NativeCallContext<'_>, message: &str| {
            let code = slug_of_call(context.call_position(), message);
            let message = said(message, &code);
            let finding = Finding::error(code, message).weighing(Severity::Unknown);
            found_at(finding, context.call_position())?;
            Err::<(), _>(guard::stop())
        })
        .register_fn("stop", || Err::<(), _>(guard::stop()))
        .register_fn("note", |value: Dynamic| note(&value))
        .register_fn("metric", |name: &str, value: Dynamic| metric(name, &value))
        .register_fn(
            "violation",
            |context: NativeCallContext<'_>, name: &str, message: &str| {
                violation(context.call_position(), name, message)
            },
        )
        .register_fn(
            "step",
            |context: NativeCallContext<'_>, name: &str, body: FnPtr| step(&context, name, &body),
        )
        .on_print(|text| drop(note_text(text)))
        .on_debug(|text, _, _| drop(note_text(text)));
}

/// Returns the code that a text amounts to: its words in lower case with `-` between them.
pub(in crate::script) fn slug(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars() {
        if slug.len() >= CODE_BYTES {
            break;
        }
        if letter.is_alphanumeric() {
            slug.extend(letter.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "finding".to_owned()
    } else {
        slug.to_owned()
    }
}

/// Returns the slug of the literal part of a call's first argument, else of the message.
fn slug_of_call(position: Position, message: &str) -> String {
    let literal = run::with(|run| {
        let spot = run.source.spot(position);
        let text = &spot.part.text;
        let start = error::span(text, spot.position).start;
        Ok(calls::arguments(text, start)
            .first()
            .and_then(|argument| calls::literal(argument)))
    });
    slug(literal.ok().flatten().as_deref().unwrap_or(message))
}

/// Returns what a finding says: the script's message, or where that is empty, that it is, so that people are never sent
/// nothing.
pub(in crate::script) fn said(message: &str, code: &str) -> String {
    if message.trim().is_empty() {
        format!("{} (the script gives no text)", cut(code, CODE_BYTES))
    } else {
        cut(message, MESSAGE_BYTES)
    }
}

/// Adds a finding with its place in the script.
pub(super) fn found_at(mut finding: Finding, position: Position) -> Fallible<()> {
    run::with(|run| {
        (finding.at, finding.source) = run.source.spot(position).shown();
        Ok(())
    })?;
    run::find(finding)
}

fn plain(severity: Severity, position: Position, message: &str) -> Fallible<()> {
    let code = slug_of_call(position, message);
    let message = said(message, &code);
    found_at(Finding::error(code, message).weighing(severity), position)
}

fn coded(
    severity: Severity,
    position: Position,
    code: &str,
    message: &str,
    evidence: Option<&Map>,
) -> Fallible<()> {
    let mut finding = Finding::error(cut(code, CODE_BYTES), said(message, code)).weighing(severity);
    for (name, value) in evidence.into_iter().flatten().take(EVIDENCE_MAX) {
        finding
            .evidence
            .push((cut(name, CODE_BYTES), evidence_json(value)));
    }
    found_at(finding, position)
}

/// Returns a value as evidence: as it is if it is small JSON, else as a short text.
pub(super) fn evidence_json(value: &Dynamic) -> Json {
    match to_json(value) {
        Ok(json) if json.summary(EVIDENCE_BYTES).len() < EVIDENCE_BYTES => json,
        Ok(json) => json.summary(200).into(),
        Err(_) => value::rendered(value, 200).into(),
    }
}

/// Adds one finding for each mismatch that `types`, `exact` or `diff` returned.
fn listed(severity: Severity, position: Position, code: &str, mismatches: &Array) -> Fallible<()> {
    for mismatch in mismatches {
        let Some(found) = mismatch.read_lock::<Mismatch>() else {
            return Err(problem(format!(
                "fail and warn take a message or what types, exact and diff return, not {}",
                kind_name(mismatch)
            )));
        };
        let mut finding = found.0.clone().weighing(severity);
        finding.code = cut(code, CODE_BYTES).into();
        found_at(finding, position)?;
    }
    Ok(())
}

/// One mismatch as a script holds it.
#[derive(Debug, Clone)]
pub(in crate::script) struct Mismatch(pub(in crate::script) Finding);

impl Mismatch {
    /// Returns it as `path`, `code` and `message`.
    pub(in crate::script) fn json(&self) -> Json {
        let Finding { path, message, .. } = &self.0;
        Json::object([
            ("path", path.as_deref().map_or(Json::Null, Json::from)),
            ("code", Json::from(&*self.0.code)),
            ("message", Json::from(message.as_str())),
        ])
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.0.path {
            write!(out, "{path} ")?;
        }
        write!(out, "{} {}", self.0.code, self.0.message)
    }
}

/// Adds the finding that a map as the script's last value is: `#{ code, message, severity }`.
pub(in crate::script) fn returned(map: &Map) -> Fallible<()> {
    let part = |name: &str| map.get(name).map(|value| text(value, MESSAGE_BYTES));
    let Some(message) = part("message") else {
        return Err(problem(
            "a map as the script's last value needs a `message`, and may have `code` and `severity`",
        ));
    };
    let severity = match part("severity").as_deref() {
        None | Some("error") => Severity::Error,
        Some("warning") => Severity::Warning,
        Some("unknown") => Severity::Unknown,
        Some(other) => {
            return Err(problem(format!(
                "`{other}` is no severity; use error, warning or unknown"
            )));
        }
    };
    let code = part("code").map_or_else(|| slug(&message), |code| cut(&code, CODE_BYTES));
    let message = said(&message, &code);
    run::find(Finding::error(code, message).weighing(severity))
}

fn note(value: &Dynamic) -> Fallible<()> {
    let max = run::with(|run| Ok(run.limits.log_line_bytes))?;
    note_text(&text(value, max))
}

fn note_text(line: &str) -> Fallible<()> {
    run::matcher(|matcher, limits| {
        if matcher.out.notes.len() >= limits.log_lines {
            return Err(guard::trip(
                "log_lines",
                format!("wrote more than {} lines", limits.log_lines),
            ));
        }
        matcher.out.notes.push(cut(line, limits.log_line_bytes));
        Ok(())
    })
}

/// Tells what is wrong with the name of a violation, and how to mend it.
pub(in crate::script) fn violation_name(name: &str) -> Result<(), (String, &'static str)> {
    if Violation::RESERVED.contains(&name) {
        return Err((
            format!("`{name}` is a violation of OES's own"),
            "give yours a name that says what is wrong, such as \"stale\" or \"orders.missing\"",
        ));
    }
    if is_name(name, &['-', '.']) {
        return Ok(());
    }
    Err((
        format!("`{}` is no name of a violation", cut(name, 80)),
        "letters, digits, `_`, `-` and `.`, at most 64",
    ))
}

/// Tells what is wrong with the name of a metric, and how to mend it.
pub(in crate::script) fn metric_name(name: &str) -> Result<(), (String, &'static str)> {
    if is_name(name, &[]) && !name.starts_with(|letter: char| letter.is_ascii_digit()) {
        return Ok(());
    }
    Err((
        format!("`{}` is no name of a metric", cut(name, 80)),
        "letters, digits and `_`, at most 64, not beginning with a digit",
    ))
}

/// Returns what is wrong with a name as an error of the script.
fn named(checked: Result<(), (String, &'static str)>) -> Fallible<()> {
    checked.map_err(|(message, help)| problem(format!("{message}: {help}")))
}

fn is_name(name: &str, more: &[char]) -> bool {
    (1..=64).contains(&name.len())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || more.contains(&letter))
}

fn metric(name: &str, value: &Dynamic) -> Fallible<()> {
    let number = super::data::float(value)?;
    named(metric_name(name))?;
    run::matcher(|matcher, _| {
        let metrics = &mut matcher.out.metrics;
        if metrics.len() >= METRICS_MAX && !metrics.contains_key(name) {
            return Err(problem(format!("more than {METRICS_MAX} metrics")));
        }
        metrics.insert(name.into(), number);
        Ok(())
    })
}

fn violation(position: Position, name: &str, message: &str) -> Fallible<()> {
    named(violation_name(name))?;
    let message = said(message, name);
    run::matcher(|matcher, limits| {
        let violations = &mut matcher.out.violations;
        violations.retain(|known| *known.name != *name);
        if violations.len() < limits.findings {
            violations.push(NamedViolation {
                name: name.into(),
                message: message.clone(),
            });
        }
        Ok(())
    })?;
    found_at(Finding::error(name, message), position)
}

fn step(context: &NativeCallContext<'_>, name: &str, body: &FnPtr) -> Fallible<Dynamic> {
    let began = Instant::now();
    let number = run::matcher(|matcher, _| {
        let steps = &mut matcher.out.steps;
        if steps.len() >= STEPS_MAX {
            return Err(problem(format!("more than {STEPS_MAX} steps")));
        }
        steps.push(StepRun {
            name: cut(name, 100),
            elapsed_us: 0,
            completed: false,
        });
        matcher.steps.push(steps.len() - 1);
        Ok(steps.len() - 1)
    })?;
    let result = body.call_within_context::<Dynamic>(context, ());
    run::matcher(|matcher, _| {
        matcher.steps.pop();
        if let Some(step) = matcher.out.steps.get_mut(number) {
            step.elapsed_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            step.completed = result.is_ok();
        }
        Ok(())
    })?;
    result
}
