//! Tests of a channel script: a message, the requests that are made of it, and what is read in answers.

use std::ops::Range;
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;

use super::{ChannelTest, Golden, ReplyTest, answer, message};
use crate::channel::rehearsal::Replied;
use crate::channel::settings::Settings;
use crate::config::channels;
use crate::config::check;
use crate::config::keys::REQUESTS;
use crate::config::layers::{self, Layers};
use crate::config::loader::Loader;
use crate::config::report::{line_of, line_starts};
use crate::config::tree::{Member, Node, Value};
use crate::config::values::{self, shorten};
use crate::model::code::Code;
use crate::model::json::{self, Json};
use crate::model::secret::Secret;
use crate::model::service::ChannelName;
use crate::model::span::Mistake;
use crate::policy::shape::{Options, Pattern};

/// How `reads` is written.
const READS: &str = "write taken, taken as ID, retry, retry after 30s, rate_limited after 5s, rate_limited after 5s, global, \
                     reject, reject, plainer, disable, edit_gone, unknown";

/// Returns a test of the channel script that `script` names; what cannot be used is reported.
pub(super) fn read(
    loader: &mut Loader<'_>,
    layers: &Layers<'_>,
    script: &Node,
    start: Timestamp,
    line: u32,
) -> Option<ChannelTest> {
    let name = layers.service.get("name")?;
    let settings = settings(loader, layers, script, &name.span);
    let requests = layers.member("requests");
    let golden = requests.map(|member| golden(loader, &member.node, own(layers, member)));
    let answers = layers.get("answers").map_or(&[][..], Node::items);
    let answers: Vec<ReplyTest> = answers
        .iter()
        .filter(|item| matches!(item.value, Value::Table(_)))
        .filter_map(|item| reply(loader, item))
        .collect();
    let asserts = requests.is_some()
        || layers
            .get("answers")
            .is_some_and(|list| !list.items().is_empty());
    if !asserts {
        let mistake = Mistake::error(
            Code::Test,
            name.span.clone(),
            "a test that accepts whatever comes",
        );
        loader.report(mistake.help("write requests = [{ url = …, json = … }], or answers = [{ status = 200, reads = \"taken\" }]"));
    }
    let told = message::read(loader, layers.get("message"), start);
    Some(ChannelTest {
        name: name.text()?.to_string(),
        line,
        settings: settings?,
        message: told.message,
        attempt: told.attempt,
        plain: told.plain,
        requests: match golden {
            Some(golden) => Some(Arc::new(golden?)),
            None => None,
        },
        answers: answers.into(),
    })
}

/// Tells whether a test says it itself rather than the defaults.
fn own(layers: &Layers<'_>, member: &Member) -> bool {
    layers
        .service
        .members()
        .iter()
        .any(|own| std::ptr::eq(own, member))
}

/// Returns the channel as an ops config would have it.
fn settings(
    loader: &mut Loader<'_>,
    layers: &Layers<'_>,
    script: &Node,
    at: &Range<usize>,
) -> Option<Settings> {
    let given = |key: &str| layers.get(key).map_or(&[][..], Node::members);
    let kind = Member {
        key: "kind".into(),
        key_span: at.clone(),
        node: Node {
            span: at.clone(),
            value: script.value.clone(),
        },
    };
    let members = given("options").iter().chain(given("secrets")).cloned();
    let table = Node {
        span: at.clone(),
        value: Value::Table(std::iter::once(kind).chain(members).collect()),
    };
    let mut settings = channels::channel(loader, &table, ChannelName::new("test"))?;
    // An ops config hides the whole URL; a test that invents it wants to see where requests go.
    let is_secret = |key: &str| given("secrets").iter().any(|secret| *secret.key == *key);
    for (key, option) in &mut settings.options {
        if is_secret(key) {
            *option = Secret::hidden(option.expose());
        } else if **key == *"url" {
            *option = Secret::plain(option.expose());
        }
    }
    Some(settings)
}

/// Reads the requests that must be made, written as tables or as JSON.
fn golden(loader: &mut Loader<'_>, node: &Node, own: bool) -> Option<Golden> {
    let written = match node.text() {
        None => node.json(),
        Some(text) => match json::parse(text.as_bytes()) {
            Ok(document) => document.root,
            Err(error) => {
                let mistake =
                    Mistake::error(Code::Value, node.span.clone(), format!("not JSON: {error}"));
                loader
                    .report(mistake.help("write the list of requests, or requests = ''' and JSON"));
                return None;
            }
        },
    };
    if node.text().is_some() {
        report_shape(loader, node, &written);
    }
    let mut least = Vec::new();
    for request in written.as_array()? {
        least.push(match request.get("match_json") {
            None => None,
            Some(sample) => Some(pattern(loader, node, sample)?),
        });
    }
    Some(Golden {
        requests: written.as_array()?.iter().map(normal).collect(),
        least,
        span: own.then(|| node.span.clone()),
    })
}

