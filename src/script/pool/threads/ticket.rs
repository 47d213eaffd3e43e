//! A run that is queued or running: its deadline, and who waits for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::model::judgement::Finding;
use crate::script::execute::{Called, Ran};
use crate::script::pool::Lane;

/// Who waits for a run.
pub(super) enum Reply {
    Run(oneshot::Sender<Result<Ran, Box<Finding>>>),
    Call(oneshot::Sender<Result<Called, Box<Finding>>>),
}

/// A run that is queued or running.
pub(super) struct Ticket {
    pub(super) number: u64,
    pub(super) lane: Lane,
    pub(super) wall: Duration,
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
    pub(super) fn new(number: u64, lane: Lane, wall: Duration, reply: Reply) -> Self {
        Self {
            number,
            lane,
            wall,
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
    pub(super) fn answer_run(&self, ran: Result<Ran, Box<Finding>>) {
        if let Some(Reply::Run(sender)) = self.state().reply.take() {
            drop(sender.send(ran));
        }
    }

    /// Answers whoever waits; later answers go nowhere.
    pub(super) fn answer_call(&self, called: Called) {
        if let Some(Reply::Call(sender)) = self.state().reply.take() {
            drop(sender.send(Ok(called)));
        }
    }

    /// Answers with a finding of ours.
    pub(super) fn refuse(&self, finding: Finding) {
        let reply = self.state().reply.take();
        match reply {
            Some(Reply::Run(sender)) => drop(sender.send(Err(Box::new(finding)))),
            Some(Reply::Call(sender)) => drop(sender.send(Err(Box::new(finding)))),
            None => {}
        }
    }
}
