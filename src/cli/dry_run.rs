//! Tries a matcher on a URL. Judges through the same path as the daemon; writes nothing, tells nobody.

mod again;
mod arguments;
mod cassette;
mod channel;
mod curl;
mod given;
mod human;
mod one_service;
mod record;
mod sent;
mod subject;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub(super) use arguments::{ArgumentError, Arguments, duration};
use arguments::{FailOn, form, text_or_file};
use cassette::{Cassette, HttpMode};
use channel::Channel;
pub(super) use given::{Given, GivenArguments};
pub(super) use sent::{Asking, Recorded, RequestArguments};
use subject::Subject;
pub(super) use subject::show_mistakes;

use super::output::{self, exit_of};
use super::{Exit, load, runtime, script_worker, watch};
use crate::clock::Clock;
use crate::config::{self, StandIns};
use crate::daemon::observe::{Past, Watched, as_prev, hiding, remember};
use crate::daemon::once::Once;
use crate::history;
use crate::model::causes::Causes;
use crate::model::exchange::Exchange;
use crate::model::judgement::{Memory, Outcome, remembered};
use crate::model::observation::Observation;
use crate::model::span::Line;
use crate::policy::dry_run::{self, DryRun, Would};
use crate::script::recorded::RecordedCall;

pub(super) fn run(arguments: &Arguments) -> Exit {
    let exit = pass(arguments);
    // What the arguments themselves have wrong no change of a file mends.
    match exit {
        Ok(_) | Err(Refused::Mendable(_)) if arguments.repeat.watch => {
            watch::watch(arguments.files(), || {
                // What is wrong was shown; the next change may mend it.
                pass(arguments).ok();
                arguments.files()
            })
        }
        Ok(exit) | Err(Refused::Mendable(exit) | Refused::Final(exit)) => exit,
    }
}

/// Tells whether a folder holds what `--record` saved of an exchange.
pub(super) fn is_saved(folder: &Path) -> bool {
    record::is_saved(folder)
}

/// Returns what `--record` saved: when it was judged, the exchange, and the scripts' own requests.
///
/// # Errors
/// If it cannot be read.
pub(super) fn saved(folder: &Path) -> io::Result<(Timestamp, Exchange, Vec<RecordedCall>)> {
    let (recorded, body) = record::load(folder)?;
    let exchange = recorded.exchange(body.into());
    Ok((recorded.at, exchange, cassette::load(folder)?))
}

/// Why a pass was not made, after that was shown.
enum Refused {
    /// A file that it read has mistakes.
    Mendable(Exit),
    /// The arguments make no sense.
    Final(Exit),
}

/// One pass: what the arguments ask for, as often as they ask for it. Says what is wrong, once.
fn pass(arguments: &Arguments) -> Result<Exit, Refused> {
    once(arguments).map_err(|error| match error {
        ArgumentError::Config(report) => {
            load::refuse(arguments.schema(), &report);
            Refused::Mendable(Exit::Usage)
        }
        ArgumentError::Matcher(report) => {
            if arguments.output.json {
                output::json(&dry_run::refused(&subject::mistakes(&report)));
            } else {
                show_mistakes(&report);
            }
            Refused::Mendable(Exit::Usage)
        }
        error => Refused::Final(output::refuse(arguments.schema(), &error)),
    })
}

