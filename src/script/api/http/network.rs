//! Which hosts a script may ask, how many times, and the request itself.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::time::Instant;
use url::Url;

use super::Asked;
use super::tokens::{self, Tokens};
use crate::model::judgement::HttpCall;
use crate::model::service::Grants;
use crate::script::guard::{self, Fallible};
use crate::script::host::{Allowed, Ask, Host, HostFailure, HostReply, HostRequest};
use crate::script::run;
use crate::script::source::ParamKind;
use crate::script::value::{Origin, cut, problem};

/// What a run needs to make requests.
pub(in crate::script) struct Network {
    runtime: Handle,
    host: Arc<dyn Host>,
    pub(super) tokens: Arc<Tokens>,
    bytes: usize,
    /// Whether anybody but the service itself was asked.
    asked_others: bool,
    /// Answers to requests without a body, so that the same one is made once.
    answered: HashMap<String, Answer>,
}

/// What came of a request, with whose answer it is.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) reply: Arc<HostReply>,
    pub(super) origin: Origin,
}

/// Tells whether the run asked nobody but the service itself.
pub(in crate::script) fn asked_only_the_service() -> bool {
    run::matcher(|matcher, _| Ok(!matcher.network.asked_others)).unwrap_or(false)
}

impl Network {
    pub(in crate::script) fn new(
        runtime: &Handle,
        host: &Arc<dyn Host>,
        tokens: &Arc<Tokens>,
    ) -> Self {
        Self {
            runtime: runtime.clone(),
            host: Arc::clone(host),
            tokens: Arc::clone(tokens),
            bytes: 0,
            asked_others: false,
            answered: HashMap::new(),
        }
    }
}

/// Returns every host that the script may ask, `host` or `host:port`: the origin of the service's own URL, what the
/// config grants, and what the script's header and its parameters name.
fn hosts(matcher: &run::Matcher) -> Vec<String> {
    let with_port = |url: &Url| {
        let port = url.port_or_known_default()?;
        Some(format!("{}:{port}", url.host_str()?))
    };
    let header = &matcher.source.header;
    let of_params = header
        .params
        .iter()
        .filter(|param| param.kind == ParamKind::Url)
        .filter_map(|param| Url::parse(matcher.param(&param.name)?.as_str()?).ok())
        .filter_map(|url| with_port(&url));
    with_port(&matcher.input.url)
        .into_iter()
        .chain(matcher.input.grants.hosts.iter().cloned())
        .chain(header.hosts.iter().cloned())
        .chain(of_params)
        .collect()
}

/// Tells why a URL may be asked, absent if it may not. A look-up asks no port: whoever may ask a host at any may look it
/// up.
fn allowed(
    matcher: &run::Matcher,
    hosts: &[String],
    url: &Url,
    is_lookup: bool,
) -> Option<Allowed> {
    let own = &matcher.input.url;
    if own.origin() == url.origin() || (is_lookup && own.host() == url.host()) {
        return Some(Allowed::OwnOrigin);
    }
    Grants::cover(hosts, url, is_lookup).then_some(Allowed::Granted)
}

/// Makes a request and returns its answer; only what the author or the config did wrong is an error.
///
/// Where a token of `auth.oauth2` is refused, one more request is made with a new one.
pub(super) fn ask(asked: &Asked) -> Fallible<Answer> {
    let answer = ask_as_is(asked)?;
    let refused = matches!(&*answer.reply, Ok(response) if response.status == 401);
    if refused && tokens::renewed(asked)? {
        return ask_as_is(asked);
    }
    Ok(answer)
}

fn ask_as_is(asked: &Asked) -> Fallible<Answer> {
    let (request, key) = run::matcher(|matcher, limits| {
        let request = prepared(asked, matcher, limits)?;
        let key = (request.method == "GET" && request.body.is_none())
            .then(|| format!("{} {:?} {:?}", request.url, request.headers, request.tls));
        Ok((request, key))
    })?;
    let known = run::matcher(|matcher, _| {
        Ok(key
            .as_ref()
            .and_then(|key| matcher.network.answered.get(key))
            .cloned())
    })?;
    if let Some(answer) = known {
        return Ok(answer);
    }
    let answer = make(asked, request, |host, request| host.http(request))?;
    if let Some(key) = key {
        run::matcher(|matcher, _| {
            matcher.network.answered.insert(key, answer.clone());
            Ok(())
        })?;
    }
    Ok(answer)
}

/// Asks something else than HTTP of the host and port in the URL.
pub(super) fn ask_otherwise(asked: &Asked, what: Ask) -> Fallible<Answer> {
    let request = run::matcher(|matcher, limits| prepared(asked, matcher, limits))?;
    make(asked, request, |host, request| host.ask(what, request))
}

