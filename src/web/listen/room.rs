//! How many connections are open at once.
//!
//! Where all places are taken, whoever has waited longest without asking for anything makes room for who comes: half a
//! thousand callers who send nothing keep nobody out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The places.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    places: usize,
    seats: Mutex<Seats>,
    /// Told when somebody leaves, or begins to wait.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Seats {
    taken: usize,
    turn: u64,
    /// Connections on which nothing is asked, the one that has waited longest first.
    idle: BTreeMap<u64, Arc<Notify>>,
}

impl Room {
    /// Returns a room with so many places.
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Shared {
            places,
            seats: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// Waits until somebody can be let in.
    pub(super) async fn open(&self) {
        loop {
            let changed = self.0.changed.notified();
            {
                let seats = self.0.seats();
                if seats.taken < self.0.places || !seats.idle.is_empty() {
                    return;
                }
            }
            changed.await;
        }
    }

    /// Takes a place; where there is none, that of whoever has waited longest.
    pub(super) fn enter(&self) -> Seat {
        let shared = Arc::clone(&self.0);
        let sent_off = Arc::<Notify>::default();
        let mut seats = shared.seats();
        if seats.taken >= shared.places
            && let Some((_, oldest)) = seats.idle.pop_first()
        {
            oldest.notify_one();
        }
        seats.taken += 1;
        let turn = seats.wait(&sent_off);
        drop(seats);
        Seat(Arc::new(Place {
            shared,
            sent_off,
            turn: Mutex::new(Some(turn)),
        }))
    }
}

impl Shared {
    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    /// Waits from now on; returns the turn.
    fn wait(&mut self, sent_off: &Arc<Notify>) -> u64 {
        self.turn += 1;
        self.idle.insert(self.turn, Arc::clone(sent_off));
        self.turn
    }
}

/// The place of a connection. Clones are the same place, which is free once all are dropped.
#[derive(Debug, Clone)]
pub(super) struct Seat(Arc<Place>);

#[derive(Debug)]
struct Place {
    shared: Arc<Shared>,
    sent_off: Arc<Notify>,
    /// Under which it waits; absent while something is asked.
    turn: Mutex<Option<u64>>,
}

impl Seat {
    /// Waits until the place is needed for somebody else.
    pub(super) async fn sent_off(&self) {
        self.0.sent_off.notified().await;
    }

    /// Notes that something is asked, until what is returned is dropped; absent if the place was just given away.
    pub(super) fn ask(&self) -> Option<Asking> {
        let turn = self.0.turn().take()?;
        let kept = self.0.shared.seats().idle.remove(&turn);
        kept.map(|_| Asking(self.clone()))
    }
}

impl Place {
    fn turn(&self) -> MutexGuard<'_, Option<u64>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let turn = self.turn().take();
        let mut seats = self.shared.seats();
        seats.taken = seats.taken.saturating_sub(1);
        if let Some(turn) = turn {
            seats.idle.remove(&turn);
        }
        drop(seats);
        self.shared.changed.notify_one();
    }
}

/// Something is asked on a connection, and not answered to its end.
#[derive(Debug)]
pub(super) struct Asking(Seat);

impl Drop for Asking {
    fn drop(&mut self) {
        let place = &self.0.0;
        let turn = place.shared.seats().wait(&place.sent_off);
        *place.turn() = Some(turn);
        place.shared.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn is_sent_off(seat: &Seat) -> bool {
        seat.sent_off().now_or_never().is_some()
    }

    #[test]
    fn who_waited_longest_makes_room_and_who_asks_stays() {
        let room = Room::new(3);
        let [first, second, third] = [room.enter(), room.enter(), room.enter()];
        let asking = first.ask().unwrap();
        let fourth = room.enter();
        assert_eq!(
            [&first, &second, &third, &fourth].map(is_sent_off),
            [false, true, false, false]
        );
        assert!(second.ask().is_none(), "its place is somebody else's");
        drop(second);
        drop(asking);
        // It begins to wait anew, and has waited least.
        let fifth = room.enter();
        assert_eq!(
            [&first, &third, &fourth, &fifth].map(is_sent_off),
            [false, true, false, false]
        );
    }

    #[test]
    fn where_everybody_asks_others_wait() {
        let room = Room::new(1);
        let seat = room.enter();
        let asking = seat.ask().unwrap();
        assert!(room.open().now_or_never().is_none());
        drop(asking);
        assert!(room.open().now_or_never().is_some());
        let asking = seat.ask().unwrap();
        let mut waiting = Box::pin(room.open());
        assert!((&mut waiting).now_or_never().is_none());
        drop((asking, seat));
        assert!(waiting.now_or_never().is_some());
    }
}
