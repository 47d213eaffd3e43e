//! Tells people: one task a channel reads the ledger and sends whatever the channel is owed.
//!
//! Nothing is handed to these tasks that could be lost: what a channel must know follows from the ledger at any moment.
//! A channel has one message under way at a time and never waits for another channel.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::book::Book;
use super::books::BookReader;
use super::keeper::{Keeper, Snapshot};
use super::seen::Seen;
use super::sweep::Sweeps;
use super::{fleet, letters, own};
use crate::channel::answer::Answer;
use crate::channel::delivery::{Attempt, Delivery};
use crate::channel::settings::Settings;
use crate::clock::Clock;
use crate::failpoint;
use crate::metrics::Metrics;
use crate::model::duration::{Shown, after, since};
use crate::model::incident::Ledger;
use crate::model::service::ChannelName;
use crate::policy::delivery::{self, FailKind, Failed};
use crate::policy::owed::{self, Batch, Plan, Telling};

/// What all channels share. Clones share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) keeper: Keeper,
    pub(super) delivery: Arc<Delivery>,
    pub(super) book: BookReader,
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
    pub(super) seen: Seen,
    pub(super) sweeps: Sweeps,
}

/// A wait for a wall-clock moment is looked at again after this, so that a clock that was set does not hold it.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Sends what one channel is owed until `stop`; a message under way is finished first.
pub(super) async fn run(shared: Shared, channel: Arc<Settings>, stop: CancellationToken) {
    shared.metrics.channel(&channel.name, &Answer::NAMES);
    let mut snapshots = shared.keeper.snapshots();
    let mut book = shared.book.clone();
    while !stop.is_cancelled() {
        let now = shared.clock.now();
        let plan = {
            let ledger = snapshots.see();
            let book = book.see();
            plan(&ledger, &channel.name, &book, &shared.seen, now)
        };
        let wait = match plan {
            Plan::Send(batch) => {
                let snapshot = snapshots.newest();
                let sender = Sender {
                    shared: &shared,
                    channel: &channel,
                    stop: &stop,
                };
                tell(&sender, batch, &snapshot).await;
                continue;
            }
            Plan::WaitUntil(at) => since(now, at).min(LOOK_AGAIN),
            Plan::Idle | Plan::Disabled => LOOK_AGAIN,
        };
        tokio::select! {
            () = stop.cancelled() => {}
            changed = snapshots.changed() => if changed.is_err() { break },
            changed = book.changed() => if changed.is_err() { break },
            () = sleep(wait) => {}
        }
    }
}

fn plan(ledger: &Ledger, channel: &ChannelName, book: &Book, seen: &Seen, now: Timestamp) -> Plan {
    book.muting(ledger, seen, now, |muting| {
        let settings = owed::Settings {
            gather: book.gather,
            cool_down: &|service| book.cool_down(service),
            mute: &|incident| muting.of(incident),
            manner: book.manners.get(channel).copied().unwrap_or_default(),
            digest: book.digest_due(channel, now),
        };
        owed::owed(ledger, channel, &settings, now)
    })
}

/// Who sends.
pub(super) struct Sender<'a> {
    pub(super) shared: &'a Shared,
    pub(super) channel: &'a Arc<Settings>,
    /// Stops the channel's task: on a stop of the daemon, or when the channel is gone or has other settings.
    pub(super) stop: &'a CancellationToken,
}

/// Sends one message: intent on disk, send, outcome on disk.
pub(super) async fn tell(sender: &Sender<'_>, batch: Batch, before: &Snapshot) {
    let Sender {
        shared, channel, ..
    } = *sender;
    let intended = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (name, planned, flag) = (channel.name.clone(), batch.clone(), Arc::clone(&intended));
    let durable = shared
        .keeper
        .commit(move |ledger, now| {
            let current = delivery::intend(ledger, &name, &planned, now);
            flag.store(current, std::sync::atomic::Ordering::SeqCst);
            current
        })
        .await;
    if !intended.load(std::sync::atomic::Ordering::SeqCst) {
        return;
    }
    let state = before.ledger.channels.get(&channel.name);
    if let Some(part) = &batch.storm
        && state.and_then(|state| state.storm(&part.id)).is_none()
    {
        info!(channel.name = %channel.name, storm = %part.id, incidents = batch.told.len(), "storm");
        // Where many end the picture is known: only openings ask for more of it.
        if batch.told.iter().any(|told| told.telling.announces()) {
            shared.sweeps.look_at_all();
        }
    }
    let Some(message) = letters::message(shared, &channel.name, &batch, &before.ledger, durable)
    else {
        return;
    };
    failpoint::reach("message_intended");
    let at = shared.clock.now();
    let number = attempt_number(&before.ledger, channel, &batch);
    let answer = shared
        .delivery
        .send(channel, &message, Attempt { number, at })
        .await;
    failpoint::reach("message_answered");
    let took = since(at, shared.clock.now());
    let metrics = &shared.metrics;
    metrics.attempted(&channel.name, answer.as_str(), took);
    if matches!(answer, Answer::Taken { .. }) {
        for delay in delays(&before.ledger, &batch, shared.clock.now()) {
            metrics.delivered(&channel.name, delay);
        }
    }
    settle(sender, batch, answer).await;
}

