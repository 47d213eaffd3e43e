//! The ops config of one service that the arguments amount to.

use serde_json::{Map, Value, json};

use super::arguments::{ArgumentError, Arguments, form, text_or_file};
use super::given::Given;
use super::sent::Recorded;

/// The service that a dry run of a matcher watches, where no config names one.
pub(super) const SERVICE: &str = "dry-run";

/// Matchers that are no scripts.
pub(super) const BUILT_IN: [&str; 4] = ["status_code", "types", "exact", "non_empty"];

/// Where a response from a file is said to be from, if a script asks.
const NOWHERE: &str = "http://127.0.0.1/";

/// Returns the ops config of one service that these arguments amount to, as JSON.
pub(super) fn config(
    arguments: &Arguments,
    given: Option<&Given>,
) -> Result<String, ArgumentError> {
    let recorded = Recorded {
        url: given.map(|given| given.url().unwrap_or(NOWHERE)),
        method: given.and_then(Given::method),
    };
    let is_seen = !BUILT_IN.contains(&arguments.subject.as_str());
    let url = arguments.url.as_deref();
    let mut asking = arguments.request.asking(url, recorded, is_seen)?;
    let service = &mut asking.members;
    service.insert("name".to_owned(), json!(SERVICE));
    if !arguments.inputs.allow_hosts.is_empty() {
        service.insert("hosts".to_owned(), json!(arguments.inputs.allow_hosts));
    }
    let secrets = secrets(arguments)?;
    if !secrets.is_empty() {
        service.insert("secrets".to_owned(), Value::Object(secrets));
    }
    service.insert("match".to_owned(), json!([matcher(arguments)?]));
    Ok(asking.config())
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
