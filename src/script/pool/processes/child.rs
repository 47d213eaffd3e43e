//! One worker process, seen from the process that started it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child as Process, Command};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use super::counters::Counters;
use super::held;
use crate::model::judgement::Finding;
use crate::script::broker::Broker;
use crate::script::execute::{Called, Ran, Task};
use crate::script::frames::{self, FromWorker, LENGTH_BYTES, ToWorker};
use crate::script::job::CallJob;
use crate::script::pool::{GRACE, Program};
use crate::script::source::Source;

/// Resident memory above which a worker is replaced.
const RESIDENT_MAX: u64 = 256 << 20;
/// Runs between two looks at it.
const LOOK_EVERY: u64 = 64;
/// The first frame of a worker may be this long.
const READY_BYTES_MAX: usize = 64 << 10;
/// Scripts that a worker was given before it is given each anew.
const LOADED_MAX: usize = 1000;
/// How long a dead worker has to say why.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How long a new worker may take to be ready, on a machine that is busy.
const START_MAX: Duration = Duration::from_secs(10);

/// How a worker broke.
#[derive(Debug)]
pub(super) enum Broken {
    /// It did not get ready: nothing of a script had come to it.
    Unready(io::Error),
    /// It did not come back in time.
    Overdue,
    /// It ended, or says what is no frame; whether the run had asked for anything before.
    Died { asked: bool, why: io::Error },
}

/// A worker process. Dropping it ends it.
pub(super) struct Child {
    process: Process,
    /// Most frames come with one system call.
    socket: BufReader<UnixStream>,
    is_ready: bool,
    /// What it could not give up of its rights.
    pub(super) unconfined: Option<String>,
    loaded: HashSet<Arc<str>>,
    runs: u64,
    last_used: Instant,
}

