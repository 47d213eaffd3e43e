//! A test that failed, for a person: what it is, and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::letters::{Letters, SHOWN_BEFORE};
use crate::cli::finding;
use crate::cli::output::{BOLD, ERROR, FAINT, styled};
use crate::config::suite::{Case, Suite, Test};
use crate::model::counted::counted;
use crate::model::duration::Shown;
use crate::model::judgement::{Finding, Outcome};
use crate::suite::{Failure, Nearest, Ran, Told};

/// Returns what a failed test is, and why it failed.
pub(super) fn failed(suite: &Suite, case: &Case, ran: &Ran) -> String {
    let place = format!("{}:{}", suite.file, case.line());
    let mut page = format!(
        "{} {}  {}",
        styled(ERROR, "✗"),
        styled(BOLD, case.name()),
        styled(FAINT, format_args!("at {place}"))
    );
    let outcomes = case.probes().map(|test| outcomes(test, ran));
    let reasons = ran.failures.iter();
    let reasons = reasons.map(|failure| reason(suite, case, ran, failure));
    for line in outcomes.into_iter().chain(reasons) {
        write!(page, "\n{}", indented(&line)).unwrap_or_default();
    }
    page
}

/// Returns the letters that were expected above those that came.
fn outcomes(test: &Test, ran: &Ran) -> String {
    let first = ran.failures.iter().find_map(|failure| match failure {
        Failure::Outcome { probe, .. } => Some(probe - 1),
        _ => None,
    });
    let got: Vec<char> = ran.outcomes.iter().map(|one| one.letter()).collect();
    let expected: Option<Vec<char>> = test.expect.as_ref().map(|expect| {
        let letter = |one: &Option<Outcome>| one.map_or('.', Outcome::letter);
        expect.outcomes.iter().map(letter).collect()
    });
    let groups = test
        .expect
        .as_ref()
        .map_or(&[][..], |expect| &expect.groups);
    let got = Letters::of(&got, groups, first.unwrap_or(SHOWN_BEFORE));
    let Some((expected, first)) = expected.zip(first) else {
        return format!("outcomes  {}", got.text);
    };
    let expected = Letters::of(&expected, groups, first);
    let blank = " ".repeat(expected.mark);
    format!(
        "expected  {}\ngot       {}\n          {blank}{}",
        expected.text,
        got.text,
        styled(ERROR, "^")
    )
}

fn reason(suite: &Suite, case: &Case, ran: &Ran, failure: &Failure) -> String {
    match failure {
        Failure::Outcome {
            probe,
            after,
            expected,
            got,
            findings,
        } => {
            let head = format!(
                "probe {probe}{}: expected {expected}, got {got}",
                when(*probe, *after)
            );
            with_findings(head, findings)
        }
        Failure::CodeMissing(code) => format!("code {code}: expected, but never found"),
        Failure::CodeUnexpected(code) => unexpected(case, ran, code),
        Failure::Metrics { expected, got } => {
            let (expected, got) = (metrics(expected), metrics(got));
            format!("the metrics of the last probe differ\n  expected {expected}\n  got      {got}")
        }
        Failure::Open {
            probe,
            after,
            expected,
            got,
        } => {
            let when = when(*probe, *after);
            let (expected, got) = (open(expected), open(got));
            format!("probe {probe}{when}: expected {expected} to be open, got {got}")
        }
        Failure::Messages { first, sent } => messages(case, *first, sent),
        Failure::Unmocked {
            probe,
            request,
            nearest,
        } => {
            let nearest = nearest_mock(suite, nearest.as_ref());
            format!("probe {probe}: no mock answers {request}\n{nearest}")
        }
        Failure::MockUnused {
            line,
            request,
            asked,
            times,
        } => {
            let often = match times {
                Some(1) => format!("asked {asked} of 1 time"),
                Some(times) => format!("asked {asked} of {times} times"),
                None => "never asked; say optional = true if that is fine".to_owned(),
            };
            format!("mock at {}:{line}: {request} was {often}", suite.file)
        }
        Failure::Requests { .. }
        | Failure::NoRequests { .. }
        | Failure::Reads { .. }
        | Failure::Reason { .. }
        | Failure::AnswerBroke { .. }
        | Failure::NoSuchRequest { .. } => of_channel(suite, failure),
    }
}

