//! The threads that scripts run on. A slow script holds up no other service: plain checks and scripts that wait for
//! requests have threads of their own, queues are bounded, and a thread that does not come back is replaced.

mod ticket;
mod watch;
mod worker;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use tokio::sync::oneshot;

use super::engine;
use super::error;
use super::execute::Ledger;
use super::host::Host;
use super::job::{CallError, CallJob, Job};
use super::limits::HEAP_BYTES_MAX;
use super::source::Source;
use crate::model::json::Json;
use crate::model::judgement::{Finding, Judgement, Severity};
use ticket::{Reply, Ticket};
use watch::{Lane, Watch};
use worker::Work;

/// Sizes of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    /// Threads for scripts that only compute.
    pub threads: usize,
    /// Threads for scripts that make requests and wait.
    pub waiting_threads: usize,
    /// Runs that may wait for a thread, for each of the two kinds.
    pub queue: usize,
    /// The largest heap budget that a run may be given; decides the stack of the threads.
    pub heap_bytes: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            threads: 2,
            waiting_threads: 8,
            queue: 1024,
            heap_bytes: HEAP_BYTES_MAX,
        }
    }
}

/// The longest that a run may take with its requests, whatever the limits say.
const WALL_MAX: Duration = Duration::from_mins(5);

/// Threads that run scripts. Dropping it lets the threads finish what they have and end.
pub struct Pool {
    plain: Sender<Work>,
    waiting: Sender<Work>,
    watch: Arc<Watch>,
    settings: PoolSettings,
    tickets: AtomicU64,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts the threads. Requests of scripts run on the tokio runtime that this is called in.
    ///
    /// # Errors
    /// A thread cannot be started, or there is no runtime.
    pub fn start(settings: PoolSettings, host: Arc<dyn Host>) -> io::Result<Self> {
        engine::quiet_panics();
        let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let (plain, plain_work) = crossbeam_channel::bounded(settings.queue.max(1));
        let (waiting, waiting_work) = crossbeam_channel::bounded(settings.queue.max(1));
        let shared = worker::Shared {
            runtime,
            host,
            ledger: Ledger::default(),
            tokens: Arc::default(),
            stack_bytes: engine::stack_bytes(settings.heap_bytes),
        };
        let watch = Watch::start(shared, [plain_work, waiting_work])?;
        for _ in 0..settings.threads.max(1) {
            watch.add_worker(Lane::Plain)?;
        }
        for _ in 0..settings.waiting_threads.max(1) {
            watch.add_worker(Lane::Waiting)?;
        }
        Ok(Self {
            plain,
            waiting,
            watch,
            settings,
            tickets: AtomicU64::new(0),
        })
    }

    /// Runs a matcher script and returns what it found, with one [`ScriptRun`](crate::model::judgement::ScriptRun).
    ///
    /// Whatever the script does, this ends within its wall time and a second. Dropping the future takes a run that
    /// has not begun out of the queue.
    pub async fn run(&self, job: Job) -> Judgement {
        self.run_with(job, None).await
    }

    /// Runs a matcher script as [`Pool::run`] does; a host of its own answers its requests in place of the pool's.
    pub async fn run_with(&self, mut job: Job, host: Option<Arc<dyn Host>>) -> Judgement {
        let wall = job.limits.wall.unwrap_or(job.input.wall).min(WALL_MAX);
        job.limits.wall = Some(wall);
        job.limits.heap_bytes = job.limits.heap_bytes.min(self.settings.heap_bytes);
        let source = Arc::clone(&job.source);
        let lane = if source.uses_http {
            Lane::Waiting
        } else {
            Lane::Plain
        };
        let (reply, answer) = oneshot::channel();
        let ticket = self.ticket(lane, wall, &source, Reply::Run(reply), host);
        let refused = match self.submit(lane, Work::Run(Box::new(job), ticket)) {
            Ok(()) => match answer.await {
                Ok(judgement) => return judgement,
                Err(_) => gone(),
            },
            Err(finding) => *finding,
        };
        ticket::refusal(&source, refused)
    }

    /// Calls a function of a script with plain values and returns what it returns.
    ///
    /// # Errors
    /// [`CallError`] says what broke and where.
    pub async fn call(&self, mut job: CallJob) -> Result<Json, CallError> {
        let wall = job
            .limits
            .wall
            .unwrap_or(Duration::from_secs(10))
            .min(WALL_MAX);
        job.limits.wall = Some(wall);
        job.limits.heap_bytes = job.limits.heap_bytes.min(self.settings.heap_bytes);
        let (reply, answer) = oneshot::channel();
        let ticket = self.ticket(Lane::Plain, wall, &job.source, Reply::Call(reply), None);
        self.submit(Lane::Plain, Work::Call(Box::new(job), ticket))
            .map_err(CallError)?;
        answer
            .await
            .unwrap_or_else(|_| Err(CallError(Box::new(gone()))))
    }

    /// Returns how many threads were given up because a script did not come back.
    pub fn abandoned_threads(&self) -> u64 {
        self.watch.abandoned()
    }

    fn ticket(
        &self,
        lane: Lane,
        wall: Duration,
        source: &Arc<Source>,
        reply: Reply,
        host: Option<Arc<dyn Host>>,
    ) -> Arc<Ticket> {
        let number = self.tickets.fetch_add(1, Ordering::Relaxed);
        let ticket = Arc::new(Ticket::new(number, lane, wall, source, reply, host));
        self.watch.add(Arc::clone(&ticket));
        ticket
    }

    fn submit(&self, lane: Lane, work: Work) -> Result<(), Box<Finding>> {
        let queue = match lane {
            Lane::Plain => &self.plain,
            Lane::Waiting => &self.waiting,
        };
        queue.try_send(work).map_err(|refused| {
            let (TrySendError::Full(work) | TrySendError::Disconnected(work)) = refused;
            self.watch.remove(work.ticket());
            Box::new(queue_full(self.settings.queue))
        })
    }
}

fn queue_full(length: usize) -> Finding {
    Finding::error(
        "script.queue",
        format!(
            "{length} scripts are waiting for a thread already; make scripts faster, probe less often, or give scripts \
             more threads"
        ),
    )
    .weighing(Severity::Broken)
}

fn gone() -> Finding {
    Finding::error(
        "script.crashed",
        "the thread of the script is gone; this is a fault in OES, please report it with the script",
    )
    .weighing(Severity::Broken)
}

/// Returns the finding for a run that was still queued or running when its time was over.
fn overdue(started: bool, wall: Duration) -> Finding {
    if started {
        error::limit(&super::guard::Trip {
            limit: "wall",
            message: format!("ran for more than {} ms", wall.as_millis()),
        })
    } else {
        Finding::error(
            "script.queue",
            format!(
                "no thread was free for {} ms; make scripts faster, probe less often, or give scripts more threads",
                wall.as_millis()
            ),
        )
        .weighing(Severity::Broken)
    }
}
