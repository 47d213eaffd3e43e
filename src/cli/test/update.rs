//! Takes what comes out of tests for what must: rewrites what files say of it, and nothing else in them.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::ops::Range;
use std::path::Path;

use super::Results;
use super::failed::metrics;
use crate::cli::output::{self, BOLD, ERROR, FAINT, GOOD, styled};
use crate::config;
use crate::config::suite::{Case, Notice, Suite, Test};
use crate::model::counted::counted;
use crate::model::judgement::Outcome;
use crate::suite::{Failure, Ran, Told};

/// A byte order mark, which is no part of the text of a file.
const MARK: &str = "\u{FEFF}";

/// One place of a file that is to say something else.
struct Change<'a> {
    suite: &'a Suite,
    test: &'a Case,
    key: &'static str,
    span: Range<usize>,
    /// What it is to say, as TOML.
    text: String,
    /// How it differs, where that says more than the two texts.
    differences: &'a [String],
}

/// What becomes of tests that fail.
pub(super) struct Update<'a> {
    changes: Vec<Change<'a>>,
    /// Tests that break rather than differ, and why.
    refused: Vec<(&'a Suite, &'a Case, String)>,
}

impl<'a> Update<'a> {
    /// Returns what would have to change for the tests that fail to pass.
    pub(super) fn of(results: &Results<'a>) -> Self {
        let mut update = Self {
            changes: Vec::new(),
            refused: Vec::new(),
        };
        for (suite, test, ran) in results.iter().filter(|(.., ran)| !ran.passes()) {
            match changes(suite, test, ran) {
                Ok(changes) => update.changes.extend(changes),
                Err(why) => update.refused.push((suite, test, why)),
            }
        }
        update
    }

    /// Shows what would change, asks unless that was answered, and writes it. Tells whether every test passes then.
    ///
    /// # Errors
    /// A file cannot be written, or is another one by now.
    pub(super) fn perform(&self, yes: bool) -> io::Result<bool> {
        self.show();
        if self.changes.is_empty() {
            return Ok(self.refused.is_empty());
        }
        let all = counted(self.changes.len(), "change");
        if !(yes || confirmed(&all)?) {
            output::note("nothing was written");
            return Ok(false);
        }
        let mut changes: Vec<&Change<'_>> = self.changes.iter().collect();
        changes.sort_by_key(|change| (change.suite.file.to_string(), change.span.start));
        for changes in changes.chunk_by(|one, next| one.suite.file == next.suite.file) {
            write(changes)?;
        }
        output::result(format_args!(
            "\n{} {all} written; look at them, then run the tests again",
            styled(GOOD, "✓")
        ));
        Ok(self.refused.is_empty())
    }

    fn show(&self) {
        for change in &self.changes {
            let (suite, test) = (change.suite, change.test);
            let place = format_args!("at {}:{}", suite.file, test.line());
            output::result(format_args!(
                "\n{}  {}",
                styled(BOLD, test.name()),
                styled(FAINT, place)
            ));
            let key = change.key;
            if change.differences.is_empty() {
                let old = suite.text.get(change.span.clone()).unwrap_or_default();
                let old = format!("- {key} = {old}");
                let new = format!("+ {key} = {}", change.text);
                output::result(format_args!("     {}", styled(ERROR, old)));
                output::result(format_args!("     {}", styled(GOOD, new)));
            }
            for difference in change.differences {
                output::result(format_args!("     {key}: {difference}"));
            }
        }
        for (suite, test, why) in &self.refused {
            output::result(format_args!(
                "\n{} {}  {}\n     not updated: {why}",
                styled(ERROR, "✗"),
                styled(BOLD, test.name()),
                styled(FAINT, format_args!("at {}:{}", suite.file, test.line()))
            ));
        }
    }
}

/// Asks a person at a terminal.
fn confirmed(all: &str) -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        output::note("say --yes to write without being asked");
        return Ok(false);
    }
    output::note(format_args!("\nwrite {all}? [y/N]"));
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Writes the changes of one file, in the order of its text.
fn write(changes: &[&Change<'_>]) -> io::Result<()> {
    let Some(first) = changes.first() else {
        return Ok(());
    };
    let path = Path::new(&*first.suite.file);
    let now = fs::read_to_string(path)?;
    let mark = if now.starts_with(MARK) { MARK } else { "" };
    let mut text = first.suite.text.to_string();
    if now.strip_prefix(mark) != Some(text.as_str()) {
        let message = format!("{} was changed while its tests ran", path.display());
        return Err(io::Error::other(message));
    }
    for change in changes.iter().rev() {
        text.replace_range(change.span.clone(), &change.text);
    }
    output::save_file(path, format!("{mark}{text}").as_bytes())
}

/// Returns what would have to change for one test to pass, or why nothing can.
fn changes<'a>(suite: &'a Suite, test: &'a Case, ran: &'a Ran) -> Result<Vec<Change<'a>>, String> {
    let mut changes: Vec<Change<'_>> = Vec::new();
    for failure in &ran.failures {
        let (key, span, toml) = match (failure, test) {
            (Failure::Requests { made, .. }, Case::Channel(test)) => {
                let golden = test.requests.as_deref();
                let partly = golden.is_some_and(|one| one.least.iter().any(Option::is_some));
                if partly {
                    return Err(
                        "match_json says only what you want it to say; change it yourself".into(),
                    );
                }
                let span = golden.and_then(|one| one.span.clone());
                ("requests", span, requests(made)?)
            }
            (Failure::Reads { span, got, .. }, _) => ("reads", Some(span.clone()), quoted(got)),
            (Failure::Reason { span, got, .. }, _) => ("reason", Some(span.clone()), quoted(got)),
            (_, Case::Probes(test)) => of_probes(test, ran, failure)?,
            (other, _) => return Err(broken(other)),
        };
        let Some(span) = span else {
            return Err(format!(
                "`{key}` stands under [defaults], where other tests read it too"
            ));
        };
        if changes.iter().all(|change| change.span != span) {
            changes.push(Change {
                suite,
                test,
                key,
                span,
                text: toml,
                differences: match failure {
                    Failure::Requests { differences, .. } => differences,
                    _ => &[],
                },
            });
        }
    }
    Ok(changes)
}

