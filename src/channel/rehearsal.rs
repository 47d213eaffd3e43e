//! What a channel script makes of a message, and of answers to it, with nothing sent.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::answer::Answer;
pub use super::asked::Unsent;
use super::asked::{Asked, shown};
use super::delivery::{Attempt, DEADLINE};
use super::http::Reply;
use super::message::Message;
use super::request::{Context, Prepared, origins};
use super::settings::{ChannelKind, Settings};
use super::veil::Veil;
use crate::model::json::Json;
use crate::model::judgement::Finding;
use crate::script::limits::Limits;
use crate::script::pool::Pool;

/// One try to deliver a message, with nothing sent.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    /// Where the script runs.
    pub pool: &'a Pool,
    /// What it is allowed.
    pub limits: Limits,
    /// The channel.
    pub channel: &'a Settings,
    /// The message.
    pub message: &'a Message,
    /// Which try it is.
    pub attempt: Attempt,
    /// Whether a try with everything in it was refused.
    pub plain: bool,
}

/// An answer that a receiver could give.
#[derive(Debug, Clone)]
pub struct Replied {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// To which request, from 0.
    pub index: usize,
}

/// What a script reads in an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// What becomes of the message; no text in it holds a secret.
    pub answer: Answer,
    /// Whether the script would try once more with less in the message.
    pub plainer: bool,
    /// Whether it broke, or returned what is no answer.
    pub broken: bool,
    /// What it broke over, with its place in the script.
    pub finding: Option<Box<Finding>>,
}

impl Rehearsal<'_> {
    /// Returns what would be sent, in order; nothing for the console, and the mail for e-mail.
    ///
    /// # Errors
    /// What the try would come to before its first byte.
    pub async fn requests(&self) -> Result<Vec<Rehearsed>, Unsent> {
        if let ChannelKind::Email(email) = &self.channel.kind {
            let name = &self.channel.name;
            return Ok(vec![email.rehearsed(name, self.message, self.attempt.at)]);
        }
        let (veil, seen) = Veil::over(self.channel);
        let origins = origins(self.channel);
        let context = Context::of(&veil, &origins, self.message, self.attempt);
        let Some(asked) = self.asked(context, seen) else {
            return Ok(Vec::new());
        };
        let requests = asked.requests().await;
        let requests = requests.map_err(|unsent| Unsent {
            answer: unsent.answer.cleaned(|text| veil.hide(text)),
            finding: veil.hidden_in(unsent.finding),
        })?;
        Ok(requests
            .iter()
            .map(|one| Rehearsed::of(one, &veil))
            .collect())
    }

    /// Returns what the script reads in an answer; absent for what gets none that a script reads.
    pub async fn reads(&self, replied: Replied) -> Option<Read> {
        let (veil, seen) = Veil::over(self.channel);
        let origins = origins(self.channel);
        let context = Context::of(&veil, &origins, self.message, self.attempt);
        let reply = Reply {
            status: replied.status,
            headers: replied.headers,
            body: replied.body,
        };
        let pass = self.asked(context, seen)?.read(&reply, replied.index).await;
        Some(Read {
            answer: pass.answer.cleaned(|text| veil.hide(text)),
            plainer: pass.plainer,
            broken: pass.broken,
            finding: veil.hidden_in(pass.finding),
        })
    }

    fn asked<'a>(&'a self, context: Context<'a>, channel: Json) -> Option<Asked<'a>> {
        let ChannelKind::Script(source) = &self.channel.kind else {
            return None;
        };
        Some(Asked {
            pool: self.pool,
            limits: self.limits.clone(),
            source,
            context,
            channel,
            message: shown(self.message, self.attempt, self.plain),
            deadline: Instant::now() + DEADLINE,
        })
    }
}

/// A request as it would be sent, secrets shown as `***`; or a mail, with its text as the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsed {
    /// Request method.
    pub method: String,
    /// Where it would go.
    pub url: String,
    /// Headers in no certain order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Rehearsed {
    fn of(prepared: &Prepared, veil: &Veil) -> Self {
        let headers = prepared.request.headers().iter().map(|(name, value)| {
            let value = if name == http::header::AUTHORIZATION {
                // A login from a URL is encoded here, which no text could be searched for.
                "***".to_owned()
            } else {
                veil.hide(&String::from_utf8_lossy(value.as_bytes()))
            };
            (name.to_string(), value)
        });
        Self {
            method: prepared.request.method().to_string(),
            url: veil.hide(&prepared.uri.to_string()),
            headers: headers.collect(),
            body: veil.hide(&String::from_utf8_lossy(&prepared.body)),
        }
    }
}
