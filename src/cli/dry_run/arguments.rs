//! The arguments of `oes dry-run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use thiserror::Error;

use super::curl::CurlError;
use super::given::GivenArguments;
use super::sent::RequestArguments;
use crate::config::report::Report;
use crate::policy::dry_run::SCHEMA;

/// Try a matcher on a URL, or see what a channel would send; nothing is saved, nobody is told
///
/// MATCHER is `status_code`, `types`, `exact`, `non_empty`, the name of a script, or a `.rhai` file. With --config, or an
/// `oes.toml` or `oes.json` in this folder, it may also be the name of a service, which is then probed as the daemon would:
/// its request and its matchers are those of the config, and options that would change them are refused.
///
/// A channel script, or the name of a channel of the config, shows the requests that it would make of an example of each
/// kind of message, with secrets as `***`. Its options are given with --param and --secret where no config has them.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// A matcher, a script file, a service or a channel
    #[arg(value_name = "MATCHER|FILE|SERVICE|CHANNEL")]
    pub(super) subject: String,

    /// Where to; a service has its own
    pub(super) url: Option<String>,

    #[command(flatten)]
    pub(super) request: RequestArguments,

    #[command(flatten)]
    pub(super) given: GivenArguments,

    #[command(flatten)]
    pub(super) inputs: InputArguments,

    #[command(flatten)]
    pub(super) repeat: RepeatArguments,

    #[command(flatten)]
    pub(super) output: OutputArguments,
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

    /// The time as the script sees it, such as 2026-01-31T12:00:00Z, or seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = moment)]
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
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = times)]
    pub(super) times: u32,

    /// How much the script's clock moves between two probes; nobody waits for it; a bare number is seconds
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

    /// Save the response of the last probe, what the script remembered and its own exchanges to a folder, for --response,
    /// --memory and --http replay
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
pub(in crate::cli) enum ArgumentError {
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
    /// A service that is never asked.
    #[error(
        "`{name}` is a heartbeat: it reports to OES and is never asked, so there is nothing to try; `oes status` shows how it is"
    )]
    Heartbeat { name: String },
    /// Nothing to probe.
    #[error("a matcher needs a URL to probe, or --response FILE to judge")]
    NoUrl,
    /// Options that a service of a config has no use for.
    #[error(
        "`{name}` is a service of {}, which says what is sent and how it is judged: {} would change nothing; leave it out, \
         or try the matcher itself with a URL or a script file",
        config.display(), options.join(", ")
    )]
    OfService {
        name: String,
        config: PathBuf,
        options: Vec<&'static str>,
    },
    /// Options that a channel has no use for.
    #[error(
        "`{name}` is a channel: {} would change nothing; leave it out. What an ops config does not say of a channel is given \
         with --param NAME=VALUE, and with --secret NAME=VARIABLE",
        options.join(", ")
    )]
    OfChannel {
        name: String,
        options: Vec<&'static str>,
    },
    /// The ops config cannot be used.
    #[error("the ops config cannot be used")]
    Config(Box<Report>),
    /// A script or the arguments cannot be used.
    #[error("the matcher cannot be used")]
    Matcher(Box<Report>),
}

pub(in crate::cli) fn form(option: &'static str, problem: impl Into<String>) -> ArgumentError {
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

/// Reads a time of the script's clock.
fn moment(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().ok();
    seconds
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .or_else(|| text.parse().ok())
        .ok_or_else(|| {
            "write 2026-01-31T12:00:00Z, with an offset 2026-01-31T13:00:00+01:00, or seconds since 1970".to_owned()
        })
}

/// Reads how often to probe.
fn times(text: &str) -> Result<u32, String> {
    let times = text
        .parse()
        .ok()
        .filter(|times| (1..=10_000).contains(times));
    times.ok_or_else(|| "write a number from 1 to 10000".to_owned())
}

/// Reads a duration; a bare number is seconds.
pub(in crate::cli) fn duration(
    option: &'static str,
    text: &str,
) -> Result<Duration, ArgumentError> {
    let seconds: Option<f64> = text.parse().ok();
    match seconds.map(Duration::try_from_secs_f64) {
        Some(Ok(duration)) => Ok(duration),
        Some(Err(_)) => Err(form(option, format!("{text} seconds are no duration"))),
        None => crate::config::duration(text).map_err(|problem| form(option, problem)),
    }
}

/// Returns the options that are given.
fn given<const N: usize>(options: [(&'static str, bool); N]) -> Vec<&'static str> {
    let given = options.into_iter().filter(|(_, given)| *given);
    given.map(|(option, _)| option).collect()
}

impl Arguments {
    /// Returns the name of the JSON that is wanted, if any.
    pub(super) fn schema(&self) -> Option<&'static str> {
        self.output.json.then_some(SCHEMA)
    }

    /// Returns the duration between two probes on the script's clock.
    pub(super) fn every(&self) -> Result<Duration, ArgumentError> {
        duration("every", &self.repeat.every)
    }

    /// Returns the given options that say what is sent and how it is judged, which a service has from its config.
    pub(super) fn of_matcher(&self) -> Vec<&'static str> {
        let Self {
            request, inputs, ..
        } = self;
        given([
            ("-X", request.method.is_some()),
            ("-H", !request.headers.is_empty()),
            ("-d", request.data.is_some()),
            ("--from-curl", request.from_curl.is_some()),
            ("--timeout", request.timeout.is_some()),
            ("--insecure", request.insecure),
            ("--param", !inputs.params.is_empty()),
            ("--expected", inputs.expected.is_some()),
            ("--allow-host", !inputs.allow_hosts.is_empty()),
            ("--secret", !inputs.secrets.is_empty()),
        ])
    }

    /// Returns the given options that say something of a request or of a response, which a channel does not judge.
    pub(super) fn of_request(&self) -> Vec<&'static str> {
        let mut options = self.of_matcher();
        options.retain(|option| !["--param", "--secret"].contains(option));
        let more = [
            ("a URL", self.url.is_some()),
            ("--response", self.given.response.is_some()),
            ("--record", self.output.record.is_some()),
        ];
        options.extend(given(more));
        options
    }

    /// Returns the files that they name or may name.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let script = &self.subject;
        let named = [
            script.clone(),
            format!("{script}.rhai"),
            format!("scripts/matchers/{script}.rhai"),
            format!("scripts/channels/{script}.rhai"),
        ];
        let given = [&self.given.response, &self.inputs.config];
        let given = given.into_iter().flatten().cloned();
        named.into_iter().map(PathBuf::from).chain(given).collect()
    }

    /// Tells whether there is something to judge without a URL of its own.
    pub(super) fn stands_alone(&self) -> bool {
        self.given.response.is_some() || self.request.from_curl.is_some()
    }
}
