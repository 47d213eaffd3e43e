//! Looking at services at once instead of at their next turn.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::model::service::ServiceName;

/// A wish is remembered until so many others came after it; a loop that missed more is due by itself.
const REMEMBERED: u64 = 1_000;

/// Which services were last wished to be looked at at once, and by which wish, counted from 1.
#[derive(Debug, Clone, Default)]
pub(super) struct Sweep {
    /// The newest wish.
    pub(super) newest: u64,
    all: u64,
    these: BTreeMap<ServiceName, u64>,
}

/// Why a service is looked at at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// All services are looked at.
    All,
    /// It is meant.
    This,
}

impl Sweep {
    /// Returns the wish for a look at a service that came after the one of this number.
    pub(super) fn since(&self, seen: u64, service: &ServiceName) -> Option<Wish> {
        if self.all > seen {
            return Some(Wish::All);
        }
        let wished = self.these.get(service)?;
        (*wished > seen).then_some(Wish::This)
    }
}

/// Asks for looks at once. Clones share.
#[derive(Debug, Clone)]
pub(super) struct Sweeps(watch::Sender<Arc<Sweep>>);

impl Default for Sweeps {
    fn default() -> Self {
        Self(watch::channel(Arc::default()).0)
    }
}

impl Sweeps {
    /// Has all services looked at; returns at once.
    pub(super) fn look_at_all(&self) {
        self.wish(|sweep| sweep.all = sweep.newest);
    }

    /// Has these services looked at, if there are any; returns at once.
    pub(super) fn look_at(&self, names: impl IntoIterator<Item = ServiceName>) {
        let mut names = names.into_iter().peekable();
        if names.peek().is_none() {
            return;
        }
        self.wish(|sweep| {
            let newest = sweep.newest;
            sweep.these.extend(names.map(|name| (name, newest)));
        });
    }

    fn wish(&self, change: impl FnOnce(&mut Sweep)) {
        self.0.send_modify(|sweep| {
            let sweep = Arc::make_mut(sweep);
            sweep.newest += 1;
            let oldest = sweep.newest.saturating_sub(REMEMBERED);
            sweep.these.retain(|_, wished| *wished > oldest);
            change(sweep);
        });
    }

    /// Returns what tells of the next wish.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Sweep>> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_wish_is_lost_and_none_is_done_twice() {
        let name = ServiceName::new;
        let sweeps = Sweeps::default();
        let receiver = sweeps.subscribe();
        sweeps.look_at([name("a")]);
        sweeps.look_at([name("b")]);
        sweeps.look_at([]);
        let sweep = Arc::clone(&receiver.borrow());
        assert_eq!(sweep.newest, 2);
        assert_eq!(sweep.since(0, &name("a")), Some(Wish::This));
        assert_eq!(sweep.since(0, &name("b")), Some(Wish::This));
        assert_eq!(sweep.since(0, &name("c")), None);
        assert_eq!(sweep.since(1, &name("a")), None);
        sweeps.look_at_all();
        let sweep = Arc::clone(&receiver.borrow());
        assert_eq!(sweep.since(2, &name("c")), Some(Wish::All));
        assert_eq!(sweep.since(3, &name("a")), None);
    }
}