/// Makes a request within what the run may still do, and writes down what came of it.
fn make(
    asked: &Asked,
    request: HostRequest,
    make: impl FnOnce(&dyn Host, HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>>,
) -> Fallible<Answer> {
    let (runtime, host) = run::matcher(|matcher, limits| {
        let kept = matcher.kept_calls;
        if matcher.out.http.len() + kept >= limits.http_calls {
            let kept = match kept {
                0 => String::new(),
                kept => format!("; {kept} of these are kept for `always`"),
            };
            return Err(guard::trip(
                "http_calls",
                format!(
                    "wanted to make more than {} requests{kept}",
                    limits.http_calls
                ),
            ));
        }
        let network = &matcher.network;
        Ok((network.runtime.clone(), Arc::clone(&network.host)))
    })?;
    let origin = match request.allowed {
        Allowed::OwnOrigin => Origin::Probed,
        Allowed::Granted => Origin::Dependency,
    };
    let timeout = request.timeout;
    let limit = request.body_limit_bytes;
    let began = Instant::now();
    let reply = runtime
        .block_on(async { tokio::time::timeout(timeout, make(&*host, request)).await })
        .unwrap_or_else(|_| {
            Err(HostFailure {
                kind: "timeout".to_owned(),
                message: format!("no answer within {} ms", timeout.as_millis()),
            })
        });
    let elapsed = began.elapsed();
    guard::waited(elapsed);
    let reply = match reply {
        Ok(response) if response.body.len() > limit => Err(HostFailure {
            kind: "body_too_large".to_owned(),
            message: format!("the answer has more than {limit} bytes"),
        }),
        reply => reply,
    };
    let answer = Answer {
        reply: Arc::new(reply),
        origin,
    };
    record(asked, &answer, elapsed)?;
    guard::charge(1)?;
    Ok(answer)
}

fn prepared(
    asked: &Asked,
    matcher: &run::Matcher,
    limits: &crate::script::limits::Limits,
) -> Fallible<HostRequest> {
    let secrets = &matcher.secrets;
    let mut url = Url::parse(&secrets.fill(&asked.url)?)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| {
            problem(format!(
                "`{}` is no http or https URL",
                cut(&asked.url, 200)
            ))
        })?;
    if !asked.query.is_empty() {
        let mut query = url.query_pairs_mut();
        for (name, value) in &asked.query {
            query.append_pair(name, &secrets.fill(value)?);
        }
    }
    let hosts = hosts(matcher);
    let Some(allowed) = allowed(matcher, &hosts, &url, asked.method.starts_with("DNS ")) else {
        return Err(problem(format!(
            "the script may not ask {}: name the host in its header (`hosts`), declare the parameter with the URL as \
             kind \"url\", or grant it to the service",
            url.host_str().unwrap_or_default()
        )));
    };
    let left = guard::wall_left();
    let body = asked
        .body
        .as_ref()
        .map(|body| secrets.fill(body))
        .transpose()?;
    let headers: Vec<(String, String)> = asked
        .headers
        .iter()
        .map(|(name, value)| Ok((name.clone(), secrets.fill(value)?)))
        .collect::<Fallible<_>>()?;
    if asked.tls.unverified {
        let host = url.host_str().unwrap_or_default();
        if allowed == Allowed::Granted && !Grants::cover(&matcher.input.grants.named, &url, false) {
            return Err(problem(format!(
                "`verify: false` is for hosts that the config itself names: add \"{host}\" to the service's `hosts`"
            )));
        }
        if secrets.are_in(asked.texts()) {
            return Err(problem(format!(
                "a request with `verify: false` carries no secret: anybody could be {host}"
            )));
        }
    }
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
        timeout: asked.timeout.map_or(left, |timeout| timeout.min(left)),
        body_limit_bytes: limits.http_bytes,
        transport: (allowed == Allowed::OwnOrigin).then(|| Arc::clone(&matcher.input.transport)),
        allowed,
        hosts,
    })
}

fn record(asked: &Asked, answer: &Answer, elapsed: Duration) -> Fallible<()> {
    let (status, error, bytes, elapsed) = match &*answer.reply {
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
    run::matcher(|matcher, _| {
        matcher.network.bytes = matcher.network.bytes.saturating_add(bytes);
        matcher.out.http.push(HttpCall {
            method: asked.method.clone(),
            url: cut(&asked.url, 500),
            status,
            error,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            bytes: bytes as u64,
        });
        matcher.network.asked_others |= answer.origin == Origin::Dependency;
        Ok(())
    })
}
