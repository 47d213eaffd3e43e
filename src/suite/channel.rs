//! Plays a test of a channel: the requests that its script makes of the message, and what it reads in answers.

use std::sync::Arc;
use std::time::Duration;

use super::{Failure, Ran};
use crate::channel::answer::Answer;
use crate::channel::rehearsal::{Read, Rehearsal, Rehearsed};
use crate::config;
use crate::config::suite::{ChannelTest, Golden, ReplyTest};
use crate::model::json::{self, Json};
use crate::policy::shape::{Difference, diff};
use crate::script::limits::Limits;
use crate::script::pool::Pool;

/// Headers that OES sets itself, whatever a script says.
const OURS: [&str; 2] = ["host", "user-agent"];

/// The content types that go without saying, of JSON and of other bodies.
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Differences that are told of the requests of one message.
const TOLD_MAX: usize = 10;

/// Plays a test.
pub(super) async fn play(pool: &Pool, test: &ChannelTest) -> Ran {
    let rehearsal = Rehearsal {
        pool,
        limits: Limits::default(),
        channel: &test.settings,
        message: &test.message,
        attempt: test.attempt,
        plain: test.plain,
    };
    let mut ran = Ran::default();
    let mut made = usize::MAX;
    // The first request is always made; whether there are others must be seen.
    let others = test.answers.iter().any(|reply| reply.replied.index > 0);
    if test.requests.is_some() || others {
        match rehearsal.requests().await {
            Ok(requests) => {
                let golden = test.requests.as_ref();
                ran.failures
                    .extend(golden.and_then(|golden| unlike(golden, &requests)));
                made = requests.len();
            }
            Err(unsent) => ran.failures.push(Failure::NoRequests {
                reason: unsent.answer.reason().unwrap_or_default().to_owned(),
                finding: unsent.finding,
            }),
        }
    }
    for reply in test.answers.iter() {
        let index = reply.replied.index;
        if index >= made {
            let line = reply.line;
            ran.failures
                .push(Failure::NoSuchRequest { line, index, made });
        } else if let Some(read) = rehearsal.reads(reply.replied.clone()).await {
            ran.failures.extend(misread(reply, &read));
        }
    }
    ran
}

/// Returns how requests differ from those that must be made.
fn unlike(golden: &Golden, requests: &[Rehearsed]) -> Option<Failure> {
    let made: Json = requests.iter().map(shown).collect();
    let mut compared = Vec::new();
    let mut differences = Vec::new();
    for (index, request) in made.as_array().unwrap_or_default().iter().enumerate() {
        let least = golden.least.get(index).and_then(Option::as_ref);
        let Some(pattern) = least else {
            compared.push(request.clone());
            continue;
        };
        let body = request.get("json").cloned().unwrap_or_default();
        let findings = pattern.findings(&body);
        differences.extend(
            findings
                .iter()
                .map(|finding| format!("match_json of request {}: {finding}", index + 1)),
        );
        let others = request.as_object().into_iter().flat_map(json::Object::iter);
        let others = others.filter(|(key, _)| &***key != "json");
        compared.push(Json::object(
            others.map(|(key, value)| (Arc::clone(key), value.clone())),
        ));
    }
    let found = diff(&golden.requests, &compared.into_iter().collect());
    differences.extend(found.iter().map(told));
    let more = differences.len().saturating_sub(TOLD_MAX);
    differences.truncate(TOLD_MAX);
    (!differences.is_empty()).then_some(Failure::Requests {
        differences,
        more,
        made,
    })
}

/// Returns a difference with the number of the request in place of the first step of its path.
fn told(difference: &Difference) -> String {
    let path = difference.path.to_string();
    let step = path
        .strip_prefix("$[")
        .and_then(|rest| rest.split_once(']'));
    let (index, rest) = step.unwrap_or(("0", ""));
    let number = index.parse::<usize>().unwrap_or(0) + 1;
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let blank = if rest.is_empty() { "" } else { " " };
    let value = |value: &Option<Json>| match value {
        None => "nothing".to_owned(),
        Some(request) if rest.is_empty() => {
            let text = |key: &str| request.get(key).and_then(Json::as_str).unwrap_or_default();
            format!("{} {}", text("method"), text("url"))
        }
        Some(value) => value.summary(200),
    };
    let (old, new) = (value(&difference.old), value(&difference.new));
    format!("request {number}{blank}{rest}: expected {old}, got {new}")
}

/// Returns a request as a test writes it.
fn shown(request: &Rehearsed) -> Json {
    let body = json::parse(request.body.as_bytes());
    let body = body.ok().map(|document| document.root);
    let body = body.filter(|root| root.as_object().is_some() || root.as_array().is_some());
    let usual = if body.is_some() { JSON } else { TEXT };
    let mut headers: Vec<&(String, String)> = request
        .headers
        .iter()
        .filter(|(name, value)| {
            let goes_without_saying = name == "content-type" && value == usual;
            !(goes_without_saying || OURS.contains(&name.as_str()))
        })
        .collect();
    headers.sort();
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.as_str(), Json::from(value.as_str())));
    let body = match body {
        Some(root) => Some(("json", root)),
        None if request.body.is_empty() => None,
        None => Some(("body", Json::from(request.body.as_str()))),
    };
    Json::object(
        [
            ("method", Json::from(request.method.as_str())),
            ("url", Json::from(request.url.as_str())),
            ("headers", Json::object(headers)),
        ]
        .into_iter()
        .chain(body),
    )
}

/// Returns how what is read in an answer differs from what must be.
fn misread(reply: &ReplyTest, read: &Read) -> Vec<Failure> {
    let (line, got) = (reply.line, reading(read));
    let given = read.answer.reason().unwrap_or_default();
    if read.broken {
        return vec![Failure::AnswerBroke {
            line,
            reason: given.to_owned(),
            finding: read.finding.clone(),
        }];
    }
    let wanted = reply.reason.as_ref();
    let wanted = wanted.filter(|(wanted, _)| given != &**wanted);
    let reason = wanted.map(|(wanted, span)| Failure::Reason {
        line,
        expected: wanted.to_string(),
        got: given.to_owned(),
        span: span.clone(),
    });
    let reads = (got != reply.reads).then(|| Failure::Reads {
        line,
        status: reply.replied.status.as_u16(),
        expected: reply.reads.clone(),
        got,
        // What differs is told by itself.
        reason: reason.as_ref().map_or(given, |_| "").to_owned(),
        span: reply.span.clone(),
    });
    reads.into_iter().chain(reason).collect()
}

/// Returns what is read in an answer as a test writes it.
fn reading(read: &Read) -> String {
    let name = read.answer.as_str();
    let after = |wait: Duration| format!("{name} after {}", config::duration_words(wait));
    match &read.answer {
        Answer::Taken {
            remote_ref: Some(reference),
        } => format!("taken as {reference}"),
        Answer::Retry {
            after: Some(wait), ..
        } => after(*wait),
        Answer::RateLimited {
            after: wait,
            global,
            ..
        } => format!("{}{}", after(*wait), if *global { ", global" } else { "" }),
        Answer::Rejected { .. } => {
            let mark = if read.plainer { ", plainer" } else { "" };
            format!("reject{mark}")
        }
        Answer::Disabled { .. } => "disable".to_owned(),
        Answer::Taken { remote_ref: None }
        | Answer::Retry { after: None, .. }
        | Answer::EditGone { .. }
        | Answer::Unknown { .. } => name.to_owned(),
    }
}
