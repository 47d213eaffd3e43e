//! The tests of a file: each is a service with one script, and what its probes must come to.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Expectation, Probe, Test, mock, probe};
use crate::config::ServiceConfig;
use crate::config::layers::{self, Layers};
use crate::config::loader::Loader;
use crate::config::report::{line_of, line_starts};
use crate::config::scripts::{self, Role};
use crate::config::service::{self, Ground};
use crate::config::tree::{Member, Node, Value};
use crate::config::values;
use crate::model::judgement::Outcome;
use crate::model::span::Mistake;
use crate::script::source::Source;

/// The step of the clock where nothing is said.
const EVERY: Duration = Duration::from_mins(5);
/// The URL of a service where nothing is said; nobody can own the domain `test` (RFC 2606).
const URL: &str = "http://service.test/";

/// The letters of `expect`.
const LETTERS: &str = "P pass, W warn, F fail, U unknown, E error, `.` any";

/// Returns the tests of a file; what cannot be used is reported.
pub(super) fn read_all(loader: &mut Loader<'_>, root: &Node) -> Vec<Arc<Test>> {
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
        let mistake = Mistake::error(span, "a file of tests without a test");
        loader.report(mistake.help("write [[test]], and below it name, probe and expect"));
    }
    report_equal_names(loader, nodes());
    let Some(script) = root.get("script") else {
        if !unread {
            let mistake = Mistake::error(0..1, "a file of tests that names no script");
            loader.report(mistake.help("write script = \"NAME.rhai\" at the top"));
        }
        return Vec::new();
    };
    let Some(source) = script
        .text()
        .and_then(|name| scripts::find(loader, Role::Matcher, name, &script.span))
    else {
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
                script,
                source: &source,
            };
            reader.test(loader, line).map(Arc::new)
        })
        .collect()
}

fn report_equal_names<'a>(loader: &mut Loader<'_>, tests: impl Iterator<Item = &'a Node>) {
    let mut seen: BTreeMap<&str, ()> = BTreeMap::new();
    for node in tests.filter_map(|test| test.get("name")) {
        let Some(name) = node.text() else { continue };
        if seen.insert(name, ()).is_some() {
            let message = format!("another test is called `{}`", values::shorten(name));
            let mistake = Mistake::error(node.span.clone(), message);
            loader.report(mistake.help("say what this one shows that the other does not"));
        }
    }
}

/// What one test is read from.
struct Reader<'a> {
    root: &'a Node,
    layers: Layers<'a>,
    script: &'a Node,
    source: &'a Arc<Source>,
}

impl Reader<'_> {
    fn test(&self, loader: &mut Loader<'_>, line: u32) -> Option<Test> {
        let name = self.layers.service.get("name")?;
        let every = self
            .layer("every")
            .and_then(layers::seconds)
            .unwrap_or(EVERY);
        let service = self.service(loader, name, every, line);
        let probes = match self.layers.get("probe") {
            Some(list) => probe::read_all(loader, list, self.source),
            None => {
                let mistake = Mistake::error(name.span.clone(), "a test without `probe`");
                loader.report(mistake.help("write probe = [{ json = { … } }]"));
                Vec::new()
            }
        };
        let expect = self.layers.get("expect");
        let expect = expect.and_then(|node| expectation(loader, node, &probes));
        let codes = self.layers.get("codes").map(layers::words);
        let codes = codes.map(|codes| codes.into_iter().map(Arc::from).collect::<BTreeSet<_>>());
        self.must_assert(loader, name, expect.as_ref());
        let start = self.start(loader)?;
        let service = service?;
        let mocks = self.layers.get("http").map_or_else(Vec::new, |list| {
            mock::read_all(loader, list, &service.service.request.url)
        });
        Some(Test {
            name: name.text()?.to_string(),
            line,
            service: Arc::new(service),
            start,
            every,
            probes,
            mocks,
            expect,
            codes,
        })
    }

    /// Returns what the test says, or its defaults, or the file.
    fn layer(&self, key: &str) -> Option<&Node> {
        self.layers.get(key).or_else(|| self.root.get(key))
    }

    /// A test that accepts whatever comes is an error, not a pass.
    fn must_assert(&self, loader: &mut Loader<'_>, name: &Node, expect: Option<&Expectation>) {
        let written = self.layers.get("expect").is_some();
        let any = expect.is_some_and(|expect| expect.outcomes.iter().all(Option::is_none));
        if self.layers.get("codes").is_none() && (!written || any) {
            let mistake = Mistake::error(name.span.clone(), "a test that accepts whatever comes");
            loader.report(
                mistake
                    .help("write expect = \"PPF\", a letter a probe, or codes = [\"…\"], or both"),
            );
        }
    }

    fn start(&self, loader: &mut Loader<'_>) -> Option<Timestamp> {
        let Some(node) = self.layer("start") else {
            return Timestamp::from_second(1_767_225_600).ok();
        };
        let start = node.text()?.parse().ok();
        if start.is_none() {
            let mistake = Mistake::error(node.span.clone(), "this is no time");
            loader.report(mistake.help("write 2026-01-01T00:00:00Z"));
        }
        start
    }

    /// Returns the service whose only matcher is the script, read as one of an ops config.
    fn service(
        &self,
        loader: &mut Loader<'_>,
        name: &Node,
        every: Duration,
        line: u32,
    ) -> Option<ServiceConfig> {
        // What the script needs and is not given is said of the test that does not give it.
        let at = &name.span;
        let mut matcher = vec![member("script", at, at, self.script.value.clone())];
        matcher.extend(self.layers.member("params").cloned());
        let matcher = node(at, Value::Table(matcher));
        let mut members = vec![member("match", at, at, Value::List(vec![matcher]))];
        for key in [
            "url", "method", "payload", "tags", "status", "secrets", "hosts",
        ] {
            members.extend(self.layers.member(key).cloned());
        }
        if let Some(expected) = self.layers.get("expected") {
            members.push(member("response", at, at, expected.value.clone()));
        }
        if self.layers.get("url").is_none() {
            members.push(member("url", at, at, Value::Text(URL.into())));
        }
        let ground = Ground {
            defaults: None,
            interval: every,
            confirm: Vec::new(),
            error_threshold: 0.5,
            cool_down: every,
            channels: Vec::new(),
        };
        let table = node(at, Value::Table(members));
        service::read(loader, &table, &ground, &self.source.name, line)
    }
}

fn node(span: &Range<usize>, value: Value) -> Node {
    Node {
        span: span.clone(),
        value,
    }
}

fn member(key: &str, key_span: &Range<usize>, span: &Range<usize>, value: Value) -> Member {
    Member {
        key: key.into(),
        key_span: key_span.clone(),
        node: node(span, value),
    }
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
                loader.report(Mistake::error(node.span.clone(), message).help(LETTERS));
                return None;
            };
            outcomes.push(outcome);
        }
    }
    let wanted: usize = probes.iter().map(|probe| probe.repeat).sum();
    if outcomes.len() != wanted && !probes.is_empty() {
        let message = format!(
            "{} for {}",
            counted(outcomes.len(), "letter"),
            counted(wanted, "probe")
        );
        let mistake = Mistake::error(node.span.clone(), message);
        loader.report(mistake.help("one letter a probe, `repeat` counted; spaces are free"));
        return None;
    }
    Some(Expectation {
        outcomes,
        groups,
        span: node.span.clone(),
    })
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
