//! Reads the config again when it changes: a bad one changes nothing and is said to everybody, a good one touches only
//! what changed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::door::Door;
use super::fleet::{Applied, Fleet};
use super::{own, prepare};
use crate::channel::fingerprint::fingerprint;
use crate::clock::Clock;
use crate::config::report::Report;
use crate::config::{self, Config, Loaded, ProcessEnvironment};
use crate::model::causes::Causes;
use crate::model::duration::since;
use crate::model::incident::Reason;
use crate::model::service::ChannelName;
use crate::policy::{delivery, owed};
use crate::web::api::Reloaded;
use crate::web::auth::Gate;

/// Changes of files are looked at once they have been quiet for so long, so that an editor can finish.
const QUIET: Duration = Duration::from_millis(200);
/// A config that changed this short before the start is read again after it: loading a large one takes seconds.
const FRESH: Duration = Duration::from_secs(5);
/// At the latest after this, however much changes.
const QUIET_MAX: Duration = Duration::from_secs(2);

/// Asks for a reload, and is told how it ended.
pub(super) type Reloads = mpsc::Sender<oneshot::Sender<Reloaded>>;
/// So many may wait for a reload at once; further ones wait to ask.
const RELOADS_MAX: usize = 16;

/// Returns where people ask for reloads, unless the config never changes, and where that arrives.
pub(super) fn queue(changes: bool) -> (Option<Reloads>, mpsc::Receiver<oneshot::Sender<Reloaded>>) {
    let (order, orders) = mpsc::channel(RELOADS_MAX);
    (changes.then_some(order), orders)
}

/// Watches the files of a config and applies what they become.
pub(super) struct Reloader {
    fleet: Fleet,
    config: Config,
    path: Option<PathBuf>,
    asked: Arc<Notify>,
    orders: mpsc::Receiver<oneshot::Sender<Reloaded>>,
    gate: Arc<Gate>,
    door: Door,
    /// What tells of changes, until the task has it.
    files: Option<(FileWatch, mpsc::Receiver<()>)>,
    /// Whether the last reload was refused.
    refused: bool,
}

impl Reloader {
    pub(super) fn new(
        fleet: Fleet,
        config: Config,
        path: Option<PathBuf>,
        (asked, orders): (Arc<Notify>, mpsc::Receiver<oneshot::Sender<Reloaded>>),
        (gate, door): (Arc<Gate>, Door),
    ) -> Self {
        // Here and not in the task: a change right after the start must not go unnoticed.
        let files = path.is_some().then(|| watch(&config, fleet.shared().clock));
        Self {
            fleet,
            config,
            path,
            asked,
            orders,
            gate,
            door,
            files,
            refused: false,
        }
    }

