//! A dry run for a person: the response as the script saw it, every finding with its place and values, and what the
//! daemon would have done.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cli::output::{self, BOLD, FAINT, styled};
use crate::cli::{finding, load};
use crate::config::report::Report;
use crate::daemon::observe::Watched;
use crate::model::counted::counted;
use crate::model::duration::Shown;
use crate::model::exchange::{Exchange, Response};
use crate::model::judgement::{Outcome, ScriptRun};
use crate::model::recorded::shown_response_headers;
use crate::policy::dry_run::{DryRun, words};

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
pub(super) fn print(run: &DryRun, trace: bool) {
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
    write!(text, "\n{}", styled(FAINT, words::used(usage))).unwrap_or_default();
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

fn memory(script: &ScriptRun, run: &DryRun) {
    let mut lines = words::changed(&script.memory, &run.memory_before);
    if !lines.is_empty() {
        lines.push(styled(FAINT, run.memory_note()));
        output::result(labelled("memory", &lines.join("\n")));
    }
}

fn verdict(run: &DryRun) -> String {
    let judgement = &run.judgement;
    let (style, sign) = output::outcome_look(judgement.outcome);
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
        words::found(run)
    )
}
