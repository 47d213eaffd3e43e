//! One thread: a bench, and the loop that runs on it what comes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crossbeam_channel::Receiver;
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

/// Takes work from the queue until there is none and nobody who could send any, or until given up.
pub(super) fn work(
    number: u64,
    queue: &Receiver<Work>,
    shared: &Shared,
    watch: &Weak<Watch>,
    given_up: &AtomicBool,
) {
    let new_bench = || Bench::covering(shared.coverage.as_ref());
    let mut bench = new_bench();
    for work in queue {
        let ticket = Arc::clone(work.ticket());
        if ticket.begin(number, Instant::now()) {
            let done = catch_unwind(AssertUnwindSafe(|| perform(&mut bench, &work, shared)));
            if done.is_err() {
                bench = new_bench();
                ticket.refuse(panicked());
            }
        }
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
