//! A request: whether it may be made, what it is with its secrets filled in, and what came of it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use url::Url;

use super::secrets::MARK;
use super::{Answer, Broker, Errands, Left, Limited, Refusal, refused};
use crate::model::judgement::HttpCall;
use crate::model::service::Grants;
use crate::script::host::{Allowed, Ask, Host, HostFailure, HostReply, HostRequest, TlsWish};
use crate::script::value::{Origin, cut};

/// One request as a script asks for it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::script) struct Asked {
    pub(in crate::script) method: String,
    pub(in crate::script) url: String,
    pub(in crate::script) headers: Vec<(String, String)>,
    pub(in crate::script) query: Vec<(String, String)>,
    pub(in crate::script) body: Option<String>,
    /// A body that is no text.
    pub(in crate::script) bytes: Option<Vec<u8>>,
    pub(in crate::script) timeout: Option<Duration>,
    pub(in crate::script) tls: TlsWish,
    pub(in crate::script) answer_is_secret: bool,
}

impl Asked {
    /// Returns every text that may hold a secret.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .chain(&self.query)
            .map(|(_, value)| value.as_str())
            .chain([self.url.as_str()])
            .chain(self.body.as_deref())
    }
}

type Made = Pin<Box<dyn Future<Output = HostReply> + Send>>;

impl Broker {
    /// Makes a request and returns its answer; only what the author or the config did wrong is an error.
    ///
    /// Where a token of `auth.oauth2` is refused, one more request is made with a new one.
    pub(super) async fn ask(&mut self, asked: &Asked, left: Left) -> Errands<Answer> {
        let answer = self.ask_as_is(asked, left).await?;
        let is_refused = matches!(&*answer.reply, Ok(response) if response.status == 401);
        if is_refused && self.renewed(asked, left).await? {
            return self.ask_as_is(asked, left).await;
        }
        Ok(answer)
    }

    /// Makes a request as it is.
    pub(super) async fn ask_as_is(&mut self, asked: &Asked, left: Left) -> Errands<Answer> {
        let request = self.prepared(asked, left)?;
        let key = (request.method == "GET" && request.body.is_none())
            .then(|| format!("{} {:?} {:?}", request.url, request.headers, request.tls));
        if let Some(answer) = key.as_ref().and_then(|key| self.answered.get(key)) {
            return Ok(answer.clone());
        }
        let answer = self
            .make(asked, request, left, |host, request| host.http(request))
            .await?;
        if let Some(key) = key {
            self.answered.insert(key, answer.clone());
        }
        Ok(answer)
    }

    /// Asks something else than HTTP of the host and port in the URL.
    pub(super) async fn ask_otherwise(
        &mut self,
        asked: &Asked,
        what: Ask,
        left: Left,
    ) -> Errands<Answer> {
        let request = self.prepared(asked, left)?;
        self.make(asked, request, left, |host, request| {
            host.ask(what, request)
        })
        .await
    }

    /// Makes a request within what the run may still do, and writes down what came of it.
    async fn make(
        &mut self,
        asked: &Asked,
        request: HostRequest,
        left: Left,
        make: impl FnOnce(&dyn Host, HostRequest) -> Made,
    ) -> Errands<Answer> {
        self.count(left.kept_calls)?;
        let origin = match request.allowed {
            Allowed::OwnOrigin => Origin::Probed,
            Allowed::Granted => Origin::Dependency,
        };
        let timeout = request.timeout;
        let limit = request.body_limit_bytes;
        let began = Instant::now();
        let reply = tokio::time::timeout(timeout, make(&*self.host, request))
            .await
            .unwrap_or_else(|_| {
                Err(HostFailure {
                    kind: "timeout".to_owned(),
                    message: format!("no answer within {} ms", timeout.as_millis()),
                })
            });
        let elapsed = began.elapsed();
        let reply = match reply {
            Ok(response) if response.body.len() > limit => Err(HostFailure {
                kind: "body_too_large".to_owned(),
                message: format!("the answer has more than {limit} bytes"),
            }),
            reply => reply,
        };
        self.calls.push(call(asked, &reply, elapsed));
        Ok(Answer {
            reply: Arc::new(reply),
            origin,
            calls: self.calls.len(),
        })
    }

