//! Where a script is tried on a service, and what came of it.

use std::sync::Arc;

use askama::Template;

use super::evidence::{self, told};
use super::frame::{Frame, Here};
use super::links::Links;
use super::phases::Phases;
use super::present::{Audience, Present};
use super::words as page_words;
use crate::model::counted::counted;
use crate::model::duration::Shown;
use crate::model::evidence::SeenExchange;
use crate::model::judgement::{Finding, Memory, Outcome, ScriptRun, Severity};
use crate::model::redaction::Redaction;
use crate::model::service::ServiceName;
use crate::model::span::Line;
use crate::policy::dry_run::{DryRun, words};
use crate::web::api::Tried;

/// Characters of a value that are shown.
const VALUE_CHARS: usize = 200;

/// What a person has written, and what the form brings with it.
pub(super) struct Form {
    /// What says that it comes from a page of the session; absent for whoever shows a token.
    pub csrf: Option<String>,
    /// The service.
    pub service: String,
    /// The script.
    pub script: String,
}

/// What came of a script.
pub(super) enum Came {
    /// It was not tried yet.
    Nothing,
    /// It was tried.
    Tried(Tried),
    /// It was not tried, and why.
    Not(String),
}

/// The page.
#[derive(Template)]
#[template(path = "playground.html")]
pub(super) struct Page {
    frame: Frame,
    form: Form,
    services: Vec<String>,
    /// How many incidents of the service are open, where any is.
    open: Option<String>,
    why_not: Option<String>,
    mistakes: Option<String>,
    ran: Option<Ran>,
}

impl Page {
    /// Returns the page, which only those see who may act on the daemon.
    pub(super) fn new(
        present: &Present,
        title: &str,
        links: Links,
        form: Form,
        came: &Came,
    ) -> Self {
        let asked = present
            .services
            .iter()
            .filter(|one| one.heartbeat.is_none());
        let services: Vec<String> = asked.map(|one| one.name.to_string()).collect();
        let is_there = form.service.is_empty() || services.contains(&form.service);
        let nobody = || {
            let name = &form.service;
            format!("There is no service `{name}` here that is asked. Choose another one.")
        };
        let open = present.open();
        let open = open.get(&ServiceName::new(&*form.service)).map(Vec::len);
        let (why_not, mistakes, ran) = match came {
            Came::Nothing => ((!is_there).then(nobody), None, None),
            Came::Not(why) => (Some(why.clone()), None, None),
            Came::Tried(Tried::Refused { drawn, .. }) => (None, Some(drawn.clone()), None),
            Came::Tried(Tried::Ran(run)) => (None, None, Some(Ran::of(run))),
        };
        Self {
            frame: Frame {
                title: title.to_owned(),
                heading: format!("Playground · {title}"),
                here: Here::Playground,
                links,
                audience: Audience::Private,
                state: present.verdict(Audience::Private).state,
                at: present.at,
            },
            form,
            services,
            open: open.map(|open| counted(open, "open incident")),
            why_not,
            mistakes,
            ran,
        }
    }
}

/// A dry run as the page shows it.
struct Ran {
    word: &'static str,
    tone: &'static str,
    found: String,
    would: String,
    hint: Option<String>,
    warnings: Vec<String>,
    findings: Vec<Found>,
    asked: String,
    phases: Phases,
    texts: Vec<(&'static str, String)>,
    scripts: Vec<Script>,
    note: &'static str,
}

impl Ran {
    fn of(run: &DryRun) -> Self {
        let (word, tone) = look(run.judgement.outcome);
        let exchange = run.exchange.as_deref();
        // Secrets are out already; a credential that the service has just given out is not.
        let seen = exchange.map(|one| SeenExchange::of(one, &Redaction::default()));
        let texts = seen.as_ref().map(evidence::texts);
        Self {
            word,
            tone,
            found: words::found(run),
            would: run.would.text.clone(),
            hint: run.hint.clone(),
            warnings: run.warnings.iter().map(warning).collect(),
            findings: run.judgement.findings.iter().map(Found::of).collect(),
            asked: exchange.map_or_else(String::new, |one| {
                format!("{} {}", one.sent.method, one.sent.url)
            }),
            phases: exchange.map_or_else(Phases::default, |one| Phases::from(&one.timings)),
            texts: texts.unwrap_or_default(),
            scripts: run
                .judgement
                .runs
                .iter()
                .map(|script| Script::of(script, &run.memory_before))
                .collect(),
            note: run.memory_note(),
        }
    }

