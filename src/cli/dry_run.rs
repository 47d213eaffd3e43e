//! Tries a matcher on a URL. Judges through the same path as the daemon; writes nothing, tells nobody.

mod arguments;
mod cassette;
mod curl;
mod human;
mod record;
mod report;
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use jiff::Timestamp;

pub(super) use arguments::Arguments;
use arguments::{ArgumentError, FailOn, SERVICE, form, text_or_file};
use cassette::{Cassette, HttpMode};
use report::{DryRun, Would};

use super::output::{self, exit_of};
use super::{Exit, load, runtime};
use crate::clock::Clock;
use crate::config::{self, Config, ProcessEnvironment, ServiceConfig};
use crate::daemon::observe::{Past, Watched, as_prev, remember};
use crate::daemon::once::Once;
use crate::history;
use crate::model::causes::Causes;
use crate::model::exchange::{Body, Exchange, Response, Sent, Timings};
use crate::model::judgement::{Memory, Outcome};
use crate::model::observation::Observation;

pub(super) fn run(arguments: &Arguments) -> Exit {
    let exit = match once(arguments) {
        Ok(exit) => exit,
        Err(error) => return output::refuse(arguments.schema(), &error),
    };
    if arguments.repeat.watch {
        watch::watch(arguments)
    } else {
        exit
    }
}

