//! What changed while somebody looks: which services stand differently, told as server-sent events.
//!
//! Nothing is queued for anybody: each listener asks once a second what is new since it last asked, and one that is too
//! far behind is told to fetch everything.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
    /// The moment of the first look, before which nothing is known of changes. Moments are microseconds since 1970, as in
    /// pages.
    begun: Option<i64>,
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
    /// The moment of the look that found it: what is of then or later has it.
    at: i64,
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
        let stood = present.standings(Audience::Private);
        let mut inner = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let first = inner.begun.is_none();
        let at = present.at.as_microsecond();
        inner.begun.get_or_insert(at);
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
                at,
                mark,
                public,
            });
        }
        let over = inner.changes.len().saturating_sub(CHANGES_MAX);
        inner.changes.drain(..over);
        any
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

    /// Returns a new listener, who has a page of some moment, else of now; absent if there are too many.
    pub(super) fn join(self: &Arc<Self>, page: Option<i64>) -> Option<Listener> {
        let before = self.listeners.fetch_add(1, Ordering::Relaxed);
        let inner = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let version = match page {
            None => Some(inner.version),
            Some(page) => inner.version_at(page),
        };
        drop(inner);
        let listener = Listener {
            board: Arc::clone(self),
            version,
        };
        (before < LISTENERS_MAX).then_some(listener)
    }
}

impl Inner {
    /// Returns the version that a page of some moment shows; absent where that is not known any more.
    fn version_at(&self, page: i64) -> Option<u64> {
        let mut shown = self.changes.iter().rev();
        if let Some(change) = shown.find(|change| change.at <= page) {
            return Some(change.version);
        }
        let before = self
            .changes
            .front()
            .map_or(self.version, |oldest| oldest.version - 1);
        let is_known = before == 0 && self.begun.is_some_and(|begun| begun <= page);
        is_known.then_some(before)
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
    /// What was told so far; absent where that cannot be said.
    version: Option<u64>,
}

impl Listener {
    /// Returns what is new since the last time.
    pub(super) fn news(&mut self, audience: Audience) -> News {
        let (news, version) = self.board.since(audience, self.version.unwrap_or_default());
        let known = self.version.replace(version);
        known.map_or(News::Refetch, |_| news)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.board.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}
