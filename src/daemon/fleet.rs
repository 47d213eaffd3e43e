//! What runs for the present config: the loops of its services and the tasks of its channels. A new config touches only
//! what changed.

mod goodbyes;
mod names;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use self::goodbyes::Goodbyes;
use super::book::Book;
use super::leaving::{self, Renamed};
use super::notifier;
use super::observe::{Past, Watched};
use super::own;
use super::roster::SharedPast;
use super::supervisor::Supervisor;
use super::watching::{Legacy, Shared, Watching};
use crate::channel::delivery::Delivery;
use crate::channel::fingerprint::fingerprint;
use crate::channel::settings::Settings;
use crate::config::Config;
use crate::history::Restored as Known;
use crate::model::incident::{Ledger, Reason};
use crate::model::service::{ChannelName, ServiceName};
use crate::model::violation::Violation;
use crate::policy::delivery;
use crate::policy::ledger::{self, Retention};
use crate::policy::rename;
use crate::policy::watch::{Rules, Watch};
use crate::state::ServiceLine;

/// Incidents that every channel knows the end of stay this long.
const SETTLED_FOR: Duration = Duration::from_hours(7 * 24);
/// At most this many of them.
const SETTLED_MAX: usize = 1_000;

/// What runs for the present config.
pub(super) struct Fleet {
    shared: Shared,
    workers: Supervisor,
    notify: notifier::Shared,
    loops: HashMap<ServiceName, watch::Sender<Arc<Watched>>>,
    channels: HashMap<ChannelName, (String, CancellationToken)>,
    /// Held by the task of a channel: its successor with other settings waits for the message under way.
    turns: HashMap<ChannelName, Arc<Mutex<()>>>,
    /// Ends the goodbye of a channel that has left.
    goodbyes: HashMap<ChannelName, CancellationToken>,
    /// What is known of services from before the start, until their loops take it.
    restored: BTreeMap<ServiceName, Known>,
}

/// What a new config changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) added: usize,
    pub(super) changed: usize,
    pub(super) removed: usize,
}

