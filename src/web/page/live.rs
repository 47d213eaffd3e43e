//! What changed while somebody looks: which services stand differently, told as server-sent events.
//!
//! Nothing is queued for anybody: each listener asks once a second what is new since it last asked, and one that is too
//! far behind is told to fetch everything.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::links::mark;
use super::present::{Audience, Present, Stood};
use super::state::State;
use crate::model::service::ServiceName;

/// Listeners at once.
pub(super) const LISTENERS_MAX: usize = 200;
/// A listener asks this often what is new.
pub(super) const ASK_EVERY: Duration = Duration::from_secs(1);
/// So often a listener hears that the monitor lives, when nothing changed.
pub(super) const TICK_EVERY: u32 = 15;
/// Changes that are remembered; who is further behind fetches everything.
const CHANGES_MAX: usize = 1_000;
/// More changes than this at once are told as one: fetch everything.
const TOLD_MAX: usize = 100;

/// How the services stood last, and what changed since when.
#[derive(Debug, Default)]
pub(super) struct Board {
    state: Mutex<Inner>,
    listeners: AtomicUsize,
}

#[derive(Debug, Default)]
struct Inner {
    /// Grows with each change.
    version: u64,
    looked: Option<Instant>,
    seen: HashMap<ServiceName, Seen>,
    changes: VecDeque<Change>,
}

/// What is compared of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    state: State,
    /// Its open incidents with their generations.
    open: Vec<(Arc<str>, u32)>,
    public: bool,
}

#[derive(Debug)]
struct Change {
    version: u64,
    mark: String,
    public: bool,
}

/// What is new for a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing.
    Nothing,
    /// These services stand differently.
    Changed(Vec<String>),
    /// Too much to tell, or too long ago.
    Refetch,
}

impl Board {
    /// Takes down how the services stand, and tells whether any stands differently.
    pub(super) fn look(&self, present: &Present) -> bool {
        if !self.is_due() {
            return false;
        }
        let stood = present.standings(Audience::Private);
        let mut inner = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let first = inner.seen.is_empty();
        let mut seen: HashMap<ServiceName, Seen> = stood
            .iter()
            .map(|one| (one.service.name.clone(), Seen::of(one)))
            .collect();
        std::mem::swap(&mut inner.seen, &mut seen);
        let before = seen;
        if first {
            return false;
        }
        let mut changed: Vec<(String, bool)> = Vec::new();
        for (name, is) in &inner.seen {
            if before.get(name) != Some(is) {
                changed.push((mark(name), is.public));
            }
        }
        for (name, was) in &before {
            if !inner.seen.contains_key(name) {
                changed.push((mark(name), was.public));
            }
        }
        let any = !changed.is_empty();
        for (mark, public) in changed {
            inner.version += 1;
            let version = inner.version;
            inner.changes.push_back(Change {
                version,
                mark,
                public,
            });
        }
        let over = inner.changes.len().saturating_sub(CHANGES_MAX);
        inner.changes.drain(..over);
        any
    }

    /// Tells whether nobody has looked just now: one look a second is enough for all who listen.
    fn is_due(&self) -> bool {
        let mut inner = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let due = inner.looked.is_none_or(|at| at.elapsed() >= ASK_EVERY / 2);
        if due {
            inner.looked = Some(Instant::now());
        }
        due
    }

    /// Returns what is new since a version, and the present version.
    pub(super) fn since(&self, audience: Audience, version: u64) -> (News, u64) {
        let inner = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = inner
            .changes
            .front()
            .map_or(inner.version, |change| change.version - 1);
        if version < oldest {
            return (News::Refetch, inner.version);
        }
        let new = inner
            .changes
            .iter()
            .filter(|change| change.version > version);
        let new = new.filter(|change| audience.is_private() || change.public);
        let mut marks: Vec<String> = new.map(|change| change.mark.clone()).collect();
        marks.sort_unstable();
        marks.dedup();
        let news = match marks.len() {
            0 => News::Nothing,
            1..=TOLD_MAX => News::Changed(marks),
            _ => News::Refetch,
        };
        (news, inner.version)
    }

    /// Returns the present version, for a new listener; absent if there are too many.
    pub(super) fn join(self: &Arc<Self>) -> Option<Listener> {
        let before = self.listeners.fetch_add(1, Ordering::Relaxed);
        let listener = Listener {
            board: Arc::clone(self),
            version: self
                .state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .version,
        };
        (before < LISTENERS_MAX).then_some(listener)
    }
}

impl Seen {
    fn of(stood: &Stood<'_>) -> Self {
        let open = stood.open.iter();
        Self {
            state: stood.state(),
            open: open
                .map(|one| (Arc::clone(&one.id.0), one.generation))
                .collect(),
            public: stood.service.public,
        }
    }
}

/// Somebody who listens. Dropping it makes room for another.
#[derive(Debug)]
pub(super) struct Listener {
    board: Arc<Board>,
    version: u64,
}

impl Listener {
    /// Returns what is new since the last time.
    pub(super) fn news(&mut self, audience: Audience) -> News {
        let (news, version) = self.board.since(audience, self.version);
        self.version = version;
        news
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.board.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}
