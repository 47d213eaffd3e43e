//! Requests of a script: which hosts it may ask, how many times, and what comes back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rhai::{Dynamic, Engine, Map};
use tokio::runtime::Handle;
use tokio::time::Instant;
use url::Url;

use super::time::duration_seconds;
use crate::model::json::{self, Json};
use crate::model::judgement::HttpCall;
use crate::script::guard::{self, Fallible};
use crate::script::host::{Allowed, Host, HostFailure, HostReply, HostRequest};
use crate::script::run;
use crate::script::source::ParamKind;
use crate::script::value::{Origin, Raised, cut, kind_name, problem, raised, text, to_json, view};

/// The handle `http`.
#[derive(Debug, Clone)]
pub(super) struct HttpHandle;

/// What a run needs to make requests.
pub(in crate::script) struct Network {
    runtime: Handle,
    host: Arc<dyn Host>,
    bytes: usize,
    /// Answers to requests without a body, so that the same one is made once.
    answered: HashMap<String, Answer>,
}

/// What came of a request, with whose answer it is.
#[derive(Clone)]
struct Answer {
    reply: Arc<HostReply>,
    origin: Origin,
}

/// One request as a script asks for it.
#[derive(Default)]
struct Asked {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    body: Option<String>,
    timeout: Option<Duration>,
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<HttpHandle>("http");
    engine
        .register_fn("get", |_: &mut HttpHandle, url: &str| {
            respond(&asked("GET", url, &Map::new())?)
        })
        .register_fn("get", |_: &mut HttpHandle, url: &str, opts: Map| {
            respond(&asked("GET", url, &opts)?)
        })
        .register_fn("request", |_: &mut HttpHandle, method: &str, url: &str| {
            respond(&asked(method, url, &Map::new())?)
        })
        .register_fn(
            "request",
            |_: &mut HttpHandle, method: &str, url: &str, opts: Map| {
                respond(&asked(method, url, &opts)?)
            },
        )
        .register_fn("get_json", |_: &mut HttpHandle, url: &str| {
            get_json(&asked("GET", url, &Map::new())?)
        })
        .register_fn("get_json", |_: &mut HttpHandle, url: &str, opts: Map| {
            get_json(&asked("GET", url, &opts)?)
        })
        .register_fn(
            "jsonrpc",
            |_: &mut HttpHandle, url: &str, method: &str, params: Dynamic| {
                jsonrpc(url, method, &params, &Map::new())
            },
        )
        .register_fn(
            "jsonrpc",
            |_: &mut HttpHandle, url: &str, method: &str, params: Dynamic, opts: Map| {
                jsonrpc(url, method, &params, &opts)
            },
        );
    engine
        .register_fn("delete", |_: &mut HttpHandle, url: &str| {
            respond(&asked("DELETE", url, &Map::new())?)
        })
        .register_fn("delete", |_: &mut HttpHandle, url: &str, opts: Map| {
            respond(&asked("DELETE", url, &opts)?)
        })
        .register_fn(
            "delete",
            |_: &mut HttpHandle, url: &str, body: Dynamic, opts: Map| {
                respond(&with_body("DELETE", url, &body, &opts)?)
            },
        );
    for (name, method) in [("post", "POST"), ("put", "PUT"), ("patch", "PATCH")] {
        engine
            .register_fn(name, move |_: &mut HttpHandle, url: &str, body: Dynamic| {
                respond(&with_body(method, url, &body, &Map::new())?)
            })
            .register_fn(
                name,
                move |_: &mut HttpHandle, url: &str, body: Dynamic, opts: Map| {
                    respond(&with_body(method, url, &body, &opts)?)
                },
            );
    }
}

fn asked(method: &str, url: &str, opts: &Map) -> Fallible<Asked> {
    let method = method.to_ascii_uppercase();
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(problem(format!("`{}` is no method", cut(&method, 40))));
    }
    let mut asked = Asked {
        method,
        url: url.to_owned(),
        ..Asked::default()
    };
    for (name, value) in opts {
        match name.as_str() {
            "headers" => {
                for (name, value) in pairs("headers", value)? {
                    asked.headers.push((name.to_ascii_lowercase(), value));
                }
            }
            "query" => asked.query = pairs("query", value)?,
            "bearer" => {
                let token = format!("Bearer {}", text(value, 8 << 10));
                asked.headers.push(("authorization".to_owned(), token));
            }
            "timeout" => {
                let seconds = duration_seconds(value)?;
                asked.timeout = Some(
                    Duration::try_from_secs_f64(seconds)
                        .map_err(|_| problem("a timeout is a positive duration such as \"5s\""))?,
                );
            }
            "json" => {
                asked.body = Some(to_json(value)?.to_string());
                content_type(&mut asked.headers, "application/json");
            }
            "body" => asked.body = Some(text(value, usize::MAX)),
            other => {
                return Err(problem(format!(
                    "requests have no option `{other}`; they have headers, query, bearer, timeout, json and body"
                )));
            }
        }
    }
    Ok(asked)
}

