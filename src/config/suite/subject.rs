//! What a file tests: one script, or one service of an ops config.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::config::layers::Layers;
use crate::config::loader::Loader;
use crate::config::scripts::{self, Role};
use crate::config::service::{self, Ground};
use crate::config::tree::{Member, Node, Value};
use crate::config::values::{self, shorten};
use crate::config::{self, Environment, ServiceConfig};
use crate::model::code::Code;
use crate::model::span::Mistake;
use crate::script::source::Source;

/// The URL of a script's service where nothing is said; nobody can own the domain `test` (RFC 2606).
const URL: &str = "http://service.test/";

/// Keys of a test that an ops config says.
const OF_SCRIPT: [&str; 9] = [
    "params", "expected", "url", "method", "payload", "tags", "status", "secrets", "hosts",
];
/// Keys of a test that only an ops config makes sense of.
const OF_CONFIG: [&str; 2] = ["violations", "notify"];
/// Keys of a test that only a channel makes sense of.
const OF_CHANNEL: [&str; 4] = ["options", "message", "requests", "answers"];
/// Keys of a test that a channel makes no sense of.
const OF_PROBES: [&str; 15] = [
    "probe",
    "expect",
    "codes",
    "metrics",
    "http",
    "every",
    "violations",
    "notify",
    "params",
    "expected",
    "url",
    "method",
    "payload",
    "status",
    "hosts",
];

/// What a file tests.
pub(super) enum Subject<'a> {
    Script {
        /// Where it is named.
        node: &'a Node,
        source: Arc<Source>,
    },
    Service(Box<Configured>),
    Channel {
        /// Where its script is named.
        node: &'a Node,
    },
}

/// One service of an ops config.
pub(super) struct Configured {
    service: Arc<ServiceConfig>,
    pub(super) gather: Duration,
    pub(super) zone: TimeZone,
}

/// The environment of a config in a test.
struct Given<'a> {
    env: Option<&'a Node>,
    outer: &'a dyn Environment,
}

impl Environment for Given<'_> {
    fn var(&self, name: &str) -> Option<String> {
        let given = self.env.and_then(|env| env.get(name)).and_then(Node::text);
        given.map_or_else(|| self.outer.var(name), |text| Some(text.to_string()))
    }

    fn stand_in(&self, marker: &str) -> Option<String> {
        self.outer.stand_in(marker)
    }
}

/// Returns what a file tests; absent if that was reported.
pub(super) fn read<'a>(loader: &mut Loader<'_>, root: &'a Node) -> Option<Subject<'a>> {
    let mut named = ["script", "channel", "config"]
        .into_iter()
        .filter_map(|key| root.member(key));
    let Some(first) = named.next() else {
        if !loader.has_errors() {
            let mistake =
                Mistake::error(Code::Missing, 0..1, "a file of tests that names no script");
            loader.report(mistake.help(
                "write script = \"NAME.rhai\" at the top, or channel = \"NAME.rhai\" for a channel script",
            ));
        }
        return None;
    };
    if let Some(second) = named.next() {
        let message = format!("`{}` beside `{}`", second.key, first.key);
        let mistake = Mistake::error(Code::Conflict, second.key_span.clone(), message);
        loader.report(mistake.help("a file tests one of the two: leave one out"));
        return None;
    }
    if *first.key == *"config" {
        return configured(loader, root, first);
    }
    for member in ["service", "env"].iter().filter_map(|key| root.member(key)) {
        let message = format!("`{}` without `config`", member.key);
        let mistake = Mistake::error(Code::Conflict, member.key_span.clone(), message);
        loader.report(mistake.help("leave it out: a script is tested here"));
    }
    let node = &first.node;
    if *first.key == *"channel" {
        return channel(loader, node);
    }
    let source = scripts::find(loader, Role::Matcher, node.text()?, &node.span)?;
    Some(Subject::Script { node, source })
}

/// Returns the channel script that is named there; one that lacks a function is reported.
fn channel<'a>(loader: &mut Loader<'_>, node: &'a Node) -> Option<Subject<'a>> {
    let no_script = match node.text().map(|name| &**name) {
        Some("console") => Some("the console has no script to test"),
        Some("email") => Some(
            "e-mail has no script to test; `oes dry-run` shows the mails of a config's channel",
        ),
        _ => None,
    };
    if let Some(message) = no_script {
        let mistake = Mistake::error(Code::Value, node.span.clone(), message);
        loader.report(mistake.help("write channel = \"NAME.rhai\""));
        return None;
    }
    scripts::find(loader, Role::Channel, node.text()?, &node.span)?;
    Some(Subject::Channel { node })
}

