//! Remembers the requests that the scripts of one service make, and what came of them.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::guard;
use super::host::{Ask, Host, HostReply, HostRequest, HostResponse};
use super::recorded::RecordedCall;
use crate::model::json;
use crate::model::redaction::Redaction;

/// Tokens that are remembered, so that what echoes an earlier one does not show it.
const TOKENS_MAX: usize = 16;

/// A host that remembers what it was asked. Clones share.
#[derive(Clone)]
pub struct Tape {
    live: Arc<dyn Host>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: Vec<(HostRequest, HostReply)>,
    /// What was sent or answered as a token, the newest last.
    tokens: VecDeque<String>,
}

/// What a tape took down, secrets and all: never shown or kept as it is.
#[derive(Default)]
pub struct Taken {
    calls: Vec<(HostRequest, HostReply)>,
    tokens: Vec<String>,
}

/// Shows nothing of what was asked: secrets are in it.
impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tape")
    }
}

impl Taken {
    /// Returns what is hidden, and with it the tokens that the scripts were given or sent.
    pub fn hiding(&self, hidden: &Redaction) -> Redaction {
        let mut hidden = hidden.clone();
        for token in &self.tokens {
            hidden.add_text(token);
        }
        hidden
    }

    /// Returns the requests as data, without what is hidden.
    pub fn recorded(&self, hidden: &Redaction) -> Vec<RecordedCall> {
        self.calls
            .iter()
            .map(|(request, reply)| RecordedCall::of(request, reply, hidden))
            .collect()
    }

    /// Returns how many bytes it holds, about.
    pub fn bytes(&self) -> usize {
        let reply = |reply: &HostReply| reply.as_ref().map_or(0, |response| response.body.len());
        self.calls.iter().map(|(_, one)| 1024 + reply(one)).sum()
    }
}

impl Tape {
    /// Returns a tape of the requests that `live` makes.
    pub fn new(live: Arc<dyn Host>) -> Self {
        Self {
            live,
            state: Arc::default(),
        }
    }

    /// Returns what was asked since this was last called.
    pub fn take(&self) -> Taken {
        let mut state = self.state();
        Taken {
            calls: std::mem::take(&mut state.calls),
            tokens: state.tokens.iter().cloned().collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request down. What is kept is no heap of the script's, on whose thread this may be, and shares none with it.
    fn remember(&self, request: &HostRequest, reply: &HostReply) {
        guard::exempt(|| self.keep(copied(request), copied_reply(reply)));
    }

    fn keep(&self, request: HostRequest, reply: HostReply) {
        let mut state = self.state();
        for token in tokens(&request, &reply) {
            if !state.tokens.contains(&token) {
                state.tokens.push_back(token);
            }
        }
        let surplus = state.tokens.len().saturating_sub(TOKENS_MAX);
        state.tokens.drain(..surplus);
        state.calls.push((request, reply));
    }

    fn answer(
        &self,
        request: HostRequest,
        make: impl FnOnce(&dyn Host, HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>>
        + Send
        + 'static,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        let tape = self.clone();
        Box::pin(async move {
            let reply = make(&*tape.live, request.clone()).await;
            tape.remember(&request, &reply);
            reply
        })
    }
}

impl Host for Tape {
    fn http(&self, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.answer(request, |live, request| live.http(request))
    }

    fn ask(
        &self,
        what: Ask,
        request: HostRequest,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        self.answer(request, |live, request| live.ask(what, request))
    }
}

fn copied(request: &HostRequest) -> HostRequest {
    let body = request.body.as_deref();
    HostRequest {
        body: body.map(Bytes::copy_from_slice),
        ..request.clone()
    }
}

fn copied_reply(reply: &HostReply) -> HostReply {
    let response = reply.clone()?;
    Ok(HostResponse {
        body: Bytes::copy_from_slice(&response.body),
        ..response
    })
}

/// Returns what a request says who it is with, and what its answer gives to say so.
fn tokens(request: &HostRequest, reply: &HostReply) -> Vec<String> {
    let sent = request
        .headers
        .iter()
        .filter(|(name, _)| name == "authorization")
        .flat_map(|(_, value)| value.split_whitespace().skip(1).map(str::to_owned));
    let mut tokens: Vec<String> = sent.collect();
    if request.answer_is_secret {
        let body = reply.as_ref().map(|response| &response.body[..]);
        let document = json::parse(body.unwrap_or_default());
        let token = document.as_ref().ok().and_then(|document| {
            let token = document.root.get("access_token")?;
            Some(token.as_str()?.to_owned())
        });
        tokens.extend(token);
    }
    tokens
}
