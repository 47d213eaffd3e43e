//! The values that are there everywhere in a script, also inside functions: `response`, `body`, `params` and so on.

use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, Position};

use super::http::AuthHandle;
use super::http::HttpHandle;
use super::http::sockets::{DnsHandle, TcpHandle, TlsHandle};
use super::memory::MemoryHandle;
use super::time::seconds;
use super::verdict::Mismatch;
use crate::model::code::FindingCode;
use crate::model::exchange::{Exchange, Phase, Response};
use crate::model::json::Json;
use crate::script::engine::{HANDLES, VALUES};
use crate::script::error;
use crate::script::guard::{self, Fallible, Fault};
use crate::script::run;
use crate::script::value::{Origin, Raised, misshapen, problem, raised, view};

/// A response as a script sees it.
#[derive(Debug, Clone)]
struct Seen {
    exchange: Arc<Exchange>,
    /// When it was, in seconds since 1970, and how long ago, for `prev`.
    before: Option<(f64, f64)>,
    origin: Origin,
}

/// Has the interpreter ask for the values of OES, and lets nobody define them again.
#[expect(
    deprecated,
    reason = "rhai marks hooks as volatile; the version is pinned"
)]
fn register_hooks(engine: &mut Engine) {
    engine.on_var(|name, index, context| {
        if context.call_level() >= context.engine().max_call_levels() {
            return Err(guard::trip("call_depth", error::TOO_DEEP.to_owned()));
        }
        guard::check()?;
        // What the script defines itself, a parameter for instance, goes first.
        if index > 0 || !(VALUES.contains(&name) || HANDLES.contains(&name)) {
            return Ok(None);
        }
        value(name).map(Some)
    });
    engine.on_def_var(|_, info, _| {
        let name = info.name();
        if VALUES.contains(&name) {
            return Err(Box::new(EvalAltResult::ErrorForbiddenVariable(
                name.to_owned(),
                Position::NONE,
            )));
        }
        Ok(true)
    });
}

pub(super) fn register(engine: &mut Engine) {
    register_hooks(engine);
    engine
        .register_type_with_name::<Seen>("response")
        .register_type_with_name::<Mismatch>("mismatch")
        .register_get("message", |found: &mut Mismatch| found.0.message.clone())
        .register_get("code", |found: &mut Mismatch| found.0.code.to_string())
        .register_get("path", |found: &mut Mismatch| {
            found.0.path.clone().map_or(Dynamic::UNIT, Dynamic::from)
        })
        .register_fn("to_string", |found: &mut Mismatch| found.to_string())
        .register_fn("to_debug", |found: &mut Mismatch| found.to_string())
        .register_fn("to_string", |seen: &mut Seen| about(seen))
        .register_fn("to_debug", |seen: &mut Seen| about(seen))
        .register_get("json", |seen: &mut Seen| json_of(seen))
        .register_get("text", |seen: &mut Seen| {
            let body = &answered(seen)?.body;
            guard::reserve(body.bytes.len())?;
            Ok::<_, Fault>(String::from_utf8_lossy(&body.bytes).into_owned())
        })
        .register_get("size", |seen: &mut Seen| {
            Ok::<_, Fault>(i64::try_from(answered(seen)?.body.bytes.len()).unwrap_or(i64::MAX))
        })
        .register_get("status", |seen: &mut Seen| {
            seen.exchange
                .result
                .as_ref()
                .map_or(0_i64, |response| i64::from(response.status.as_u16()))
        })
        .register_get("ok", |seen: &mut Seen| {
            seen.exchange
                .result
                .as_ref()
                .is_ok_and(|response| response.status.is_success())
        })
        .register_get("headers", |seen: &mut Seen| headers(seen))
        .register_get("error", |seen: &mut Seen| match &seen.exchange.result {
            Ok(_) => Dynamic::UNIT,
            Err(failure) => failure.kind.as_str().into(),
        })
        .register_get("elapsed_ms", |seen: &mut Seen| {
            millis(seen.exchange.timings.total)
        })
        .register_get("url", |seen: &mut Seen| {
            seen.exchange.sent.url.as_ref().to_owned()
        })
        .register_get("timing", |seen: &mut Seen| timing(seen))
        .register_get("tls", |seen: &mut Seen| tls(seen))
        .register_get("at", |seen: &mut Seen| {
            seen.before.map_or(Dynamic::UNIT, |(at, _)| seconds(at))
        })
        .register_get("age", |seen: &mut Seen| {
            seen.before.map_or(Dynamic::UNIT, |(_, age)| seconds(age))
        });
    register_params(engine);
}

fn register_params(engine: &mut Engine) {
    engine
        .register_fn("param", |name: &str| {
            run::matcher(|matcher, _| {
                let value = matcher.param(name);
                value
                    .map(|json| view(json, Origin::Own))
                    .ok_or_else(|| {
                        problem(format!(
                            "the matcher needs the parameter `{name}`: set it in the ops config under `params`"
                        ))
                    })
            })
        })
        .register_fn("param", |name: &str, default: Dynamic| {
            run::matcher(|matcher, _| {
                let value = matcher.param(name);
                Ok(value.map_or(default, |json| view(json, Origin::Own)))
            })
        });
}