fn with_body(method: &str, url: &str, body: &Dynamic, opts: &Map) -> Fallible<Asked> {
    let mut asked = asked(method, url, opts)?;
    asked.body = Some(to_json(body)?.to_string());
    content_type(&mut asked.headers, "application/json");
    Ok(asked)
}

fn content_type(headers: &mut Vec<(String, String)>, kind: &str) {
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), kind.to_owned()));
    }
}

fn pairs(what: &str, value: &Dynamic) -> Fallible<Vec<(String, String)>> {
    match to_json(value)? {
        Json::Object(members) => Ok(members
            .iter()
            .map(|(name, value)| {
                let value = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                (name.to_string(), value)
            })
            .collect()),
        _ => Err(problem(format!(
            "{what} is a map of names to values, not {}",
            kind_name(value)
        ))),
    }
}

impl Network {
    pub(in crate::script) fn new(runtime: &Handle, host: &Arc<dyn Host>) -> Self {
        Self {
            runtime: runtime.clone(),
            host: Arc::clone(host),
            bytes: 0,
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
fn ask(asked: &Asked) -> Fallible<Answer> {
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
    let mut url = Url::parse(&secrets.fill(&asked.url))
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
            query.append_pair(name, &secrets.fill(value));
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
    let body = asked.body.as_ref().map(|body| secrets.fill(body));
    Ok(HostRequest {
        method: asked.method.clone(),
        url,
        headers: asked
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), secrets.fill(value)))
            .collect(),
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
        if let Some(key) = key {
            matcher.network.answered.insert(key, answer.clone());
        }
        Ok(())
    })
}

/// Returns the answer as a map that never throws: `ok`, `status`, `headers`, `json`, `text`, `error`, `elapsed_ms`.
fn respond(asked: &Asked) -> Fallible<Map> {
    let answer = ask(asked)?;
    let mut map = Map::new();
    let mut put = |name: &str, value: Dynamic| drop(map.insert(name.into(), value));
    match &*answer.reply {
        Ok(response) => {
            guard::charge(1 + response.body.len() as u64 / 64)?;
            let headers = response
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), Json::from(value.as_str())));
            put("ok", (200..300).contains(&response.status).into());
            put("status", i64::from(response.status).into());
            put("headers", view(&Json::object(headers), Origin::Own));
            put("json", parsed(&response.body, answer.origin));
            put(
                "text",
                String::from_utf8_lossy(&response.body).into_owned().into(),
            );
            put("error", Dynamic::UNIT);
            put("elapsed_ms", millis(response.elapsed));
        }
        Err(failure) => {
            put("ok", false.into());
            put("status", 0_i64.into());
            put("headers", view(&Json::object::<&str>([]), Origin::Own));
            put("json", Dynamic::UNIT);
            put("text", String::new().into());
            put(
                "error",
                format!("{}: {}", failure.kind, failure.message).into(),
            );
            put("elapsed_ms", Dynamic::UNIT);
        }
    }
    Ok(map)
}

fn millis(time: Duration) -> Dynamic {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX).into()
}

fn parsed(body: &[u8], origin: Origin) -> Dynamic {
    json::parse(body).map_or(Dynamic::UNIT, |document| view(&document.root, origin))
}

/// Returns the answer's JSON, or raises what is wrong with whoever was asked.
fn get_json(asked: &Asked) -> Fallible<Dynamic> {
    let answer = ask(asked)?;
    let host = Url::parse(&asked.url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    let wrong = |message: String| {
        raised(Raised {
            code: "dependency",
            origin: answer.origin,
            message: format!("{host} {message}"),
        })
    };
    match &*answer.reply {
        Err(failure) => Err(wrong(format!("did not answer: {}", failure.message))),
        Ok(response) if !(200..300).contains(&response.status) => {
            Err(wrong(format!("answered with status {}", response.status)))
        }
        Ok(response) => {
            guard::charge(1 + response.body.len() as u64 / 64)?;
            let document = json::parse(&response.body)
                .map_err(|error| wrong(format!("answered with no JSON: {error}")))?;
            Ok(view(&document.root, answer.origin))
        }
    }
}

fn jsonrpc(url: &str, method: &str, params: &Dynamic, opts: &Map) -> Fallible<Dynamic> {
    let mut request = asked("POST", url, opts)?;
    request.body = Some(
        Json::object([
            ("jsonrpc", Json::from("2.0")),
            ("id", 1_i64.into()),
            ("method", method.into()),
            ("params", to_json(params)?),
        ])
        .to_string(),
    );
    content_type(&mut request.headers, "application/json");
    let answer = get_json(&request)?;
    let (json, origin) = super::data::tree(&answer)?;
    let wrong = |message: String| {
        raised(Raised {
            code: "dependency",
            origin,
            message,
        })
    };
    match (json.get("error"), json.get("result")) {
        (Some(error), _) if *error != Json::Null => {
            Err(wrong(format!("{method} failed: {}", error.summary(200))))
        }
        (_, Some(result)) => Ok(view(result, origin)),
        _ => Err(wrong(format!("the answer to {method} has no result"))),
    }
}