impl Fleet {
    pub(super) fn new(
        shared: Shared,
        workers: Supervisor,
        delivery: Arc<Delivery>,
        restored: BTreeMap<ServiceName, Known>,
    ) -> Self {
        let book = shared.books.reader();
        let notify = notifier::Shared {
            keeper: shared.keeper.clone(),
            delivery,
            book,
            metrics: shared.metrics.clone(),
            clock: shared.clock,
            seen: shared.seen.clone(),
            sweeps: shared.sweeps.clone(),
        };
        Self {
            shared,
            workers,
            notify,
            loops: HashMap::new(),
            channels: HashMap::new(),
            turns: HashMap::new(),
            goodbyes: HashMap::new(),
            restored,
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Logs which channels are disabled.
    pub(super) fn warn_of_disabled(&self) {
        let ledger = self.shared.keeper.snapshots().ledger();
        for channel in &self.shared.books.newest().channels {
            own::warn_of_disabled(&ledger, channel);
        }
    }

    /// Brings everything in line with a config whose services are made ready: ledger first, then loops and channels.
    pub(super) async fn apply(&mut self, config: &Config, watched: Vec<Arc<Watched>>) -> Applied {
        let before = self.shared.books.newest();
        self.shared.books.publish(Book::from(config));
        self.notify.delivery.limit(&config.limits);
        // Before the ledger enables a changed channel again, so that nothing more leaves with its old settings.
        self.stop_channels(&config.channels);
        self.shared.history.keep(config.history);
        let mut leaving = self.leaving(&before, config);
        let renamed = self.renamed(config).await;
        for (old, _) in &renamed {
            leaving.remove(old);
        }
        self.reconcile(config, &watched, renamed, &leaving).await;
        self.follow_names(config, &watched).await;
        let applied = self.apply_services(watched);
        self.start_channels(&config.channels);
        self.start_goodbyes(leaving);
        self.shared
            .metrics
            .own
            .services
            .set(i64::try_from(self.loops.len()).unwrap_or(i64::MAX));
        applied
    }

    /// Brings the ledger and the list of the state file in line with the config, and waits until that is on disk.
    async fn reconcile(
        &self,
        config: &Config,
        watched: &[Arc<Watched>],
        renamed: Renamed,
        leaving: &Goodbyes,
    ) {
        let lines: Vec<ServiceLine> = watched
            .iter()
            .map(|one| ServiceLine::new(&one.config.service))
            .collect();
        self.shared.keeper.list(lines.into()).await;
        let book = self.shared.books.newest();
        let prints: Vec<(ChannelName, String)> = config
            .channels
            .iter()
            .map(|channel| (channel.name.clone(), fingerprint(channel)))
            .collect();
        let names = names::renamed(watched);
        // Those of an earlier config may still be on it.
        let leave = leaving.keys().chain(self.goodbyes.keys());
        let leave: BTreeSet<ChannelName> = leave.cloned().collect();
        self.shared
            .keeper
            .commit(move |ledger, now| {
                rename::rename(ledger, &names);
                leaving::reconcile(ledger, &book.channels, renamed, &leave, now);
                let lost = own::follow_lost(ledger, &book.channels, now);
                let own = own::watched(&book.channels, &lost);
                ledger::unwatch(
                    ledger,
                    |service, violation| match book.services.get(service) {
                        Some(service) => Rules::from(&**service).watches(violation),
                        None => service.as_str() == own::NAME && own.contains(violation),
                    },
                    now,
                );
                ledger::reroute(ledger, |incident| book.told(incident), now);
                // A config that runs is a config that can be used.
                own::close(ledger, &own::bad_config(), now);
                for (name, print) in prints {
                    delivery::register(ledger, &name, &print, now);
                }
                tidy(ledger, &book.channels, now);
                own::follow_channels(ledger, &book.channels, now);
                true
            })
            .await;
    }

    fn apply_services(&mut self, watched: Vec<Arc<Watched>>) -> Applied {
        let mut applied = Applied::default();
        let names: BTreeSet<ServiceName> = watched
            .iter()
            .map(|one| one.config.service.name.clone())
            .collect();
        self.loops.retain(|name, _| {
            let stays = names.contains(name);
            if !stays {
                applied.removed += 1;
                self.shared.metrics.forget(name);
                self.shared.history.forget(name, self.shared.clock.now());
                self.shared.seen.forget(name);
                self.shared.roster.remove(name);
                self.restored.remove(name);
            }
            stays
        });
        let count = watched.len();
        for one in watched {
            let name = one.config.service.name.clone();
            match self.loops.get(&name) {
                None => {
                    applied.added += 1;
                    let known = self.restored.remove(&name).unwrap_or_default();
                    self.start_loop(one, known, count);
                }
                Some(settings) => {
                    let same = {
                        let before = settings.borrow();
                        before.config.fingerprint == one.config.fingerprint
                            && before.config.limits == one.config.limits
                            && before.config.record == one.config.record
                    };
                    if !same {
                        applied.changed += 1;
                        settings.send_replace(one);
                    }
                }
            }
        }
        applied
    }

    fn start_loop(&mut self, watched: Arc<Watched>, mut known: Known, services: usize) {
        let name = watched.config.service.name.clone();
        let (settings, receiver) = watch::channel(watched);
        let (shared, stop) = (Arc::clone(&self.shared), self.workers.stopping());
        let past = SharedPast::new(Past {
            memory: Arc::new(std::mem::take(&mut known.memory)),
            prev: None,
            common: shared.common.clone(),
        });
        shared.roster.add(&name, receiver.clone(), past.clone());
        let (legacy, mut known) = (Legacy::default(), Some(known));
        self.workers.start(&name, move || {
            let watched = Arc::clone(&receiver.borrow());
            let left = legacy.lock().unwrap_or_else(PoisonError::into_inner).take();
            let watch = match left {
                Some(mut watch) => {
                    watch.reconfigure(Rules::from(&*watched.config.service));
                    watch.resume(open_of(&shared, &watched));
                    *watch
                }
                None => begin(&shared, &watched, known.take().unwrap_or_default()),
            };
            let legacy = Arc::clone(&legacy);
            Watching::new(
                Arc::clone(&shared),
                receiver.clone(),
                (watch, past.clone()),
                legacy,
                services,
            )
            .run(stop.clone())
        });
        self.loops.insert(name, settings);
    }

    /// Stops the channels that are gone or have other settings.
    fn stop_channels(&mut self, channels: &[Settings]) {
        let prints: HashMap<&ChannelName, String> = channels
            .iter()
            .map(|channel| (&channel.name, fingerprint(channel)))
            .collect();
        self.channels.retain(|name, (print, stop)| {
            let stays = prints.get(name) == Some(print);
            if !stays {
                stop.cancel();
            }
            stays
        });
    }

    /// Starts the channels that do not run.
    fn start_channels(&mut self, channels: &[Settings]) {
        for channel in channels {
            if self.channels.contains_key(&channel.name) {
                continue;
            }
            let settings = Arc::new(channel.clone());
            let task = format!("channel {}", channel.name);
            let stop = self.start_in_turn(&task, &channel.name, move |shared, stop| {
                notifier::run(shared, Arc::clone(&settings), stop)
            });
            self.channels
                .insert(channel.name.clone(), (fingerprint(channel), stop));
        }
    }

    /// Starts a task that sends to a channel once the one before has ended; returns what stops it.
    fn start_in_turn<F>(
        &mut self,
        task: &str,
        channel: &ChannelName,
        mut run: impl FnMut(notifier::Shared, CancellationToken) -> F + Send + 'static,
    ) -> CancellationToken
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.workers.stopping().child_token();
        let (shared, token) = (self.notify.clone(), stop.clone());
        let turn = Arc::clone(self.turns.entry(channel.clone()).or_default());
        self.workers.start(task, move || {
            let (turn, token) = (Arc::clone(&turn), token.clone());
            let running = run(shared.clone(), token.clone());
            async move {
                let Some(_turn) = token.run_until_cancelled(turn.lock()).await else {
                    return;
                };
                running.await;
            }
        });
        stop
    }
}

/// Returns what a loop begins with: what is known of the service from before the start.
fn begin(shared: &Shared, watched: &Watched, mut known: Known) -> Watch {
    let service = &watched.config.service;
    let before = || shared.seen.last_good(&service.name);
    known.counters.last_good = known.counters.last_good.or_else(before);
    known.watch(service, open_of(shared, watched))
}

/// Returns the violations of a service that the ledger holds open.
fn open_of(shared: &Shared, watched: &Watched) -> Vec<(Violation, Reason)> {
    let ledger = shared.keeper.snapshots().ledger();
    let open = ledger
        .incidents
        .values()
        .filter(|incident| incident.is_open() && incident.service == watched.config.service.name)
        .map(|incident| (incident.violation.clone(), incident.reason.clone()));
    open.collect()
}

/// Gives up and removes what nobody needs any more; `channels` are those of the config. Tells whether there was any.
pub(super) fn tidy(ledger: &mut Ledger, channels: &BTreeSet<ChannelName>, now: Timestamp) -> bool {
    let sizes = |ledger: &Ledger| {
        (
            ledger.incidents.len(),
            ledger.deliveries.len(),
            ledger.channels.len(),
            ledger.announced.len(),
        )
    };
    let before = sizes(ledger);
    let given_up = delivery::expire(ledger, now);
    own::warn_of_given_up(ledger, given_up);
    let retention = Retention {
        settled_for: SETTLED_FOR,
        settled_max: SETTLED_MAX,
    };
    ledger::prune(ledger, channels, retention, now);
    given_up > 0 || before != sizes(ledger)
}
