//! Which hosts a script may ask, how many times, and the request itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::time::Instant;
use url::Url;

use super::Asked;
use crate::model::judgement::HttpCall;
use crate::script::guard::{self, Fallible};
use crate::script::host::{Allowed, Host, HostFailure, HostReply, HostRequest};
use crate::script::run;
use crate::script::source::ParamKind;
use crate::script::value::{Origin, cut, problem};

/// What a run needs to make requests.
pub(in crate::script) struct Network {
    runtime: Handle,
    host: Arc<dyn Host>,
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
    pub(in crate::script) fn new(runtime: &Handle, host: &Arc<dyn Host>) -> Self {
        Self {
            runtime: runtime.clone(),
            host: Arc::clone(host),
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

/// Tells why a URL may be asked, absent if it may not.
fn allowed(matcher: &run::Matcher, hosts: &[String], url: &Url) -> Option<Allowed> {
    if url.origin() == matcher.input.url.origin() {
        return Some(Allowed::OwnOrigin);
    }
    let host = url.host_str()?;
    let with_port = format!("{host}:{}", url.port_or_known_default()?);
    hosts
        .iter()
        .any(|granted| {
            granted.eq_ignore_ascii_case(host) || granted.eq_ignore_ascii_case(&with_port)
        })
        .then_some(Allowed::Granted)
}

/// Makes a request and returns its answer; only what the author or the config did wrong is an error.
pub(super) fn ask(asked: &Asked) -> Fallible<Answer> {
    let (request, runtime, host, key) = run::matcher(|matcher, limits| {
        let request = prepared(asked, matcher, limits)?;
        let key = (request.method == "GET" && request.body.is_none())
            .then(|| format!("{} {:?}", request.url, request.headers));
        let network = &matcher.network;
        Ok((
            request,
            network.runtime.clone(),
            Arc::clone(&network.host),
            key,
        ))
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
    run::matcher(|matcher, limits| {
        if matcher.out.http.len() >= limits.http_calls {
            return Err(guard::trip(
                "http_calls",
                format!("wanted to make more than {} requests", limits.http_calls),
            ));
        }
        Ok(())
    })?;
    let origin = match request.allowed {
        Allowed::OwnOrigin => Origin::Probed,
        Allowed::Granted => Origin::Dependency,
    };
    let timeout = request.timeout;
    let limit = request.body_limit_bytes;
    let began = Instant::now();
    let reply = runtime
        .block_on(async { tokio::time::timeout(timeout, host.http(request)).await })
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
    record(asked, &answer, elapsed, key)?;
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
    let Some(allowed) = allowed(matcher, &hosts, &url) else {
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
    Ok(HostRequest {
        method: asked.method.clone(),
        url,
        headers: asked
            .headers
            .iter()
            .map(|(name, value)| Ok((name.clone(), secrets.fill(value)?)))
            .collect::<Fallible<_>>()?,
        body_is_secret: body != asked.body,
        body: body.map(Bytes::from),
        timeout: asked.timeout.map_or(left, |timeout| timeout.min(left)),
        body_limit_bytes: limits.http_bytes,
        transport: (allowed == Allowed::OwnOrigin).then(|| Arc::clone(&matcher.input.transport)),
        allowed,
        hosts,
    })
}

fn record(asked: &Asked, answer: &Answer, elapsed: Duration, key: Option<String>) -> Fallible<()> {
    let (status, error, bytes, elapsed) = match &*answer.reply {
        Ok(response) => (
            Some(response.status),
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
        if let Some(key) = key {
            matcher.network.answered.insert(key, answer.clone());
        }
        Ok(())
    })
}
