//! What became of tests, for a person.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Results, Tests};
use crate::cli::finding;
use crate::cli::output::{self, BOLD, ERROR, FAINT, GOOD, counted, styled};
use crate::config::suite::{Suite, Test};
use crate::model::duration::Shown;
use crate::model::judgement::Outcome;
use crate::suite::{Failure, Ran, Told};

/// Letters that are shown before the first probe that differs, and after it.
const SHOWN_BEFORE: usize = 40;
const SHOWN_AFTER: usize = 20;

/// Prints what became of tests: a line a file, each failure, and how many there are.
pub(super) fn print(results: &Results<'_>, tests: &Tests) {
    for suite in &tests.suites {
        let of = results.iter().filter(|(of, ..)| of.file == suite.file);
        let failing: Vec<_> = of.clone().filter(|(.., ran)| !ran.passes()).collect();
        let all = counted(of.count(), "test");
        if failing.is_empty() {
            output::result(format_args!("{} {}  {all}", styled(GOOD, "✓"), suite.file));
        } else {
            let failing = failing.len();
            let line = format!("{} {}  {failing} of {all}", styled(ERROR, "✗"), suite.file);
            output::result(format_args!("{line} failed"));
        }
    }
    for (suite, test, ran) in results.iter().filter(|(.., ran)| !ran.passes()) {
        output::result(format_args!("\n{}", failed(suite, test, ran)));
    }
    output::result(format_args!("\n{}", summary(results, tests)));
}

fn summary(results: &Results<'_>, tests: &Tests) -> String {
    let failed = results.iter().filter(|(.., ran)| !ran.passes()).count();
    let probes: usize = results.iter().map(|(.., ran)| ran.outcomes.len()).sum();
    let unusable = tests.report.errors();
    let all = counted(results.len(), "test");
    let (style, mut text) = match failed {
        0 if results.is_empty() => (ERROR, "✗ no test was run".to_owned()),
        0 => (GOOD, format!("✓ {all} passed")),
        _ => (ERROR, format!("✗ {failed} of {all} failed")),
    };
    let mut style = style.bold();
    if unusable > 0 {
        style = ERROR.bold();
        text = format!(
            "✗ {}, {}",
            counted(unusable, "mistake"),
            text.split_off("✗ ".len())
        );
    }
    format!(
        "{} · {} · {}",
        styled(style, text),
        counted(probes, "probe"),
        counted(tests.files, "file")
    )
}

/// Returns what a failed test is, and why it failed.
pub(super) fn failed(suite: &Suite, test: &Test, ran: &Ran) -> String {
    let place = format!("{}:{}", suite.file, test.line);
    let mut text = format!(
        "{} {}  {}",
        styled(ERROR, "✗"),
        styled(BOLD, &test.name),
        styled(FAINT, format_args!("at {place}"))
    );
    for line in outcomes(test, ran).into_iter().chain(
        ran.failures
            .iter()
            .map(|failure| reason(suite, test, ran, failure)),
    ) {
        write!(text, "\n{}", indented(&line)).unwrap_or_default();
    }
    text
}

/// Returns the letters that were expected above those that came.
fn outcomes(test: &Test, ran: &Ran) -> Option<String> {
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
        return Some(format!("outcomes  {}", got.text));
    };
    let expected = Letters::of(&expected, groups, first);
    let blank = " ".repeat(expected.mark);
    Some(format!(
        "expected  {}\ngot       {}\n          {blank}{}",
        expected.text,
        got.text,
        styled(ERROR, "^")
    ))
}

/// A line of letters, cut around one of them.
struct Letters {
    text: String,
    /// The column of that one.
    mark: usize,
}