/// One pass: what the arguments ask for, as often as they ask for it.
fn once(arguments: &Arguments) -> Result<Exit, ArgumentError> {
    let every = arguments.every()?;
    let Some((config, service)) = subject(arguments)? else {
        return Ok(Exit::Usage);
    };
    let runtime = runtime().map_err(|error| form("threads", error.to_string()))?;
    let exit = runtime.block_on(async {
        let session = Session::new(arguments, &config, &service)?;
        session.run(arguments, every).await
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
    exit
}

/// Returns the config and the service that the arguments mean; absent if what is wrong was shown.
fn subject(arguments: &Arguments) -> Result<Option<(Config, Arc<ServiceConfig>)>, ArgumentError> {
    let path = arguments
        .inputs
        .config
        .clone()
        .or_else(load::default_config);
    if let (Some(path), None) = (&path, &arguments.url) {
        let is_script = is_script_file(&arguments.subject);
        if !is_script && let Some(config) = load::load(path, arguments.schema()) {
            let named = |one: &&Arc<ServiceConfig>| one.service.name.as_str() == arguments.subject;
            if let Some(service) = config.services.iter().find(named).map(Arc::clone) {
                return Ok(Some((config, service)));
            }
            if arguments.request.response.is_none() && arguments.request.from_curl.is_none() {
                return Err(ArgumentError::NoService {
                    name: arguments.subject.clone(),
                    config: path.clone(),
                });
            }
        }
    }
    let text = arguments.as_config()?.to_string();
    match config::load_text("arguments.json", &text, Path::new(""), &ProcessEnvironment) {
        Ok(loaded) => Ok(find(loaded.config, SERVICE)),
        Err(report) => {
            show_mistakes(&report, arguments);
            Ok(None)
        }
    }
}

fn is_script_file(subject: &str) -> bool {
    Path::new(subject)
        .extension()
        .is_some_and(|extension| extension == "rhai")
}

fn find(config: Config, name: &str) -> Option<(Config, Arc<ServiceConfig>)> {
    let service = config
        .services
        .iter()
        .find(|one| one.service.name.as_str() == name)
        .map(Arc::clone)?;
    Some((config, service))
}

/// Shows mistakes of scripts at their place, and mistakes of the arguments without one: nobody wrote that file.
fn show_mistakes(wrong: &config::report::Report, arguments: &Arguments) {
    if arguments.output.json {
        return output::json(&report::refused(&wrong.lines()));
    }
    let mut scripts = wrong.clone();
    scripts.files.retain(|file| &*file.name != "arguments.json");
    load::show(&scripts);
    for line in wrong
        .lines()
        .iter()
        .filter(|line| &*line.file == "arguments.json")
    {
        let help = line
            .help
            .as_ref()
            .map(|help| format!(" ({help})"))
            .unwrap_or_default();
        output::note(format_args!(
            "{}: {}{help}",
            output::styled(output::ERROR, line.severity),
            line.message
        ));
    }
}

/// What one pass works with.
struct Session {
    once: Once,
    watched: Watched,
    cassette: Arc<Cassette>,
    response: Option<Arc<Exchange>>,
}

impl Session {
    fn new(
        arguments: &Arguments,
        config: &Config,
        service: &Arc<ServiceConfig>,
    ) -> Result<Self, ArgumentError> {
        let mode = HttpMode::parse(&arguments.inputs.http)
            .ok_or_else(|| form("http", "one of `live`, `deny`, `replay:FOLDER`"))?;
        let mut recordings = None;
        let once = Once::with_host(config, |live| {
            let loaded = Cassette::new(mode, Arc::clone(&live)).map(Arc::new);
            let host = match &loaded {
                Ok(loaded) => Arc::new(cassette::Shared(Arc::clone(loaded))) as Arc<_>,
                Err(_) => live,
            };
            recordings = Some(loaded);
            host
        })
        .map_err(|error| form("http", error.to_string()))?;
        let unreadable =
            |error: std::io::Error| form("http", format!("nothing to replay: {error}"));
        let missing = || form("http", "no host was made");
        let cassette = recordings.ok_or_else(missing)?.map_err(unreadable)?;
        let watched = once
            .prepare(service)
            .map_err(|error| form("config", error.to_string()))?;
        let response = arguments
            .request
            .response
            .as_deref()
            .map(|path| recorded(arguments, path).map(Arc::new))
            .transpose()?;
        Ok(Self {
            once,
            watched,
            cassette,
            response,
        })
    }

    async fn run(&self, arguments: &Arguments, every: Duration) -> Result<Exit, ArgumentError> {
        let mut now = arguments.inputs.now.unwrap_or_else(|| Clock::System.now());
        let mut past = Past {
            memory: Arc::new(memory(arguments, &self.watched)?),
            prev: None,
        };
        let mut outcomes = Vec::new();
        for round in 0..arguments.repeat.times {
            if round > 0 && !arguments.output.json {
                output::result(format_args!(
                    "\n{}",
                    output::styled(output::BOLD, format_args!("── {now} ──"))
                ));
            }
            let observation = self.observe(&past, now).await;
            let last = round + 1 == arguments.repeat.times;
            self.print(arguments, &observation, &past, last);
            outcomes.push(observation.judgement.outcome);
            for run in &observation.judgement.runs {
                remember(&mut past.memory, run);
            }
            past.prev = as_prev(&observation).or(past.prev);
            self.record(arguments, &observation)?;
            now = now.saturating_add(every).unwrap_or(now);
        }
        let worst = outcomes.iter().copied().max().unwrap_or_default();
        if worst == Outcome::Warn && arguments.output.fail_on == FailOn::Warn {
            return Ok(Exit::Fail);
        }
        Ok(exit_of(outcomes))
    }

    async fn observe(&self, past: &Past, now: Timestamp) -> Observation {
        match &self.response {
            Some(exchange) => {
                self.once
                    .judge(&self.watched, Arc::clone(exchange), past, now)
                    .await
            }
            None => self.once.observe(&self.watched, past, now).await,
        }
    }

    fn print(&self, arguments: &Arguments, observation: &Observation, past: &Past, last: bool) {
        let judgement = observation.judgement.clone();
        let hint = observation.exchange.as_ref().and_then(|exchange| {
            self.watched
                .config
                .matchers
                .iter()
                .find_map(|matcher| matcher.hint(exchange))
        });
        let run = DryRun {
            exchange: observation.exchange.clone(),
            would: Would::of(&judgement, &self.watched.config.service),
            judgement,
            memory_before: Arc::clone(&past.memory),
            memory_goes_on: !last,
            hint,
        };
        if arguments.output.json {
            output::json(&run.to_json(exit_of([run.judgement.outcome]) as u8));
        } else {
            human::print(&run, arguments.output.trace);
        }
    }

    fn record(
        &self,
        arguments: &Arguments,
        observation: &Observation,
    ) -> Result<(), ArgumentError> {
        let Some(folder) = &arguments.output.record else {
            return Ok(());
        };
        let saved = observation
            .exchange
            .as_ref()
            .map_or(Ok(()), |exchange| record::response(folder, exchange));
        saved
            .and_then(|()| self.cassette.save(folder))
            .map_err(|source| ArgumentError::File {
                option: "record",
                path: folder.clone(),
                source,
            })?;
        let folder = folder.display();
        output::note(format_args!(
            "recorded to {folder}: try it again with --response {folder}/response.body --http replay:{folder}"
        ));
        Ok(())
    }
}

/// Returns the exchange that `--response FILE` stands for.
fn recorded(arguments: &Arguments, path: &Path) -> Result<Exchange, ArgumentError> {
    let bytes = std::fs::read(path).map_err(|source| ArgumentError::File {
        option: "response",
        path: path.to_owned(),
        source,
    })?;
    let status = StatusCode::from_u16(arguments.request.status)
        .map_err(|_| form("status", "a status is a number from 100 to 999"))?;
    let kind = HeaderValue::from_str(&arguments.request.content_type)
        .map_err(|_| form("content-type", "this is no header value"))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, kind);
    let body = Body::new(bytes);
    Ok(Exchange {
        started_at: arguments.inputs.now.unwrap_or_else(|| Clock::System.now()),
        sent: Arc::new(Sent {
            method: "read".to_owned(),
            url: path.display().to_string().into(),
            ..Sent::default()
        }),
        timings: Timings::default(),
        bearer: None,
        hops: Vec::new(),
        peer: None,
        certificate: None,
        result: Ok(Response {
            status,
            version: Version::HTTP_11,
            headers,
            body,
        }),
    })
}

/// Returns what the script remembers at first.
fn memory(arguments: &Arguments, watched: &Watched) -> Result<Memory, ArgumentError> {
    match arguments.inputs.memory.as_str() {
        "empty" => Ok(Memory::new()),
        "live" => {
            let path = arguments
                .inputs
                .config
                .clone()
                .or_else(load::default_config);
            let path = path.ok_or_else(|| form("memory", "`live` needs --config"))?;
            let config =
                load::load(&path, None).ok_or_else(|| form("config", "it cannot be used"))?;
            let path = config.data.join("oes.db");
            let name = &watched.config.service.name;
            let now = Clock::System.now();
            history::read_memory(&path, name, now)
                .map_err(|error| form("memory", Causes(&error).to_string()))
        }
        text => {
            let text = if text.starts_with('@') {
                text_or_file("memory", text)?
            } else {
                return Err(form("memory", "one of `empty`, `live`, `@FILE`"));
            };
            let document = crate::model::json::parse(text.as_bytes())
                .map_err(|error| form("memory", format!("not JSON: {error}")))?;
            report::memory_of(&document.root)
                .ok_or_else(|| form("memory", "the file holds no JSON object"))
        }
    }
}
