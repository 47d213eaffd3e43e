//! A service of an ops config, as a person would write it.

use std::time::Duration;

use serde_json::json;
use toml::Value;

use crate::cli::dry_run::Asking;
use crate::model::json::Json;

/// Longer lines are broken where that is possible.
const COLUMNS_MAX: usize = 100;

/// Members of a service in the order in which they are written.
const ORDER: [&str; 9] = [
    "name", "url", "method", "headers", "body", "timeout", "tls", "latency", "match",
];

/// A service of an ops config.
pub(super) struct Entry {
    members: serde_json::Map<String, serde_json::Value>,
}

impl Entry {
    /// Returns the service that asks like this, expects a response like the sample, and is slow above the limit.
    pub(super) fn new(
        asking: &Asking,
        has_timeout: bool,
        sample: &Json,
        limit: Option<Duration>,
    ) -> Self {
        let mut members = asking.members();
        if !has_timeout {
            members.remove("timeout");
        }
        if let Some(limit) = limit {
            let latency = json!({ "limit": written(limit), "trigger": "median" });
            members.insert("latency".to_owned(), latency);
        }
        members.insert("match".to_owned(), json!([{ "types": sample }]));
        Self { members }
    }

    /// Tells whether a header is sent as it was given that may hold a secret.
    pub(super) fn has_open_headers(&self) -> bool {
        let headers = self
            .members
            .get("headers")
            .and_then(|headers| headers.as_object());
        headers.into_iter().flatten().any(|(name, value)| {
            let harmless = ["accept", "content-type", "user-agent"];
            let is_harmless = harmless
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known));
            !is_harmless && value.as_str().is_some_and(|value| !value.contains("${"))
        })
    }

    /// Returns an ops config of this service.
    pub(super) fn json(&self) -> serde_json::Value {
        json!({ "version": "1.0", "services": [self.members] })
    }

    /// Returns an element of `services` in TOML.
    pub(super) fn toml(&self) -> String {
        let mut text = "[[services]]\n".to_owned();
        let members: Vec<(String, Value)> = ORDER
            .iter()
            .filter_map(|key| {
                let value = Value::try_from(self.members.get(*key)?).ok()?;
                Some(((*key).to_owned(), value))
            })
            .collect();
        let members = members.iter().map(|(key, value)| (key, value));
        write_members(&mut text, "services", members);
        text
    }
}

/// Returns a duration as a config has it.
fn written(duration: Duration) -> String {
    match duration.as_millis() {
        millis if millis % 1000 == 0 => format!("{}s", millis / 1000),
        millis => format!("{millis}ms"),
    }
}

/// Writes the members of a table: first those that fit on a line, then the others as tables of their own.
fn write_members<'a>(
    text: &mut String,
    path: &str,
    members: impl Iterator<Item = (&'a String, &'a Value)>,
) {
    let mut tables = Vec::new();
    for (key, value) in members {
        let key = written_key(key);
        let line = format!("{key} = {value}");
        if line.chars().count() > COLUMNS_MAX && is_tables(value) {
            tables.push((format!("{path}.{key}"), value));
        } else {
            text.push_str(&line);
            text.push('\n');
        }
    }
    for (path, value) in tables {
        match value {
            Value::Table(table) => {
                text.push_str("\n[");
                text.push_str(&path);
                text.push_str("]\n");
                write_members(text, &path, table.iter());
            }
            Value::Array(elements) => {
                for table in elements.iter().filter_map(Value::as_table) {
                    text.push_str("\n[[");
                    text.push_str(&path);
                    text.push_str("]]\n");
                    write_members(text, &path, table.iter());
                }
            }
            _ => {}
        }
    }
}

/// Tells whether a value can be written as tables of their own.
fn is_tables(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array(elements) => elements.iter().all(Value::is_table),
        _ => false,
    }
}

fn written_key(key: &str) -> String {
    let is_bare = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    if !key.is_empty() && key.chars().all(is_bare) {
        return key.to_owned();
    }
    // The strings of JSON are those of TOML, but for one control character.
    let quoted = serde_json::Value::from(key).to_string();
    quoted.replace('\u{7f}', "\\u007F")
}