fn once(arguments: &Arguments) -> Result<Exit, ArgumentError> {
    if let Some(channel) = Channel::find(arguments)? {
        return channel.run(arguments);
    }
    let every = arguments.every()?;
    if arguments.given.is_input() && arguments.repeat.watch {
        let problem = "standard input cannot be read again and again, which --watch does";
        return Err(form("response", problem));
    }
    let given = Given::read(&arguments.given)?;
    let subject = Subject::find(arguments, given.as_ref())?;
    let runtime = runtime().map_err(|error| form("threads", error.to_string()))?;
    let exit = runtime.block_on(async {
        let session = Session::new(arguments, &subject, given.as_ref())?;
        session.run(arguments, every).await
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
    exit
}

/// What one pass works with.
struct Session {
    once: Once,
    watched: Watched,
    cassette: Arc<Cassette>,
    response: Option<Arc<Exchange>>,
    /// The time of the first probe.
    begin: Timestamp,
    /// What a person should look at in what is judged, which can be used all the same.
    warnings: Vec<Line>,
    /// Secrets that are not there and are not sent.
    stand_ins: Vec<String>,
}

impl Session {
    fn new(
        arguments: &Arguments,
        subject: &Subject,
        given: Option<&Given>,
    ) -> Result<Self, ArgumentError> {
        let mode = HttpMode::parse(&arguments.inputs.http)
            .ok_or_else(|| form("http", "one of `live`, `deny`, `replay:FOLDER`"))?;
        let mut recordings = None;
        let once = Once::with_host(subject.sandbox.with(script_worker::program()), |live| {
            let hidden = subject.service.service.redaction();
            let loaded = Cassette::new(mode, Arc::clone(&live), hidden).map(Arc::new);
            let host = match &loaded {
                Ok(loaded) => Arc::new(cassette::Shared(Arc::clone(loaded))) as Arc<_>,
                Err(_) => live,
            };
            recordings = Some(loaded);
            host
        })
        .map_err(|error| form("http", Causes(&error).to_string()))?;
        let unreadable = |error: io::Error| form("http", format!("nothing to replay: {error}"));
        let missing = || form("http", "no host was made");
        let cassette = recordings.ok_or_else(missing)?.map_err(unreadable)?;
        let watched = once
            .prepare(&subject.service)
            .map_err(|error| form("config", Causes(&error).to_string()))?;
        let recorded_at = given.and_then(Given::at);
        let begin = arguments.inputs.now.or(recorded_at);
        let begin = begin.unwrap_or_else(|| Clock::System.now());
        let response = given.map(|given| given.exchange(&arguments.given, begin).map(Arc::new));
        if !arguments.output.json {
            human::compiled(&watched, &subject.report);
            load::say_stand_ins(&subject.stand_ins);
        }
        Ok(Self {
            once,
            watched,
            cassette,
            response: response.transpose()?,
            begin,
            warnings: subject::mistakes(&subject.report),
            stand_ins: subject.stand_ins.clone(),
        })
    }

    async fn run(&self, arguments: &Arguments, every: Duration) -> Result<Exit, ArgumentError> {
        let mut now = self.begin;
        let mut past = Past {
            memory: Arc::new(memory(arguments, &self.watched)?),
            ..Past::default()
        };
        let mut outcomes = Vec::new();
        for round in 0..arguments.repeat.times {
            if arguments.repeat.times > 1 && !arguments.output.json {
                let above = if round > 0 { "\n" } else { "" };
                output::result(format_args!(
                    "{above}{}",
                    output::styled(output::BOLD, format_args!("── {now} ──"))
                ));
            }
            self.cassette.begin_round();
            let mut observation = self.observe(&past, now).await;
            if self.cassette.unanswered().is_some() {
                dry_run::take_back(&mut observation.judgement);
            }
            let last = round + 1 == arguments.repeat.times;
            self.print(arguments, &observation, &past, last);
            outcomes.push(observation.judgement.outcome);
            if last {
                self.record(arguments, &observation, &past.memory)?;
            }
            for run in &observation.judgement.runs {
                remember(&mut past.memory, run);
            }
            past.prev = as_prev(&observation).or(past.prev);
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
        let unjudged = self.cassette.unanswered();
        let exchange = observation.exchange.as_ref();
        let hint = exchange.and_then(|exchange| self.watched.hint(exchange));
        let run = DryRun {
            exchange: self.shown(observation),
            would: match &unjudged {
                Some(_) => Would::unjudged(),
                None => Would::of(&judgement, &self.watched.config.service),
            },
            unjudged,
            judgement,
            memory_before: Arc::clone(&past.memory),
            memory_goes_on: !last,
            hint,
            at: observation.at,
            warnings: self.warnings.clone(),
            stand_ins: self.stand_ins.clone(),
        };
        if arguments.output.json {
            output::json(&run.to_json(Some(exit_of([run.judgement.outcome]) as u8)));
        } else {
            human::print(&run, arguments.output.trace);
        }
    }

    /// Returns what a probe saw, as it may be shown.
    fn shown(&self, observation: &Observation) -> Option<Arc<Exchange>> {
        let exchange = observation.exchange.as_ref()?;
        Some(hiding(&self.watched, exchange.bearer.as_ref()).applied_exchange(exchange))
    }

    /// Saves what the last probe saw, and says how to see it again.
    fn record(
        &self,
        arguments: &Arguments,
        observation: &Observation,
        memory: &Memory,
    ) -> Result<(), ArgumentError> {
        let Some(folder) = &arguments.output.record else {
            return Ok(());
        };
        let exchange = self.shown(observation);
        let saved = exchange.as_ref().map_or(Ok(()), |exchange| {
            record::save(folder, exchange, observation.at)
        });
        saved
            .and_then(|()| record::save_memory(folder, memory))
            .and_then(|()| self.cassette.save(folder))
            .map_err(|source| ArgumentError::File {
                option: "record",
                path: folder.clone(),
                source,
            })?;
        let again = again::command(arguments, folder, exchange.is_some(), observation.at);
        output::note(format_args!("recorded; to see it again:\n  {again}"));
        Ok(())
    }
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
            let loaded = config::load(&path, &StandIns::default())
                .map_err(|report| ArgumentError::Config(Box::new(report)))?;
            let path = loaded.config.data.join(history::FILE);
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
            remembered(&document.root)
                .ok_or_else(|| form("memory", "the file holds no JSON object"))
        }
    }
}