type Rewritten = (&'static str, Option<Range<usize>>, String);

fn of_probes(test: &Test, ran: &Ran, failure: &Failure) -> Result<Rewritten, String> {
    let written = &test.written;
    Ok(match failure {
        Failure::Outcome { .. } => ("expect", written.expect.clone(), expect(test, ran)?),
        Failure::CodeMissing(_) | Failure::CodeUnexpected(_) => {
            let codes: Vec<String> = ran.codes.keys().map(|code| quoted(code)).collect();
            (
                "codes",
                written.codes.clone(),
                format!("[{}]", codes.join(", ")),
            )
        }
        Failure::Metrics { got, .. } => ("metrics", written.metrics.clone(), metrics(got)),
        Failure::Open { .. } => ("violations", written.violations.clone(), open(test, ran)),
        Failure::Messages { sent, .. } => ("notify", written.notify.clone(), notify(test, sent)),
        other => return Err(broken(other)),
    })
}

/// Returns the letters that came, in the groups of those that were expected; `.` stays.
fn expect(test: &Test, ran: &Ran) -> Result<String, String> {
    let Some(expected) = &test.expect else {
        return Err("it expects no outcomes".to_owned());
    };
    let mut letters = Vec::new();
    for (index, got) in ran.outcomes.iter().enumerate() {
        let wanted = expected.outcomes.get(index).copied().flatten();
        if *got == Outcome::Error && wanted.is_some_and(|wanted| wanted != Outcome::Error) {
            return Err(format!("the script broke at probe {}", index + 1));
        }
        letters.push(wanted.map_or('.', |_| got.letter()));
    }
    let mut letters = letters.into_iter();
    let groups = expected.groups.iter();
    let groups: Vec<String> = groups
        .map(|count| letters.by_ref().take(*count).collect())
        .collect();
    Ok(quoted(&groups.join(" ")))
}

fn open(test: &Test, ran: &Ran) -> String {
    let pipeline = test.pipeline.as_ref();
    let wanted = pipeline.and_then(|pipeline| pipeline.violations.as_ref());
    let words = ran.open.iter().enumerate().map(|(index, open)| {
        let any = wanted.is_some_and(|wanted| wanted.get(index) == Some(&None));
        match open.as_str() {
            _ if any => ".",
            "" => "-",
            open => open,
        }
    });
    quoted(&words.collect::<Vec<_>>().join(" "))
}

fn notify(test: &Test, sent: &[Told]) -> String {
    let pipeline = test.pipeline.as_ref();
    let wanted: Vec<&Notice> = pipeline
        .and_then(|pipeline| pipeline.notify.as_ref())
        .into_iter()
        .flatten()
        .collect();
    let lines = sent.iter().enumerate().map(|(index, told)| {
        let contains = wanted.get(index).and_then(|one| one.contains.as_ref());
        let contains = contains.filter(|text| told.text.contains(text.as_str()));
        let contains =
            contains.map_or_else(String::new, |text| format!(", contains = {}", quoted(text)));
        format!(
            "    {{ at = {}, kind = {}, violation = {}{contains} }},\n",
            quoted(&config::duration_words(told.at)),
            quoted(told.kind),
            quoted(told.violation.as_str())
        )
    });
    let lines: String = lines.collect();
    if lines.is_empty() {
        return "[]".to_owned();
    }
    format!("[\n{lines}]")
}

/// Returns requests as JSON in a text of TOML.
fn requests(made: &crate::model::json::Json) -> Result<String, String> {
    let text = serde_json::to_string_pretty(made).map_err(|error| error.to_string())?;
    if text.contains("'''") {
        return Ok(quoted(&text));
    }
    Ok(format!("'''\n{text}\n'''"))
}

/// Returns a text in the quotes of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Returns why a failure is none that another expectation would mend.
fn broken(failure: &Failure) -> String {
    match failure {
        Failure::Unmocked { request, .. } => format!("no mock answers {request}"),
        Failure::MockUnused { request, .. } => {
            format!("the mock of {request} was not asked as often as it says")
        }
        Failure::NoSuchRequest { index, .. } => {
            format!("there is no request of index = {index}")
        }
        Failure::NoRequests { reason, .. } | Failure::AnswerBroke { reason, .. } => reason.clone(),
        _ => "it does not merely differ".to_owned(),
    }
}
