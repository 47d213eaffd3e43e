//! What a run may not do itself is done here: the broker holds the secrets, knows the hosts and makes the requests.
//!
//! A run sends it [`Errand`]s and gets back plain data. In a worker process there is nothing but the run; its broker is in
//! the process that started it.

mod digest;
mod hosts;
mod requests;
mod secrets;
mod tokens;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::execute::Task;
use super::guard;
use super::host::{Ask, Host, HostReply};
use super::job::Rights;
use super::limits::Limits;
use super::source::Source;
use super::value::{Origin, dependency, problem};
use crate::model::json::Json;
use crate::model::judgement::{HttpCall, Judgement};
pub(super) use digest::{Digested, digits};
pub(super) use requests::Asked;
pub(super) use secrets::MARK as STAND_IN;
use secrets::Secrets;
pub(super) use tokens::Tokens;

/// Bytes of text that are searched for secrets in a moment.
const QUICK_BYTES: usize = 8 << 10;
/// Bytes that a finding may have besides its message, about.
const FINDING_BYTES: usize = 512;

/// What a run asks of its broker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Errand {
    /// The stand-in for a secret of the service.
    Secret(String),
    /// An encoding or a digest of texts, which may hold stand-ins.
    Digest(Digested, Vec<String>),
    /// A value as it may be remembered: without secrets.
    Hide(Json),
    /// The stand-in for a token.
    Token { name: String, left: Left },
    /// An answer.
    Ask {
        asked: Box<Asked>,
        /// What is asked otherwise than by HTTP.
        otherwise: Option<Ask>,
        left: Left,
    },
}

/// What a run has left for requests.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Left {
    /// Of its time.
    pub(super) wall: Duration,
    /// Requests that are kept for its end.
    pub(super) kept_calls: usize,
}

/// What an errand brought.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Brought {
    Text(String),
    Json(Json),
    Answer(Answer),
}

/// What came of a request, with whose answer it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) reply: Arc<HostReply>,
    pub(super) origin: Origin,
    /// Requests that the run has made by now.
    pub(super) calls: usize,
}

/// Why an errand brought nothing.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Refusal {
    /// The author or the config did something wrong.
    Problem(String),
    /// Whoever was asked did.
    Dependency(Origin, String),
    /// A limit was hit.
    Limit(Limited, String),
}

/// The limits that a broker holds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Limited {
    HttpCalls,
    HeapBytes,
}

impl Brought {
    /// Returns the text that an errand for a text brought.
    pub(super) fn text(self) -> guard::Fallible<String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Json(_) | Self::Answer(_) => Err(problem("the broker brought no text")),
        }
    }
}

/// What an errand ends with.
pub(super) type Errands<T> = Result<T, Refusal>;

impl Refusal {
    /// Raises it in the run on this thread.
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "the interpreter takes its errors boxed"
    )]
    pub(super) fn raised(self) -> guard::Fault {
        match self {
            Self::Problem(message) => problem(message),
            Self::Dependency(origin, message) => dependency(origin, message),
            Self::Limit(limited, message) => {
                let limit = match limited {
                    Limited::HttpCalls => "http_calls",
                    Limited::HeapBytes => "heap_bytes",
                };
                guard::trip(limit, message)
            }
        }
    }
}

fn refused(message: impl Into<String>) -> Refusal {
    Refusal::Problem(message.into())
}

/// The broker of one run.
pub(super) struct Broker {
    source: Arc<Source>,
    params: Arc<BTreeMap<Arc<str>, Json>>,
    rights: Arc<Rights>,
    limits: Limits,
    host: Arc<dyn Host>,
    tokens: Arc<Tokens>,
    secrets: Secrets,
    calls: Vec<HttpCall>,
    /// Answers to requests without a body, so that the same one is made once.
    answered: HashMap<String, Answer>,
}

impl Broker {
    /// Returns the broker of a run.
    pub(super) fn new(
        task: &Task,
        rights: &Arc<Rights>,
        host: &Arc<dyn Host>,
        tokens: &Arc<Tokens>,
    ) -> Self {
        Self {
            source: Arc::clone(&task.source),
            params: Arc::clone(&task.input.params),
            secrets: Secrets::new(&rights.redaction),
            rights: Arc::clone(rights),
            limits: task.limits.clone(),
            host: Arc::clone(host),
            tokens: Arc::clone(tokens),
            calls: Vec::new(),
            answered: HashMap::new(),
        }
    }

    /// Does what a run asks for.
    ///
    /// # Errors
    /// Why not. What whoever was asked did wrong is an answer, but for a token.
    pub(super) async fn run(&mut self, errand: Errand) -> Errands<Brought> {
        match errand {
            Errand::Secret(name) => self.secret(&name).map(Brought::Text),
            Errand::Digest(how, texts) => self.digest(how, &texts).map(Brought::Text),
            Errand::Hide(mut json) => {
                if json.to_string().len() <= QUICK_BYTES {
                    self.secrets.hide_in(&mut json);
                    return Ok(Brought::Json(json));
                }
                // Beside the runtime, which has others to serve.
                let hidden = self.secrets.hidden();
                let done = tokio::task::spawn_blocking(move || {
                    hidden.apply_json(&mut json);
                    json
                });
                match done.await {
                    Ok(json) => Ok(Brought::Json(json)),
                    Err(_) => Err(refused("the value could not be searched for secrets")),
                }
            }
            Errand::Token { name, left } => self.token(&name, left).await.map(Brought::Text),
            Errand::Ask {
                asked,
                otherwise,
                left,
            } => match otherwise {
                None => self.ask(&asked, left).await,
                Some(what) => self.ask_otherwise(&asked, what, left).await,
            }
            .map(Brought::Answer),
        }
    }

    fn secret(&mut self, name: &str) -> Errands<String> {
        let Some(secret) = self.rights.grants.secrets.get(name) else {
            return Err(refused(format!(
                "no secret `{name}` is granted to this service; name it in the service's `secrets`"
            )));
        };
        self.secrets.count()?;
        Ok(self.secrets.stand_in(name, secret))
    }

    /// Tells whether taking the secrets out of this may take more than a moment.
    pub(super) fn is_long_to_finish(&self, judgement: &Judgement) -> bool {
        self.secrets.hides_any()
            && judgement
                .runs
                .iter()
                .flat_map(|run| &run.notes)
                .chain(judgement.findings.iter().map(|finding| &finding.message))
                .map(String::len)
                .chain([judgement.findings.len() * FINDING_BYTES])
                .sum::<usize>()
                > QUICK_BYTES
    }

    /// Adds what was done for the run to what came of it, and takes the secrets out.
    pub(super) fn finish(self, judgement: &mut Judgement) {
        if let Some(run) = judgement.runs.first_mut() {
            run.usage.http_calls.used = self.calls.len() as u64;
            run.usage.http_bytes.used = self.calls.iter().map(|call| call.bytes).sum();
            run.http = self.calls;
        }
        self.secrets.hide(judgement);
    }
}
