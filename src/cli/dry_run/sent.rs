//! What is sent, as the arguments say it.

use std::time::Duration;

use clap::Args;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::arguments::{ArgumentError, duration, form, text_or_file};
use super::curl::{self, CurlRequest};

/// The deadline of the probe, where none is given.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub(in crate::cli) struct RequestArguments {
    /// Request method
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(super) method: Option<String>,

    /// A header, `Name: value` (can be repeated); `${env:NAME}` in the value is that variable
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(super) headers: Vec<String>,

    /// The body as it is, of type JSON if it is JSON; `@FILE` reads it from a file
    #[arg(short = 'd', long, value_name = "TEXT|@FILE")]
    pub(super) data: Option<String>,

    /// Take URL, method, headers and body from a curl command
    #[arg(long, value_name = "COMMAND")]
    pub(super) from_curl: Option<String>,

    /// The deadline of the probe; a bare number is seconds [default: 10s]
    #[arg(long, value_name = "DURATION")]
    pub(super) timeout: Option<String>,

    /// Do not verify the server's certificate
    #[arg(short = 'k', long)]
    pub(super) insecure: bool,
}

/// What is taken where the arguments say nothing: of a response that is given.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cli) struct Recorded<'a> {
    pub(super) url: Option<&'a str>,
    pub(super) method: Option<&'a str>,
}

/// A service of an ops config that sends what the arguments say, as JSON.
pub(in crate::cli) struct Asking {
    /// Its members but for the body.
    pub(in crate::cli) members: Map<String, Value>,
    /// The member that holds the body, with a comma; nothing without a body.
    body: String,
}

impl Asking {
    /// Returns all members of the service, the body among them.
    pub(in crate::cli) fn members(&self) -> Map<String, Value> {
        let body = format!("{{{}}}", self.body.trim_end_matches(','));
        let mut members: Map<String, Value> = serde_json::from_str(&body).unwrap_or_default();
        members.extend(self.members.clone());
        members
    }

    /// Returns the text of an ops config that has only this service.
    pub(in crate::cli) fn config(&self) -> String {
        let service = Value::Object(self.members.clone()).to_string();
        let members = service.strip_prefix('{').unwrap_or_default();
        let body = &self.body;
        format!(r#"{{"version":"1.0","services":[{{{body}{members}]}}"#)
    }
}

impl RequestArguments {
    /// Tells whether a deadline is given.
    pub(in crate::cli) fn has_timeout(&self) -> bool {
        self.timeout.is_some()
    }

    /// Returns the service that asks `url`, or what the curl command or the recording says. Where the body `is_seen` by
    /// a script it is a `payload` if it can be one.
    ///
    /// # Errors
    /// If they say nothing of where to, or something that cannot be read.
    pub(in crate::cli) fn asking(
        &self,
        url: Option<&str>,
        recorded: Recorded<'_>,
        is_seen: bool,
    ) -> Result<Asking, ArgumentError> {
        let curl = self.from_curl.as_deref().map(curl::parse);
        let curl = curl.transpose()?.unwrap_or_default();
        let mut members = Map::new();
        members.insert("url".to_owned(), json!(where_to(url, &curl, recorded)?));
        let timeout = self.timeout.as_deref();
        let timeout = timeout.map(|text| duration("timeout", text)).transpose()?;
        let timeout = timeout.unwrap_or(TIMEOUT).as_secs_f64();
        members.insert("timeout".to_owned(), json!(timeout));
        if self.insecure || curl.insecure {
            members.insert("tls".to_owned(), json!({ "verify": false }));
        }
        self.add_head(&curl, recorded, &mut members)?;
        let body = self.body(&curl, is_seen, &mut members)?;
        Ok(Asking { members, body })
    }

    fn add_head(
        &self,
        curl: &CurlRequest,
        recorded: Recorded<'_>,
        members: &mut Map<String, Value>,
    ) -> Result<(), ArgumentError> {
        let method = self.method.as_deref().or(curl.method.as_deref());
        let method = method.or_else(|| self.data.as_ref().map(|_| "POST"));
        if let Some(method) = method.or(recorded.method) {
            members.insert("method".to_owned(), json!(method.to_uppercase()));
        }
        let mut headers = Map::new();
        for header in curl.headers.iter().chain(&self.headers) {
            let (name, value) = header
                .split_once(':')
                .ok_or_else(|| form("header", format!("`{header}` is not `Name: value`")))?;
            headers.insert(name.trim().to_owned(), json!(value.trim()));
        }
        if !headers.is_empty() {
            members.insert("headers".to_owned(), Value::Object(headers));
        }
        Ok(())
    }

    /// Returns the member of the service that holds the body, with a comma; nothing without a body. The body is sent as
    /// it was typed, so JSON is a text of that type. Only for a script is it `payload`, which is written anew but which
    /// scripts can see; not so if it has a `${`, which would begin a secret there.
    fn body(
        &self,
        curl: &CurlRequest,
        is_seen: bool,
        members: &mut Map<String, Value>,
    ) -> Result<String, ArgumentError> {
        let data = self.data.as_deref();
        let data = data.map(|data| text_or_file("data", data)).transpose()?;
        let Some(data) = data.or(curl.body.clone()) else {
            return Ok(String::new());
        };
        let headers = members.entry("headers").or_insert_with(|| json!({}));
        let headers = headers.as_object_mut();
        let typed = headers.as_ref().is_some_and(|headers| {
            let mut names = headers.keys();
            names.any(|name| name.eq_ignore_ascii_case("content-type"))
        });
        let is_json = !typed && serde_json::from_str::<IgnoredAny>(&data).is_ok();
        if is_json && is_seen && !data.contains("${") {
            return Ok(format!(r#""payload":{data},"#));
        }
        if is_json && let Some(headers) = headers {
            headers.insert("content-type".to_owned(), json!("application/json"));
        }
        Ok(format!(r#""body":{},"#, json!(data.replace("${", "$${"))))
    }
}

fn where_to(
    url: Option<&str>,
    curl: &CurlRequest,
    recorded: Recorded<'_>,
) -> Result<String, ArgumentError> {
    match (url, &curl.url) {
        (Some(url), Some(_)) => {
            let problem = format!("the curl command has a URL of its own; leave out `{url}`");
            Err(form("from-curl", problem))
        }
        (Some(url), None) => Ok(url.to_owned()),
        (None, Some(url)) => Ok(url.clone()),
        (None, None) => {
            let url = recorded.url.ok_or(ArgumentError::NoUrl)?;
            Ok(url.to_owned())
        }
    }
}
