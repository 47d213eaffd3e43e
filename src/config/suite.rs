//! Files of tests, `NAME.test.toml`: what a script is given, probe by probe, and what it must say.
//!
//! As strict as an ops config and reported the same way. A test's keys that speak of the service are those of an ops
//! config and are read as such.

mod answer;
mod channel;
mod message;
mod mock;
mod pipeline;
mod probe;
mod subject;
mod test;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use url::Url;

use super::keys::{Kind, SUITE};
use super::loader::Loader;
use super::report::{FileReport, Report};
use super::{Environment, ServiceConfig, check, toml};
use crate::channel::delivery::Attempt;
use crate::channel::message::Message;
use crate::channel::rehearsal::Replied;
use crate::channel::settings::{ChannelKind, Settings};
use crate::model::failure::FailureKind;
use crate::model::json::Json;
use crate::model::judgement::{Memory, Outcome};
use crate::model::violation::Violation;
use crate::policy::shape::Pattern;
use crate::script::source::Source;

/// How the name of a file of tests ends.
pub const SUFFIX: &str = ".test.toml";

/// A file of tests that can be run.
#[derive(Debug)]
pub struct Suite {
    /// The file as the person named it.
    pub file: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    /// Its tests, in order.
    pub tests: Vec<Case>,
}

/// One test.
#[derive(Debug, Clone)]
pub enum Case {
    /// Of a script or a service, which is given responses.
    Probes(Arc<Test>),
    /// Of a channel, which is given a message.
    Channel(Arc<ChannelTest>),
}

impl Case {
    /// Returns what it shows.
    pub fn name(&self) -> &str {
        match self {
            Self::Probes(test) => &test.name,
            Self::Channel(test) => &test.name,
        }
    }

    /// Returns the line where it begins, from 1.
    pub fn line(&self) -> u32 {
        match self {
            Self::Probes(test) => test.line,
            Self::Channel(test) => test.line,
        }
    }

    /// Returns the test of a script or a service, absent for a channel.
    pub fn probes(&self) -> Option<&Test> {
        match self {
            Self::Probes(test) => Some(test),
            Self::Channel(_) => None,
        }
    }

    /// Returns the script that it tests, absent for a test of a service.
    pub fn script(&self) -> Option<&Arc<Source>> {
        match self {
            Self::Probes(test) if test.pipeline.is_some() => None,
            Self::Probes(test) => {
                let mut matchers = test.service.matchers.iter();
                matchers.find_map(|matcher| Some(&matcher.as_script()?.source))
            }
            Self::Channel(test) => match &test.settings.kind {
                ChannelKind::Script(source) => Some(source),
                ChannelKind::Console | ChannelKind::Email(_) => None,
            },
        }
    }
}

/// One test of a channel.
#[derive(Debug, Clone)]
pub struct ChannelTest {
    /// What it shows.
    pub name: String,
    /// The line where it begins, from 1.
    pub line: u32,
    /// The channel with the script that is tested.
    pub settings: Settings,
    /// What it is told.
    pub message: Message,
    /// Which try it is.
    pub attempt: Attempt,
    /// Whether a try with everything in it was refused.
    pub plain: bool,
    /// The requests that it must make, all of them.
    pub requests: Option<Arc<Golden>>,
    /// Answers to them, and what it must read in each.
    pub answers: Arc<[ReplyTest]>,
}

/// The requests that a channel must make, all of them, in order.
#[derive(Debug)]
pub struct Golden {
    /// Each as an object of `method`, `url`, `headers`, and `json` or `body`.
    pub requests: Json,
    /// What the body of each holds at least, where that is all that is said of it.
    pub least: Vec<Option<Pattern>>,
    /// The bytes of the file that say it; absent where the defaults do.
    pub span: Option<Range<usize>>,
}

/// An answer to a request of a channel, and what the script must read in it.
#[derive(Debug)]
pub struct ReplyTest {
    /// The line where it is, from 1.
    pub line: u32,
    /// The answer.
    pub replied: Replied,
    /// What is read in it, as in `rate_limited after 5s, global`.
    pub reads: String,
    /// The bytes of the file that say so.
    pub span: Range<usize>,
    /// The reason that it must give, and the bytes of the file that say so.
    pub reason: Option<(Arc<str>, Range<usize>)>,
}

