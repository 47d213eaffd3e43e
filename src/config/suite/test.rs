//! The tests of a file: each is a service, its probes, and what they must come to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::subject::{self, Subject};
use super::{Case, Expectation, Pipeline, Probe, Test, Written, channel, mock, pipeline, probe};
use crate::config::layers::{self, Layers};
use crate::config::loader::Loader;
use crate::config::report::{line_of, line_starts};
use crate::config::tree::{Member, Node, Value};
use crate::config::values;
use crate::model::code::Code;
use crate::model::judgement::Outcome;
use crate::model::span::Mistake;

/// The step of the clock where nothing is said.
const EVERY: Duration = Duration::from_mins(5);

/// The letters of `expect`.
const LETTERS: &str = "P pass, W warn, F fail, U unknown, E error, `.` any";

/// Returns the tests of a file; what cannot be used is reported.
pub(super) fn read_all(loader: &mut Loader<'_>, root: &Node) -> Vec<Case> {
    let nodes = || {
        let tests = root.get("test").map_or(&[][..], Node::items);
        tests
            .iter()
            .filter(|node| matches!(node.value, Value::Table(_)))
    };
    // Where a statement could not be read, it may have been the one that names them.
    let unread = loader.has_errors();
    if nodes().next().is_none() && !unread && matches!(root.value, Value::Table(_)) {
        let span = root
            .member("test")
            .map_or(0..1, |list| list.key_span.clone());
        let mistake = Mistake::error(Code::Test, span, "a file of tests without a test");
        loader.report(mistake.help("write [[test]], and below it name, probe and expect"));
    }
    report_equal_names(loader, nodes());
    let Some(subject) = subject::read(loader, root) else {
        return Vec::new();
    };
    let starts = line_starts(loader.text);
    nodes()
        .filter_map(|node| {
            let line = line_of(&starts, node.span.start);
            let reader = Reader {
                root,
                layers: Layers {
                    service: node,
                    defaults: root.get("defaults"),
                },
                subject: &subject,
            };
            reader.case(loader, line)
        })
        .collect()
}

fn report_equal_names<'a>(loader: &mut Loader<'_>, tests: impl Iterator<Item = &'a Node>) {
    let mut seen = BTreeSet::new();
    for node in tests.filter_map(|test| test.get("name")) {
        let Some(name) = node.text() else { continue };
        if !seen.insert(name) {
            let message = format!("another test is called `{}`", values::shorten(name));
            let mistake = Mistake::error(Code::Duplicate, node.span.clone(), message);
            loader.report(mistake.help("say what this one shows that the other does not"));
        }
    }
}

/// What one test is read from.
struct Reader<'a> {
    root: &'a Node,
    layers: Layers<'a>,
    subject: &'a Subject<'a>,
}

