//! A dry run for a person: the response as the script saw it, every finding with its place and values, and what the
//! daemon would have done.

use std::fmt::Write as _;
use std::time::Duration;

use super::report::DryRun;
use crate::cli::output::{self, BOLD, FAINT, styled};
use crate::cli::{finding, load};
use crate::config::report::Report;
use crate::daemon::observe::Watched;
use crate::model::counted::counted;
use crate::model::duration::Shown;
use crate::model::exchange::{Exchange, Response};
use crate::model::judgement::{MemoryDiff, Outcome, ScriptRun, Severity, Usage, Used};
use crate::model::recorded::shown_response_headers;

/// Characters of the body that are shown.
const BODY_SHOWN: usize = 600;
/// Characters of one line of the body that are shown.
const BODY_LINE_SHOWN: usize = 160;
/// Where the text after a label begins.
const INDENT: &str = "             ";

/// Prints that what is judged compiled, with the warnings about it.
pub(super) fn compiled(watched: &Watched, report: &Report) {
    load::show(report);
    let warnings = report.lines();
    for script in watched.scripts() {
        let source = &script.source;
        let about = warnings.iter().filter(|line| line.file == source.file);
        output::result(format_args!(
            "{} compiled {}, {}, {}",
            styled(output::GOOD, "✓"),
            source.file,
            counted(source.text.lines().count(), "line"),
            counted(about.count(), "warning")
        ));
    }
}

/// Prints one dry run.
pub(super) fn print(run: &DryRun<'_>, trace: bool) {
    if let Some(exchange) = &run.exchange {
        request(exchange, trace);
    }
    for script in &run.judgement.runs {
        ran(script);
    }
    output::result("");
    for finding in &run.judgement.findings {
        output::result(finding::text(finding));
    }
    if let Some(why) = &run.unjudged {
        let (style, sign) = output::outcome_look(Outcome::Unknown);
        output::result(format_args!(
            "{} cannot be judged: {why}",
            styled(style, sign)
        ));
    }
    if run.unjudged.is_some() || !run.judgement.findings.is_empty() {
        output::result("");
    }
    for script in &run.judgement.runs {
        memory(script, run);
    }
    if let Some(hint) = &run.hint {
        output::result(labelled("hint", hint));
    }
    output::result(labelled("would do", &run.would.text));
    output::result(verdict(run));
}

fn labelled(label: &str, text: &str) -> String {
    let mut lines = text.lines();
    let mut block = format!("  {label:<10} {}", lines.next().unwrap_or_default());
    for line in lines {
        write!(block, "\n{INDENT}{line}").unwrap_or_default();
    }
    block
}

fn request(exchange: &Exchange, trace: bool) {
    let sent = &exchange.sent;
    let body = if sent.body_bytes > 0 {
        format!(" · {} B sent", sent.body_bytes)
    } else {
        String::new()
    };
    let mut text = format!("{} {}{body}", sent.method, sent.url);
    for hop in &exchange.hops {
        write!(text, "\n{} from {}", hop.status, hop.url).unwrap_or_default();
    }
    match &exchange.result {
        Ok(response) => text.push_str(&response_text(exchange, response, trace)),
        Err(failure) => {
            write!(
                text,
                "\n{} {}",
                styled(output::ERROR, failure.kind),
                failure.message
            )
            .unwrap_or_default();
            write!(
                text,
                "\nafter {}{}",
                Shown(exchange.timings.total),
                phases(exchange)
            )
            .unwrap_or_default();
        }
    }
    if let Some(certificate) = &exchange.certificate {
        write!(
            text,
            "\ncertificate for {} until {}, by {}",
            certificate.names.join(", "),
            certificate.not_after.strftime("%Y-%m-%d"),
            certificate.issuer
        )
        .unwrap_or_default();
    }
    output::result(labelled("request", &text));
}

fn response_text(exchange: &Exchange, response: &Response, trace: bool) -> String {
    let kind = response.header("content-type").unwrap_or("no content type");
    let cut = if response.body.truncated { ", cut" } else { "" };
    let mut text = format!(
        "\n{} · {kind} · {} B{cut} · {}{}",
        styled(BOLD, response.status),
        response.body.bytes.len(),
        Shown(exchange.timings.total),
        phases(exchange)
    );
    if trace {
        for (name, value) in shown_response_headers(&response.headers) {
            write!(text, "\n{}", styled(FAINT, format_args!("{name}: {value}")))
                .unwrap_or_default();
        }
    }
    text.push_str(&body_text(response, trace));
    text
}

