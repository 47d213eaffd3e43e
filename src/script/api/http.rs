//! Requests of a script, as it asks for them.

mod answers;
mod errands;
mod pages;
pub(super) mod sockets;

use std::time::Duration;

use rhai::{Dynamic, Engine, Map};

use super::time::duration_seconds;
use crate::model::json::Json;
use crate::script::broker::Asked;
use crate::script::guard::Fallible;
use crate::script::host::TlsWish;
use crate::script::value::{cut, json_text, kind_name, problem, text, to_json};
use answers::{get_json, graphql, jsonrpc, millis, respond};
pub(in crate::script) use errands::asked_only_the_service;

/// What the answer to a request is a map of.
pub(in crate::script) const ANSWER_KEYS: &[&str] = &[
    "ok",
    "status",
    "headers",
    "json",
    "text",
    "error",
    "elapsed_ms",
];
/// What the answer to `tcp.exchange` is a map of.
pub(in crate::script) const EXCHANGE_KEYS: &[&str] = &["ok", "text", "hex", "error", "elapsed_ms"];

/// The handle `http`.
#[derive(Debug, Clone)]
pub(super) struct HttpHandle;

/// The handle `auth`.
#[derive(Debug, Clone)]
pub(super) struct AuthHandle;

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
        });
    register_calls(engine);
    pages::register(engine);
    sockets::register(engine);
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

/// Registers what calls something by name in a body.
fn register_calls(engine: &mut Engine) {
    for (name, call) in [("jsonrpc", jsonrpc as Call), ("graphql", graphql)] {
        engine
            .register_fn(
                name,
                move |_: &mut HttpHandle, url: &str, what: &str, with: Dynamic| {
                    call(url, what, &with, &Map::new())
                },
            )
            .register_fn(
                name,
                move |_: &mut HttpHandle, url: &str, what: &str, with: Dynamic, opts: Map| {
                    call(url, what, &with, &opts)
                },
            );
    }
    engine.register_fn("graphql", |_: &mut HttpHandle, url: &str, query: &str| {
        graphql(url, query, &Map::new().into(), &Map::new())
    });
}

type Call = fn(&str, &str, &Dynamic, &Map) -> Fallible<Dynamic>;

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
                asked.timeout = Some(timeout(duration_seconds(value)?)?);
            }
            "tls" => asked.tls = tls_wish(value)?,
            "json" => {
                asked.body = Some(json_text(&to_json(value)?)?);
                content_type(&mut asked.headers, "application/json");
            }
            "body" if value.is_string() => asked.body = Some(text(value, usize::MAX)),
            "body" => asked.body = Some(json_text(&to_json(value)?)?),
            other => {
                return Err(problem(format!(
                    "requests have no option `{other}`; they have headers, query, bearer, timeout, tls, json and body"
                )));
            }
        }
    }
    Ok(asked)
}

fn timeout(seconds: f64) -> Fallible<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| problem("a timeout is a positive duration such as \"5s\""))
}

fn tls_wish(value: &Dynamic) -> Fallible<TlsWish> {
    let wrong = || {
        problem("tls is a map such as #{ server_name: \"api.example.io\" }, or #{ verify: false }")
    };
    let Json::Object(members) = to_json(value)? else {
        return Err(wrong());
    };
    let mut wish = TlsWish::default();
    for (name, value) in members.iter() {
        match (&**name, value) {
            ("verify", Json::Bool(verify)) => wish.unverified = !verify,
            ("server_name", Json::String(name)) => wish.server_name = Some(name.to_string()),
            _ => return Err(wrong()),
        }
    }
    Ok(wish)
}

fn with_body(method: &str, url: &str, body: &Dynamic, opts: &Map) -> Fallible<Asked> {
    let mut asked = asked(method, url, opts)?;
    asked.body = Some(json_text(&to_json(body)?)?);
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
