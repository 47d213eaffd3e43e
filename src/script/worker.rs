//! A worker process: it runs scripts and has nothing else. No files, no network, no secrets, bounded memory.
//!
//! It talks over one socket with the pool that started it, which is its standard input, and ends when that closes.

mod confine;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, BufReader};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::Thread;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use super::bench::{Bench, panicked};
use super::broker::{Brought, Errand, Errands, Refusal};
use super::engine;
use super::execute::Task;
use super::frames::{FromWorker, ToWorker, receive, send};
use super::job::CallJob;
use super::limits::HEAP_BYTES_MAX;
use super::run::Link;
use super::source::Source;
use crate::model::judgement::Judgement;

/// Bytes that are read ahead.
const BUFFER_BYTES: usize = 64 << 10;
/// How often a worker looks whether whoever started it is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs scripts for the pool on the other side of standard input until that is gone.
///
/// # Errors
/// Standard input is no socket, or the thread for scripts cannot be started.
pub fn serve() -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    socket.peer_addr()?;
    let parent = rustix::process::getppid();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let _asked_to_end = deaf_to_signals(&runtime)?;
    let stack = engine::stack_bytes(HEAP_BYTES_MAX);
    engine::quiet_panics();
    let main = std::thread::current();
    let scripts = std::thread::Builder::new()
        .name(engine::THREAD_NAME.to_owned())
        .stack_size(stack)
        .spawn(move || {
            let _told = Unpark(main);
            let unconfined = confine::confine(stack).err().map(|error| error.to_string());
            let mut worker = Worker::new(socket);
            worker.tell(&FromWorker::Ready { unconfined })?;
            worker.work()
        })?;
    while !scripts.is_finished() && rustix::process::getppid() == parent {
        std::thread::park_timeout(LOOK_EVERY);
    }
    Ok(())
}

/// Wakes a thread when it is dropped.
struct Unpark(Thread);

impl Drop for Unpark {
    fn drop(&mut self) {
        self.0.unpark();
    }
}

/// Lets requests to end pass by: they are for OES, which ends its workers when it is done with them. Holds for as long as
/// what is returned lives.
fn deaf_to_signals(runtime: &tokio::runtime::Runtime) -> io::Result<[Signal; 3]> {
    let _entered = runtime.enter();
    Ok([
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
        signal(SignalKind::hangup())?,
    ])
}

/// The socket; most frames come with one system call.
type Socket = BufReader<UnixStream>;

struct Worker {
    socket: Rc<RefCell<Socket>>,
    bench: Bench,
    loaded: HashMap<Arc<str>, Arc<Source>>,
}

impl Worker {
    fn new(socket: UnixStream) -> Self {
        Self {
            socket: Rc::new(RefCell::new(BufReader::with_capacity(BUFFER_BYTES, socket))),
            bench: Bench::new(),
            loaded: HashMap::new(),
        }
    }

    fn tell(&self, frame: &FromWorker) -> io::Result<()> {
        send(self.socket.borrow_mut().get_mut(), frame)
    }

    /// Does what comes until nothing does.
    fn work(&mut self) -> io::Result<()> {
        loop {
            let frame: ToWorker<'_> = receive(&mut *self.socket.borrow_mut())?;
            match frame {
                ToWorker::Forget => self.loaded.clear(),
                ToWorker::Load(source) => {
                    let source = source.into_owned();
                    self.loaded.insert(Arc::clone(&source.version), source);
                }
                ToWorker::Run {
                    version,
                    input,
                    limits,
                    hides,
                } => {
                    let task = Arc::new(Task {
                        source: self.source(&version)?,
                        input: input.into_owned(),
                        limits: limits.into_owned(),
                        hides,
                    });
                    let answer = self.run(&task);
                    self.tell(&answer)?;
                }
                ToWorker::Call {
                    version,
                    function,
                    arguments,
                    now,
                    limits,
                } => {
                    let job = CallJob {
                        source: self.source(&version)?,
                        function: function.into_owned().into(),
                        arguments: arguments.into_owned(),
                        now,
                        limits: limits.into_owned(),
                    };
                    let answer = self.call(&job);
                    self.tell(&answer)?;
                }
                ToWorker::Brought(_) => {
                    return Err(io::Error::other("nothing was asked for"));
                }
            }
        }
    }

    fn source(&self, version: &str) -> io::Result<Arc<Source>> {
        let source = self.loaded.get(version).map(Arc::clone);
        source.ok_or_else(|| io::Error::other("the script was not loaded"))
    }

    fn run(&mut self, task: &Arc<Task>) -> FromWorker {
        let began = Instant::now();
        let socket = Rc::clone(&self.socket);
        let bench = &mut self.bench;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            bench.run(task, || Box::new(Across { socket }))
        }));
        let ran = ran.unwrap_or_else(|_| {
            self.bench = Bench::new();
            Err(Box::new(panicked()))
        });
        FromWorker::Ran {
            ran,
            elapsed: began.elapsed(),
        }
    }

    fn call(&mut self, job: &CallJob) -> FromWorker {
        let bench = &mut self.bench;
        let called = catch_unwind(AssertUnwindSafe(|| bench.call(job)));
        FromWorker::Called(called.map_err(|_| {
            self.bench = Bench::new();
            Box::new(panicked())
        }))
    }
}

/// The way to the broker in the process that started this one.
struct Across {
    socket: Rc<RefCell<Socket>>,
}

impl Link for Across {
    fn run(&mut self, errand: Errand) -> Errands<Brought> {
        let mut socket = self.socket.borrow_mut();
        let brought = send(socket.get_mut(), &FromWorker::Errand(errand))
            .and_then(|()| receive::<ToWorker<'_>>(&mut *socket));
        match brought {
            Ok(ToWorker::Brought(brought)) => brought,
            // Whoever started this process is gone, and it ends with the next frame.
            Ok(_) | Err(_) => Err(Refusal::Problem("nobody answers".to_owned())),
        }
    }

    fn finish(self: Box<Self>, _: &mut Judgement) {}
}
