//! The message of a test of a channel: an example, with what the test says instead.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::channel::delivery::Attempt;
use crate::channel::message::{Counts, IncidentMessage, Message};
use crate::config::layers;
use crate::config::loader::Loader;
use crate::config::tree::{Node, Value};
use crate::model::code::Code;
use crate::model::duration::before;
use crate::model::incident::Reason;
use crate::model::judgement::Outcome;
use crate::model::mute::Ack;
use crate::model::service::{ServiceName, ServiceSeverity};
use crate::model::span::Mistake;
use crate::model::violation::Sample;
use crate::policy::owed::{Telling, Unheard};

/// A message, and how it is told.
pub(super) struct ToldOf {
    pub(super) message: Message,
    pub(super) attempt: Attempt,
    pub(super) plain: bool,
}

/// Returns the message that a test says, made at this time.
pub(super) fn read(loader: &mut Loader<'_>, node: Option<&Node>, now: Timestamp) -> ToldOf {
    let telling = node.map_or(Telling::Fire, telling);
    let mut message = IncidentMessage::example_of(telling, now);
    let attempt = Attempt { number: 1, at: now };
    let Some(table) = node else {
        return ToldOf {
            message: message.into(),
            attempt,
            plain: false,
        };
    };
    times(&mut message, table, now);
    news(&mut message, table, now);
    service(&mut message, table);
    reason(loader, &mut message, table);
    sending(&mut message, table);
    let number = |key: &str, or: usize| table.get(key).and_then(layers::integer).unwrap_or(or);
    let counts = |open: usize| Counts {
        open: number("open", open),
        over: number("over", 0),
        services: number("services", 40),
    };
    let message = match table.get("kind").and_then(Node::text).map(|kind| &**kind) {
        Some("storm") => {
            let mut storm = message.as_storm(counts(4), text_of(table, "edit"));
            storm.first = is(table, "first").unwrap_or(storm.first);
            storm.into()
        }
        Some("digest") => message.as_digest(counts(0)).into(),
        _ => message.into(),
    };
    ToldOf {
        message,
        attempt: Attempt {
            number: table.get("attempt").and_then(layers::integer).unwrap_or(1),
            ..attempt
        },
        plain: is(table, "plain").unwrap_or(false),
    }
}

fn telling(table: &Node) -> Telling {
    let word = |key: &str| table.get(key).and_then(Node::text).map(|text| &**text);
    match word("kind") {
        Some("resolved") => Telling::Resolve,
        Some("unwatched") => Telling::Unwatched,
        Some("reminder") => Telling::Reminder,
        Some("acked") => Telling::Acked,
        Some("outage") => Telling::Outage(match word("unheard") {
            Some("cool_down") => Unheard::CoolDown,
            Some("unreachable") => Unheard::Unreachable,
            _ => Unheard::Brief,
        }),
        _ => Telling::Fire,
    }
}

fn is(table: &Node, key: &str) -> Option<bool> {
    table.get(key).and_then(Node::boolean)
}

/// Returns a text, long ones written out.
fn text(node: &Node) -> Option<String> {
    if let Some(text) = node.text() {
        return Some(text.to_string());
    }
    let times: usize = node.get("times").and_then(layers::integer)?;
    Some(node.get("repeat")?.text()?.repeat(times))
}

fn text_of(table: &Node, key: &str) -> Option<String> {
    table.get(key).and_then(text)
}

fn times(message: &mut IncidentMessage, table: &Node, now: Timestamp) {
    let incident = &mut message.incident;
    let opened_before = incident.opened_at;
    if let Some(open_for) = table.get("open_for").and_then(layers::seconds) {
        incident.opened_at = before(now, open_for);
    }
    // What goes with the opening moves with it.
    let moved = incident.opened_at.duration_since(opened_before);
    let along = |at: Timestamp| at.saturating_add(moved).unwrap_or(at);
    incident.last_good = match table.get("last_good") {
        Some(node) if node.boolean() == Some(false) => None,
        Some(node) => layers::seconds(node).map(|span| before(incident.opened_at, span)),
        None => incident.last_good.map(along),
    };
    for sample in &mut incident.reason.samples {
        sample.at = along(sample.at);
    }
}

fn news(message: &mut IncidentMessage, table: &Node, now: Timestamp) {
    let incident = &mut message.incident;
    if let Some(reminders) = table.get("reminders").and_then(layers::integer) {
        incident.reminders = reminders;
    }
    if let Some(ack) = table.get("ack") {
        incident.ack = Some(Ack {
            at: now,
            by: text_of(ack, "by").unwrap_or_default(),
            reason: text_of(ack, "reason").unwrap_or_default(),
        });
    }
}