impl Letters {
    fn of(letters: &[char], groups: &[usize], around: usize) -> Self {
        let mut ends = Vec::new();
        for group in groups {
            ends.push(ends.last().copied().unwrap_or(0) + group);
        }
        let from = around.saturating_sub(SHOWN_BEFORE);
        let to = around.saturating_add(SHOWN_AFTER).min(letters.len());
        let mut text = String::new();
        let mut mark = 0;
        if from > 0 {
            text.push('…');
        }
        for (index, letter) in letters.iter().enumerate().take(to).skip(from) {
            if index > from && ends.contains(&index) {
                text.push(' ');
            }
            if index == around {
                mark = text.chars().count();
            }
            text.push(*letter);
        }
        if to < letters.len() {
            text.push('…');
        }
        Self { text, mark }
    }
}

fn reason(suite: &Suite, test: &Test, ran: &Ran, failure: &Failure) -> String {
    match failure {
        Failure::Outcome {
            probe,
            after,
            expected,
            got,
            findings,
        } => {
            let when = when(*probe, *after);
            let mut text = format!("probe {probe}{when}: expected {expected}, got {got}");
            if findings.is_empty() {
                text.push_str(", nothing found");
            }
            for one in findings {
                write!(text, "\n{}", finding::text(one)).unwrap_or_default();
            }
            text
        }
        Failure::CodeMissing(code) => format!("code {code}: expected, but never found"),
        Failure::CodeUnexpected(code) => {
            let expected = test.codes.iter().flatten();
            let expected: Vec<&str> = expected.map(|code| &**code).collect();
            let expected = if expected.is_empty() {
                "no codes are expected".to_owned()
            } else {
                format!("expected are {}", expected.join(", "))
            };
            let Some(seen) = ran.codes.get(code) else {
                return format!("code {code}: {expected}");
            };
            let mut text = format!("code {code}, first at probe {}: {expected}", seen.probe);
            if !shown(ran, seen.probe) {
                write!(text, "\n{}", finding::text(&seen.finding)).unwrap_or_default();
            }
            text
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
        Failure::Messages { first, sent } => messages(test, *first, sent),
        Failure::Unmocked {
            probe,
            request,
            nearest,
        } => {
            let mut text = format!("probe {probe}: no mock answers {request}");
            match nearest {
                None => text.push_str("\nthe test has no mocks; write http = [{ url = … }]"),
                Some(nearest) => {
                    let place = format!("{}:{}", suite.file, nearest.line);
                    write!(text, "\nnearest is the mock at {place}, with").unwrap_or_default();
                    for difference in &nearest.differences {
                        write!(text, "\n  {difference}").unwrap_or_default();
                    }
                }
            }
            text
        }
        Failure::MockUnused {
            line,
            request,
            asked,
            times,
        } => {
            let often = match times {
                Some(times) => format!("asked {asked} of {}", counted_times(*times)),
                None => "never asked; say optional = true if that is fine".to_owned(),
            };
            format!("mock at {}:{line}: {request} was {often}", suite.file)
        }
    }
}

fn when(probe: usize, after: Duration) -> String {
    if probe == 1 {
        String::new()
    } else {
        format!(", {} after the first", Shown(after))
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
fn messages(test: &Test, first: usize, sent: &[Told]) -> String {
    let wanted = test
        .pipeline
        .iter()
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
    let mut text = format!(
        "messages expected  {}\nmessages sent      {}\nmessage {} differs",
        listed(&wanted),
        listed(&got),
        first + 1
    );
    match sent.get(first) {
        None => text.push_str(": it was never sent"),
        Some(told) => {
            for line in told.text.trim_end().lines() {
                write!(text, "\n  {line}").unwrap_or_default();
            }
        }
    }
    text
}

/// Tells whether the findings of a probe are shown anyway.
fn shown(ran: &Ran, number: usize) -> bool {
    ran.failures
        .iter()
        .any(|failure| matches!(failure, Failure::Outcome { probe, .. } if *probe == number))
}

fn counted_times(times: u64) -> String {
    format!("{times} {}", if times == 1 { "time" } else { "times" })
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| format!("     {line}").trim_end().to_owned())
        .collect();
    lines.join("\n")
}
