//! Scripts that somebody tries on a service that runs: it is probed once, as `/probe` does it, and judged with the script
//! in the place of its own. Nothing comes of it: what is found is only shown.
//!
//! There is one such look at a time, whoever asks. A script gets what its service has and nothing more: what its header
//! would let it ask once it is in the ops config it may not ask here, so that whoever may paste a text cannot send the
//! secrets of a service elsewhere.

mod pasted;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout};
use tracing::info;

use self::pasted::Pasted;
use super::observe::{Past, Tools, Watched, hiding, observe, wall};
use super::prepare::prepare;
use super::roster::Roster;
use super::supervisor::Supervisor;
use super::watching;
use crate::clock::Clock;
use crate::config::report::{Look, Report};
use crate::model::causes::Causes;
use crate::model::duration::Shown;
use crate::model::evidence::shown_memory;
use crate::model::judgement::{Memory, MemoryDiff};
use crate::model::observation::Observation;
use crate::model::service::ServiceName;
use crate::model::span::Line;
use crate::policy::dry_run::{DryRun, Would};
use crate::policy::orders::Refusal;
use crate::script::source::Source;
use crate::web::api::Tried;

/// What a try may take besides the limits of its probe and of its scripts: compiling, and waiting for a worker.
const MARGIN: Duration = Duration::from_secs(10);
/// How mistakes are drawn: nobody knows how wide they are shown.
const LOOK: Look = Look {
    colour: false,
    width: 79,
};

/// Tries scripts.
pub(super) struct Playground {
    tools: Tools,
    roster: Roster,
    clock: Clock,
    workers: Supervisor,
    turn: Arc<Semaphore>,
}

impl Playground {
    pub(super) fn new(shared: &watching::Parts, workers: Supervisor) -> Self {
        Self {
            tools: shared.tools.clone(),
            roster: shared.roster.clone(),
            clock: shared.clock,
            workers,
            turn: Arc::new(Semaphore::new(1)),
        }
    }

    /// Returns the script that judges a service, the first of several.
    pub(super) fn script(&self, name: &ServiceName) -> Option<Arc<str>> {
        let watched = self.roster.get(name)?.watched();
        let script = watched.scripts().next()?;
        Some(Arc::clone(&script.source.text))
    }

    /// Tries a script on a service. It is tried to its end even if the one who asked goes away: coming and going does not
    /// make more tries.
    pub(super) async fn dry_run(&self, name: ServiceName, text: String) -> Result<Tried, Refusal> {
        let unknown = || Refusal::not_found(format!("there is no service `{name}`"));
        let running = self.roster.get(&name).ok_or_else(unknown)?;
        let watched = running.watched();
        if watched.config.service.heartbeat.is_some() {
            let words = format!("`{name}` is a heartbeat: it reports by itself and is never asked");
            return Err(Refusal::conflict(words));
        }
        let busy =
            |_| Refusal::busy("another script is being tried: try again when that has ended");
        let turn = Arc::clone(&self.turn).try_acquire_owned().map_err(busy)?;
        let trial = Trial {
            tools: self.tools.clone(),
            past: running.past.now(),
            clock: self.clock,
            furnished: self.roster.furnished(),
            watched,
            text,
        };
        let (tell, told) = oneshot::channel();
        let trying = async move {
            let tried = trial.in_time(turn).await;
            // Whoever asked may be gone.
            tell.send(tried).unwrap_or_default();
        };
        self.workers
            .start_one(format_args!("dry run of {name}"), trying);
        let broken = |_| Refusal::conflict("the daemon is stopping, or broke over this script");
        told.await.map_err(broken)?
    }
}

/// A script, and what it is tried on.
struct Trial {
    tools: Tools,
    watched: Arc<Watched>,
    past: Past,
    clock: Clock,
    furnished: Vec<Arc<Source>>,
    text: String,
}

