//! What became of tests as `oes.test/1`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Exit, Results, SCHEMA, Tests};
use crate::config::report::Report;
use crate::model::code::Code;
use crate::model::judgement::Outcome;
use crate::suite::Failure;

/// Returns what became of tests.
pub(super) fn json(
    results: &Results<'_>,
    tests: &Tests,
    exit: Exit,
    measured: Vec<(&str, Value)>,
) -> Value {
    let passed = results.iter().filter(|(.., ran)| ran.passes()).count();
    let ran: Vec<Value> = results
        .iter()
        .map(|(suite, test, ran)| {
            let expected = test.probes().and_then(|test| test.expect.as_ref());
            let expected = expected.map(|expect| {
                let letters = expect.outcomes.iter();
                letters
                    .map(|one| one.map_or('.', Outcome::letter))
                    .collect::<String>()
            });
            json!({
                "file": &*suite.file,
                "line": test.line(),
                "name": test.name(),
                "passes": ran.passes(),
                "expected": expected,
                "outcomes": ran.outcomes.iter().map(|one| one.letter()).collect::<String>(),
                "codes": ran.codes.keys().map(|code| &**code).collect::<Vec<_>>(),
                "failures": ran.failures.iter().map(failure).collect::<Vec<_>>(),
            })
        })
        .collect();
    let mut value = json!({
        "schema": SCHEMA,
        "exit": exit as u8,
        "passed": passed,
        "failed": ran.len() - passed,
        "tests": ran,
        "mistakes": tests.report.lines(),
        "stand_ins": tests.stand_ins,
    });
    if let Some(members) = value.as_object_mut() {
        let measured = measured.into_iter();
        members.extend(measured.map(|(key, value)| (key.to_owned(), value)));
    }
    value
}

/// Returns what is wrong with files but for what failures say better: a script that finds something in a test which fails
/// does not merely check nothing.
pub(super) fn interesting(report: &Report, results: &Results<'_>) -> Report {
    let found: BTreeSet<&str> = results
        .iter()
        .filter(|(.., ran)| !ran.passes() && !ran.codes.is_empty())
        .filter_map(|(_, test, _)| Some(&*test.script()?.file))
        .collect();
    let mut report = report.clone();
    for file in &mut report.files {
        if found.contains(&*file.name) {
            file.mistakes
                .retain(|mistake| mistake.code != Code::ChecksNothing);
        }
    }
    report.files.retain(|file| !file.mistakes.is_empty());
    report
}

/// Returns which tests there are.
pub(super) fn list(tests: &Tests) -> Value {
    let all = tests.iter().map(
        |(suite, test)| json!({ "file": &*suite.file, "line": test.line(), "name": test.name() }),
    );
    json!({
        "schema": SCHEMA,
        "tests": all.collect::<Vec<_>>(),
        "mistakes": tests.report.lines(),
    })
}

fn failure(failure: &Failure) -> Value {
    match failure {
        Failure::Outcome {
            probe,
            after,
            expected,
            got,
            findings,
        } => json!({
            "kind": "outcome",
            "probe": probe,
            "after_s": after.as_secs_f64(),
            "expected": expected,
            "got": got,
            "findings": findings,
        }),
        Failure::CodeMissing(code) => json!({ "kind": "code_missing", "code": &**code }),
        Failure::CodeUnexpected(code) => json!({ "kind": "code_unexpected", "code": &**code }),
        Failure::Open {
            probe,
            after,
            expected,
            got,
        } => json!({
            "kind": "violations",
            "probe": probe,
            "after_s": after.as_secs_f64(),
            "expected": expected,
            "got": got,
        }),
        Failure::Messages { first, sent } => json!({
            "kind": "notify",
            "message": first + 1,
            "sent": sent.iter().map(|told| json!({
                "at_s": told.at.as_secs_f64(),
                "kind": told.kind,
                "violation": told.violation,
                "text": told.text,
            })).collect::<Vec<_>>(),
        }),
        Failure::Unmocked {
            probe,
            request,
            nearest,
        } => json!({
            "kind": "unmocked",
            "probe": probe,
            "request": request,
            "nearest": nearest.as_ref().map(|nearest| json!({
                "line": nearest.line,
                "differences": nearest.differences,
            })),
        }),
        Failure::Metrics { .. } | Failure::MockUnused { .. } => of_script(failure),
        Failure::Requests { .. }
        | Failure::NoRequests { .. }
        | Failure::Reads { .. }
        | Failure::Reason { .. }
        | Failure::AnswerBroke { .. }
        | Failure::NoSuchRequest { .. } => of_channel(failure),
    }
}

fn of_script(failure: &Failure) -> Value {
    match failure {
        Failure::Metrics { expected, got } => {
            json!({ "kind": "metrics", "expected": expected, "got": got })
        }
        Failure::MockUnused {
            line,
            request,
            asked,
            times,
        } => json!({
            "kind": "mock_unused",
            "line": line,
            "request": request,
            "asked": asked,
            "times": times,
        }),
        _ => Value::Null,
    }
}

fn of_channel(failure: &Failure) -> Value {
    match failure {
        Failure::Requests {
            differences,
            more,
            made,
        } => json!({
            "kind": "requests",
            "differences": differences,
            "more": more,
            "made": made,
        }),
        Failure::NoRequests { reason, finding } => {
            json!({ "kind": "no_requests", "reason": reason, "finding": finding })
        }
        Failure::Reads {
            line,
            status,
            expected,
            got,
            reason,
            ..
        } => json!({
            "kind": "reads",
            "line": line,
            "status": status,
            "expected": expected,
            "got": got,
            "reason": reason,
        }),
        Failure::Reason {
            line,
            expected,
            got,
            ..
        } => json!({ "kind": "reason", "line": line, "expected": expected, "got": got }),
        Failure::AnswerBroke {
            line,
            reason,
            finding,
        } => json!({
            "kind": "answer_broke",
            "line": line,
            "reason": reason,
            "finding": finding,
        }),
        Failure::NoSuchRequest { line, index, made } => json!({
            "kind": "no_such_request",
            "line": line,
            "index": index,
            "made": made,
        }),
        _ => Value::Null,
    }
}