impl Child {
    /// Starts a worker; it is ready when it says so.
    pub(super) fn start(program: &Program) -> io::Result<Self> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let process = Command::new(&program.path)
            .args(&program.arguments)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // What a terminal sends to the group of OES is for OES.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            process,
            socket: BufReader::new(UnixStream::from_std(ours)?),
            is_ready: false,
            unconfined: None,
            loaded: HashSet::new(),
            runs: 0,
            last_used: Instant::now(),
        })
    }

    /// Returns how the worker ended; absent while it lives.
    pub(super) fn ended(&mut self) -> Option<String> {
        let status = self.process.try_wait().ok().flatten()?;
        Some(how(status).0)
    }

    pub(super) fn idle_for(&self) -> Duration {
        self.last_used.elapsed()
    }

    /// Runs a matcher script.
    pub(super) async fn run(
        &mut self,
        task: &Task,
        broker: &mut Broker,
        wall: Duration,
        counters: &Counters,
    ) -> Result<Result<Ran, Box<Finding>>, Broken> {
        self.ready().await.map_err(Broken::Unready)?;
        let began = Instant::now();
        let mut asked = false;
        let conversation = async {
            self.tell(&task.source, &ToWorker::run(task)).await?;
            let frame_max = held::frame_bytes(&task.limits);
            loop {
                match self.hear(frame_max).await? {
                    FromWorker::Errand(errand) => {
                        asked = true;
                        let brought = broker.run(errand).await;
                        self.say(&ToWorker::Brought(brought)).await?;
                    }
                    FromWorker::Ran { ran, elapsed } => {
                        let excess = match &ran {
                            Ok((judgement, _)) => held::excess(judgement, task),
                            Err(finding) => held::too_much(finding),
                        };
                        return excess.map_or(Ok((ran, elapsed)), |what| Err(excessive(what)));
                    }
                    FromWorker::Ready { .. } | FromWorker::Called(_) => return Err(unexpected()),
                }
            }
        };
        let done = timeout(wall + GRACE, conversation).await;
        let (ran, elapsed) = self.done(done, asked)?;
        counters.round_trip(began.elapsed().saturating_sub(elapsed));
        Ok(ran)
    }

    /// Calls a function of a script.
    pub(super) async fn call(
        &mut self,
        job: &CallJob,
        wall: Duration,
    ) -> Result<Result<Called, Box<Finding>>, Broken> {
        self.ready().await.map_err(Broken::Unready)?;
        let conversation = async {
            self.tell(&job.source, &ToWorker::call(job)).await?;
            match self.hear(held::frame_bytes(&job.limits)).await? {
                FromWorker::Called(called) => Ok(called),
                _ => Err(unexpected()),
            }
        };
        let done = timeout(wall + GRACE, conversation).await;
        self.done(done, false)
    }

    /// Waits until the worker is ready.
    pub(super) async fn ready(&mut self) -> io::Result<()> {
        if self.is_ready {
            return Ok(());
        }
        let heard = timeout(START_MAX, self.hear(READY_BYTES_MAX)).await;
        match heard.map_err(|_| io::Error::other("it is not ready in time"))?? {
            FromWorker::Ready { unconfined } => {
                self.is_ready = true;
                self.unconfined = unconfined;
                Ok(())
            }
            _ => Err(unexpected()),
        }
    }

    /// Returns what a conversation came to; a worker that had one to its end was used.
    fn done<T>(&mut self, done: Result<io::Result<T>, Elapsed>, asked: bool) -> Result<T, Broken> {
        let said = done
            .map_err(|_| Broken::Overdue)?
            .map_err(|why| Broken::Died { asked, why })?;
        self.runs += 1;
        self.last_used = Instant::now();
        Ok(said)
    }

    /// Says something about a script, which is sent along where the worker does not have it.
    async fn tell(&mut self, source: &Arc<Source>, frame: &ToWorker<'_>) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(4 << 10);
        if !self.loaded.contains(&source.version) {
            if self.loaded.len() >= LOADED_MAX {
                self.loaded.clear();
                frames::put(&ToWorker::Forget, &mut bytes)?;
            }
            frames::put(&ToWorker::load(source), &mut bytes)?;
            self.loaded.insert(Arc::clone(&source.version));
        }
        frames::put(frame, &mut bytes)?;
        self.socket.write_all(&bytes).await
    }

    async fn say(&mut self, frame: &impl Serialize) -> io::Result<()> {
        let mut bytes = Vec::new();
        frames::put(frame, &mut bytes)?;
        self.socket.write_all(&bytes).await
    }

    /// Waits for a frame of at most so many bytes.
    async fn hear(&mut self, bytes_max: usize) -> io::Result<FromWorker> {
        let mut length = [0; LENGTH_BYTES];
        self.socket.read_exact(&mut length).await?;
        let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
        if length > bytes_max {
            return Err(io::Error::other("the frame is too long"));
        }
        let mut bytes = Vec::new();
        (&mut self.socket)
            .take(length as u64)
            .read_to_end(&mut bytes)
            .await?;
        if bytes.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        frames::read(&bytes)
    }

    /// Tells whether the worker holds too much memory to be kept; looked at from time to time.
    pub(super) fn has_grown(&self) -> bool {
        self.runs.is_multiple_of(LOOK_EVERY)
            && self
                .resident_bytes()
                .is_some_and(|bytes| bytes > RESIDENT_MAX)
    }

    /// Returns the memory that the worker holds.
    pub(super) fn resident_bytes(&self) -> Option<u64> {
        let id = self.process.id()?;
        let pages = fs::read_to_string(format!("/proc/{id}/statm")).ok()?;
        let pages: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages.saturating_mul(rustix::param::page_size() as u64))
    }

    /// Tells whether the worker is at work, as the system sees it.
    pub(super) fn is_running(&self) -> bool {
        let stat = self
            .process
            .id()
            .and_then(|id| fs::read_to_string(format!("/proc/{id}/stat")).ok());
        // The name before it may hold anything.
        stat.is_some_and(|stat| {
            stat.rsplit(')')
                .next()
                .is_some_and(|rest| rest.starts_with(" R"))
        })
    }

    /// Waits for the end of a worker that broke and returns how it came to it.
    pub(super) async fn end(mut self, why: &io::Error) -> End {
        let words = self.last_words().await;
        let (how, is_from_outside) = match timeout(LAST_WORDS, self.process.wait()).await {
            Ok(Ok(status)) => how(status),
            _ => (why.to_string(), false),
        };
        End {
            words: words.map_or_else(|| how.clone(), |words| format!("{how}: {words}")),
            is_from_outside,
        }
    }

    /// Returns the first line that a worker said as it ended.
    async fn last_words(&mut self) -> Option<String> {
        let mut errors = self.process.stderr.take()?;
        let mut bytes = vec![0; 2000];
        let length = timeout(LAST_WORDS, errors.read(&mut bytes))
            .await
            .ok()?
            .ok()?;
        bytes.truncate(length);
        let said = String::from_utf8_lossy(&bytes);
        let mut lines = said.lines().filter(|line| !line.trim().is_empty());
        lines.next().map(str::to_owned)
    }
}

/// How a worker came to its end.
pub(super) struct End {
    /// For a person.
    pub(super) words: String,
    /// Whether somebody ended it.
    pub(super) is_from_outside: bool,
}

/// Signals that no fault raises: SIGHUP, SIGINT, SIGKILL, SIGTERM.
const FROM_OUTSIDE: [i32; 4] = [1, 2, 9, 15];

/// Returns how a process ended, and whether somebody ended it.
fn how(status: ExitStatus) -> (String, bool) {
    match (status.signal(), status.code()) {
        (Some(signal), _) => (format!("signal {signal}"), FROM_OUTSIDE.contains(&signal)),
        (None, code) => (format!("exit code {}", code.unwrap_or_default()), false),
    }
}

fn excessive(what: &str) -> io::Error {
    io::Error::other(format!("the worker says more than a run can: {what}"))
}

fn unexpected() -> io::Error {
    io::Error::other("the worker says what nobody asked it")
}
