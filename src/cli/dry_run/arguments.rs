//! The arguments of `oes dry-run`, and the ops config of one service that they amount to.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::curl::{self, CurlError, CurlRequest};

/// Try a matcher on a URL: see the response as the script sees it and every finding; nothing is saved, nothing is sent
///
/// MATCHER is `status_code`, `types`, `exact`, `non_empty`, the name of a script, or a `.rhai` file. With --config, or an
/// `oes.toml` or `oes.json` in this folder, it may also be the name of a service, which is then probed as the daemon would.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// A matcher, a script file or a service
    #[arg(value_name = "MATCHER|FILE|SERVICE")]
    pub(super) subject: String,

    /// Where to; a service has its own
    pub(super) url: Option<String>,

    #[command(flatten)]
    pub(super) request: RequestArguments,

    #[command(flatten)]
    pub(super) inputs: InputArguments,

    #[command(flatten)]
    pub(super) repeat: RepeatArguments,

    #[command(flatten)]
    pub(super) output: OutputArguments,
}

/// What is sent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Request")]
pub(super) struct RequestArguments {
    /// Request method
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(super) method: Option<String>,

    /// A header, `Name: value` (can be repeated)
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub(super) headers: Vec<String>,

    /// The body; `@FILE` reads it from a file
    #[arg(short = 'd', long, value_name = "TEXT|@FILE")]
    pub(super) data: Option<String>,

    /// Take URL, method, headers and body from a curl command
    #[arg(long, value_name = "COMMAND")]
    pub(super) from_curl: Option<String>,

    /// Judge this file as the response body instead of asking anybody
    #[arg(long, value_name = "FILE")]
    pub(super) response: Option<PathBuf>,

    /// Status of the response given by --response
    #[arg(long, value_name = "N", default_value_t = 200, requires = "response")]
    pub(super) status: u16,

    /// Content type of the response given by --response
    #[arg(
        long,
        value_name = "TYPE",
        default_value = "application/json",
        requires = "response"
    )]
    pub(super) content_type: String,

    /// The deadline of the probe
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub(super) timeout: String,

    /// Do not verify the server's certificate
    #[arg(short = 'k', long)]
    pub(super) insecure: bool,
}

/// What the script is given.
#[derive(Debug, Args)]
#[command(next_help_heading = "Inputs")]
pub(super) struct InputArguments {
    /// A parameter of the script, NAME=VALUE; the value is JSON, or else a text (can be repeated)
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub(super) params: Vec<String>,

    /// The sample: JSON, or `@FILE`
    #[arg(long, value_name = "JSON|@FILE")]
    pub(super) expected: Option<String>,

    /// The time as the script sees it, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(super) now: Option<Timestamp>,

    /// What the script remembers: `empty`, `live` (a copy of the daemon's; needs --config), or `@FILE` with a JSON object
    #[arg(long, value_name = "empty|live|@FILE", default_value = "empty")]
    pub(super) memory: String,

    /// Whether the script's own requests are made, refused, or answered from a folder written by --record
    #[arg(long, value_name = "live|deny|replay:FOLDER", default_value = "live")]
    pub(super) http: String,

    /// A host besides the URL's own that the script may ask (can be repeated)
    #[arg(long = "allow-host", value_name = "HOST")]
    pub(super) allow_hosts: Vec<String>,

    /// A secret that the script may use, from an environment variable (can be repeated)
    #[arg(long = "secret", value_name = "NAME=VARIABLE")]
    pub(super) secrets: Vec<String>,

    /// The ops config that knows the service
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// How often.
#[derive(Debug, Args)]
#[command(next_help_heading = "Repeat")]
pub(super) struct RepeatArguments {
    /// How often to probe; memory goes on from one to the next
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) times: u32,

    /// How much the script's clock moves between two probes; nobody waits for it
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    pub(super) every: String,

    /// Run again when the script changes, until Ctrl-C
    #[arg(long)]
    pub(super) watch: bool,
}

/// What is shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArguments {
    /// Print one JSON object (`oes.dry-run/1`) a probe
    #[arg(long)]
    pub(super) json: bool,

    /// Save the response and the script's own exchanges to a folder, for --response and --http replay
    #[arg(long, value_name = "FOLDER")]
    pub(super) record: Option<PathBuf>,

    /// Show all headers, and the whole body
    #[arg(long)]
    pub(super) trace: bool,

    /// The outcome from which on the exit code is not 0
    #[arg(long, value_name = "OUTCOME", value_enum, default_value_t = FailOn::Fail)]
    pub(super) fail_on: FailOn,
}

/// The outcome from which on the exit code is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// A warning already
    Warn,
    /// A failure
    Fail,
}