impl Reader<'_> {
    fn case(&self, loader: &mut Loader<'_>, line: u32) -> Option<Case> {
        self.subject.only_its_keys(loader, &self.layers);
        if let Subject::Channel { node } = self.subject {
            let start = self.start(loader)?;
            let test = channel::read(loader, &self.layers, node, start, line)?;
            return Some(Case::Channel(Arc::new(test)));
        }
        Some(Case::Probes(Arc::new(self.test(loader, line)?)))
    }

    fn test(&self, loader: &mut Loader<'_>, line: u32) -> Option<Test> {
        let name = self.layers.service.get("name")?;
        let every = self.layer("every").and_then(layers::seconds);
        // What the script needs and is not given is said of the test that does not give it.
        let (at, step) = (&name.span, every.unwrap_or(EVERY));
        let service = self.subject.service(loader, &self.layers, at, step, line);
        let probes = if let Some(list) = self.layers.get("probe") {
            probe::read_all(loader, list, self.subject)
        } else {
            let mistake = Mistake::error(Code::Test, name.span.clone(), "a test without `probe`");
            loader.report(mistake.help("write probe = [{ json = { … } }]"));
            Vec::new()
        };
        let expect = self.layers.get("expect");
        let expect = expect.and_then(|node| expectation(loader, node, &probes));
        let codes = self.layers.get("codes").map(layers::words);
        let codes = codes.map(|codes| codes.into_iter().map(Arc::from).collect::<BTreeSet<_>>());
        let metrics = self.layers.get("metrics").map(metrics);
        let pipeline = match self.subject {
            Subject::Service(configured) => {
                Some(pipeline::read(loader, &self.layers, configured, &probes))
            }
            Subject::Script { .. } | Subject::Channel { .. } => None,
        };
        self.must_assert(loader, name, expect.as_ref(), pipeline.as_ref());
        let start = self.start(loader)?;
        let service = service?;
        let mocks = self.layers.get("http").map_or_else(Vec::new, |list| {
            mock::read_all(loader, list, &service.service.request.url)
        });
        Some(Test {
            name: name.text()?.to_string(),
            line,
            every: every.or_else(|| pipeline.is_none().then_some(EVERY)),
            service,
            start,
            probes: probes.into(),
            mocks: mocks.into(),
            expect,
            codes,
            metrics,
            pipeline,
            written: self.written(),
        })
    }

    /// Returns where the test itself says what must come out.
    fn written(&self) -> Written {
        let own = |key: &str| Some(self.layers.service.get(key)?.span.clone());
        Written {
            expect: own("expect"),
            codes: own("codes"),
            metrics: own("metrics"),
            violations: own("violations"),
            notify: own("notify"),
        }
    }

    /// Returns what the test says, or its defaults, or the file.
    fn layer(&self, key: &str) -> Option<&Node> {
        self.layers.get(key).or_else(|| self.root.get(key))
    }

    /// A test that accepts whatever comes is an error, not a pass.
    fn must_assert(
        &self,
        loader: &mut Loader<'_>,
        name: &Node,
        expect: Option<&Expectation>,
        pipeline: Option<&Pipeline>,
    ) {
        let written = |key: &str| self.layers.get(key).is_some();
        // What could not be read was reported and may have meant something.
        let outcomes = written("expect")
            && expect.is_none_or(|expect| expect.outcomes.iter().any(Option::is_some));
        let violations = written("violations")
            && pipeline
                .and_then(|pipeline| pipeline.violations.as_ref())
                .is_none_or(|open| open.iter().any(Option::is_some));
        let others = ["codes", "metrics", "notify"].into_iter().any(written);
        if !(outcomes || violations || others) {
            let mistake = Mistake::error(
                Code::Test,
                name.span.clone(),
                "a test that accepts whatever comes",
            );
            loader.report(mistake.help(match self.subject {
                Subject::Script { .. } | Subject::Channel { .. } => {
                    "write expect = \"PPF\", a letter a probe, or codes = [\"…\"], or both"
                }
                Subject::Service(_) => "write violations = \"- - e\", or notify, expect, codes",
            }));
        }
    }

    fn start(&self, loader: &mut Loader<'_>) -> Option<Timestamp> {
        let Some(node) = self.layer("start") else {
            return Timestamp::from_second(1_767_225_600).ok();
        };
        let start = node.text()?.parse().ok();
        if start.is_none() {
            let mistake = Mistake::error(Code::Value, node.span.clone(), "this is no time");
            loader.report(mistake.help("write 2026-01-01T00:00:00Z"));
        }
        start
    }
}

/// Returns names with their numbers.
fn metrics(node: &Node) -> BTreeMap<Arc<str>, f64> {
    let number = |member: &Member| match &member.node.value {
        Value::Number(number) => Some((Arc::clone(&member.key), number.as_f64())),
        _ => None,
    };
    node.members().iter().filter_map(number).collect()
}

/// Reads the letters of `expect`; there must be one a probe.
fn expectation(loader: &mut Loader<'_>, node: &Node, probes: &[Probe]) -> Option<Expectation> {
    let text = node.text().filter(|text| !text.is_empty())?;
    let mut outcomes = Vec::new();
    let mut groups = Vec::new();
    for word in text.split_whitespace() {
        groups.push(word.chars().count());
        for letter in word.chars() {
            let Some(outcome) = outcome_of(letter) else {
                let message = format!("`{letter}` is no outcome");
                loader
                    .report(Mistake::error(Code::Value, node.span.clone(), message).help(LETTERS));
                return None;
            };
            outcomes.push(outcome);
        }
    }
    let fits = one_a_probe(loader, node, (outcomes.len(), "letter"), probes);
    fits.then_some(Expectation { outcomes, groups })
}

/// Reports it unless there are as many letters or words as probes.
pub(super) fn one_a_probe(
    loader: &mut Loader<'_>,
    node: &Node,
    (count, what): (usize, &str),
    probes: &[Probe],
) -> bool {
    let wanted: usize = probes.iter().map(|probe| probe.repeat).sum();
    let fits = count == wanted || probes.is_empty();
    if !fits {
        let message = format!("{} for {}", counted(count, what), counted(wanted, "probe"));
        let mistake = Mistake::error(Code::Test, node.span.clone(), message);
        let help = format!("one {what} a probe, `repeat` counted");
        loader.report(mistake.help(help));
    }
    fits
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[expect(
    clippy::option_option,
    reason = "a letter that is none, and the letter for any outcome"
)]
fn outcome_of(letter: char) -> Option<Option<Outcome>> {
    let named = || {
        Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.letter() == letter)
    };
    match letter {
        '.' => Some(None),
        _ => named().map(Some),
    }
}
