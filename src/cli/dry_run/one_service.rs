//! The ops config of one service that the arguments amount to.

use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::arguments::{ArgumentError, Arguments, duration, form, text_or_file};
use super::curl::{self, CurlRequest};
use super::given::Given;

/// The service that a dry run of a matcher watches, where no config names one.
pub(super) const SERVICE: &str = "dry-run";

/// The deadline of the probe, where none is given.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Matchers that are no scripts.
pub(super) const BUILT_IN: [&str; 4] = ["status_code", "types", "exact", "non_empty"];

/// Returns the ops config of one service that these arguments amount to, as JSON.
pub(super) fn config(
    arguments: &Arguments,
    given: Option<&Given>,
) -> Result<String, ArgumentError> {
    let curl = arguments.request.from_curl.as_deref().map(curl::parse);
    let curl = curl.transpose()?.unwrap_or_default();
    let mut service = Map::new();
    service.insert("name".to_owned(), json!(SERVICE));
    service.insert("url".to_owned(), json!(url(arguments, &curl, given)?));
    let timeout = arguments.request.timeout.as_deref();
    let timeout = timeout.map(|text| duration("timeout", text)).transpose()?;
    let timeout = timeout.unwrap_or(TIMEOUT).as_secs_f64();
    service.insert("timeout".to_owned(), json!(timeout));
    if arguments.request.insecure || curl.insecure {
        service.insert("tls".to_owned(), json!({ "verify": false }));
    }
    if !arguments.inputs.allow_hosts.is_empty() {
        service.insert("hosts".to_owned(), json!(arguments.inputs.allow_hosts));
    }
    add_request(arguments, &curl, given, &mut service)?;
    let secrets = secrets(arguments)?;
    if !secrets.is_empty() {
        service.insert("secrets".to_owned(), Value::Object(secrets));
    }
    service.insert("match".to_owned(), json!([matcher(arguments)?]));
    let body = body(arguments, &curl, &mut service)?;
    let service = Value::Object(service).to_string();
    let members = service.strip_prefix('{').unwrap_or_default();
    Ok(format!(
        r#"{{"version":"1.0","services":[{{{body}{members}]}}"#
    ))
}

fn url(
    arguments: &Arguments,
    curl: &CurlRequest,
    given: Option<&Given>,
) -> Result<String, ArgumentError> {
    let recorded = given.and_then(Given::url);
    match (&arguments.url, &curl.url, given) {
        (Some(url), Some(_), _) => {
            let problem = format!("the curl command has a URL of its own; leave out `{url}`");
            Err(form("from-curl", problem))
        }
        (Some(url), None, _) | (None, Some(url), _) => Ok(url.clone()),
        (None, None, Some(_)) => Ok(recorded.unwrap_or("http://127.0.0.1/").to_owned()),
        (None, None, None) => Err(ArgumentError::NoUrl),
    }
}

fn add_request(
    arguments: &Arguments,
    curl: &CurlRequest,
    given: Option<&Given>,
    service: &mut Map<String, Value>,
) -> Result<(), ArgumentError> {
    let request = &arguments.request;
    let method = request.method.as_deref().or(curl.method.as_deref());
    let recorded = given.and_then(Given::method);
    let method = method.or_else(|| request.data.as_ref().map(|_| "POST"));
    if let Some(method) = method.or(recorded) {
        service.insert("method".to_owned(), json!(method.to_uppercase()));
    }
    let mut headers = Map::new();
    for header in curl.headers.iter().chain(&request.headers) {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| form("header", format!("`{header}` is not `Name: value`")))?;
        headers.insert(name.trim().to_owned(), json!(value.trim()));
    }
    if !headers.is_empty() {
        service.insert("headers".to_owned(), Value::Object(headers));
    }
    Ok(())
}

