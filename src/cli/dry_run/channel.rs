//! What a channel script would send: an example of each kind of message, with nothing sent.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::arguments::{ArgumentError, Arguments, form};
use super::{one_service, subject};
use crate::channel::answer::Answer;
use crate::channel::rehearsal::Rehearsed;
use crate::channel::settings::{ChannelKind, Settings};
use crate::cli::output::{self, BOLD, ERROR, FAINT, GOOD, styled};
use crate::cli::{Exit, finding, load, runtime};
use crate::clock::Clock;
use crate::config::{self, Loaded, ProcessEnvironment, StandIns};
use crate::model::counted::counted;
use crate::model::json as model_json;
use crate::policy::dry_run::SCHEMA;
use crate::script::shipped;
use crate::suite::{Example, rehearse};

/// The name of a channel that no config names.
const CHANNEL: &str = "dry-run";

/// A channel to try.
pub(super) struct Channel {
    settings: Settings,
    /// What else its config says.
    loaded: Loaded,
    /// Secrets that are not there: nothing is sent, and something stands for them.
    stand_ins: Vec<String>,
}

impl Channel {
    /// Returns the channel that the arguments mean; absent if they mean something else.
    ///
    /// # Errors
    /// The channel cannot be used, or an argument makes no sense for one.
    pub(super) fn find(arguments: &Arguments) -> Result<Option<Self>, ArgumentError> {
        if let Some(channel) = Self::configured(arguments)? {
            return Ok(Some(channel));
        }
        if !(is_channel_file(&arguments.subject) || is_channel_name(arguments)) {
            return Ok(None);
        }
        let useless = arguments.of_request();
        if !useless.is_empty() {
            return Err(ArgumentError::OfChannel {
                name: arguments.subject.clone(),
                options: useless,
            });
        }
        let mut channel = one_service::params(arguments)?;
        channel.extend(one_service::secrets(arguments)?);
        channel.insert("name".to_owned(), json!(CHANNEL));
        channel.insert("kind".to_owned(), json!(arguments.subject));
        let text = json!({
            "version": "1.0",
            "services": [{ "name": "none", "url": "http://127.0.0.1/" }],
            "channels": [Value::Object(channel)],
        });
        let folder = Path::new("");
        let name = subject::ARGUMENTS;
        let loaded = config::load_text(name, &text.to_string(), folder, &ProcessEnvironment)
            .map_err(|report| ArgumentError::Matcher(Box::new(report)))?;
        Ok(Self::named(loaded, CHANNEL))
    }

    /// Returns the channel of this name of the ops config.
    fn configured(arguments: &Arguments) -> Result<Option<Self>, ArgumentError> {
        let named = arguments.inputs.config.is_some();
        let path = arguments.inputs.config.clone();
        let path = path.or_else(load::default_config);
        let others = arguments.url.is_some() || arguments.stands_alone();
        let (Some(path), false) = (path, others) else {
            return Ok(None);
        };
        let name = arguments.subject.as_str();
        // Where the config has mistakes, and was not asked for, whoever needs it says so.
        let environment = StandIns::default();
        let Ok(loaded) = config::load(&path, &environment) else {
            return Ok(None);
        };
        let services = &loaded.config.services;
        let is_service = services.iter().any(|one| one.service.name.as_str() == name);
        let Some(mut channel) = Self::named(loaded, name).filter(|_| !is_service) else {
            return Ok(None);
        };
        channel.stand_ins = environment.of_channel(&channel.settings);
        let given = arguments.of_matcher();
        if !given.is_empty() {
            return Err(ArgumentError::OfChannel {
                name: name.to_owned(),
                options: given,
            });
        }
        match channel.settings.kind {
            ChannelKind::Console if !named => Ok(None),
            _ => Ok(Some(channel)),
        }
    }

    fn named(loaded: Loaded, name: &str) -> Option<Self> {
        let mut channels = loaded.config.channels.iter();
        let settings = channels.find(|one| one.name.as_str() == name)?.clone();
        Some(Self {
            settings,
            loaded,
            stand_ins: Vec::new(),
        })
    }

    /// Shows what it would send.
    pub(super) fn run(&self, arguments: &Arguments) -> Result<Exit, ArgumentError> {
        let now = arguments.inputs.now.unwrap_or_else(|| Clock::System.now());
        let threads = |error: std::io::Error| form("threads", error.to_string());
        let runtime = runtime().map_err(threads)?;
        let limits = &self.loaded.config.limits;
        let examples = runtime.block_on(rehearse(&self.settings, limits, now));
        runtime.shutdown_timeout(Duration::from_millis(100));
        let examples = examples.map_err(threads)?;
        let fails = examples.iter().any(|one| one.requests.is_err());
        let exit = if fails { Exit::ScriptError } else { Exit::Pass };
        if arguments.output.json {
            output::json(&self.json(&examples, exit));
        } else {
            self.print(&examples);
        }
        Ok(exit)
    }

