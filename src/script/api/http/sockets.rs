//! What a script asks otherwise than by HTTP: `tcp.exchange`, `dns.lookup`, `tls.certificate`.

use rhai::{Array, Dynamic, Engine, Map};
use url::Url;

use super::errands::ask_otherwise;
use super::millis;
use crate::model::json::{self, Json};
use crate::script::api::time::duration_seconds;
use crate::script::broker::{Answer, Asked, digits};
use crate::script::guard::{self, Fallible};
use crate::script::host::Ask;
use crate::script::run;
use crate::script::value::{cut, dependency, kind_name, problem, text, view};

/// The handle `tcp`.
#[derive(Debug, Clone)]
pub(in crate::script::api) struct TcpHandle;
/// The handle `dns`.
#[derive(Debug, Clone)]
pub(in crate::script::api) struct DnsHandle;
/// The handle `tls`.
#[derive(Debug, Clone)]
pub(in crate::script::api) struct TlsHandle;

/// Kinds of records that a script may look up.
const RECORDS: &[&str] = &[
    "A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT",
];

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<TcpHandle>("tcp")
        .register_type_with_name::<DnsHandle>("dns")
        .register_type_with_name::<TlsHandle>("tls")
        .register_fn(
            "exchange",
            |_: &mut TcpHandle, host: &str, port: i64, send: Dynamic| {
                exchange(host, port, &send, &Map::new())
            },
        )
        .register_fn(
            "exchange",
            |_: &mut TcpHandle, host: &str, port: i64, send: Dynamic, opts: Map| {
                exchange(host, port, &send, &opts)
            },
        )
        .register_fn("lookup", |_: &mut DnsHandle, name: &str| lookup(name, "A"))
        .register_fn("lookup", |_: &mut DnsHandle, name: &str, kind: &str| {
            lookup(name, kind)
        })
        .register_fn("certificate", |_: &mut TlsHandle, host: &str| {
            certificate(host, 443)
        })
        .register_fn("certificate", |_: &mut TlsHandle, host: &str, port: i64| {
            certificate(host, port)
        });
}

/// Returns the request to a host and port, named `method` where it is listed.
fn to(scheme: &str, method: &str, host: &str, port: i64) -> Fallible<Asked> {
    let port = u16::try_from(port).ok().filter(|port| *port > 0);
    let bracketed = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let url = port.and_then(|port| {
        let url = Url::parse(&format!("{scheme}://{bracketed}:{port}/")).ok()?;
        (url.path() == "/" && url.username().is_empty()).then_some(url)
    });
    let Some(url) = url else {
        return Err(problem(format!(
            "`{}` is no host, or the port is none from 1 to 65535",
            cut(host, 200)
        )));
    };
    Ok(Asked {
        method: method.to_owned(),
        url: url.into(),
        ..Asked::default()
    })
}

/// Sends a text and returns the answer as a map that never throws: `ok`, `text`, `hex`, `error`, `elapsed_ms`.
fn exchange(host: &str, port: i64, send: &Dynamic, opts: &Map) -> Fallible<Map> {
    let mut asked = to("http", "TCP", host, port)?;
    let mut until = None;
    for (name, value) in opts {
        match name.as_str() {
            "end" => until = Some(text(value, 1000).into_bytes()),
            "timeout" => {
                asked.timeout = Some(super::timeout(duration_seconds(value)?)?);
            }
            other => {
                return Err(problem(format!(
                    "tcp.exchange has no option `{other}`; it has end and timeout"
                )));
            }
        }
    }
    if send.is_string() {
        asked.body = Some(text(send, usize::MAX));
    } else {
        asked.bytes = Some(bytes(send)?);
    }
    let answer = ask_otherwise(&asked, Ask::Bytes { until })?;
    let mut map = Map::new();
    let mut put = |name: &str, value: Dynamic| drop(map.insert(name.into(), value));
    match &*answer.reply {
        Ok(response) => {
            guard::reserve(response.body.len() * 3)?;
            put("ok", true.into());
            put(
                "text",
                String::from_utf8_lossy(&response.body).into_owned().into(),
            );
            put("hex", digits(&response.body).into());
            put("error", Dynamic::UNIT);
            put("elapsed_ms", millis(response.elapsed));
        }
        Err(failure) => {
            put("ok", false.into());
            put("text", String::new().into());
            put("hex", String::new().into());
            put(
                "error",
                format!("{}: {}", failure.kind, failure.message).into(),
            );
            put("elapsed_ms", Dynamic::UNIT);
        }
    }
    Ok(map)
}

/// Returns the bytes that an array of numbers is.
fn bytes(send: &Dynamic) -> Fallible<Vec<u8>> {
    let wrong = || {
        problem(format!(
            "tcp.exchange sends a text or an array of numbers from 0 to 255, not {}",
            kind_name(send)
        ))
    };
    let numbers: Array = send.clone().try_cast().ok_or_else(wrong)?;
    guard::charge(numbers.len() as u64 / 8)?;
    let byte = |number: &Dynamic| u8::try_from(number.as_int().ok()?).ok();
    numbers
        .iter()
        .map(|number| byte(number).ok_or_else(wrong))
        .collect()
}

/// Returns the records of a name; none, and nobody who says, is wrong with whoever has the name.
fn lookup(name: &str, kind: &str) -> Fallible<Dynamic> {
    let kind = kind.to_ascii_uppercase();
    if !RECORDS.contains(&kind.as_str()) {
        return Err(problem(format!(
            "`{}` is no kind of record; there are {}",
            cut(&kind, 40),
            RECORDS.join(", ")
        )));
    }
    let asked = to("http", &format!("DNS {kind}"), name, 53)?;
    let answer = ask_otherwise(&asked, Ask::Records { kind })?;
    let json = answered(&answer, name)?;
    Ok(view(&json, answer.origin))
}

/// Returns the facts of the certificate that a host shows, valid or not.
fn certificate(host: &str, port: i64) -> Fallible<Dynamic> {
    let asked = to("https", "TLS", host, port)?;
    let answer = ask_otherwise(&asked, Ask::Certificate)?;
    let json = answered(&answer, host)?;
    let now = run::now()?.as_second();
    let ends = json
        .get("not_after")
        .and_then(|ends| ends.as_number()?.as_i64());
    let left = ends.map_or(Json::Null, |ends| (ends - now).div_euclid(86_400).into());
    let members = json.as_object().into_iter().flat_map(json::Object::iter);
    let facts = members
        .map(|(name, value)| (name.as_ref(), value.clone()))
        .chain([("days_left", left)]);
    Ok(view(&Json::object(facts), answer.origin))
}

fn answered(answer: &Answer, host: &str) -> Fallible<Json> {
    match &*answer.reply {
        Err(failure) => Err(dependency(
            answer.origin,
            format!("{host}: {}", failure.message),
        )),
        Ok(response) => match json::parse(&response.body) {
            Ok(document) => Ok(document.root),
            Err(error) => Err(dependency(answer.origin, format!("{host}: {error}"))),
        },
    }
}