fn of_channel(suite: &Suite, failure: &Failure) -> String {
    let answer = |line: &u32| format!("answer at {}:{line}", suite.file);
    match failure {
        Failure::Requests {
            differences, more, ..
        } => {
            let more = match more {
                0 => String::new(),
                more => format!("\n  and {}", counted(*more, "more difference")),
            };
            format!("the requests differ\n  {}{more}", differences.join("\n  "))
        }
        Failure::NoRequests {
            finding: Some(broke),
            ..
        } => {
            format!("no requests: `requests` broke\n{}", finding::text(broke))
        }
        Failure::NoRequests { reason, .. } => format!("no requests: {reason}"),
        Failure::Reads {
            line,
            status,
            expected,
            got,
            reason,
            ..
        } => {
            let reason = match reason.as_str() {
                "" => String::new(),
                reason => format!("\n  reason: {reason}"),
            };
            let answer = answer(line);
            format!("{answer}, status {status}: expected {expected}, got {got}{reason}")
        }
        Failure::Reason {
            line,
            expected,
            got,
            ..
        } => format!(
            "{}: the reason differs\n  expected {expected}\n  got      {got}",
            answer(line)
        ),
        Failure::AnswerBroke {
            line,
            finding: Some(broke),
            ..
        } => format!("{}: `answer` broke\n{}", answer(line), finding::text(broke)),
        Failure::AnswerBroke { line, reason, .. } => format!("{}: {reason}", answer(line)),
        Failure::NoSuchRequest { line, index, made } => format!(
            "{}: there is no request of index = {index}; the channel makes {}, and the first is 0",
            answer(line),
            counted(*made, "request")
        ),
        _ => String::new(),
    }
}

fn with_findings(head: String, findings: &[Finding]) -> String {
    if findings.is_empty() {
        return format!("{head}, nothing found");
    }
    let found = findings.iter().map(finding::text);
    std::iter::once(head)
        .chain(found)
        .collect::<Vec<_>>()
        .join("\n")
}

fn unexpected(case: &Case, ran: &Ran, code: &str) -> String {
    let expected = case.probes().and_then(|test| test.codes.as_ref());
    let expected = expected.into_iter().flatten();
    let expected: Vec<&str> = expected.map(|code| &**code).collect();
    let expected = if expected.is_empty() {
        "no codes are expected".to_owned()
    } else {
        format!("expected are {}", expected.join(", "))
    };
    let Some(seen) = ran.codes.get(code) else {
        return format!("code {code}: {expected}");
    };
    let head = format!("code {code}, first at probe {}: {expected}", seen.probe);
    if shown(ran, seen.probe) {
        return head;
    }
    format!("{head}\n{}", finding::text(&seen.finding))
}

fn nearest_mock(suite: &Suite, nearest: Option<&Nearest>) -> String {
    let Some(nearest) = nearest else {
        return "the test has no mocks; write http = [{ url = … }]".to_owned();
    };
    let differences = nearest.differences.join("\n  ");
    format!(
        "nearest is the mock at {}:{}, with\n  {differences}",
        suite.file, nearest.line
    )
}

fn when(probe: usize, after: Duration) -> String {
    if probe == 1 {
        String::new()
    } else {
        format!(", {} after the first", Shown(after))
    }
}

/// Returns metrics as a test writes them.
pub(super) fn metrics(metrics: &BTreeMap<Arc<str>, f64>) -> String {
    let members = metrics
        .iter()
        .map(|(name, value)| format!("{name} = {value}"));
    let members: Vec<String> = members.collect();
    match members.as_slice() {
        [] => "{}".to_owned(),
        members => format!("{{ {} }}", members.join(", ")),
    }
}

/// Returns the names of violations.
fn open(letters: &str) -> String {
    let names: Vec<&str> = letters
        .chars()
        .map(|letter| match letter {
            'e' => "error",
            'l' => "latency",
            'm' => "matcher",
            'u' => "unknown",
            _ => "a named one",
        })
        .collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

/// Returns the messages that were sent beside those that were expected, and the text of the first that differs.
fn messages(case: &Case, first: usize, sent: &[Told]) -> String {
    let pipeline = case.probes().and_then(|test| test.pipeline.as_ref());
    let wanted = pipeline
        .into_iter()
        .flat_map(|one| one.notify.iter().flatten());
    let wanted: Vec<String> = wanted
        .map(|notice| {
            let violation = notice.violation.as_ref();
            let violation = violation.map_or("any violation", |violation| violation.as_str());
            let contains = notice.contains.as_ref();
            let contains = contains.map_or_else(String::new, |text| format!(" with `{text}`"));
            format!("{} {} {violation}{contains}", Shown(notice.at), notice.kind)
        })
        .collect();
    let got: Vec<String> = sent
        .iter()
        .map(|told| format!("{} {} {}", Shown(told.at), told.kind, told.violation))
        .collect();
    let listed = |list: &[String]| {
        if list.is_empty() {
            "none".to_owned()
        } else {
            list.join(" · ")
        }
    };
    let mut page = format!(
        "messages expected  {}\nmessages sent      {}\nmessage {} differs",
        listed(&wanted),
        listed(&got),
        first + 1
    );
    match sent.get(first) {
        None => page.push_str(": it was never sent"),
        Some(told) => {
            for line in told.text.trim_end().lines() {
                write!(page, "\n  {line}").unwrap_or_default();
            }
        }
    }
    page
}

/// Tells whether the findings of a probe are shown anyway.
fn shown(ran: &Ran, number: usize) -> bool {
    ran.failures
        .iter()
        .any(|failure| matches!(failure, Failure::Outcome { probe, .. } if *probe == number))
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| format!("     {line}").trim_end().to_owned())
        .collect();
    lines.join("\n")
}
