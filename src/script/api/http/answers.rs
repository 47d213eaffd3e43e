//! What a script is given of an answer.

use std::time::Duration;

use rhai::{Dynamic, Map};
use url::Url;

use super::errands::ask;
use super::{asked, content_type};
use crate::model::json::Json;
use crate::script::api::data::{document, tree};
use crate::script::broker::Asked;
use crate::script::guard::Fallible;
use crate::script::value::{Origin, dependency, json_text, to_json, view};

/// Returns the answer as a map that never throws: `ok`, `status`, `headers`, `json`, `text`, `error`, `elapsed_ms`.
pub(super) fn respond(asked: &Asked) -> Fallible<Map> {
    let answer = ask(asked)?;
    let mut map = Map::new();
    let mut put = |name: &str, value: Dynamic| drop(map.insert(name.into(), value));
    match &*answer.reply {
        Ok(response) => {
            let headers = response
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), Json::from(value.as_str())));
            put("ok", (200..300).contains(&response.status).into());
            put("status", i64::from(response.status).into());
            put("headers", view(&Json::object(headers), Origin::Own));
            let parsed = document(&response.body)?;
            put(
                "json",
                parsed.map_or(Dynamic::UNIT, |json| view(&json, answer.origin)),
            );
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

pub(super) fn millis(time: Duration) -> Dynamic {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX).into()
}

/// Returns the answer's JSON, or raises what is wrong with whoever was asked.
pub(super) fn get_json(asked: &Asked) -> Fallible<Dynamic> {
    let answer = ask(asked)?;
    let host = Url::parse(&asked.url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_default();
    let wrong = |message: String| dependency(answer.origin, format!("{host} {message}"));
    match &*answer.reply {
        Err(failure) => Err(wrong(format!("did not answer: {}", failure.message))),
        Ok(response) if !(200..300).contains(&response.status) => {
            Err(wrong(format!("answered with status {}", response.status)))
        }
        Ok(response) => {
            let parsed = document(&response.body)?
                .map_err(|error| wrong(format!("answered with no JSON: {error}")))?;
            Ok(view(&parsed, answer.origin))
        }
    }
}

/// Calls a method by JSON-RPC 2.0 and returns its result, or raises what is wrong with whoever was asked.
pub(super) fn jsonrpc(url: &str, method: &str, params: &Dynamic, opts: &Map) -> Fallible<Dynamic> {
    let request = Json::object([
        ("jsonrpc", Json::from("2.0")),
        ("id", 1_i64.into()),
        ("method", method.into()),
        ("params", to_json(params)?),
    ]);
    let (json, origin) = posted(url, &request, opts)?;
    match (json.get("error"), json.get("result")) {
        (Some(error), _) if *error != Json::Null => Err(dependency(
            origin,
            format!("{method} failed: {}", error.summary(200)),
        )),
        (_, Some(result)) => Ok(view(result, origin)),
        _ => Err(dependency(
            origin,
            format!("the answer to {method} has no result"),
        )),
    }
}

/// Asks a GraphQL server and returns its `data`, or raises what is wrong with whoever was asked. An answer with both
/// data and errors is wrong.
pub(super) fn graphql(
    url: &str,
    query: &str,
    variables: &Dynamic,
    opts: &Map,
) -> Fallible<Dynamic> {
    let request = Json::object([
        ("query", Json::from(query)),
        ("variables", to_json(variables)?),
    ]);
    let (json, origin) = posted(url, &request, opts)?;
    match (json.get("errors"), json.get("data")) {
        (Some(errors), _) if *errors != Json::Null => {
            let first = errors
                .as_array()
                .and_then(|errors| errors.first()?.get("message"));
            let said = first.unwrap_or(errors).summary(200);
            Err(dependency(origin, format!("the query failed: {said}")))
        }
        (_, Some(data)) => Ok(view(data, origin)),
        _ => Err(dependency(
            origin,
            "the answer to the query has no data".to_owned(),
        )),
    }
}

/// Sends JSON and returns the JSON that comes back, with whose it is.
fn posted(url: &str, body: &Json, opts: &Map) -> Fallible<(Json, Origin)> {
    let mut request = asked("POST", url, opts)?;
    request.body = Some(json_text(body)?);
    content_type(&mut request.headers, "application/json");
    tree(&get_json(&request)?)
}