    /// Sees whether one more request may be made.
    fn count(&self, kept: usize) -> Errands<()> {
        let allowed = self.limits.http_calls;
        if self.calls.len().saturating_add(kept) < allowed {
            return Ok(());
        }
        let kept = match kept {
            0 => String::new(),
            kept => format!("; {kept} of these are kept for `always`"),
        };
        let message = format!("wanted to make more than {allowed} requests{kept}");
        Err(Refusal::Limit(Limited::HttpCalls, message))
    }

    fn prepared(&self, asked: &Asked, left: Left) -> Errands<HostRequest> {
        let mut room = self.limits.heap_bytes;
        let mut fill = |text: &str| self.secrets.fill(text, &mut room);
        let read = |text: &str| {
            let url = Url::parse(text).ok();
            url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
                .ok_or_else(|| {
                    refused(format!(
                        "`{}` is no http or https URL",
                        cut(&asked.url, 200)
                    ))
                })
        };
        let written = read(&asked.url)?;
        let mut url = read(&fill(&asked.url)?)?;
        let host = written.host_str().unwrap_or_default();
        // A host with a secret in it would tell it to whoever looks names up, and in every message.
        if written.origin() != url.origin() || host.contains(MARK) {
            return Err(refused(
                "a secret may be in the path, the query, the headers or the body of a request, not in the host",
            ));
        }
        if !asked.query.is_empty() {
            let mut query = url.query_pairs_mut();
            for (name, value) in &asked.query {
                query.append_pair(name, &fill(value)?);
            }
        }
        let hosts = self.hosts();
        let Some(allowed) = self.allowed(&hosts, &url, asked.method.starts_with("DNS ")) else {
            return Err(refused(format!(
                "the script may not ask {}: name the host in its header (`hosts`), declare the parameter with the URL as \
                 kind \"url\", or grant it to the service",
                url.host_str().unwrap_or_default()
            )));
        };
        let body = asked.body.as_ref().map(|body| fill(body)).transpose()?;
        let headers: Vec<(String, String)> = asked
            .headers
            .iter()
            .map(|(name, value)| Ok((name.clone(), fill(value)?)))
            .collect::<Errands<_>>()?;
        if asked.tls.unverified {
            self.may_go_unverified(asked, &url, allowed)?;
        }
        let own = &self.rights.transport;
        Ok(HostRequest {
            method: asked.method.clone(),
            url,
            headers,
            tls: asked.tls.clone(),
            answer_is_secret: asked.answer_is_secret,
            body_is_secret: body != asked.body,
            body: body
                .map(Bytes::from)
                .or_else(|| asked.bytes.clone().map(Bytes::from)),
            timeout: asked
                .timeout
                .map_or(left.wall, |timeout| timeout.min(left.wall)),
            body_limit_bytes: self.limits.http_bytes,
            transport: (allowed == Allowed::OwnOrigin).then(|| Arc::clone(own)),
            allowed,
            hosts,
        })
    }

    fn may_go_unverified(&self, asked: &Asked, url: &Url, allowed: Allowed) -> Errands<()> {
        let host = url.host_str().unwrap_or_default();
        if allowed == Allowed::Granted && !Grants::cover(&self.rights.grants.named, url, false) {
            return Err(refused(format!(
                "`verify: false` is for hosts that the config itself names: add \"{host}\" to the service's `hosts`"
            )));
        }
        if self.secrets.are_in(asked.texts()) {
            return Err(refused(format!(
                "a request with `verify: false` carries no secret: anybody could be {host}"
            )));
        }
        Ok(())
    }
}

/// Returns what is shown of a request and what came of it.
fn call(asked: &Asked, reply: &HostReply, elapsed: Duration) -> HttpCall {
    let (status, error, bytes, elapsed) = match reply {
        Ok(response) => (
            // What is no HTTP has none.
            (response.status > 0).then_some(response.status),
            None,
            response.body.len(),
            response.elapsed,
        ),
        Err(failure) => (
            None,
            Some(format!("{}: {}", failure.kind, failure.message)),
            0,
            elapsed,
        ),
    };
    HttpCall {
        method: asked.method.clone(),
        url: cut(&asked.url, 500),
        status,
        error,
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        bytes: bytes as u64,
    }
}
