//! Channels that leave, and those that only get another name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Fleet;
use crate::channel::settings::Settings;
use crate::config::Config;
use crate::daemon::book::Book;
use crate::daemon::leaving::{self, Renamed};
use crate::model::service::ChannelName;
use crate::policy::owed::Manner;

/// Channels that have left, with their settings and how they are told of many incidents.
pub(super) type Goodbyes = BTreeMap<ChannelName, (Arc<Settings>, Manner)>;

impl Fleet {
    /// Returns the channels that have another name now, once no message is under way under the old one.
    pub(super) async fn renamed(&self, config: &Config) -> Renamed {
        let known = self.shared.keeper.snapshots().ledger();
        let renamed = leaving::renamed(&known, &config.channels);
        for (old, _) in &renamed {
            if let Some(turn) = self.turns.get(old) {
                drop(turn.lock().await);
            }
        }
        renamed
    }

    /// Returns the channels of the config before that are not of this one, with how each is told of many incidents. Ends
    /// the goodbyes of those that are back.
    pub(super) fn leaving(&mut self, before: &Book, config: &Config) -> Goodbyes {
        self.goodbyes.retain(|name, stop| {
            let back = config.channels.iter().any(|one| one.name == *name);
            if back {
                stop.cancel();
            }
            !back
        });
        let book = self.shared.books.newest();
        let left = before.settings.iter();
        let left = left.filter(|(name, _)| !book.channels.contains(*name));
        left.map(|(name, settings)| {
            let manner = before.manners.get(name).copied().unwrap_or_default();
            (name.clone(), (Arc::clone(settings), manner))
        })
        .collect()
    }

    /// Tells the channels goodbye that have left.
    pub(super) fn start_goodbyes(&mut self, leaving: Goodbyes) {
        for (name, (settings, manner)) in leaving {
            let task = format!("channel {name} leaving");
            let stop = self.start_in_turn(&task, &name, move |shared, stop| {
                leaving::say_goodbye(shared, Arc::clone(&settings), manner, stop)
            });
            self.goodbyes.insert(name, stop);
        }
    }
}