/// Reports requests in JSON that have other keys or values than a request.
fn report_shape(loader: &mut Loader<'_>, node: &Node, written: &Json) {
    let tree = tree_of(written, &node.span);
    let mut mistakes = Vec::new();
    check::check(&tree, &REQUESTS, "`requests`", &mut mistakes);
    for mistake in mistakes {
        loader.report(mistake);
    }
}

/// Returns a value as a tree all of which stands in one place.
fn tree_of(json: &Json, span: &Range<usize>) -> Node {
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(*value),
        Json::Number(number) => Value::Number(*number),
        Json::String(text) => Value::Text(Arc::clone(text)),
        Json::Array(items) => Value::List(items.iter().map(|one| tree_of(one, span)).collect()),
        Json::Object(members) => Value::Table(
            members
                .iter()
                .map(|(key, value)| Member {
                    key: Arc::clone(key),
                    key_span: span.clone(),
                    node: tree_of(value, span),
                })
                .collect(),
        ),
    };
    Node {
        span: span.clone(),
        value,
    }
}

fn pattern(loader: &mut Loader<'_>, node: &Node, sample: &Json) -> Option<Pattern> {
    match Pattern::exact(sample, Options::default()) {
        Ok((pattern, _)) => Some(pattern),
        Err(mistakes) => {
            for wrong in mistakes {
                let mut mistake = Mistake::error(Code::Sample, node.span.clone(), wrong.message);
                mistake.help = wrong.help;
                loader.report(mistake);
            }
            None
        }
    }
}

/// Returns a request with what it leaves out, and without what is compared by itself.
fn normal(request: &Json) -> Json {
    let text = |key: &str| request.get(key).and_then(Json::as_str);
    let method = text("method").map_or_else(|| "POST".to_owned(), str::to_uppercase);
    let headers = request.get("headers").and_then(Json::as_object);
    let headers = headers.into_iter().flat_map(json::Object::iter);
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.clone()));
    let body = ["json", "body"]
        .into_iter()
        .filter_map(|key| Some((key, request.get(key)?.clone())));
    Json::object(
        [
            ("method", Json::from(method)),
            ("url", Json::from(text("url").unwrap_or_default())),
            ("headers", Json::object(headers)),
        ]
        .into_iter()
        .chain(body),
    )
}

fn reply(loader: &mut Loader<'_>, table: &Node) -> Option<ReplyTest> {
    let starts = line_starts(loader.text);
    let line = line_of(&starts, table.span.start);
    let status = table.get("status").and_then(layers::integer::<u16>);
    let body = answer::body(loader, table);
    let replied = Replied {
        status: StatusCode::from_u16(status?).ok()?,
        headers: answer::headers(loader, table, body)?,
        body: answer::bytes(loader, body)?,
        index: table.get("index").and_then(layers::integer).unwrap_or(0),
    };
    let node = table.get("reads")?;
    let Some(reads) = reading(node.text()?) else {
        let message = format!("`{}` is nothing that a script reads", shorten(node.text()?));
        loader.report(Mistake::error(Code::Value, node.span.clone(), message).help(READS));
        return None;
    };
    Some(ReplyTest {
        line,
        replied,
        reads,
        span: node.span.clone(),
        reason: table
            .get("reason")
            .and_then(|node| Some((Arc::clone(node.text()?), node.span.clone()))),
    })
}

/// Returns what a script reads as it is told of what it does read; absent if it is nothing such.
fn reading(text: &str) -> Option<String> {
    let (first, marks) = text.split_once(',').unwrap_or((text, ""));
    let marks = marks.trim();
    let words: Vec<&str> = first.split_whitespace().collect();
    let after = |text: &str| {
        let duration = values::duration_text(text).ok()?;
        Some(values::duration_words(duration))
    };
    Some(match (words.as_slice(), marks) {
        (["taken" | "retry" | "disable" | "edit_gone" | "unknown" | "reject"], "")
        | (["reject"], "plainer") => {
            let mark = if marks.is_empty() { "" } else { ", plainer" };
            format!("{}{mark}", first.trim())
        }
        (["taken", "as", reference], "") => format!("taken as {reference}"),
        (["retry", "after", wait], "") => format!("retry after {}", after(wait)?),
        (["rate_limited", "after", wait], "" | "global") => {
            let mark = if marks.is_empty() { "" } else { ", global" };
            format!("rate_limited after {}{mark}", after(wait)?)
        }
        _ => return None,
    })
}
