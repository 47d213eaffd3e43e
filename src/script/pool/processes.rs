//! Worker processes that run scripts, each one at a time. What a worker asks for is done here, by the broker of its run.
//!
//! A worker that dies, hangs or grows is ended, and another takes its place. The run that broke it is outcome `error`; a
//! script that breaks several is set aside.

mod child;
mod counters;
mod held;
mod room;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use close_fds::CloseFdsBuilder;

use super::offenders::Offenders;
use super::{Lane, PoolSettings, Program, WorkerFacts, WorkerNews, overdue};
use crate::model::judgement::{Finding, Judgement, Severity};
use crate::script::bench::panicked;
use crate::script::broker::{Broker, Tokens};
use crate::script::error;
use crate::script::execute::{Called, Ran, Task};
use crate::script::host::Host;
use crate::script::job::{CallJob, Rights};
use crate::script::source::Source;
use child::{Broken, Child};
use counters::{Counters, Ended};
use room::Room;

/// The first descriptor that is not standard input, output or errors.
const FIRST_INHERITED: i32 = 3;
/// News that wait for somebody to be told; further ones are only counted.
const NEWS_MAX: usize = 100;

/// The worker processes. Dropping it ends them.
pub(super) struct Processes {
    program: Program,
    tokens: Arc<Tokens>,
    offenders: Arc<Offenders>,
    plain: Room,
    waiting: Room,
    counters: Counters,
    news: Mutex<Vec<WorkerNews>>,
}

/// A worker that was taken for a run.
struct Taken {
    child: Child,
    /// Whether it was idle before, so that it may have died since.
    was_idle: bool,
}

impl Processes {
    /// Starts one worker, to see that it can be.
    pub(super) fn start(
        program: Program,
        settings: &PoolSettings,
        offenders: Arc<Offenders>,
    ) -> io::Result<Self> {
        let processes = Self {
            program,
            tokens: Arc::default(),
            offenders,
            plain: Room::new(settings.threads, settings.queue),
            waiting: Room::new(settings.waiting_threads, settings.queue),
            counters: Counters::default(),
            news: Mutex::default(),
        };
        // What OES itself inherited is nothing for its workers.
        CloseFdsBuilder::new().cloexecfrom(FIRST_INHERITED);
        let first = processes.worker().map_err(|error| {
            io::Error::other(format!(
                "no worker process could be started: {error}; or write `sandbox = \"thread\"` into the config, which runs \
                 scripts without them"
            ))
        })?;
        processes.plain.leave(first);
        Ok(processes)
    }

    fn worker(&self) -> io::Result<Child> {
        let child = Child::start(&self.program).map_err(|error| {
            let path = self.program.path.display();
            io::Error::new(error.kind(), format!("{path}: {error}{}", mend(&error)))
        })?;
        self.counters.started();
        Ok(child)
    }

    fn room(&self, lane: Lane) -> &Room {
        match lane {
            Lane::Plain => &self.plain,
            Lane::Waiting => &self.waiting,
        }
    }

    /// Waits until a worker is ready, and returns what it could not give up of its rights.
    pub(super) async fn ready(&self) -> Result<Option<String>, Box<Finding>> {
        let Taken { mut child, .. } = self.take(&self.plain, true)?;
        if let Err(why) = child.ready().await {
            return Err(Box::new(no_worker(&child.end(&why).await.words)));
        }
        let unconfined = child.unconfined.clone();
        self.plain.leave(child);
        Ok(unconfined)
    }

    /// Runs a matcher script.
    pub(super) async fn run(
        &self,
        lane: Lane,
        wall: Duration,
        task: &Arc<Task>,
        rights: &Arc<Rights>,
        host: &Arc<dyn Host>,
    ) -> Result<Ran, Box<Finding>> {
        let room = self.room(lane);
        let _permit = room.enter(wall).await?;
        let mut broker = Broker::new(task, rights, host, &self.tokens);
        let mut may_be_stale = true;
        loop {
            let mut taken = self.take(room, may_be_stale)?;
            let busy = Busy::with(&self.counters);
            let child = &mut taken.child;
            let done = child.run(task, &mut broker, wall, &self.counters).await;
            drop(busy);
            if let Some(ran) = self.after(room, &task.source, wall, taken, done).await? {
                let (judgement, leaked) = ran?;
                return Ok((finished(broker, judgement).await?, leaked));
            }
            may_be_stale = false;
        }
    }

    /// Calls a function of a script.
    pub(super) async fn call(&self, wall: Duration, job: &CallJob) -> Result<Called, Box<Finding>> {
        let room = &self.plain;
        let _permit = room.enter(wall).await?;
        let mut may_be_stale = true;
        loop {
            let mut taken = self.take(room, may_be_stale)?;
            let busy = Busy::with(&self.counters);
            let child = &mut taken.child;
            let done = child.call(job, wall).await;
            drop(busy);
            if let Some(called) = self.after(room, &job.source, wall, taken, done).await? {
                return called;
            }
            may_be_stale = false;
        }
    }

