//! Writes down what time alone changes: reminders, the ends of silences, what a mute hid for good, channels that stand
//! in for others.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::book::Book;
use super::own;
use super::seen::Seen;
use super::watching::Shared;
use crate::model::duration::since;
use crate::model::incident::{Incident, Ledger};
use crate::model::service::ChannelName;
use crate::policy::almanac::{self, Due, Rules, Step};

/// At least this often the clock is looked at: it may have been set.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// Changes of the ledger come in swarms: it is looked at after this, not at each.
const REST: Duration = Duration::from_millis(200);

/// Keeps the almanac until `stop`.
pub(super) async fn run(shared: Shared, stop: CancellationToken) {
    let mut snapshots = shared.keeper.snapshots();
    let mut books = shared.books.reader();
    while stop.run_until_cancelled(sleep(REST)).await.is_some() {
        let now = shared.clock.now();
        let ledger = snapshots.see();
        let book = books.see();
        let due = due(&ledger, &book, &shared.seen, now);
        drop(ledger);
        if !due.steps.is_empty() {
            tell(&due.steps);
            let reminders = book.reminders.clone();
            shared
                .keeper
                .commit(move |ledger, now| almanac::take(ledger, due.steps, &reminders, now))
                .await;
            continue;
        }
        let next = due
            .next
            .map_or(LOOK_AGAIN, |at| since(now, at).min(LOOK_AGAIN));
        tokio::select! {
            () = stop.cancelled() => break,
            changed = snapshots.changed() => if changed.is_err() { break },
            changed = books.changed() => if changed.is_err() { break },
            () = sleep(next) => {}
        }
    }
}

fn due(ledger: &Ledger, book: &Book, seen: &Seen, now: Timestamp) -> Due {
    book.muting(ledger, seen, now, |muting| {
        let fallback = |channel: &ChannelName, incident: &Incident| {
            let fallback = book.fallbacks.get(channel).cloned();
            fallback.filter(|(other, _)| !own::is_about(incident, other))
        };
        let rules = Rules {
            mute: &|incident| muting.of(incident),
            reminders: &book.reminders,
            fallback: &fallback,
        };
        almanac::due(ledger, &rules, now)
    })
}

fn tell(steps: &[Step]) {
    for step in steps {
        match step {
            Step::StandIn(channel, incident, instead) => warn!(
                channel.name = %channel,
                %incident,
                instead_of = %instead.of,
                reason = instead.why,
                "another channel is told instead"
            ),
            Step::Expire(silence) => info!(%silence, "silence over"),
            Step::Remind(incident) => info!(%incident, "reminder due"),
            Step::Hush(..) | Step::Unhush(..) | Step::Settle(..) => {}
        }
    }
}