fn service(message: &mut IncidentMessage, table: &Node) {
    if let Some(violation) = text_of(table, "violation") {
        let Ok(violation) = violation.parse();
        message.incident.violation = violation;
    }
    let Some(table) = table.get("service") else {
        return;
    };
    let subject = &mut message.subject;
    if let Some(name) = text_of(table, "name") {
        subject.name = ServiceName::new(name);
        message.incident.service = subject.name.clone();
    }
    subject.method = text_of(table, "method");
    subject.url = text_of(table, "url").map(Arc::from);
    subject.severity = match text_of(table, "severity").as_deref() {
        Some("info") => ServiceSeverity::Info,
        Some("warning") => ServiceSeverity::Warning,
        _ => ServiceSeverity::Critical,
    };
    subject.group = text_of(table, "group");
    let tags = table.get("tags").map_or(&[][..], Node::items);
    subject.tags = tags.iter().filter_map(text).collect();
    subject.runbook = text_of(table, "runbook");
}

fn reason(loader: &mut Loader<'_>, message: &mut IncidentMessage, table: &Node) {
    let opened_at = message.incident.opened_at;
    let reason = &mut message.incident.reason;
    if let Some(rule) = text_of(table, "rule") {
        reason.rule = rule;
    }
    if let Some(exchange) = text_of(table, "exchange") {
        reason.exchange = exchange;
    }
    if let Some(node) = table.get("finding") {
        finding(reason, node);
    }
    let outcomes = match table.get("probes") {
        Some(node) => letters(loader, node),
        None => reason.samples.iter().map(|sample| sample.outcome).collect(),
    };
    let written = table.get("ms").map(|list| {
        let numbers = list.items().iter().filter_map(layers::integer);
        numbers.map(Duration::from_millis).collect::<Vec<_>>()
    });
    let known = reason.samples.iter().map(|sample| sample.latency);
    let latencies: Vec<Option<Duration>> = match written {
        Some(written) => written.into_iter().map(Some).collect(),
        None if table.get("probes").is_some() => Vec::new(),
        None => known.collect(),
    };
    let latencies = latencies.into_iter().chain(std::iter::repeat(None));
    let last = i64::try_from(outcomes.len()).unwrap_or(i64::MAX) - 1;
    let samples = outcomes.into_iter().zip(latencies).zip(0_i64..);
    reason.samples = samples
        .map(|((outcome, latency), index)| Sample {
            at: opened_at
                .saturating_sub(SignedDuration::from_mins(last - index))
                .unwrap_or(opened_at),
            outcome,
            latency,
            code: (!outcome.is_good()).then(|| reason.code.clone()).flatten(),
        })
        .collect();
}

fn finding(reason: &mut Reason, table: &Node) {
    reason.code = text_of(table, "code").map(Arc::from);
    reason.path = text_of(table, "path");
    let problem = text_of(table, "problem");
    reason.finding = problem.map(|problem| match &reason.path {
        Some(path) => format!("{path}: {problem}"),
        None => problem,
    });
    reason.expected = table.get("expected").map(Node::json);
    reason.actual = table.get("actual").map(Node::json);
    reason.place = text_of(table, "place");
    let more = table.get("more").and_then(layers::integer);
    reason.more_findings = more.unwrap_or(0);
}

fn letters(loader: &mut Loader<'_>, node: &Node) -> Vec<Outcome> {
    let Value::Text(text) = &node.value else {
        return Vec::new();
    };
    let mut outcomes = Vec::new();
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        let outcome = Outcome::ALL.into_iter().find(|one| one.letter() == letter);
        if outcome.is_none() {
            let message = format!("`{letter}` is no outcome");
            let mistake = Mistake::error(Code::Value, node.span.clone(), message);
            loader.report(mistake.help("P pass, W warn, F fail, U unknown, E error"));
        }
        outcomes.extend(outcome);
    }
    outcomes
}

fn sending(message: &mut IncidentMessage, table: &Node) {
    let sending = &mut message.sending;
    sending.possible_repeat = is(table, "possible_repeat").unwrap_or(false);
    sending.durable = is(table, "durable").unwrap_or(true);
    sending.link = text_of(table, "link").map(Arc::from);
    sending.remote_ref = text_of(table, "remote_ref");
    sending.muted = text_of(table, "muted");
    if let Some(id) = text_of(table, "message_id") {
        sending.message_id = id;
    }
}
