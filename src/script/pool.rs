//! Where scripts run: on threads of this process, or in worker processes. A slow script holds up no other service, and one
//! that breaks what it runs on is one outcome `error`.

mod facts;
mod offenders;
#[cfg(target_os = "linux")]
mod processes;
mod threads;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::coverage::Coverage;
use super::engine;
use super::error;
use super::execute::Task;
use super::host::Host;
use super::job::{CallError, CallJob, Job};
use super::limits::HEAP_BYTES_MAX;
use super::source::Source;
use crate::model::json::Json;
use crate::model::judgement::{Finding, Judgement, Memory, MemoryEntry, ScriptRun, Severity};
pub use facts::{WorkerFacts, WorkerNews};
use offenders::Offenders;
#[cfg(target_os = "linux")]
use processes::Processes;
use threads::Threads;

/// Sizes of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    /// What scripts run in.
    pub sandbox: Sandbox,
    /// Threads or processes for scripts that only compute.
    pub threads: usize,
    /// Threads or processes for scripts that make requests and wait.
    pub waiting_threads: usize,
    /// Runs that may wait for a thread, for each of the two kinds.
    pub queue: usize,
    /// The largest heap budget that a run may be given; decides the stack of the threads.
    pub heap_bytes: usize,
}

/// What scripts run in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Sandbox {
    /// Threads of this process.
    #[default]
    Threads,
    /// Processes of their own, on Linux; elsewhere threads.
    Processes(Program),
}

/// The program that runs scripts as a worker process: `oes script-worker`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Program {
    /// Returns the program that is running now, whatever has become of its file since.
    pub fn this(arguments: &[&str]) -> Self {
        Self {
            path: PathBuf::from("/proc/self/exe"),
            arguments: arguments.iter().map(|&one| one.to_owned()).collect(),
        }
    }
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            sandbox: Sandbox::default(),
            threads: 2,
            waiting_threads: 8,
            queue: 1024,
            heap_bytes: HEAP_BYTES_MAX,
        }
    }
}

/// The longest that a run may take with its requests, whatever the limits say.
const WALL_MAX: Duration = Duration::from_mins(5);
/// The longest that a call may take where the limits do not say.
const CALL_WALL: Duration = Duration::from_secs(10);
/// After its deadline a run has this long to end by itself: its own meter stops it far sooner.
const GRACE: Duration = Duration::from_millis(250);

/// Which threads or processes a run goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Plain,
    Waiting,
}

/// Threads or processes that run scripts. Dropping it lets threads finish what they have and ends processes.
pub struct Pool {
    rooms: Rooms,
    /// Answers the requests of runs that bring no host of their own.
    host: Arc<dyn Host>,
    offenders: Arc<Offenders>,
    settings: PoolSettings,
}

enum Rooms {
    Threads(Threads),
    #[cfg(target_os = "linux")]
    Processes(Box<Processes>),
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts the threads, or one process to see that it works. Requests of scripts run on the tokio runtime that this
    /// is called in.
    ///
    /// # Errors
    /// A thread or a process cannot be started, or there is no runtime.
    pub fn start(settings: PoolSettings, host: Arc<dyn Host>) -> io::Result<Self> {
        engine::quiet_panics();
        let offenders = Arc::new(Offenders::default());
        let rooms = match &settings.sandbox {
            #[cfg(target_os = "linux")]
            Sandbox::Processes(program) => Rooms::Processes(Box::new(Processes::start(
                program.clone(),
                &settings,
                Arc::clone(&offenders),
            )?)),
            #[cfg(not(target_os = "linux"))]
            Sandbox::Processes(_) => Rooms::Threads(Threads::start(&settings, None)?),
            Sandbox::Threads => Rooms::Threads(Threads::start(&settings, None)?),
        };
        Ok(Self {
            rooms,
            host,
            offenders,
            settings,
        })
    }

    /// Starts threads as [`Pool::start`] does; which statements of scripts run on them is noted.
    ///
    /// # Errors
    /// A thread cannot be started, or there is no runtime.
    pub fn start_covering(
        settings: PoolSettings,
        host: Arc<dyn Host>,
        coverage: Arc<Coverage>,
    ) -> io::Result<Self> {
        engine::quiet_panics();
        let rooms = Rooms::Threads(Threads::start(&settings, Some(coverage))?);
        Ok(Self {
            rooms,
            host,
            offenders: Arc::default(),
            settings,
        })
    }

    /// Runs a matcher script and returns what it found, with one [`ScriptRun`].
    ///
    /// Whatever the script does, this ends within its wall time and a second. Dropping the future takes a run that
    /// has not begun out of the queue.
    pub async fn run(&self, job: Job) -> Judgement {
        self.run_with(job, Arc::clone(&self.host)).await
    }

