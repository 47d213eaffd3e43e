//! Holds every run against its deadline, on the machine's own clock, and replaces threads that do not come back.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use tokio::time::Instant;

use super::ticket::Ticket;
use super::worker::{self, Pace, Shared, Turns, Work};
use crate::script::engine;
use crate::script::pool::{GRACE, Lane, overdue};

/// After its deadline a thread has this long to come back before another takes its place.
const ABANDON_AFTER: Duration = Duration::from_secs(1);
/// How often deadlines are looked at while something runs.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The watched runs and the threads.
pub(super) struct Watch {
    shared: Arc<Shared>,
    queues: [Receiver<Work>; 2],
    /// Wakes the threads that help with plain checks.
    help: (Sender<()>, Receiver<()>),
    /// What the first of the threads for plain checks does.
    first: Arc<Pace>,
    tickets: Mutex<HashMap<u64, Arc<Ticket>>>,
    /// Told when the first run comes in; the watching thread sleeps while there is none.
    wake: Sender<()>,
    workers: Mutex<HashMap<u64, Arc<AtomicBool>>>,
    next_worker: AtomicU64,
    abandoned: AtomicU64,
}

impl Watch {
    pub(super) fn start(
        shared: Shared,
        queues: [Receiver<Work>; 2],
        help: (Sender<()>, Receiver<()>),
    ) -> io::Result<Arc<Self>> {
        let (wake, woken) = crossbeam_channel::bounded(1);
        let watch = Arc::new(Self {
            shared: Arc::new(shared),
            queues,
            help,
            first: Arc::default(),
            tickets: Mutex::default(),
            wake,
            workers: Mutex::default(),
            next_worker: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
        });
        let watched = Arc::downgrade(&watch);
        std::thread::Builder::new()
            .name(format!("{}-watch", engine::THREAD_NAME))
            .spawn(move || keep_watch(&watched, &woken))?;
        Ok(watch)
    }

    pub(super) fn add(&self, ticket: Arc<Ticket>) {
        let mut tickets = lock(&self.tickets);
        let first = tickets.is_empty();
        tickets.insert(ticket.number, ticket);
        drop(tickets);
        if first {
            // A full channel holds a wake-up already.
            self.wake.try_send(()).unwrap_or_default();
        }
    }

    pub(super) fn remove(&self, ticket: &Ticket) {
        lock(&self.tickets).remove(&ticket.number);
    }

    pub(super) fn abandoned(&self) -> u64 {
        self.abandoned.load(Ordering::Relaxed)
    }

    pub(super) fn add_worker(self: &Arc<Self>, lane: Lane) -> io::Result<()> {
        let (queue, pace) = match lane {
            Lane::Plain => (&self.queues[0], Some(Arc::clone(&self.first))),
            Lane::Waiting => (&self.queues[1], None),
        };
        let turns = Turns {
            queue: queue.clone(),
            pace,
            help: None,
        };
        self.spawn(turns)
    }

    /// Starts a thread that works only while it is woken.
    pub(super) fn add_helper(self: &Arc<Self>) -> io::Result<()> {
        self.spawn(Turns {
            queue: self.queues[0].clone(),
            pace: None,
            help: Some(self.help.1.clone()),
        })
    }

    fn spawn(self: &Arc<Self>, turns: Turns) -> io::Result<()> {
        let number = self.next_worker.fetch_add(1, Ordering::Relaxed);
        let given_up = Arc::new(AtomicBool::new(false));
        lock(&self.workers).insert(number, Arc::clone(&given_up));
        let watch = Arc::downgrade(self);
        let shared = Arc::clone(&self.shared);
        std::thread::Builder::new()
            .name(format!("{}-{number}", engine::THREAD_NAME))
            .stack_size(self.shared.stack_bytes)
            .spawn(move || worker::work(number, &turns, &shared, &watch, &given_up))?;
        Ok(())
    }

    /// Tells whether the first thread for plain checks is at one that is no short one.
    pub(super) fn first_is_long(&self) -> bool {
        self.first.is_long()
    }

    /// Answers for runs that are over their time, and replaces the threads of those that do not end.
    fn look(self: &Arc<Self>) {
        let now = Instant::now();
        if !self.queues[0].is_empty() && self.first_is_long() {
            // What waits behind a long check has waited long enough.
            self.help.0.try_send(()).unwrap_or_default();
        }
        let late: Vec<Arc<Ticket>> = lock(&self.tickets)
            .values()
            .filter(|ticket| now > ticket.deadline() + GRACE)
            .map(Arc::clone)
            .collect();
        for ticket in late {
            let worker = ticket.worker();
            ticket.refuse(overdue(worker.is_some(), ticket.wall));
            match worker {
                None => self.remove(&ticket),
                Some(worker) if now > ticket.deadline() + ABANDON_AFTER => {
                    self.remove(&ticket);
                    if let Some(given_up) = lock(&self.workers).remove(&worker) {
                        given_up.store(true, Ordering::Relaxed);
                        self.abandoned.fetch_add(1, Ordering::Relaxed);
                    }
                    // Without the memory for another thread the queue refuses in time; nothing else can be done.
                    drop(self.add_worker(ticket.lane));
                }
                Some(_) => {}
            }
        }
    }
}

fn keep_watch(watch: &Weak<Watch>, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        loop {
            // Not on the channel: while something runs, every further run would wake this thread for nothing.
            std::thread::park_timeout(LOOK_EVERY);
            let Some(watch) = watch.upgrade() else {
                return;
            };
            watch.look();
            if lock(&watch.tickets).is_empty() {
                break;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
