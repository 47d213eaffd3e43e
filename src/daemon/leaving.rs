//! Channels that leave the config: a last round with the settings that they had, then a word to everybody else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::notifier::{self, Sender, Shared};
use super::own;
use crate::channel::fingerprint::fingerprint;
use crate::channel::settings::Settings;
use crate::model::incident::Ledger;
use crate::model::service::ChannelName;
use crate::policy::leaving;
use crate::policy::owed::{self, Batch, Manner, Plan};

/// Channels that have another name now: the old one and the new one.
pub(super) type Renamed = Vec<(ChannelName, ChannelName)>;

/// Returns which channels of a config are ones that the ledger knows under another name: their settings are the same.
pub(super) fn renamed(ledger: &Ledger, channels: &[Settings]) -> Renamed {
    let names: BTreeSet<ChannelName> = channels.iter().map(|one| one.name.clone()).collect();
    let mut new: Vec<&Settings> = channels
        .iter()
        .filter(|one| !ledger.channels.contains_key(&one.name))
        .collect();
    let mut renamed = Renamed::new();
    for old in leaving::gone(ledger, &names) {
        let Some(state) = ledger.channels.get(&old) else {
            continue;
        };
        // The name is part of a fingerprint.
        let same = |one: &&Settings| {
            let before = Settings {
                name: old.clone(),
                ..(*one).clone()
            };
            fingerprint(&before) == state.fingerprint
        };
        if let Some(at) = new.iter().position(same) {
            renamed.push((old, new.remove(at).name.clone()));
        }
    }
    renamed
}

/// Brings the ledger in line with which channels there are: `leave` are those that can still be told goodbye.
pub(super) fn reconcile(
    ledger: &mut Ledger,
    channels: &BTreeSet<ChannelName>,
    renamed: Renamed,
    leave: &BTreeSet<ChannelName>,
    now: Timestamp,
) {
    for (old, new) in renamed {
        info!(channel.name = %new, was = %old, "channel has another name");
        leaving::rename(ledger, &old, &new);
    }
    leaving::come_back(ledger, channels, now);
    for channel in leaving::gone(ledger, channels) {
        leaving::leave(ledger, &channel, now);
        if !leave.contains(&channel) {
            give_up(ledger, &channel, now);
        }
    }
}

/// Gives up what a channel that is gone could not be told, and says so.
fn give_up(ledger: &mut Ledger, channel: &ChannelName, now: Timestamp) {
    let given_up = leaving::give_up(ledger, channel, now);
    own::warn_of_given_up(ledger, given_up);
}

/// Returns the next message of a goodbye, for which nothing is waited.
fn next(ledger: &Ledger, channel: &ChannelName, manner: Manner, now: Timestamp) -> Option<Batch> {
    let settings = owed::Settings {
        gather: Duration::ZERO,
        cool_down: &|_| Duration::ZERO,
        mute: &|_| None,
        manner,
        digest: None,
    };
    match owed::owed(ledger, channel, &settings, now) {
        Plan::Send(batch) => Some(batch),
        _ => None,
    }
}

/// Tells a channel that has left what it was owed: one try of each message. It ends with the first that is not taken.
pub(super) async fn say_goodbye(
    shared: Shared,
    channel: Arc<Settings>,
    manner: Manner,
    stop: CancellationToken,
) {
    let name = &channel.name;
    while !stop.is_cancelled() {
        let snapshot = shared.keeper.snapshots().newest();
        let Some(batch) = next(&snapshot.ledger, name, manner, shared.clock.now()) else {
            break;
        };
        let sender = Sender {
            shared: &shared,
            channel: &channel,
            stop: &stop,
        };
        notifier::tell(&sender, batch, &snapshot).await;
    }
    if stop.is_cancelled() {
        // Whoever has the ledger next sees to it: the channel is back, or the daemon has stopped.
        return;
    }
    let name = name.clone();
    let book = shared.book.newest();
    shared
        .keeper
        .commit(move |ledger, now| {
            if book.channels.contains(&name) {
                return false;
            }
            give_up(ledger, &name, now);
            let lost = own::follow_lost(ledger, &book.channels, now);
            if lost.contains(&name) {
                warn!(channel.name = %name, "a channel that left the ops config still shows incidents as open");
            } else {
                info!(channel.name = %name, "channel has left; it was told so");
            }
            true
        })
        .await;
}
