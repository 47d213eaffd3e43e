//! A run that is queued or running: its deadline, and who waits for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::watch::Lane;
use crate::model::json::Json;
use crate::model::judgement::{Finding, Judgement, ScriptRun};
use crate::script::host::Host;
use crate::script::job::CallError;
use crate::script::source::Source;

/// Who waits for a run.
pub(super) enum Reply {
    Run(oneshot::Sender<Judgement>),
    Call(oneshot::Sender<Result<Json, CallError>>),
}

/// A run that is queued or running.
pub(super) struct Ticket {
    pub(super) number: u64,
    pub(super) lane: Lane,
    pub(super) wall: Duration,
    /// Who answers the run's requests, if not the pool's host.
    pub(super) host: Option<Arc<dyn Host>>,
    source: Arc<Source>,
    state: Mutex<State>,
}

struct State {
    /// When the wait or, once begun, the run is over.
    deadline: Instant,
    /// The worker that has it.
    worker: Option<u64>,
    reply: Option<Reply>,
}

impl Ticket {
    pub(super) fn new(
        number: u64,
        lane: Lane,
        wall: Duration,
        source: &Arc<Source>,
        reply: Reply,
        host: Option<Arc<dyn Host>>,
    ) -> Self {
        Self {
            number,
            lane,
            wall,
            host,
            source: Arc::clone(source),
            state: Mutex::new(State {
                deadline: Instant::now() + wall,
                worker: None,
                reply: Some(reply),
            }),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks the run as begun by a worker; false if nobody waits for it any more.
    pub(super) fn begin(&self, worker: u64, now: Instant) -> bool {
        let mut state = self.state();
        let wanted = match &state.reply {
            None => false,
            Some(Reply::Run(sender)) => !sender.is_closed(),
            Some(Reply::Call(sender)) => !sender.is_closed(),
        };
        if wanted {
            state.worker = Some(worker);
            state.deadline = now + self.wall;
        }
        wanted
    }

    pub(super) fn deadline(&self) -> Instant {
        self.state().deadline
    }

    pub(super) fn worker(&self) -> Option<u64> {
        self.state().worker
    }

    /// Answers whoever waits; later answers go nowhere.
    pub(super) fn answer_run(&self, judgement: Judgement) {
        if let Some(Reply::Run(sender)) = self.state().reply.take() {
            drop(sender.send(judgement));
        }
    }

    /// Answers whoever waits; later answers go nowhere.
    pub(super) fn answer_call(&self, result: Result<Json, CallError>) {
        if let Some(Reply::Call(sender)) = self.state().reply.take() {
            drop(sender.send(result));
        }
    }

    /// Answers with a finding of ours.
    pub(super) fn refuse(&self, finding: Finding) {
        let reply = self.state().reply.take();
        match reply {
            Some(Reply::Run(sender)) => drop(sender.send(refusal(&self.source, finding))),
            Some(Reply::Call(sender)) => drop(sender.send(Err(CallError(Box::new(finding))))),
            None => {}
        }
    }
}

/// Returns the judgement of a run that did not take place.
pub(super) fn refusal(source: &Arc<Source>, finding: Finding) -> Judgement {
    let mut judgement = Judgement::of(vec![finding]);
    judgement.runs.push(ScriptRun {
        script: Arc::clone(&source.name),
        version: Arc::clone(&source.version),
        ..ScriptRun::default()
    });
    judgement
}