fn configured<'a>(loader: &mut Loader<'_>, root: &'a Node, member: &Member) -> Option<Subject<'a>> {
    let path = loader.path(member.node.text()?);
    let environment = Given {
        env: root.get("env"),
        outer: loader.environment,
    };
    let config = match config::load(&path, &environment) {
        Ok(found) => found.config,
        Err(report) => {
            let message = format!("the ops config {} cannot be used", path.display());
            loader.report(Mistake::error(
                Code::File,
                member.node.span.clone(),
                message,
            ));
            loader.script_reports.extend(report.files);
            loader.files.extend(report.read);
            return None;
        }
    };
    loader.files.extend(config.files.iter().cloned());
    let names = || config.services.iter().map(|one| one.service.name.as_str());
    let Some(name) = root.member("service") else {
        let mistake = Mistake::error(
            Code::Missing,
            member.key_span.clone(),
            "`config` without `service`",
        );
        loader.report(mistake.help("add service = \"NAME\": the service that is tested"));
        return None;
    };
    let text = name.node.text()?;
    let service = config
        .services
        .iter()
        .find(|one| one.service.name.as_str() == &**text);
    let Some(service) = service else {
        let message = format!("{} has no service `{}`", path.display(), shorten(text));
        let mistake = Mistake::error(Code::UnknownName, name.node.span.clone(), message);
        let help = values::near(text, names()).map_or_else(
            || {
                let names: Vec<&str> = names().take(20).collect();
                format!("its services: {}", names.join(", "))
            },
            |near| format!("did you mean `{near}`?"),
        );
        loader.report(mistake.help(help));
        return None;
    };
    if service.service.heartbeat.is_some() {
        let message = format!("`{}` is a heartbeat: it is never asked", shorten(text));
        let mistake = Mistake::error(Code::Value, name.node.span.clone(), message);
        loader.report(mistake.help("name a service that OES asks"));
        return None;
    }
    Some(Subject::Service(Box::new(Configured {
        service: Arc::clone(service),
        gather: config.notify.gather,
        zone: config.notify.time_zone.clone(),
    })))
}

impl Subject<'_> {
    /// Returns the service of one test, reported at `at` where the test does not give what it needs; absent for a
    /// channel.
    pub(super) fn service(
        &self,
        loader: &mut Loader<'_>,
        layers: &Layers<'_>,
        at: &Range<usize>,
        every: Duration,
        line: u32,
    ) -> Option<Arc<ServiceConfig>> {
        match self {
            Self::Service(configured) => Some(Arc::clone(&configured.service)),
            Self::Script { node, source } => {
                let table = of_script(layers, node, at);
                let ground = Ground {
                    defaults: None,
                    interval: every,
                    confirm: Vec::new(),
                    error_threshold: 0.5,
                    cool_down: every,
                    channels: Vec::new(),
                    limits: Arc::default(),
                    zone: TimeZone::UTC,
                };
                service::read(loader, &table, &ground, &source.name, line).map(Arc::new)
            }
            Self::Channel { .. } => None,
        }
    }

    /// Tells whether OES sends a request of its own, so that each probe has an answer.
    pub(super) fn sends_request(&self) -> bool {
        match self {
            Self::Script { source, .. } => source.header.sends_request,
            Self::Service(configured) => configured.service.sends_request(),
            Self::Channel { .. } => false,
        }
    }

    /// Returns what is tested, for messages.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Script { source, .. } => format!("the script {}", source.name),
            Self::Service(configured) => {
                format!("the service {}", configured.service.service.name)
            }
            Self::Channel { .. } => "the channel".to_owned(),
        }
    }

    /// Reports keys of a test that are for tests of something else.
    pub(super) fn only_its_keys(&self, loader: &mut Loader<'_>, layers: &Layers<'_>) {
        let of_channel = (
            &OF_CHANNEL[..],
            "is for tests of a channel",
            "name a channel at the top instead, or leave it out",
        );
        let others = match self {
            Self::Script { .. } => vec![
                (
                    &OF_CONFIG[..],
                    "is for tests of a config",
                    "name a config and its service instead of the script, or leave it out",
                ),
                of_channel,
            ],
            Self::Service(_) => vec![
                (
                    &OF_SCRIPT[..],
                    "is for tests of a script",
                    "leave it out: the config says it",
                ),
                of_channel,
            ],
            Self::Channel { .. } => vec![(
                &OF_PROBES[..],
                "is for tests of a script or a service",
                "leave it out: a channel has options, a message, requests and answers",
            )],
        };
        for (keys, why, help) in others {
            for member in keys.iter().filter_map(|key| layers.member(key)) {
                let message = format!("`{}` {why}", member.key);
                loader.report(
                    Mistake::error(Code::Conflict, member.key_span.clone(), message).help(help),
                );
            }
        }
    }
}

/// Returns the table of a service whose only matcher is the script, as an ops config would have it.
fn of_script(layers: &Layers<'_>, script: &Node, at: &Range<usize>) -> Node {
    let mut matcher = vec![member("script", at, script.value.clone())];
    matcher.extend(layers.member("params").cloned());
    let matcher = node(at, Value::Table(matcher));
    let mut members = vec![member("match", at, Value::List(vec![matcher]))];
    for key in [
        "url", "method", "payload", "tags", "status", "secrets", "hosts",
    ] {
        members.extend(layers.member(key).cloned());
    }
    if let Some(expected) = layers.get("expected") {
        members.push(member("response", at, expected.value.clone()));
    }
    if layers.get("url").is_none() {
        members.push(member("url", at, Value::Text(URL.into())));
    }
    node(at, Value::Table(members))
}

fn node(span: &Range<usize>, value: Value) -> Node {
    Node {
        span: span.clone(),
        value,
    }
}

fn member(key: &str, at: &Range<usize>, value: Value) -> Member {
    Member {
        key: key.into(),
        key_span: at.clone(),
        node: node(at, value),
    }
}
