//! One thread: a bench, and the loop that runs on it what comes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, TryRecvError};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::ticket::Ticket;
use super::watch::Watch;
use crate::model::judgement::Judgement;
use crate::script::bench::{Bench, panicked};
use crate::script::broker::{Broker, Brought, Errand, Errands, Tokens};
use crate::script::coverage::Coverage;
use crate::script::execute::Task;
use crate::script::host::Host;
use crate::script::job::{CallJob, Rights};
use crate::script::run::Link;

/// What all threads share.
pub(super) struct Shared {
    pub(super) runtime: Handle,
    pub(super) tokens: Arc<Tokens>,
    pub(super) stack_bytes: usize,
    /// Notes which statements run, if anybody wants to know.
    pub(super) coverage: Option<Arc<Coverage>>,
}

/// What a thread is given to do.
pub(super) enum Work {
    Run(Arc<Task>, Arc<Rights>, Arc<dyn Host>, Arc<Ticket>),
    Call(Box<CallJob>, Arc<Ticket>),
}

impl Work {
    pub(super) fn ticket(&self) -> &Arc<Ticket> {
        let (Self::Run(.., ticket) | Self::Call(_, ticket)) = self;
        ticket
    }
}

/// A check that takes longer holds up others.
const LONG: Duration = Duration::from_millis(2);

/// Since when a thread is at what it does.
#[derive(Default)]
pub(super) struct Pace(Mutex<Option<Instant>>);

impl Pace {
    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Tells whether it is at something that takes long.
    pub(super) fn is_long(&self) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() > LONG)
    }
}

/// When a thread works.
pub(super) struct Turns {
    /// Its work.
    pub(super) queue: Receiver<Work>,
    /// Notes what it does, if anybody asks.
    pub(super) pace: Option<Arc<Pace>>,
    /// It works only while it is woken, until nothing waits; absent for one that always does.
    pub(super) help: Option<Receiver<()>>,
}

impl Turns {
    /// Returns the next work; nothing once nobody could send any.
    fn next(&self) -> Option<Work> {
        let Some(help) = &self.help else {
            return self.queue.recv().ok();
        };
        loop {
            match self.queue.try_recv() {
                Ok(work) => return Some(work),
                Err(TryRecvError::Empty) => help.recv().ok()?,
                Err(TryRecvError::Disconnected) => return None,
            }
        }
    }

    fn note(&self, since: Option<Instant>) {
        if let Some(pace) = &self.pace {
            pace.set(since);
        }
    }
}

/// Takes work in its turns until there is none and nobody who could send any, or until given up.
pub(super) fn work(
    number: u64,
    turns: &Turns,
    shared: &Shared,
    watch: &Weak<Watch>,
    given_up: &AtomicBool,
) {
    let new_bench = || Bench::covering(shared.coverage.as_ref());
    let mut bench = new_bench();
    while let Some(work) = turns.next() {
        let now = Instant::now();
        turns.note(Some(now));
        let ticket = Arc::clone(work.ticket());
        if ticket.begin(number, now) {
            let done = catch_unwind(AssertUnwindSafe(|| perform(&mut bench, &work, shared)));
            if done.is_err() {
                bench = new_bench();
                ticket.refuse(panicked());
            }
        }
        turns.note(None);
        match watch.upgrade() {
            Some(watch) if !given_up.load(Ordering::Relaxed) => watch.remove(&ticket),
            _ => return,
        }
    }
}

fn perform(bench: &mut Bench, work: &Work, shared: &Shared) {
    match work {
        Work::Run(task, rights, host, ticket) => ticket.answer_run(bench.run(task, || {
            Box::new(Beside {
                broker: Broker::new(task, rights, host, &shared.tokens),
                runtime: shared.runtime.clone(),
            })
        })),
        Work::Call(job, ticket) => ticket.answer_call(bench.call(job)),
    }
}

/// A broker on the thread of its run.
struct Beside {
    broker: Broker,
    runtime: Handle,
}

impl Link for Beside {
    fn run(&mut self, errand: Errand) -> Errands<Brought> {
        self.runtime.block_on(self.broker.run(errand))
    }

    fn finish(self: Box<Self>, judgement: &mut Judgement) {
        self.broker.finish(judgement);
    }
}