    /// Tells whether a text is shown without a click.
    fn is_open(name: &str) -> bool {
        matches!(name, "Body" | "Failure")
    }
}

fn look(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Pass => ("✓ Pass", "good"),
        Outcome::Warn => ("! Warning", "warned"),
        Outcome::Unknown => ("? Unknown", "warned"),
        Outcome::Fail => ("✗ Fail", "bad"),
        Outcome::Error => ("✗ Script error", "bad"),
    }
}

fn warning(line: &Line) -> String {
    let help = line.help.as_ref();
    let help = help.map_or_else(String::new, |help| format!(" ({help})"));
    format!("{}: {}{help}", line.place(), line.message)
}

/// A finding with its place and the values that show why.
struct Found {
    code: Arc<str>,
    text: String,
    tone: &'static str,
    word: &'static str,
    /// Where in the script, with its line and a mark.
    place: Option<String>,
    values: Vec<(String, String)>,
}

impl Found {
    fn of(finding: &Finding) -> Self {
        let (tone, word) = match finding.severity {
            Severity::Error => ("bad", "error"),
            Severity::Broken => ("bad", "the script is broken"),
            Severity::Unknown => ("warned", "unknown"),
            Severity::Warning => ("warned", "warning"),
        };
        let named = [("expected", &finding.expected), ("actual", &finding.actual)];
        let named = named
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.as_ref()?)));
        let evidence = finding.evidence.iter();
        let values = named.chain(evidence.map(|(name, value)| (name.clone(), value)));
        let step = finding.step.iter();
        let step = step.map(|step| ("in step".to_owned(), step.clone()));
        let values = values.map(|(name, value)| {
            let told = match &*name {
                "expected" => page_words::expected(value, VALUE_CHARS),
                _ => value.summary(VALUE_CHARS),
            };
            (name, told)
        });
        Self {
            code: Arc::clone(&finding.code),
            text: finding.to_string(),
            tone,
            word,
            place: place(finding),
            values: step.chain(values).collect(),
        }
    }
}

/// Returns where in the script something was found: `script.rhai:3:1`, the line, and a mark below it.
fn place(finding: &Finding) -> Option<String> {
    let at = finding.at.as_ref()?;
    let mut text = at.to_string();
    if let Some(calls) = finding.calls() {
        text.extend([", ", &calls]);
    }
    if let Some(source) = &finding.source {
        let (gutter, indent) = (at.line.to_string(), finding.indent());
        let blank = " ".repeat(gutter.len());
        let lines = format!("\n{gutter} │ {source}\n{blank} │ {indent}^");
        text.push_str(&lines);
    }
    Some(text)
}

/// What one script did.
struct Script {
    name: Arc<str>,
    used: String,
    lists: Vec<(&'static str, Vec<String>)>,
}

impl Script {
    fn of(run: &ScriptRun, before: &Memory) -> Self {
        let step = |step: &crate::model::judgement::StepRun| {
            let sign = if step.completed { "✓" } else { "✗" };
            let took = Shown(std::time::Duration::from_micros(step.elapsed_us));
            format!("{sign} {} in {took}", step.name)
        };
        let metrics = run.metrics.iter();
        let violations = run.violations.iter();
        let lists = [
            ("Output", run.notes.clone()),
            ("Requests", run.http.iter().map(told).collect()),
            ("Steps", run.steps.iter().map(step).collect()),
            (
                "Metrics",
                metrics
                    .map(|(name, value)| format!("{name} = {value}"))
                    .collect(),
            ),
            (
                "Violations",
                violations
                    .map(|one| format!("{}: {}", one.name, one.message))
                    .collect(),
            ),
            ("Memory", words::changed(&run.memory, before)),
        ];
        Self {
            name: Arc::clone(&run.script),
            used: words::used(&run.usage),
            lists: lists
                .into_iter()
                .filter(|(_, list)| !list.is_empty())
                .collect(),
        }
    }
}