impl Trial {
    /// Tries the script, and gives the turn back before anybody knows of it.
    async fn in_time(self, turn: OwnedSemaphorePermit) -> Result<Tried, Refusal> {
        let config = &self.watched.config;
        let scripts = u32::try_from(config.matchers.len()).unwrap_or(u32::MAX);
        let own = wall(config).saturating_mul(scripts.saturating_add(1));
        let patience = config.service.timeout.saturating_add(own) + MARGIN;
        let late = |_| {
            let patience = Shown(patience);
            Refusal::conflict(format!("the script was not tried within {patience}"))
        };
        let tried = timeout(patience, Box::pin(self.run())).await.map_err(late);
        drop(turn);
        tried?
    }

    async fn run(self) -> Result<Tried, Refusal> {
        let Self {
            tools,
            watched,
            past,
            clock,
            furnished,
            text,
        } = self;
        let preparing = {
            let tools = tools.clone();
            move || prepared(&tools, &watched, &furnished, &text)
        };
        let prepared = match tokio::task::spawn_blocking(preparing).await {
            Ok(prepared) => prepared?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let (watched, warnings) = match prepared {
            Ok(ready) => ready,
            Err(report) => return Ok(refused(&report)),
        };
        let now = clock.now();
        let observing = observe(&tools, &watched, &past, Instant::now(), now);
        let observation = Box::pin(observing).await;
        let name = &watched.config.service.name;
        let outcome = observation.judgement.outcome;
        info!(service.name = %name, %outcome, "a script was tried");
        let run = shown(&watched, &past, observation, warnings);
        Ok(Tried::Ran(Box::new(run)))
    }
}

/// Makes a service ready to be judged by a script in the place of its own, off the runtime: compiling takes its time.
/// Returns it with warnings, or why the script cannot be used.
fn prepared(
    tools: &Tools,
    watched: &Watched,
    furnished: &[Arc<Source>],
    text: &str,
) -> Result<Result<(Watched, Vec<Line>), Report>, Refusal> {
    let own = watched.scripts().map(|script| &*script.source);
    let others = furnished.iter().map(|source| &**source);
    let known: Vec<&Source> = own.chain(others).collect();
    let Pasted { config, warnings } = match Pasted::read(&watched.config, &known, text) {
        Ok(pasted) => pasted,
        Err(report) => return Ok(Err(report)),
    };
    let unready = |error| Refusal::conflict(Causes(&error).to_string());
    let watched = prepare(tools, &Arc::new(config)).map_err(unready)?;
    Ok(Ok((watched, warnings)))
}

fn refused(report: &Report) -> Tried {
    Tried::Refused {
        mistakes: report.plain().lines().map(str::to_owned).collect(),
        drawn: report.graphical(LOOK).trim_end().to_owned(),
    }
}

/// Returns what a look came to, without secrets.
fn shown(watched: &Watched, past: &Past, observation: Observation, warnings: Vec<Line>) -> DryRun {
    let Observation {
        at,
        exchange,
        mut judgement,
        ..
    } = observation;
    let bearer = exchange.as_ref().and_then(|one| one.bearer.as_ref());
    let hidden = hiding(watched, bearer);
    let mut before = Arc::clone(&past.memory);
    for script in watched.scripts() {
        past.common.show(&script.source.spaces, &mut before);
    }
    let mut changed = MemoryDiff::default();
    for run in &mut judgement.runs {
        let keys = run.memory.set.keys();
        let known = keys.filter_map(|key| Some((Arc::clone(key), before.get(key)?.clone())));
        changed.set.extend(known);
        run.memory = shown_memory(&run.memory, &hidden);
    }
    let memory_before: Memory = shown_memory(&changed, &hidden).set;
    DryRun {
        at,
        warnings,
        stand_ins: Vec::new(),
        hint: exchange.as_ref().and_then(|one| watched.hint(one)),
        exchange: exchange.as_ref().map(|one| hidden.applied_exchange(one)),
        would: Would::of(&judgement, &watched.config.service),
        judgement,
        unjudged: None,
        memory_before: Arc::new(memory_before),
        memory_goes_on: false,
    }
}