/// Returns how long after their opening or their end incidents are told.
fn delays(ledger: &Ledger, batch: &Batch, now: Timestamp) -> Vec<Duration> {
    let since_told = |told: &owed::Told| {
        let incident = ledger.incidents.get(&told.incident)?;
        let at = match told.telling {
            Telling::Fire => incident.opened_at,
            Telling::Resolve | Telling::Outage(_) | Telling::Unwatched => incident.closed_at?,
            Telling::Reminder | Telling::Acked | Telling::Left => return None,
        };
        Some(since(at, now))
    };
    batch.told.iter().filter_map(since_told).collect()
}

fn attempt_number(ledger: &Ledger, channel: &Settings, batch: &Batch) -> u32 {
    let attempts = |told: &owed::Told| {
        let key = (channel.name.clone(), told.incident.clone());
        ledger
            .deliveries
            .get(&key)
            .map(|delivery| delivery.attempts)
    };
    batch
        .told
        .iter()
        .filter_map(attempts)
        .max()
        .unwrap_or_default()
        .saturating_add(1)
}

/// Writes down how a try ended.
async fn settle(sender: &Sender<'_>, batch: Batch, answer: Answer) {
    let kind = match answer {
        Answer::Taken { remote_ref } => return taken(sender, batch, remote_ref).await,
        Answer::Retry { after, .. } => FailKind::Retry { after },
        Answer::RateLimited { after, .. } => FailKind::RateLimited { after: Some(after) },
        Answer::Rejected { .. } => FailKind::RejectedPayload,
        Answer::Disabled { .. } => FailKind::ChannelDisabled,
        Answer::Unknown { .. } => FailKind::Unknown,
        Answer::EditGone { .. } => FailKind::EditGone,
    };
    let asked = match kind {
        FailKind::Retry { after } | FailKind::RateLimited { after } => after,
        _ => None,
    };
    warn!(
        channel.name = %sender.channel.name,
        message.id = batch.message_id,
        answer = answer.as_str(),
        asked_wait = asked.map(|asked| Shown(asked).to_string()),
        reason = answer.reason(),
        "message not taken"
    );
    refused(sender, batch, kind, &answer).await;
}

async fn taken(sender: &Sender<'_>, batch: Batch, remote_ref: Option<String>) {
    let shared = sender.shared;
    let name = sender.channel.name.clone();
    let book = shared.book.newest();
    info!(channel.name = %name, message.id = batch.message_id, "message taken");
    shared
        .keeper
        .commit(move |ledger, now| {
            let confirmed = delivery::confirm(ledger, &name, &batch, remote_ref.as_deref(), now);
            own::follow_channels(ledger, &book.channels, now);
            fleet::tidy(ledger, &book.channels, now) || confirmed
        })
        .await;
    failpoint::reach("message_confirmed");
}

async fn refused(sender: &Sender<'_>, batch: Batch, kind: FailKind, answer: &Answer) {
    let shared = sender.shared;
    let name = sender.channel.name.clone();
    let book = shared.book.newest();
    let kin = match answer {
        Answer::RateLimited {
            after,
            global: true,
            ..
        } => Some((*after, book.kin(&name))),
        _ => None,
    };
    let error = answer.reason().unwrap_or_default().to_owned();
    let stop = sender.stop.clone();
    shared
        .keeper
        .commit(move |ledger, now| {
            // A refusal of settings that were replaced meanwhile says nothing about the new ones.
            let kind = match kind {
                FailKind::ChannelDisabled if stop.is_cancelled() => FailKind::Retry { after: None },
                kind => kind,
            };
            let failed = Failed {
                kind,
                error: &error,
                random: rand::random(),
            };
            let given_up = delivery::fail(ledger, &name, &batch, failed, now);
            own::warn_of_given_up(ledger, given_up);
            if kind == FailKind::ChannelDisabled {
                own::warn_of_disabled(ledger, &name);
                own::follow_channels(ledger, &book.channels, now);
            }
            let (wait, kin) = kin.unwrap_or_default();
            pause(ledger, &kin, after(now, wait));
            true
        })
        .await;
}

/// Leaves channels alone until a moment: the provider's limit for one of them goes for them as well.
fn pause(ledger: &mut Ledger, channels: &[ChannelName], until: Timestamp) {
    for name in channels {
        if let Some(state) = ledger.channels.get_mut(name) {
            state.paused_until = Some(state.paused_until.map_or(until, |at| at.max(until)));
        }
    }
}