fn value(name: &str) -> Fallible<Dynamic> {
    match name {
        "http" => Ok(Dynamic::from(HttpHandle)),
        "auth" => Ok(Dynamic::from(AuthHandle)),
        "tcp" => Ok(Dynamic::from(TcpHandle)),
        "dns" => Ok(Dynamic::from(DnsHandle)),
        "tls" => Ok(Dynamic::from(TlsHandle)),
        "memory" => Ok(Dynamic::from(MemoryHandle)),
        "body" => json_of(&response()?),
        "response" => response().map(Dynamic::from),
        "prev" => prev(),
        _ => run::matcher(|matcher, _| {
            let input = matcher.input();
            let json = match name {
                "service" => input.service.clone(),
                "params" => matcher.params(),
                "request" => request(input.exchange.as_deref()),
                _ => input.expected.clone().unwrap_or_default(),
            };
            Ok(view(&json, Origin::Own))
        }),
    }
}

fn response() -> Fallible<Seen> {
    run::matcher(|matcher, _| match &matcher.input().exchange {
        Some(exchange) => Ok(Seen {
            exchange: Arc::clone(exchange),
            before: None,
            origin: Origin::Probed,
        }),
        None => Err(problem(
            "there is no response: the script's header says `request = false`, so that it makes its own requests with \
             http.get and http.post",
        )),
    })
}

fn prev() -> Fallible<Dynamic> {
    run::matcher(|matcher, _| {
        let input = matcher.input();
        let Some(prev) = &input.prev else {
            return Ok(Dynamic::UNIT);
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of any date are exact in f64"
        )]
        let (at, now) = (
            prev.at.as_millisecond() as f64 / 1000.0,
            input.now.as_millisecond() as f64 / 1000.0,
        );
        Ok(Dynamic::from(Seen {
            exchange: Arc::clone(&prev.exchange),
            before: Some((at, now - at)),
            origin: Origin::Own,
        }))
    })
}

fn request(exchange: Option<&Exchange>) -> Json {
    let Some(exchange) = exchange else {
        return Json::Null;
    };
    let headers = exchange.sent.headers.iter().map(|(name, value)| {
        (
            name.as_str(),
            Json::from(&*String::from_utf8_lossy(value.as_bytes())),
        )
    });
    Json::object([
        ("method", Json::from(exchange.sent.method.as_str())),
        ("url", Json::from(&*exchange.sent.url)),
        ("headers", Json::object(headers)),
    ])
}

fn answered(seen: &Seen) -> Fallible<&Response> {
    seen.exchange.result.as_ref().map_err(|failure| {
        raised(Raised {
            code: failure.kind.as_str(),
            operand: None,
            origin: if failure.kind.is_ours() {
                Origin::Dependency
            } else {
                seen.origin
            },
            message: failure.message.clone(),
        })
    })
}

/// Parses the body when it is first asked for; the tree is the input's and counts for no script.
fn json_of(seen: &Seen) -> Fallible<Dynamic> {
    let response = answered(seen)?;
    let parsed = if response.body.is_parsed() {
        response.body.json()
    } else {
        guard::exempt(|| response.body.json())
    };
    match parsed {
        Ok(document) => Ok(view(&document.root, seen.origin)),
        Err(error) => {
            if response.body.bytes.trim_ascii().is_empty() && seen.origin == Origin::Probed {
                return Err(raised(Raised {
                    code: FindingCode::EmptyBody.as_str(),
                    operand: None,
                    origin: Origin::Probed,
                    message: "expected JSON, got an empty body".to_owned(),
                }));
            }
            let kind = response.header("content-type").unwrap_or("no content type");
            let begin: String = String::from_utf8_lossy(&response.body.bytes)
                .chars()
                .take(60)
                .collect();
            let message = format!(
                "expected JSON, got {kind}, {} bytes starting {begin:?}: {error}",
                response.body.bytes.len()
            );
            if seen.origin == Origin::Probed {
                return Err(raised(Raised {
                    code: FindingCode::NotJson.as_str(),
                    operand: None,
                    origin: Origin::Probed,
                    message,
                }));
            }
            Err(misshapen(seen.origin, message))
        }
    }
}

fn headers(seen: &mut Seen) -> Dynamic {
    let Ok(response) = &seen.exchange.result else {
        return view(&Json::object::<&str>([]), Origin::Own);
    };
    let headers = response.headers.iter().map(|(name, value)| {
        (
            name.as_str(),
            Json::from(String::from_utf8_lossy(value.as_bytes()).into_owned()),
        )
    });
    view(&Json::object(headers), seen.origin)
}

fn millis(time: std::time::Duration) -> Dynamic {
    seconds(time.as_secs_f64() * 1000.0)
}

fn timing(seen: &mut Seen) -> rhai::Map {
    let timings = &seen.exchange.timings;
    let mut map: rhai::Map = Phase::ALL
        .into_iter()
        .map(|phase| {
            let spent = timings.phase(phase).map_or(Dynamic::UNIT, millis);
            (phase.as_str().into(), spent)
        })
        .collect();
    map.insert("total".into(), millis(timings.total));
    map
}

fn tls(seen: &mut Seen) -> Fallible<Dynamic> {
    let Some(certificate) = &seen.exchange.certificate else {
        return Ok(Dynamic::UNIT);
    };
    let left = certificate.not_after.as_second() - run::now()?.as_second();
    let mut map = rhai::Map::new();
    map.insert("days_left".into(), left.div_euclid(86_400).into());
    map.insert("issuer".into(), certificate.issuer.clone().into());
    map.insert("subject".into(), certificate.subject.clone().into());
    Ok(map.into())
}

fn about(seen: &Seen) -> String {
    match &seen.exchange.result {
        Ok(response) => format!(
            "response {} with {} bytes",
            response.status.as_u16(),
            response.body.bytes.len()
        ),
        Err(failure) => format!("no response: {}", failure.message),
    }
}