/// One test of a script or a service. Clones share the probes and the mocks.
#[derive(Debug, Clone)]
pub struct Test {
    /// What it shows.
    pub name: String,
    /// The line where it begins, from 1.
    pub line: u32,
    /// The service with the script that is tested.
    pub service: Arc<ServiceConfig>,
    /// The time of the first probe.
    pub start: Timestamp,
    /// How far the clock moves between two probes; absent for as the daemon probes.
    pub every: Option<Duration>,
    /// The probes in order; never empty.
    pub probes: Arc<[Probe]>,
    /// The answers to the script's own requests; of several that fit the first counts.
    pub mocks: Arc<[Mock]>,
    /// What the probes must come to.
    pub expect: Option<Expectation>,
    /// The codes of all findings of all probes.
    pub codes: Option<BTreeSet<Arc<str>>>,
    /// The metrics of the last probe.
    pub metrics: Option<BTreeMap<Arc<str>, f64>>,
    /// What the daemon must make of it; absent in a test of a script.
    pub pipeline: Option<Pipeline>,
    /// Where the file says what must come out.
    pub written: Written,
}

/// The bytes of a file that say what must come out of a test; absent where the test does not say it itself.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// The outcomes.
    pub expect: Option<Range<usize>>,
    /// The codes.
    pub codes: Option<Range<usize>>,
    /// The metrics.
    pub metrics: Option<Range<usize>>,
    /// What is open.
    pub violations: Option<Range<usize>>,
    /// The messages.
    pub notify: Option<Range<usize>>,
}

/// What the daemon must make of the probes of a service.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// How long an opening waits before its message leaves.
    pub gather: Duration,
    /// Time zone of the times in messages.
    pub zone: TimeZone,
    /// What is open after each probe, as letters; absent for anything.
    pub violations: Option<Vec<Option<String>>>,
    /// The messages, all of them, in order.
    pub notify: Option<Vec<Notice>>,
}

/// A message that must be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// When, from the first probe on.
    pub at: Duration,
    /// `opened`, `resolved` or `outage`.
    pub kind: &'static str,
    /// Of which violation; absent for any.
    pub violation: Option<Violation>,
    /// A text that it holds.
    pub contains: Option<String>,
}

/// What the probes of a test must come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The outcome of each probe; absent for any.
    pub outcomes: Vec<Option<Outcome>>,
    /// How many letters of the text stand together before a space, in order.
    pub groups: Vec<usize>,
}

/// Probes in a row that are alike.
#[derive(Debug)]
pub struct Probe {
    /// What is answered; absent for a script that makes its own requests.
    pub answer: Option<Answer>,
    /// How many.
    pub repeat: usize,
    /// How far the clock moves after the last, if not as the test says.
    pub then_wait: Option<Duration>,
    /// What the script remembers before the first; absent for what it does remember.
    pub memory: Option<Memory>,
}

/// What comes of a request, of a probe's or of a script's own.
#[derive(Debug, Clone)]
pub struct Answer {
    /// How long it took.
    pub elapsed: Duration,
    /// The response, or why there is none.
    pub result: Result<Response, FailureKind>,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// The answer to some of the script's own requests.
#[derive(Debug)]
pub struct Mock {
    /// The line where it is, from 1.
    pub line: u32,
    /// The method asked with; absent for any.
    pub method: Option<String>,
    /// The URL asked for.
    pub url: Url,
    /// What the body holds at least.
    pub json: Option<Pattern>,
    /// The token that is sent along.
    pub bearer: Option<Arc<str>>,
    /// What is answered.
    pub answer: Answer,
    /// How often; absent for at least once.
    pub times: Option<u64>,
    /// Whether it may stay unused.
    pub optional: bool,
}

/// Reads a file of tests with the scripts that it names.
///
/// Returns it with warnings, among them those of the scripts.
///
/// # Errors
/// Everything that is wrong with it, warnings included.
pub fn load(path: &Path, environment: &dyn Environment) -> Result<(Suite, Report), Report> {
    let name = path.display().to_string();
    let text = super::text_of(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut loader = Loader::new(&text, folder, environment);
    let (root, mistakes) = toml::parse(&text);
    for mistake in mistakes {
        loader.report(mistake);
    }
    let mut tests = Vec::new();
    if let Some(root) = &root {
        let mut mistakes = Vec::new();
        check::check(root, &Kind::Table(&SUITE), "a file of tests", &mut mistakes);
        for mistake in mistakes {
            loader.report(mistake);
        }
        tests = test::read_all(&mut loader, root);
    }
    let mistakes = loader.take_mistakes();
    let mut files = Vec::new();
    if !mistakes.is_empty() {
        files.push(FileReport::new(name.as_str(), text.as_str(), mistakes));
    }
    // Those of a config that is tested as well.
    files.append(&mut loader.script_reports);
    let report = Report {
        files,
        unlisted: loader.dropped().0,
        notes: Vec::new(),
        read: std::iter::once(path.to_path_buf())
            .chain(std::mem::take(&mut loader.files))
            .collect(),
    };
    if report.has_errors() || root.is_none() {
        return Err(report);
    }
    let suite = Suite {
        file: name.into(),
        text: text.as_str().into(),
        tests,
    };
    Ok((suite, report))
}
