//! The one writer of the ledger: applies changes, commits them to disk, then publishes what is so.
//!
//! Changes that arrive while a commit is under way share the next one. A failed commit is not hidden and not waited
//! for: the ledger goes on in memory, is shown as not durable, and the commit is tried again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::{self, error::RecvError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::jump::Jumps;
use crate::clock::Clock;
use crate::history::Store;
use crate::metrics::Metrics;
use crate::model::causes::Causes;
use crate::model::incident::Ledger;
use crate::model::service::ServiceName;
use crate::model::violation::Violation;
use crate::policy::{chronicle, delivery};
use crate::state::{CommitError, Committed, ServiceLine, StateFile};

/// Changes that may wait; a full queue makes the sender wait.
const QUEUE: usize = 4_096;
/// A failed commit is tried again after this.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// At least this often the two clocks are compared.
const COMPARE_EVERY: Duration = Duration::from_secs(10);

/// What everybody but the keeper sees of the ledger.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The ledger.
    pub ledger: Arc<Ledger>,
    /// Whether it is on disk.
    pub durable: bool,
    /// Sequence number of the newest commit.
    pub seq: u64,
    /// When the newest commit succeeded.
    pub committed_at: Option<Instant>,
    /// Why the newest commit failed, absent if it did not.
    pub error: Option<Arc<str>>,
    /// Whether room is kept on the disk for the day it is full.
    pub room: bool,
}

/// Follows the snapshots of the keeper. Clones do so by themselves.
///
/// It hands out copies alone. What a [`watch::Receiver`] lends is locked: once the keeper waits to publish, whoever asks a
/// second time waits for the keeper, and the keeper for what was lent first.
#[derive(Debug, Clone)]
pub struct Snapshots(watch::Receiver<Snapshot>);

impl Snapshots {
    /// Returns the newest one.
    pub fn newest(&self) -> Snapshot {
        self.0.borrow().clone()
    }

    /// Returns the newest ledger.
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.0.borrow().ledger)
    }

    /// Returns the newest ledger and takes it for seen: [`changed`](Self::changed) waits for a later one.
    pub fn see(&mut self) -> Arc<Ledger> {
        Arc::clone(&self.0.borrow_and_update().ledger)
    }

    /// Waits for one that was not seen.
    ///
    /// # Errors
    /// If the keeper has ended.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        self.0.changed().await
    }
}

/// A change of the ledger; tells whether it changed anything.
type Change = Box<dyn FnOnce(&mut Ledger, jiff::Timestamp) -> bool + Send>;

enum Request {
    Change {
        change: Change,
        done: Option<oneshot::Sender<bool>>,
    },
    Services(Arc<[ServiceLine]>),
}

/// Asks the keeper for changes. Clones share.
#[derive(Debug, Clone)]
pub struct Keeper {
    requests: mpsc::Sender<Request>,
    snapshots: Snapshots,
}

impl Keeper {
    /// Asks for a change and does not wait for it to be on disk. Nothing happens once the daemon has stopped.
    pub async fn tell(
        &self,
        change: impl FnOnce(&mut Ledger, jiff::Timestamp) -> bool + Send + 'static,
    ) {
        self.send(Request::Change {
            change: Box::new(change),
            done: None,
        })
        .await;
    }

    /// Asks for a change and returns once it is published: whether it is on disk.
    pub async fn commit(
        &self,
        change: impl FnOnce(&mut Ledger, jiff::Timestamp) -> bool + Send + 'static,
    ) -> bool {
        let (done, published) = oneshot::channel();
        self.send(Request::Change {
            change: Box::new(change),
            done: Some(done),
        })
        .await;
        published.await.unwrap_or(false)
    }

    /// Replaces the services that the state file lists.
    pub async fn list(&self, services: Arc<[ServiceLine]>) {
        self.send(Request::Services(services)).await;
    }

    /// Returns the newest ledger, and what tells of the next.
    pub fn snapshots(&self) -> Snapshots {
        self.snapshots.clone()
    }

    async fn send(&self, request: Request) {
        // The keeper outlives every task that asks it; after it there is nothing left to change.
        self.requests.send(request).await.unwrap_or_default();
    }
}

/// The keeper's own side: run it on one task.
#[derive(Debug)]
pub struct Keeping {
    requests: mpsc::Receiver<Request>,
    snapshots: watch::Sender<Snapshot>,
    file: Option<StateFile>,
    ledger: Arc<Ledger>,
    services: Arc<[ServiceLine]>,
    /// Takes down what happens to each incident.
    history: Arc<Store>,
    metrics: Metrics,
    clock: Clock,
    jumps: Jumps,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Change { .. } => "Change",
            Self::Services(_) => "Services",
        })
    }
}

/// Returns the keeper of `file`, whose present contents are `ledger`, and its own side.
pub fn new(
    file: StateFile,
    ledger: Ledger,
    history: Arc<Store>,
    metrics: Metrics,
    clock: Clock,
) -> (Keeper, Keeping) {
    let (sender, requests) = mpsc::channel(QUEUE);
    let ledger = Arc::new(ledger);
    let first = Snapshot {
        ledger: Arc::clone(&ledger),
        durable: true,
        seq: 0,
        committed_at: None,
        error: None,
        room: true,
    };
    let (publisher, snapshots) = watch::channel(first);
    let keeping = Keeping {
        requests,
        snapshots: publisher,
        file: Some(file),
        ledger,
        services: Arc::from([]),
        history,
        metrics,
        clock,
        jumps: Jumps::new(clock.now(), Instant::now()),
    };
    (
        Keeper {
            requests: sender,
            snapshots: Snapshots(snapshots),
        },
        keeping,
    )
}