    fn take(&self, room: &Room, may_be_stale: bool) -> Result<Taken, Box<Finding>> {
        let idle = if may_be_stale {
            room.idle().pop()
        } else {
            None
        };
        if let Some(child) = idle {
            return Ok(Taken {
                child,
                was_idle: true,
            });
        }
        match self.worker() {
            Ok(child) => Ok(Taken {
                child,
                was_idle: false,
            }),
            Err(error) => Err(Box::new(no_worker(&error.to_string()))),
        }
    }

    /// Keeps a worker, or counts how it ended. Absent if the work is to be done once more: a worker that was idle may be
    /// dead for reasons of its own, and the run had not begun to ask for things.
    ///
    /// # Errors
    /// The script broke the worker.
    async fn after<T>(
        &self,
        room: &Room,
        source: &Source,
        wall: Duration,
        taken: Taken,
        done: Result<T, Broken>,
    ) -> Result<Option<T>, Box<Finding>> {
        let Taken { child, was_idle } = taken;
        let broken = match done {
            Ok(done) => {
                if child.has_grown() {
                    self.counters.ended(Ended::Grown);
                } else {
                    room.leave(child);
                }
                return Ok(Some(done));
            }
            Err(broken) => broken,
        };
        self.counters.ended(match broken {
            Broken::Overdue => Ended::Overdue,
            Broken::Unready(_) | Broken::Died { .. } => Ended::Died,
        });
        if was_idle && let Broken::Died { asked: false, why } = &broken {
            let script = Arc::clone(&source.name);
            let how = child.end(why).await.words;
            self.tell(WorkerNews::Repeated { script, how });
            return Ok(None);
        }
        let (finding, is_by_script) = said(&broken, source, wall, child).await;
        if is_by_script {
            self.offenders.broke(source);
        }
        Err(Box::new(finding))
    }

    /// Ends workers that had nothing to do for long, but for one, and takes away those that ended by themselves.
    pub(super) fn tidy(&self) {
        self.bury();
        self.plain.end_unused(1);
        self.waiting.end_unused(0);
    }

    fn bury(&self) {
        for how in [&self.plain, &self.waiting]
            .into_iter()
            .flat_map(Room::bury)
        {
            self.counters.ended(Ended::Died);
            self.tell(WorkerNews::EndedIdle { how });
        }
    }

    fn tell(&self, news: WorkerNews) {
        let mut all = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < NEWS_MAX {
            all.push(news);
        }
    }

    /// Returns what somebody should be told and was not yet.
    pub(super) fn news(&self) -> Vec<WorkerNews> {
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns what is known of the workers.
    pub(super) fn facts(&self) -> WorkerFacts {
        self.bury();
        let idle = self.plain.idle().len() + self.waiting.idle().len();
        let resident = |room: &Room| -> u64 {
            let idle = room.idle();
            idle.iter().filter_map(Child::resident_bytes).sum()
        };
        self.counters
            .facts(idle, resident(&self.plain) + resident(&self.waiting))
    }
}

/// Counts a worker as busy for as long as this lives.
struct Busy<'a>(&'a Counters);

impl<'a> Busy<'a> {
    fn with(counters: &'a Counters) -> Self {
        counters.busy(1);
        Self(counters)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy(-1);
    }
}

/// Returns what came of a run as it may be seen, worked out beside the runtime where that takes more than a moment.
async fn finished(broker: Broker, mut judgement: Judgement) -> Result<Judgement, Box<Finding>> {
    if !broker.is_long_to_finish(&judgement) {
        broker.finish(&mut judgement);
        return Ok(judgement);
    }
    let finishing = tokio::task::spawn_blocking(move || {
        broker.finish(&mut judgement);
        judgement
    });
    finishing.await.map_err(|_| Box::new(panicked()))
}

/// Returns what is said of a run that broke its worker, and whether the script did that.
async fn said(broken: &Broken, source: &Source, wall: Duration, child: Child) -> (Finding, bool) {
    match broken {
        Broken::Unready(why) => (no_worker(&child.end(why).await.words), false),
        // One that was held up from outside, or waits for the processor, does not hang.
        Broken::Overdue => {
            let is_by_script = child.is_running();
            (error::about(overdue(true, wall), source), is_by_script)
        }
        Broken::Died { why, .. } => {
            let end = child.end(why).await;
            let message = format!("the script's worker process broke ({})", end.words);
            let finding = Finding::error("script.crashed", message).weighing(Severity::Broken);
            (error::about(finding, source), !end.is_from_outside)
        }
    }
}

/// Returns what to do where a process cannot be started.
fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; mount /proc, through which OES finds its own program",
        io::ErrorKind::WouldBlock => {
            "; let OES have more processes and threads: `TasksMax=` of its unit, `ulimit -u`, the container's limit of pids"
        }
        io::ErrorKind::PermissionDenied => "; let OES start processes: what runs it forbids that",
        _ => "",
    }
}

fn no_worker(why: &str) -> Finding {
    Finding::error(
        "script.worker",
        format!(
            "no worker process could be started for the script: {why}; `sandbox = \"thread\"` runs scripts without one"
        ),
    )
    .weighing(Severity::Broken)
}