/// What is wrong with the arguments.
#[derive(Debug, Error)]
pub(super) enum ArgumentError {
    /// An argument is not of its form.
    #[error("--{option}: {problem}")]
    Form {
        option: &'static str,
        problem: String,
    },
    /// A file that an argument names cannot be read.
    #[error("--{option}: could not read {}", path.display())]
    File {
        option: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The curl command cannot be read.
    #[error(transparent)]
    Curl(#[from] CurlError),
    /// No such service, and nothing else to probe.
    #[error("{} has no service `{name}`; a matcher needs a URL to probe, or --response FILE to judge", config.display())]
    NoService { name: String, config: PathBuf },
    /// Nothing to probe.
    #[error("a matcher needs a URL to probe, or --response FILE to judge")]
    NoUrl,
}

pub(super) fn form(option: &'static str, problem: impl Into<String>) -> ArgumentError {
    ArgumentError::Form {
        option,
        problem: problem.into(),
    }
}

/// Returns the text of an argument that may be `@FILE`.
pub(super) fn text_or_file(option: &'static str, text: &str) -> Result<String, ArgumentError> {
    match text.strip_prefix('@') {
        None => Ok(text.to_owned()),
        Some(file) => std::fs::read_to_string(file).map_err(|source| ArgumentError::File {
            option,
            path: file.into(),
            source,
        }),
    }
}

/// Returns both sides of `NAME=VALUE`.
fn pair<'a>(option: &'static str, text: &'a str) -> Result<(&'a str, &'a str), ArgumentError> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| form(option, format!("`{text}` is not NAME=VALUE")))
}

/// The service that a dry run of a matcher watches, where no config names one.
pub(super) const SERVICE: &str = "dry-run";

impl Arguments {
    /// Returns the name of the JSON that is wanted, if any.
    pub(super) fn schema(&self) -> Option<&'static str> {
        self.output.json.then_some("oes.dry-run/1")
    }

    /// Returns the duration between two probes on the script's clock.
    pub(super) fn every(&self) -> Result<Duration, ArgumentError> {
        crate::config::duration(&self.repeat.every).map_err(|problem| form("every", problem))
    }

    /// Returns the ops config of one service that these arguments amount to.
    pub(super) fn as_config(&self) -> Result<Value, ArgumentError> {
        let curl = self
            .request
            .from_curl
            .as_deref()
            .map(curl::parse)
            .transpose()?;
        let curl = curl.unwrap_or_default();
        let url = self.url.clone().or(curl.url.clone());
        let url = match (url, &self.request.response) {
            (Some(url), _) => url,
            (None, Some(_)) => "http://127.0.0.1/".to_owned(),
            (None, None) => return Err(ArgumentError::NoUrl),
        };
        let mut service = Map::new();
        service.insert("name".to_owned(), json!(SERVICE));
        service.insert("url".to_owned(), json!(url));
        service.insert("timeout".to_owned(), json!(self.request.timeout));
        if self.request.insecure || curl.insecure {
            service.insert("tls".to_owned(), json!({ "verify": false }));
        }
        if !self.inputs.allow_hosts.is_empty() {
            service.insert("hosts".to_owned(), json!(self.inputs.allow_hosts));
        }
        self.add_request(&curl, &mut service)?;
        self.add_secrets(&mut service)?;
        service.insert("match".to_owned(), json!([self.matcher()?]));
        Ok(json!({ "version": "1.0", "services": [service] }))
    }

    fn add_request(
        &self,
        curl: &CurlRequest,
        service: &mut Map<String, Value>,
    ) -> Result<(), ArgumentError> {
        let data = self
            .request
            .data
            .as_deref()
            .map(|data| text_or_file("data", data))
            .transpose()?;
        let data = data.or(curl.body.clone());
        let method = self.request.method.clone().or(curl.method.clone());
        let method = method.or_else(|| data.as_ref().map(|_| "POST".to_owned()));
        if let Some(method) = method {
            service.insert("method".to_owned(), json!(method.to_uppercase()));
        }
        let mut headers = Map::new();
        for header in curl.headers.iter().chain(&self.request.headers) {
            let (name, value) = header
                .split_once(':')
                .ok_or_else(|| form("header", format!("`{header}` is not `Name: value`")))?;
            headers.insert(name.trim().to_owned(), json!(value.trim()));
        }
        let typed = headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case("content-type"));
        if let Some(data) = data {
            match serde_json::from_str::<Value>(&data) {
                Ok(payload) if !typed => service.insert("payload".to_owned(), payload),
                _ => service.insert("body".to_owned(), json!(data)),
            };
        }
        if !headers.is_empty() {
            service.insert("headers".to_owned(), Value::Object(headers));
        }
        Ok(())
    }

    fn add_secrets(&self, service: &mut Map<String, Value>) -> Result<(), ArgumentError> {
        let mut secrets = Map::new();
        for secret in &self.inputs.secrets {
            let (name, variable) = pair("secret", secret)?;
            secrets.insert(name.to_owned(), json!(format!("${{env:{variable}}}")));
        }
        if !secrets.is_empty() {
            service.insert("secrets".to_owned(), Value::Object(secrets));
        }
        Ok(())
    }

    fn matcher(&self) -> Result<Value, ArgumentError> {
        let expected = self
            .inputs
            .expected
            .as_deref()
            .map(|text| {
                let text = text_or_file("expected", text)?;
                serde_json::from_str::<Value>(&text)
                    .map_err(|error| form("expected", format!("not JSON: {error}")))
            })
            .transpose()?;
        Ok(match self.subject.as_str() {
            "status_code" => json!("status_code"),
            "non_empty" => json!({ "non_empty": true }),
            built_in @ ("types" | "exact") => {
                let missing = || form("expected", format!("`{built_in}` compares with a sample"));
                json!({ built_in: expected.ok_or_else(missing)? })
            }
            script => {
                let mut params = Map::new();
                for param in &self.inputs.params {
                    let (name, text) = pair("param", param)?;
                    let value = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
                    params.insert(name.to_owned(), value);
                }
                let mut matcher = json!({ "script": script, "params": params });
                if let (Some(expected), Some(members)) = (expected, matcher.as_object_mut()) {
                    members.insert("expected".to_owned(), expected);
                }
                matcher
            }
        })
    }
}