    /// Works until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let Some(path) = self.path.clone() else {
            return stop.cancelled().await;
        };
        let (mut files, mut events) = self
            .files
            .take()
            .unwrap_or_else(|| watch(&self.config, self.fleet.shared().clock));
        loop {
            let (forced, tell) = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.asked.notified() => (true, None),
                Some(tell) = self.orders.recv() => (true, Some(tell)),
                Some(()) = events.recv() => { settle(&mut events).await; (false, None) }
            };
            let (outcome, read) = self.reload(&path, forced).await;
            files.follow(&read);
            if let Some(tell) = tell {
                // Whoever asked may be gone.
                tell.send(outcome).unwrap_or_default();
            }
        }
    }

    /// Reloads; returns how that ended and the files that were read.
    async fn reload(&mut self, path: &Path, forced: bool) -> (Reloaded, Vec<PathBuf>) {
        let owned = path.to_owned();
        let loaded =
            tokio::task::spawn_blocking(move || config::load(&owned, &ProcessEnvironment)).await;
        let (outcome, read) = match loaded {
            Ok(Ok(loaded)) => {
                let files = loaded.config.files.clone();
                (self.apply(loaded).await, files)
            }
            Ok(Err(report)) => (refused(mistakes(&report)), report.read),
            Err(panicked) => (
                refused(vec![panicked.to_string()]),
                self.config.files.clone(),
            ),
        };
        self.tell(&outcome, forced).await;
        if forced && !self.refused {
            self.enable_channels().await;
        }
        (outcome, read)
    }

    async fn apply(&mut self, loaded: Loaded) -> Reloaded {
        let config = loaded.config;
        let needs_restart = !config.server.is_where(&self.config.server)
            || config.data != self.config.data
            || config.sandbox != self.config.sandbox;
        if needs_restart {
            let why = "`data`, `sandbox` and `server`, but for tokens, `oidc` and certificate, change only with a restart";
            return refused(vec![why.to_owned()]);
        }
        let tools = self.fleet.shared().tools.clone();
        let watched = match prepare::prepare_all(&tools, &config).await {
            Ok(watched) => watched,
            Err(error) => return refused(vec![Causes(&error).to_string()]),
        };
        let settings_changed = config.server != self.config.server
            || config.otlp != self.config.otlp
            || config.notify != self.config.notify
            || config.limits != self.config.limits
            || prints(&config) != prints(&self.config);
        if config.server.tls != self.config.server.tls
            && let Err(error) = self.door.renew(&config.server)
        {
            return refused(vec![error.to_string()]);
        }
        let applied = self.fleet.apply(&config, watched).await;
        let server = &config.server;
        let (tokens, oidc) = (server.tokens.iter().cloned(), server.oidc.as_ref());
        self.gate.renew(tokens, oidc, server.is_local);
        self.config = config;
        if applied == Applied::default() && !settings_changed && !self.refused {
            Reloaded::Unchanged
        } else {
            applied.into()
        }
    }

    /// Says how it ended: in the log, in the metrics, and if it was refused as an incident of OES itself.
    async fn tell(&mut self, outcome: &Reloaded, forced: bool) {
        let shared = self.fleet.shared();
        let own = &shared.metrics.own;
        let why = match outcome {
            Reloaded::Refused { mistakes } => Some(first_lines(mistakes)),
            _ => None,
        };
        if why.is_some() {
            own.reload_successful.set(0);
        } else {
            own.accepted(shared.clock.now().as_second());
        }
        match outcome {
            Reloaded::Applied {
                added,
                changed,
                removed,
            } => {
                info!(added, changed, removed, "config reloaded");
            }
            Reloaded::Unchanged if forced => info!("config is unchanged"),
            Reloaded::Unchanged => {}
            Reloaded::Refused { .. } => warn!(why, "config is refused; what ran goes on"),
        }
        let channels = shared.books.newest().channels.clone();
        self.refused = why.is_some();
        shared
            .keeper
            .tell(move |ledger, now| {
                let Some(why) = why else {
                    return own::close(ledger, &own::bad_config(), now);
                };
                let reason = Reason {
                    rule: "the changed ops config cannot be used; what ran before goes on"
                        .to_owned(),
                    finding: Some(why),
                    ..Reason::default()
                };
                own::open(ledger, own::bad_config(), reason, &channels, now)
            })
            .await;
    }

    /// Gives every channel that is disabled a new chance: somebody asked for it who may have mended what it posts to.
    async fn enable_channels(&self) {
        let book = self.fleet.shared().books.newest();
        self.fleet
            .shared()
            .keeper
            .tell(move |ledger, now| {
                let mut any = false;
                for channel in &book.channels {
                    if delivery::enable(ledger, channel, now) {
                        let (owed, _) = owed::backlog(ledger, channel);
                        info!(channel.name = %channel, owed, "channel is enabled again");
                        any = true;
                    }
                }
                own::follow_channels(ledger, &book.channels, now);
                any
            })
            .await;
    }
}

/// Returns what tells changed channels from unchanged ones.
fn prints(config: &Config) -> Vec<(&ChannelName, String)> {
    config
        .channels
        .iter()
        .map(|channel| (&channel.name, fingerprint(channel)))
        .collect()
}