/// The beginning of the body, or with `trace` all of it; without control characters.
fn body_text(response: &Response, trace: bool) -> String {
    let (characters, lines, columns) = if trace {
        (usize::MAX, usize::MAX, usize::MAX)
    } else {
        (BODY_SHOWN, 12, BODY_LINE_SHOWN)
    };
    let body = String::from_utf8_lossy(&response.body.bytes);
    let shown: String = body
        .chars()
        .take(characters)
        .filter(|c| !c.is_control() || *c == '\n')
        .collect();
    let mut text = String::new();
    for line in shown.lines().take(lines) {
        let end = line.char_indices().nth(columns);
        let cut = end.and_then(|(end, _)| line.get(..end));
        let line = cut.map_or_else(|| line.to_owned(), |cut| format!("{cut}…"));
        write!(text, "\n{}", styled(FAINT, line)).unwrap_or_default();
    }
    let more = body.chars().nth(characters).is_some() || shown.lines().nth(lines).is_some();
    if more {
        write!(text, "\n{}", styled(FAINT, "…")).unwrap_or_default();
    }
    text
}

fn phases(exchange: &Exchange) -> String {
    let mut parts: Vec<String> = exchange
        .timings
        .present()
        .map(|(phase, spent)| format!("{phase} {}", human_exact(spent)))
        .collect();
    let other = exchange.timings.other();
    if other >= Duration::from_millis(1) {
        parts.push(format!("other {}", human_exact(other)));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(" · "))
    }
}

/// Milliseconds with one decimal below ten.
fn human_exact(spent: Duration) -> String {
    let ms = spent.as_secs_f64() * 1000.0;
    if ms < 10.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.0}")
    }
}

fn ran(script: &ScriptRun) {
    let usage = &script.usage;
    let mut text = format!(
        "{} · {}",
        styled(BOLD, &script.script),
        counted(script.http.len(), "request")
    );
    write!(text, "\n{}", styled(FAINT, limits(usage))).unwrap_or_default();
    for call in &script.http {
        let answer = call.status.map_or_else(
            || call.error.clone().unwrap_or_default(),
            |status| format!("{status} · {} B", call.bytes),
        );
        write!(
            text,
            "\n{} {} → {answer} · {} ms",
            call.method, call.url, call.elapsed_ms
        )
        .unwrap_or_default();
    }
    for step in &script.steps {
        let sign = if step.completed { "✓" } else { "✗" };
        write!(
            text,
            "\n{sign} step {} · {} ms",
            step.name,
            step.elapsed_us / 1000
        )
        .unwrap_or_default();
    }
    for (name, value) in &script.metrics {
        write!(text, "\nmetric {name} = {value}").unwrap_or_default();
    }
    for note in &script.notes {
        write!(text, "\n{}", styled(FAINT, format_args!("note: {note}"))).unwrap_or_default();
    }
    for violation in &script.violations {
        write!(
            text,
            "\nviolation {}: {}",
            violation.name, violation.message
        )
        .unwrap_or_default();
    }
    output::result(labelled("script", &text));
}

/// What the run used of what it was allowed; of the rarer things only those that it used at all.
fn limits(usage: &Usage) -> String {
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

fn memory(script: &ScriptRun, run: &DryRun<'_>) {
    let MemoryDiff { set, removed } = &script.memory;
    let mut lines: Vec<String> = set
        .iter()
        .map(|(key, entry)| {
            let before = run
                .memory_before
                .get(key)
                .map(|entry| entry.value.summary(60));
            format!(
                "{key}: {} → {}",
                before.unwrap_or_else(|| "nothing".to_owned()),
                entry.value.summary(60)
            )
        })
        .collect();
    lines.extend(removed.iter().map(|key| format!("{key}: removed")));
    if !lines.is_empty() {
        lines.push(styled(FAINT, run.memory_note()));
        output::result(labelled("memory", &lines.join("\n")));
    }
}

fn verdict(run: &DryRun<'_>) -> String {
    let judgement = &run.judgement;
    let count = |severity| {
        judgement
            .findings
            .iter()
            .filter(|f| f.severity == severity)
            .count()
    };
    let (style, sign) = output::outcome_look(judgement.outcome);
    let mut parts = Vec::new();
    for (severity, what) in [
        (Severity::Broken, "script error"),
        (Severity::Error, "error"),
        (Severity::Unknown, "unknown"),
        (Severity::Warning, "warning"),
    ] {
        match count(severity) {
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
    let word = match judgement.outcome {
        Outcome::Pass => "PASS",
        Outcome::Warn => "WARN",
        Outcome::Unknown => "UNKNOWN",
        Outcome::Fail => "FAIL",
        Outcome::Error => "SCRIPT ERROR",
    };
    format!(
        "{}  {} · nothing was saved or sent",
        styled(style.bold(), format_args!("{sign} {word}")),
        parts.join(", ")
    )
}
