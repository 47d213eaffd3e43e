//! What is wrong as workflow commands of GitHub, which shows them beside the lines of a change.

use super::gate::Gate;
use super::{Results, failed::failed};
use crate::cli::output;
use crate::config::report::Report;
use crate::suite::Failure;

/// Prints a line for each test that fails, for each mistake in a file, and for what is less than `--min`.
pub(super) fn print(results: &Results<'_>, mistakes: &Report, gate: &Gate) {
    for (suite, test, ran) in results.iter().filter(|(.., ran)| !ran.passes()) {
        let shown = failed(suite, test, ran);
        let plain = anstream::adapter::strip_str(&shown).to_string();
        let why: Vec<&str> = plain.lines().skip(1).map(str::trim_end).collect();
        let line = ran.failures.iter().find_map(line).unwrap_or(test.line());
        command("error", &suite.file, line, test.name(), &why.join("\n"));
    }
    for mistake in mistakes.lines() {
        let message = match &mistake.help {
            Some(help) => format!("{}\n{help}", mistake.message),
            None => mistake.message.clone(),
        };
        let (file, line) = (&mistake.file, mistake.line.max(1));
        command(mistake.severity, file, line, "oes test", &message);
    }
    for short in &gate.short {
        command("error", &short.file, 1, "oes test", &short.message);
    }
}

/// Returns the line of what failed, if it is known better than that of the test.
fn line(failure: &Failure) -> Option<u32> {
    match failure {
        Failure::MockUnused { line, .. }
        | Failure::Reads { line, .. }
        | Failure::Reason { line, .. }
        | Failure::AnswerBroke { line, .. }
        | Failure::NoSuchRequest { line, .. } => Some(*line),
        _ => None,
    }
}

fn command(severity: &str, file: &str, line: u32, title: &str, message: &str) {
    let (file, title) = (property(file), property(title));
    let message = data(message);
    output::verbatim(format_args!(
        "::{severity} file={file},line={line},title={title}::{message}"
    ));
}

/// Returns a text as a command takes it.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Returns a text as a property of a command takes it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
