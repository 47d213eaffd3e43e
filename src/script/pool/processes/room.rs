//! The workers of one kind: how many there may be, who waits for one, and which have nothing to do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::child::Child;
use crate::model::judgement::Finding;
use crate::script::pool::{overdue, queue_full};

/// A worker without work for this long is ended, but for one.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// The workers of one kind.
pub(super) struct Room {
    /// One for each worker that there may be.
    permits: Semaphore,
    queued: AtomicUsize,
    queue: usize,
    /// Workers without work, the one that worked last at the end.
    idle: Mutex<Vec<Child>>,
}

impl Room {
    pub(super) fn new(workers: usize, queue: usize) -> Self {
        Self {
            permits: Semaphore::new(workers.max(1)),
            queued: AtomicUsize::new(0),
            queue: queue.max(1),
            idle: Mutex::default(),
        }
    }

    pub(super) fn idle(&self) -> MutexGuard<'_, Vec<Child>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there may be one more worker at work.
    pub(super) async fn enter(&self, wall: Duration) -> Result<SemaphorePermit<'_>, Box<Finding>> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        let queued = Queued::at(&self.queued);
        if queued.position >= self.queue {
            return Err(Box::new(queue_full(self.queue)));
        }
        match timeout(wall, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Box::new(overdue(false, wall))),
        }
    }

    /// Takes a worker back that is as good as new.
    pub(super) fn leave(&self, child: Child) {
        self.idle().push(child);
    }

    /// Takes away workers that ended while they had nothing to do, and returns how each did.
    pub(super) fn bury(&self) -> Vec<String> {
        let mut ended = Vec::new();
        self.idle().retain_mut(|child| {
            let how = child.ended();
            let lives = how.is_none();
            ended.extend(how);
            lives
        });
        ended
    }

    /// Ends workers that had nothing to do for long, but for so many.
    pub(super) fn end_unused(&self, kept: usize) {
        let mut idle = self.idle();
        let unused = idle
            .iter()
            .take(idle.len().saturating_sub(kept))
            .take_while(|child| child.idle_for() > IDLE_MAX)
            .count();
        let ended: Vec<Child> = idle.drain(..unused).collect();
        drop(idle);
        drop(ended);
    }
}

/// One that waits, for as long as this lives.
struct Queued<'a> {
    waiting: &'a AtomicUsize,
    position: usize,
}

impl<'a> Queued<'a> {
    fn at(waiting: &'a AtomicUsize) -> Self {
        Self {
            position: waiting.fetch_add(1, Ordering::Relaxed),
            waiting,
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