impl From<Applied> for Reloaded {
    fn from(applied: Applied) -> Self {
        Self::Applied {
            added: applied.added,
            changed: applied.changed,
            removed: applied.removed,
        }
    }
}

fn refused(mistakes: Vec<String>) -> Reloaded {
    Reloaded::Refused { mistakes }
}

/// Returns what is wrong, one line a mistake.
fn mistakes(report: &Report) -> Vec<String> {
    let lines = report.lines();
    let errors = lines.iter().filter(|line| line.severity == "error");
    errors
        .map(|line| format!("{}: {}", line.place(), line.message))
        .collect()
}

/// Returns the first mistakes, one a line, and how many more there are.
fn first_lines(mistakes: &[String]) -> String {
    const SHOWN: usize = 3;
    let mut text: Vec<String> = mistakes.iter().take(SHOWN).cloned().collect();
    if mistakes.len() > SHOWN {
        text.push(format!("and {} more", mistakes.len() - SHOWN));
    }
    text.join("\n")
}

/// Watches the files of a config. One that changed about when the config was loaded counts as changed, since it may
/// have done so before anything watched it.
fn watch(config: &Config, clock: Clock) -> (FileWatch, mpsc::Receiver<()>) {
    let (sender, events) = mpsc::channel(1);
    let fresh = |file: &PathBuf| {
        let changed = file.metadata().and_then(|facts| facts.modified()).ok();
        let changed = changed.and_then(|at| Timestamp::try_from(at).ok());
        changed.is_some_and(|at| since(at, clock.now()) < FRESH)
    };
    let files = FileWatch::new(sender.clone(), &config.files);
    if config.files.iter().any(fresh) {
        sender.try_send(()).unwrap_or_default();
    }
    (files, events)
}

/// Waits until no more changes come.
async fn settle(events: &mut mpsc::Receiver<()>) {
    let quiet = async {
        while timeout(QUIET, events.recv())
            .await
            .is_ok_and(|event| event.is_some())
        {}
    };
    tokio::select! {
        () = quiet => {}
        () = sleep(QUIET_MAX) => {}
    }
}

/// Tells when one of some files changes. Their folders are watched, since editors replace files.
struct FileWatch {
    watcher: Option<RecommendedWatcher>,
    /// Names of the files that matter; the rest of their folders may change as it likes.
    names: Arc<RwLock<BTreeSet<OsString>>>,
    folders: BTreeSet<PathBuf>,
}

impl FileWatch {
    fn new(events: mpsc::Sender<()>, files: &[PathBuf]) -> Self {
        let names: Arc<RwLock<BTreeSet<OsString>>> = Arc::default();
        let known = Arc::clone(&names);
        let heard = move |event: notify::Result<notify::Event>| {
            let known = known.read().unwrap_or_else(PoisonError::into_inner);
            let ours = |path: &PathBuf| path.file_name().is_some_and(|name| known.contains(name));
            if event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(ours)) {
                // A full queue already holds what makes the files be looked at.
                events.try_send(()).unwrap_or_default();
            }
        };
        let watcher = notify::recommended_watcher(heard)
            .inspect_err(|error| warn!(%error, "changed files go unnoticed; SIGHUP still reloads"))
            .ok();
        let mut watch = Self {
            watcher,
            names,
            folders: BTreeSet::new(),
        };
        watch.follow(files);
        watch
    }

    /// Watches the folders of these files from now on.
    fn follow(&mut self, files: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let names = files
            .iter()
            .filter_map(|file| file.file_name())
            .map(OsString::from);
        // Kubernetes replaces all files of a mounted folder at once by this link.
        let names = names.chain([OsString::from("..data")]).collect();
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = names;
        for file in files {
            let parent = file
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            let folder = parent.unwrap_or(Path::new(".")).to_path_buf();
            if self.folders.contains(&folder) {
                continue;
            }
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder);
                }
                Err(error) => {
                    warn!(folder = %folder.display(), %error, "changes in this folder go unnoticed");
                }
            }
        }
    }
}