    /// Runs a matcher script as [`Pool::run`] does; this host answers its requests in place of the pool's.
    pub async fn run_with(&self, mut job: Job, host: Arc<dyn Host>) -> Judgement {
        let wall = job.limits.wall.unwrap_or(job.input.wall).min(WALL_MAX);
        job.limits.wall = Some(wall);
        job.limits.heap_bytes = job.limits.heap_bytes.min(self.settings.heap_bytes);
        let source = Arc::clone(&job.source);
        if let Some(finding) = self.offenders.suspended(&source) {
            return refusal(&source, finding);
        }
        let (memory, now) = (Arc::clone(&job.input.memory), job.input.now);
        let lane = if source.uses_http {
            Lane::Waiting
        } else {
            Lane::Plain
        };
        let (task, rights) = Task::of(job);
        let ran = match &self.rooms {
            Rooms::Threads(threads) => threads.run(lane, wall, task, rights, host).await,
            #[cfg(target_os = "linux")]
            Rooms::Processes(processes) => processes.run(lane, wall, &task, &rights, &host).await,
        };
        match ran {
            Ok((mut judgement, leaked)) => {
                self.offenders.settle(&source, leaked, &mut judgement);
                forget_expired(&mut judgement, &memory, now);
                judgement
            }
            Err(finding) => refusal(&source, *finding),
        }
    }

    /// Calls a function of a script with plain values and returns what it returns.
    ///
    /// # Errors
    /// [`CallError`] says what broke and where.
    pub async fn call(&self, mut job: CallJob) -> Result<Json, CallError> {
        let wall = job.limits.wall.unwrap_or(CALL_WALL).min(WALL_MAX);
        job.limits.wall = Some(wall);
        job.limits.heap_bytes = job.limits.heap_bytes.min(self.settings.heap_bytes);
        let source = Arc::clone(&job.source);
        if let Some(finding) = self.offenders.suspended(&source) {
            return Err(CallError(Box::new(finding)));
        }
        let called = match &self.rooms {
            Rooms::Threads(threads) => threads.call(wall, job).await,
            #[cfg(target_os = "linux")]
            Rooms::Processes(processes) => processes.call(wall, &job).await,
        };
        let (result, leaked) = called.map_err(CallError)?;
        match self.offenders.leaked(&source, leaked) {
            Some(finding) => Err(CallError(Box::new(finding))),
            None => result,
        }
    }

    /// Waits until scripts can run, and returns what the system did not let a worker process give up of its rights.
    ///
    /// # Errors
    /// No worker process can be started.
    pub async fn ready(&self) -> Result<Option<String>, CallError> {
        match &self.rooms {
            Rooms::Threads(_) => Ok(None),
            #[cfg(target_os = "linux")]
            Rooms::Processes(processes) => processes.ready().await.map_err(CallError),
        }
    }

    /// Returns how many threads were given up because a script did not come back.
    pub fn abandoned_threads(&self) -> u64 {
        match &self.rooms {
            Rooms::Threads(threads) => threads.abandoned(),
            #[cfg(target_os = "linux")]
            Rooms::Processes(_) => 0,
        }
    }

    /// Returns how many versions of scripts are set aside until their text changes.
    pub fn suspended_scripts(&self) -> usize {
        self.offenders.count()
    }

    /// Ends worker processes that had nothing to do for long, and takes away those that ended by themselves. To be called
    /// from time to time.
    pub fn tidy(&self) {
        match &self.rooms {
            Rooms::Threads(_) => {}
            #[cfg(target_os = "linux")]
            Rooms::Processes(processes) => processes.tidy(),
        }
    }

    /// Returns what somebody should be told of worker processes and was not yet, the oldest first.
    pub fn worker_news(&self) -> Vec<WorkerNews> {
        match &self.rooms {
            Rooms::Threads(_) => Vec::new(),
            #[cfg(target_os = "linux")]
            Rooms::Processes(processes) => processes.news(),
        }
    }

    /// Returns the facts of the worker processes; absent where scripts run on threads.
    pub fn workers(&self) -> Option<WorkerFacts> {
        match &self.rooms {
            Rooms::Threads(_) => None,
            #[cfg(target_os = "linux")]
            Rooms::Processes(processes) => Some(processes.facts()),
        }
    }
}

/// Forgets what a service remembered only until now; what is never asked for again would stay for good.
fn forget_expired(judgement: &mut Judgement, memory: &Memory, now: Timestamp) {
    let Some(run) = judgement.runs.first_mut() else {
        return;
    };
    let diff = &mut run.memory;
    let is_over = |entry: &MemoryEntry| entry.expires_at.is_some_and(|end| end <= now);
    for (key, _) in memory.iter().filter(|(_, entry)| is_over(entry)) {
        if !diff.set.contains_key(key) && !diff.removed.contains(key) {
            diff.removed.push(Arc::clone(key));
        }
    }
}

/// Returns the judgement of a run that did not take place.
fn refusal(source: &Arc<Source>, finding: Finding) -> Judgement {
    let mut judgement = Judgement::of(vec![finding]);
    judgement.runs.push(ScriptRun {
        script: Arc::clone(&source.name),
        version: Arc::clone(&source.version),
        ..ScriptRun::default()
    });
    judgement
}

fn queue_full(length: usize) -> Finding {
    Finding::error(
        "script.queue",
        format!("{length} scripts are waiting already; make scripts faster, or probe less often"),
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
                "nothing was free to run the script for {} ms; make scripts faster, or probe less often",
                wall.as_millis()
            ),
        )
        .weighing(Severity::Broken)
    }
}