/// Returns the member of the service that holds the body, with a comma; nothing without a body. The body is sent as it
/// was typed, so JSON is a text of that type. Only for a script is it `payload`, which is written anew but which scripts
/// can see; not so if it has a `${`, which would begin a secret there.
fn body(
    arguments: &Arguments,
    curl: &CurlRequest,
    service: &mut Map<String, Value>,
) -> Result<String, ArgumentError> {
    let data = arguments.request.data.as_deref();
    let data = data.map(|data| text_or_file("data", data)).transpose()?;
    let Some(data) = data.or(curl.body.clone()) else {
        return Ok(String::new());
    };
    let headers = service.entry("headers").or_insert_with(|| json!({}));
    let headers = headers.as_object_mut();
    let typed = headers.as_ref().is_some_and(|headers| {
        let mut names = headers.keys();
        names.any(|name| name.eq_ignore_ascii_case("content-type"))
    });
    let is_json = !typed && serde_json::from_str::<IgnoredAny>(&data).is_ok();
    let is_seen = !BUILT_IN.contains(&arguments.subject.as_str());
    if is_json && is_seen && !data.contains("${") {
        return Ok(format!(r#""payload":{data},"#));
    }
    if is_json && let Some(headers) = headers {
        headers.insert("content-type".to_owned(), json!("application/json"));
    }
    Ok(format!(r#""body":{},"#, json!(data.replace("${", "$${"))))
}

/// Returns the secrets that are given, each as an ops config names a variable.
pub(super) fn secrets(arguments: &Arguments) -> Result<Map<String, Value>, ArgumentError> {
    let mut secrets = Map::new();
    for secret in &arguments.inputs.secrets {
        let (name, variable) = pair("secret", secret)?;
        if std::env::var_os(variable).is_none_or(|value| value.is_empty()) {
            let problem = format!(
                "the environment variable {variable} is not set; write {variable}=… oes dry-run …"
            );
            return Err(form("secret", problem));
        }
        secrets.insert(name.to_owned(), json!(format!("${{env:{variable}}}")));
    }
    Ok(secrets)
}

/// Returns the parameters that are given.
pub(super) fn params(arguments: &Arguments) -> Result<Map<String, Value>, ArgumentError> {
    let mut params = Map::new();
    for param in &arguments.inputs.params {
        let (name, text) = pair("param", param)?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        params.insert(name.to_owned(), value);
    }
    Ok(params)
}

fn matcher(arguments: &Arguments) -> Result<Value, ArgumentError> {
    let inputs = &arguments.inputs;
    let subject = arguments.subject.as_str();
    let expected = inputs.expected.as_deref();
    if BUILT_IN.contains(&subject) && !inputs.params.is_empty() {
        return Err(form(
            "param",
            format!("`{subject}` takes no parameters; scripts do"),
        ));
    }
    if ["status_code", "non_empty"].contains(&subject) && expected.is_some() {
        return Err(form(
            "expected",
            format!("`{subject}` compares with no sample"),
        ));
    }
    let read = |text| {
        let text = text_or_file("expected", text)?;
        serde_json::from_str::<Value>(&text)
            .map_err(|error| form("expected", format!("not JSON: {error}")))
    };
    let expected = expected.map(read).transpose()?;
    Ok(match subject {
        "status_code" => json!("status_code"),
        "non_empty" => json!({ "non_empty": true }),
        "types" | "exact" => {
            let missing = || form("expected", format!("`{subject}` compares with a sample"));
            json!({ subject: expected.ok_or_else(missing)? })
        }
        script => {
            let mut matcher = json!({ "script": script, "params": params(arguments)? });
            if let (Some(expected), Some(members)) = (expected, matcher.as_object_mut()) {
                members.insert("expected".to_owned(), expected);
            }
            matcher
        }
    })
}

/// Returns both sides of `NAME=VALUE`.
fn pair<'a>(option: &'static str, text: &'a str) -> Result<(&'a str, &'a str), ArgumentError> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| form(option, format!("`{text}` is not NAME=VALUE")))
}