    fn print(&self, examples: &[Example]) {
        load::show(&self.loaded.report);
        load::say_stand_ins(&self.stand_ins);
        match &self.settings.kind {
            ChannelKind::Script(source) => {
                let lines = counted(source.text.lines().count(), "line");
                let sign = styled(GOOD, "✓");
                output::result(format_args!("{sign} compiled {}, {lines}", source.file));
            }
            ChannelKind::Console => output::result("the console makes no requests"),
            ChannelKind::Email(email) => {
                let (sign, tls) = (styled(GOOD, "✓"), email.security.as_str());
                output::result(format_args!(
                    "{sign} e-mail by {}, tls {tls}",
                    email.place()
                ));
            }
        }
        for example in examples {
            let title = example.message.title();
            let head = format!("── {} ──", kind(example));
            output::result(format_args!(
                "\n{}  {}",
                styled(BOLD, head),
                styled(FAINT, title)
            ));
            match &example.requests {
                Ok(requests) if requests.is_empty() => output::result("no request"),
                Ok(requests) => requests.iter().for_each(request),
                Err(unsent) => {
                    let answer = &unsent.answer;
                    let (what, why) = (meaning(answer), answer.reason().unwrap_or_default());
                    let sign = styled(ERROR, "✗");
                    match &unsent.finding {
                        None => output::result(format_args!("{sign} {what}: {why}")),
                        Some(broke) => {
                            output::result(format_args!("{sign} {what}: `requests` broke"));
                            output::result(finding::text(broke));
                        }
                    }
                }
            }
        }
        output::result(format_args!(
            "\n{} · nothing was sent",
            counted(examples.len(), "example")
        ));
    }

    fn json(&self, examples: &[Example], exit: Exit) -> Value {
        let messages = examples.iter().map(|example| {
            let error = example.requests.as_ref().err();
            let requests = example.requests.iter().flatten().map(|one| {
                let (key, body) = match json_body(one) {
                    Some(body) => ("json", json!(body)),
                    None => ("body", json!(one.body)),
                };
                json!({ "method": one.method, "url": one.url, "headers": sorted(one), key: body })
            });
            json!({
                "kind": example.message.kind(),
                "plain": example.plain,
                "title": example.message.title(),
                "requests": requests.collect::<Vec<_>>(),
                "error": error.map(|unsent| json!({
                    "answer": unsent.answer.as_str(),
                    "reason": unsent.answer.reason(),
                    "finding": unsent.finding,
                })),
            })
        });
        let script = match &self.settings.kind {
            ChannelKind::Script(source) => Some(&*source.file),
            ChannelKind::Console | ChannelKind::Email(_) => None,
        };
        let messages: Vec<Value> = messages.collect();
        json!({
            "schema": SCHEMA,
            "exit": exit as u8,
            "channel": { "name": self.settings.name.as_str(), "script": script },
            "messages": messages,
            "stand_ins": self.stand_ins,
            "side_effects": "none",
        })
    }
}

/// Tells whether this is the file of a script that has the functions of a channel, also where it does not compile.
fn is_channel_file(subject: &str) -> bool {
    subject::is_script_file(subject)
        && fs::read_to_string(subject).is_ok_and(|text| {
            let functions = ["fn requests(", "fn answer("];
            functions.iter().any(|function| text.contains(function))
        })
}

/// Tells whether this is the name of a channel script and of nothing else.
fn is_channel_name(arguments: &Arguments) -> bool {
    let name = arguments.subject.as_str();
    let file = |folder: &str| Path::new(&format!("scripts/{folder}/{name}.rhai")).is_file();
    let is_matcher = one_service::BUILT_IN.contains(&name)
        || file("matchers")
        || Path::new(&format!("{name}.rhai")).is_file()
        || shipped::find(shipped::MATCHERS, name).is_some();
    let is_channel = file("channels") || shipped::find(shipped::CHANNELS, name).is_some();
    is_channel && !is_matcher && arguments.url.is_none() && !subject::is_script_file(name)
}

fn kind(example: &Example) -> String {
    let plain = if example.plain {
        ", after it was refused"
    } else {
        ""
    };
    format!("{}{plain}", example.message.kind())
}

/// Returns what becomes of a message without a request.
fn meaning(answer: &Answer) -> &'static str {
    match answer {
        Answer::Rejected { .. } => "the message would be given up",
        Answer::Disabled { .. } => "the channel would be disabled",
        _ => "the message would be tried again",
    }
}

fn sorted(request: &Rehearsed) -> Vec<(String, String)> {
    let mut headers = request.headers.clone();
    headers.sort();
    headers
}

/// Returns the body if it is JSON.
fn json_body(request: &Rehearsed) -> Option<model_json::Json> {
    let body = model_json::parse(request.body.as_bytes());
    Some(body.ok()?.root)
}

fn request(request: &Rehearsed) {
    let line = format!("{} {}", request.method, request.url);
    output::result(styled(BOLD, line));
    for (name, value) in sorted(request) {
        output::result(styled(FAINT, format_args!("{name}: {value}")));
    }
    let body = json_body(request).and_then(|body| serde_json::to_string_pretty(&body).ok());
    output::result(body.as_ref().unwrap_or(&request.body));
}