impl Keeping {
    /// Works until `stop`, then until nothing is asked any more.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut dirty = true;
        loop {
            let retry = sleep(if dirty { RETRY_AFTER } else { COMPARE_EVERY });
            let mut waiting = Vec::new();
            tokio::select! {
                biased;
                request = self.requests.recv() => match request {
                    Some(request) => dirty |= self.apply(request, &mut waiting),
                    None => break,
                },
                () = stop.cancelled(), if self.requests.is_empty() => break,
                () = retry => {}
            }
            dirty |= self.follow_clock();
            while let Ok(request) = self.requests.try_recv() {
                dirty |= self.apply(request, &mut waiting);
            }
            if dirty {
                dirty = !self.commit().await;
            } else if !self.snapshots.borrow().room
                && let Some(room) = self.with_file(StateFile::keep_room).await
            {
                self.note_room(room);
            }
            for done in waiting {
                // Whoever asked may have been stopped meanwhile.
                done.send(!dirty).unwrap_or_default();
            }
        }
        if dirty {
            self.commit().await;
        }
    }

    fn apply(&mut self, request: Request, waiting: &mut Vec<oneshot::Sender<bool>>) -> bool {
        match request {
            Request::Change { change, done } => {
                waiting.extend(done);
                change(Arc::make_mut(&mut self.ledger), self.clock.now())
            }
            Request::Services(services) => {
                self.services = services;
                true
            }
        }
    }

    /// Moves what waits for a time of day along with a clock that was set; tells whether it was.
    fn follow_clock(&mut self) -> bool {
        let Some(jump) = self.jumps.observe(self.clock.now(), Instant::now()) else {
            return false;
        };
        warn!(
            seconds = jump.as_secs_f64(),
            "the clock was set; waits of the notifier move with it"
        );
        delivery::rebase(Arc::make_mut(&mut self.ledger), jump);
        true
    }

    /// Commits the ledger and publishes it in any case; returns whether it is on disk.
    async fn commit(&mut self) -> bool {
        let (ledger, services) = (Arc::clone(&self.ledger), Arc::clone(&self.services));
        let began = Instant::now();
        let now = self.clock.now();
        let committed = self
            .with_file(move |file| file.commit(&ledger, &with_violations(&services, &ledger), now))
            .await;
        self.metrics
            .own
            .commit_seconds
            .observe(began.elapsed().as_secs_f64());
        let durable = committed.is_some_and(|committed| self.settle(committed));
        self.publish(durable);
        self.metrics.own.state_durable.set(i64::from(durable));
        durable
    }

    /// Works on the state file off the runtime; nothing if its writer broke.
    async fn with_file<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut StateFile) -> T + Send + 'static,
    ) -> Option<T> {
        let mut file = self.file.take()?;
        let worked = tokio::task::spawn_blocking(move || {
            let done = work(&mut file);
            (file, done)
        });
        match worked.await {
            Ok((file, done)) => {
                self.file = Some(file);
                Some(done)
            }
            Err(panic) => {
                error!(error = %panic, "the state file's writer broke; nothing more is durable");
                self.fail("the state file's writer broke".into());
                None
            }
        }
    }

    /// Notes whether room is kept for a full disk, and says when that changes.
    fn note_room(&self, room: bool) {
        self.metrics.own.state_room.set(i64::from(room));
        let before = self.snapshots.borrow().room;
        if before == room {
            return;
        }
        self.snapshots.send_modify(|snapshot| snapshot.room = room);
        if room {
            info!("room is kept on the disk again; the history database writes again");
        } else {
            warn!(
                "the disk is full or nearly so: no room is kept for the state file, and the history database does not \
                 write; free some space"
            );
        }
    }

    fn fail(&self, error: Arc<str>) {
        self.snapshots
            .send_modify(|snapshot| snapshot.error = Some(error));
    }

    fn settle(&mut self, committed: Result<Committed, CommitError>) -> bool {
        match committed {
            Ok(committed) => {
                self.metrics
                    .own
                    .state_seq
                    .set(i64::try_from(committed.seq).unwrap_or(i64::MAX));
                if self.snapshots.borrow().error.is_some() {
                    info!("state file can be written again");
                }
                self.snapshots.send_modify(|snapshot| {
                    snapshot.seq = committed.seq;
                    snapshot.committed_at = Some(Instant::now());
                    snapshot.error = None;
                });
                self.note_room(committed.ballast);
                true
            }
            Err(error) => {
                self.metrics.own.commit_failures.inc();
                warn!(
                    error = %Causes(&error),
                    "state file could not be written; going on in memory"
                );
                if error.is_disk_full() {
                    self.note_room(false);
                }
                self.fail(Causes(&error).to_string().into());
                false
            }
        }
    }

    /// Shows everybody the ledger as it is now: people are told even where it cannot be written down.
    fn publish(&self, durable: bool) {
        let before = Arc::clone(&self.snapshots.borrow().ledger);
        let happened = chronicle::between(&before, &self.ledger, self.clock.now());
        self.history.write_chronicle(happened);
        self.snapshots.send_modify(|snapshot| {
            snapshot.ledger = Arc::clone(&self.ledger);
            snapshot.durable = durable;
        });
    }
}

/// Returns the lines of the state file with what each service breaks now.
pub fn with_violations(services: &[ServiceLine], ledger: &Ledger) -> Vec<ServiceLine> {
    let mut open: BTreeMap<&ServiceName, Vec<Violation>> = BTreeMap::new();
    for incident in ledger
        .incidents
        .values()
        .filter(|incident| incident.is_open())
    {
        open.entry(&incident.service)
            .or_default()
            .push(incident.violation.clone());
    }
    let mut lines = services.to_vec();
    for line in &mut lines {
        line.violations = open.remove(&line.name).unwrap_or_default();
        line.violations.sort_unstable();
    }
    lines
}
