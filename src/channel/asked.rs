//! What a channel script is asked: for requests, and what an answer to one of them means.

use std::sync::Arc;
use std::time::Duration;

use http::header::RETRY_AFTER;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::answer::Answer;
use super::delivery::Attempt;
use super::http::Reply;
use super::message::Message;
use super::request::{Context, Prepared, RequestError, prepare};
use crate::model::json::{self, Json};
use crate::model::judgement::Finding;
use crate::model::retry_after::retry_after;
use crate::script::job::{CallError, CallJob};
use crate::script::limits::Limits;
use crate::script::pool::Pool;
use crate::script::source::Source;

/// What `answer` may take when the deadline has come: the provider's word is not thrown away for want of a moment.
const ANSWER_PATIENCE: Duration = Duration::from_secs(2);

/// A channel script with what it is given in one try.
pub(super) struct Asked<'a> {
    pub(super) pool: &'a Pool,
    pub(super) limits: Limits,
    pub(super) source: &'a Arc<Source>,
    pub(super) context: Context<'a>,
    pub(super) channel: Json,
    pub(super) message: Json,
    pub(super) deadline: Instant,
}

impl Asked<'_> {
    /// Returns the requests that the script wants sent, or what it means that there are none.
    pub(super) async fn requests(&self) -> Result<Vec<Prepared>, Unsent> {
        let arguments = vec![self.message.clone(), self.channel.clone()];
        let returned = self
            .call("requests", arguments, self.deadline)
            .await
            .map_err(|broke| Unsent {
                answer: Answer::retry(broke.reason),
                finding: broke.finding,
            })?;
        prepare(&returned, &self.context).map_err(|error| Unsent {
            answer: self.refused(&error),
            finding: None,
        })
    }

    /// Returns what a request that is not sent means for the message.
    fn refused(&self, error: &RequestError) -> Answer {
        let reason = format!("{}: {error}", self.source.file);
        match error {
            RequestError::Shape(_) => Answer::retry(reason),
            RequestError::Host { .. } => Answer::Rejected { reason },
            RequestError::Url(_) | RequestError::Secret(_) => Answer::Disabled {
                reason: error.to_string(),
            },
        }
    }

    /// Asks the script what a reply means.
    pub(super) async fn read(&self, reply: &Reply, index: usize) -> Pass {
        let response = self.seen(reply, index);
        let arguments = vec![response, self.message.clone(), self.channel.clone()];
        let deadline = self.deadline.max(Instant::now() + ANSWER_PATIENCE);
        let unknown = |reason, finding| Pass {
            broken: true,
            finding,
            ..Pass::from(Answer::Unknown { reason })
        };
        let returned = match self.call("answer", arguments, deadline).await {
            Ok(returned) => returned,
            Err(Broke { reason, finding }) => {
                let reason = format!("after status {}: {reason}", reply.status.as_u16());
                return unknown(reason, finding);
            }
        };
        let answer = match Answer::from_script(&returned) {
            Ok(answer) => answer,
            Err(error) => return unknown(format!("{}: {error}", self.source.file), None),
        };
        if matches!(answer, Answer::Taken { .. }) && reply.status.is_redirection() {
            return Answer::retry(format!(
                "the receiver answered {} and redirects are not followed",
                reply.status.as_u16()
            ))
            .into();
        }
        let plain = self.message.get("plain") == Some(&Json::Bool(true));
        Pass {
            plainer: !plain
                && index == 0
                && matches!(answer, Answer::Rejected { .. })
                && returned.get("plainer") == Some(&Json::Bool(true)),
            answer,
            broken: false,
            finding: None,
        }
    }

    /// Returns a reply as a script sees it, without secrets that the receiver may have sent back.
    fn seen(&self, reply: &Reply, index: usize) -> Json {
        let veil = self.context.veil;
        let body = veil.hide(&String::from_utf8_lossy(&reply.body));
        let parsed = json::parse(body.as_bytes())
            .map(|document| document.root)
            .ok()
            .filter(|root| root.as_object().is_some());
        let headers = reply.headers.keys().map(|name| {
            let values: Vec<_> = reply
                .headers
                .get_all(name)
                .iter()
                .map(|value| String::from_utf8_lossy(value.as_bytes()))
                .collect();
            (name.as_str(), Json::from(veil.hide(&values.join(", "))))
        });
        Json::object([
            ("status", Json::from(i64::from(reply.status.as_u16()))),
            ("headers", Json::object(headers)),
            ("body", Json::from(body)),
            ("json", parsed.unwrap_or_default()),
            (
                "retry_after",
                asked_to_wait(reply, self.context.at).map_or(Json::Null, Json::from),
            ),
            ("index", Json::from(index as u64)),
        ])
    }

    async fn call(
        &self,
        function: &'static str,
        arguments: Vec<Json>,
        deadline: Instant,
    ) -> Result<Json, Broke> {
        let limits = Limits {
            wall: Some(deadline.saturating_duration_since(Instant::now())),
            ..self.limits.clone()
        };
        let call = self.pool.call(CallJob {
            source: Arc::clone(self.source),
            function: function.into(),
            arguments,
            now: self.context.at,
            limits,
        });
        let broke = |why: &str, finding| Broke {
            reason: format!(
                "channel script {} broke in `{function}`: {why}",
                self.source.file
            ),
            finding,
        };
        match timeout_at(deadline, call).await {
            Err(_) => Err(broke("it did not end in time", None)),
            Ok(result) => result.map_err(|error| {
                let why = error.to_string();
                let CallError(finding) = error;
                broke(&why, Some(finding))
            }),
        }
    }
}

/// Why a function of the script returned nothing.
struct Broke {
    reason: String,
    /// What it broke over, with its place.
    finding: Option<Box<Finding>>,
}

/// Why there are no requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsent {
    /// What becomes of the message.
    pub answer: Answer,
    /// What the script broke over, with its place; absent if it did not break.
    pub finding: Option<Box<Finding>>,
}

/// How one pass over the requests ended.
pub(super) struct Pass {
    pub(super) answer: Answer,
    /// Whether the script would try once more with less in the message.
    pub(super) plainer: bool,
    /// Whether the script broke over an answer, or made no sense.
    pub(super) broken: bool,
    /// What it broke over, with its place.
    pub(super) finding: Option<Box<Finding>>,
}

impl From<Answer> for Pass {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            plainer: false,
            broken: false,
            finding: None,
        }
    }
}

/// Returns the message as a script sees it in this try.
pub(super) fn shown(message: &Message, attempt: Attempt, plain: bool) -> Json {
    let facts = message.to_json();
    let facts = facts.as_object().into_iter().flat_map(json::Object::iter);
    Json::object(
        facts
            .map(|(key, value)| (Arc::clone(key), value.clone()))
            .chain([
                (Arc::from("attempt"), Json::from(u64::from(attempt.number))),
                (Arc::from("plain"), Json::from(plain)),
            ]),
    )
}

/// Returns the seconds for which a reply asks to wait, absent if it does not.
fn asked_to_wait(reply: &Reply, now: Timestamp) -> Option<f64> {
    let wait = retry_after(reply.headers.get(RETRY_AFTER)?, now)?;
    Some(wait.as_secs_f64())
}
