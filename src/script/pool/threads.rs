//! Threads of this process that run scripts: plain checks and scripts that wait for requests have threads of their own,
//! queues are bounded, and a thread that does not come back is replaced.
//!
//! Of the threads for plain checks only the first waits for work. The others help once work piles up or the first is
//! busy for long: a thread that is awake already costs a short script less than one that has to be woken.

mod ticket;
mod watch;
mod worker;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use tokio::sync::oneshot;

use super::{Lane, PoolSettings, queue_full};
use crate::model::judgement::{Finding, Severity};
use crate::script::coverage::Coverage;
use crate::script::engine;
use crate::script::execute::{Called, Ran, Task};
use crate::script::host::Host;
use crate::script::job::{CallJob, Rights};
use ticket::{Reply, Ticket};
use watch::Watch;
use worker::Work;

/// So many checks wait before another thread helps.
const PILE: usize = 4;

/// The threads. Dropping it lets them finish what they have and end.
pub(super) struct Threads {
    plain: Sender<Work>,
    waiting: Sender<Work>,
    /// Wakes the threads that help with plain checks.
    help: Sender<()>,
    watch: Arc<Watch>,
    queue: usize,
    tickets: AtomicU64,
}

impl Threads {
    pub(super) fn start(
        settings: &PoolSettings,
        coverage: Option<Arc<Coverage>>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let (plain, plain_work) = crossbeam_channel::bounded(settings.queue.max(1));
        let (waiting, waiting_work) = crossbeam_channel::bounded(settings.queue.max(1));
        let shared = worker::Shared {
            runtime,
            tokens: Arc::default(),
            stack_bytes: engine::stack_bytes(settings.heap_bytes),
            coverage,
        };
        let (help, helping) = crossbeam_channel::bounded(1);
        let watch = Watch::start(shared, [plain_work, waiting_work], (help.clone(), helping))?;
        watch.add_worker(Lane::Plain)?;
        for _ in 1..settings.threads.max(1) {
            watch.add_helper()?;
        }
        for _ in 0..settings.waiting_threads.max(1) {
            watch.add_worker(Lane::Waiting)?;
        }
        Ok(Self {
            plain,
            waiting,
            help,
            watch,
            queue: settings.queue,
            tickets: AtomicU64::new(0),
        })
    }

    /// Runs a matcher script.
    ///
    /// # Errors
    /// It did not run, or did not come back in time.
    pub(super) async fn run(
        &self,
        lane: Lane,
        wall: Duration,
        task: Arc<Task>,
        rights: Arc<Rights>,
        host: Arc<dyn Host>,
    ) -> Result<Ran, Box<Finding>> {
        let (reply, answer) = oneshot::channel();
        let ticket = self.ticket(lane, wall, Reply::Run(reply));
        self.submit(lane, Work::Run(task, rights, host, ticket))?;
        answer.await.unwrap_or_else(|_| Err(Box::new(gone())))
    }

    /// Calls a function of a script.
    ///
    /// # Errors
    /// It did not run, or did not come back in time.
    pub(super) async fn call(&self, wall: Duration, job: CallJob) -> Result<Called, Box<Finding>> {
        let (reply, answer) = oneshot::channel();
        let ticket = self.ticket(Lane::Plain, wall, Reply::Call(reply));
        self.submit(Lane::Plain, Work::Call(Box::new(job), ticket))?;
        answer.await.unwrap_or_else(|_| Err(Box::new(gone())))
    }

    pub(super) fn abandoned(&self) -> u64 {
        self.watch.abandoned()
    }

    fn ticket(&self, lane: Lane, wall: Duration, reply: Reply) -> Arc<Ticket> {
        let number = self.tickets.fetch_add(1, Ordering::Relaxed);
        let ticket = Arc::new(Ticket::new(number, lane, wall, reply));
        self.watch.add(Arc::clone(&ticket));
        ticket
    }

    fn submit(&self, lane: Lane, work: Work) -> Result<(), Box<Finding>> {
        let queue = match lane {
            Lane::Plain => &self.plain,
            Lane::Waiting => &self.waiting,
        };
        let sent = queue.try_send(work);
        if matches!(lane, Lane::Plain) && (queue.len() >= PILE || self.watch.first_is_long()) {
            // A full channel holds a wake-up already.
            self.help.try_send(()).unwrap_or_default();
        }
        sent.map_err(|refused| {
            let (TrySendError::Full(work) | TrySendError::Disconnected(work)) = refused;
            self.watch.remove(work.ticket());
            Box::new(queue_full(self.queue))
        })
    }
}

fn gone() -> Finding {
    Finding::error(
        "script.crashed",
        "the thread of the script is gone; this is a fault in OES, please report it with the script",
    )
    .weighing(Severity::Broken)
}
