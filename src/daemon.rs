//! Puts the parts together and runs them: one loop a service, the keeper, one task a channel, the pages, the reload.
//!
//! [`Daemon::start`] builds everything that can fail before anything runs. [`Daemon::stop`] lets probes and messages end
//! first and the keeper last, so that what was sent is also written down.

mod almanac;
mod beats;
mod book;
mod books;
mod canaries;
pub mod common;
pub mod control;
pub mod control_file;
mod door;
mod evidence;
mod fleet;
mod health;
mod heart;
mod heartbeat;
mod host;
mod jump;
pub mod keeper;
mod leaving;
mod letters;
mod notifier;
pub mod observe;
mod on_demand;
pub mod once;
mod open;
mod otlp;
mod outside;
mod own;
mod page;
mod playground;
mod prepare;
pub mod recording;
mod reload;
mod roster;
mod seen;
mod service_manager;
pub mod signals;
mod supervisor;
mod sweep;
mod timekeeper;
mod tools;
mod upkeep;
mod watching;
mod workers;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::channel::delivery::{Console, Delivery, DeliveryError};
use crate::clock::Clock;
use crate::config::Config;
use crate::history::Store;
use crate::history::recordings::Recorder;
use crate::metrics::Metrics;
use crate::model::causes::Causes;
use crate::model::incident::{IncidentId, Ledger};
use crate::model::route::Route;
use crate::model::service::Service;
use crate::policy::ledger;
use crate::policy::watch::Change;
use crate::probe::{self, Prober};
use crate::script::pool::Program;
use crate::state::{self, StateFile};
use crate::web;
use crate::web::{CertificateError, Place};

use beats::{Beats, Ear};
use books::Books;
use control::Controller;
use control_file::ControlFile;
use fleet::Fleet;
use keeper::{Keeper, Snapshots};
use observe::Tools;
use prepare::PrepareError;
use roster::Roster;
use seen::Seen;
pub use supervisor::Stopped;
use supervisor::Supervisor;
use sweep::Sweeps;

/// What a start needs besides the config.
pub struct Options {
    /// Where the config came from: it is read again when it changes. Absent for a config that never changes.
    pub config_path: Option<PathBuf>,
    /// Where messages for the console go.
    pub console: Console,
    /// The clock.
    pub clock: Clock,
    /// The program for worker processes, where the config wants them; absent for threads.
    pub worker: Option<Program>,
}

/// Why the daemon could not start. Nothing runs then.
#[derive(Debug, Error)]
pub enum StartError {
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] state::OpenError),
    /// The pages cannot be served.
    #[error("could not listen on {place}: {why}; {}", mend(why))]
    Listen {
        /// Where.
        place: Place,
        /// Why.
        why: io::Error,
    },
    /// The prober cannot work.
    #[error(transparent)]
    Prober(#[from] probe::ProberError),
    /// Scripts cannot run.
    #[error("could not start what runs the scripts")]
    Scripts(#[source] io::Error),
    /// Connections cannot be encrypted.
    #[error("the certificate of `server.tls` cannot be used: {0}")]
    Certificate(#[from] CertificateError),
    /// Messages cannot be delivered.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// A service's requests cannot be made.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
}

/// Returns what to do about an address that cannot be listened on.
fn mend(why: &io::Error) -> &'static str {
    if why.kind() == io::ErrorKind::AddrInUse {
        "end the program that has this address, or set another `listen` under `server`"
    } else {
        "set another `listen` under `server`"
    }
}

/// A running daemon. Dropping it leaves its tasks running; see [`Daemon::stop`].
pub struct Daemon {
    workers: Supervisor,
    writers: Supervisor,
    keeper: Keeper,
    history: Arc<Store>,
    recorder: Arc<Recorder>,
    metrics: Metrics,
    place: Place,
    data: PathBuf,
    reload: Arc<Notify>,
}

impl Daemon {
    /// Starts watching.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(config: Config, options: Options) -> Result<Self, StartError> {
        Self::begin(config, options, None).await
    }

    /// Starts watching with another prober: a fake one runs on paused time.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start_with(
        config: Config,
        options: Options,
        prober: Arc<dyn Prober>,
    ) -> Result<Self, StartError> {
        Self::begin(config, options, Some(prober)).await
    }

    async fn begin(
        config: Config,
        options: Options,
        prober: Option<Arc<dyn Prober>>,
    ) -> Result<Self, StartError> {
        let began = Instant::now();
        let metrics = Metrics::default();
        let now = options.clock.now();
        let opened = open::open(&config, now).await?;
        let sandbox = config.sandbox.with(options.worker);
        let tools = tools::ready(options.clock, sandbox, prober).await?;
        let watched = prepare::prepare_all(&tools, &config).await?;
        let delivery = delivery(&tools, &config, options.console)?;
        let place = opened.place(&config);

        let (writers, workers) = (Supervisor::new(&metrics), Supervisor::new(&metrics));
        let (state, history) = ((opened.file, opened.ledger), Arc::clone(&opened.history));
        let keeper = start_keeper(&writers, state, history, &metrics, options.clock);
        let shared = Arc::new(watching::Parts {
            tools,
            keeper: keeper.clone(),
            history: Arc::clone(&opened.history),
            recorder: Arc::clone(&opened.recorder),
            common: opened.common,
            metrics: metrics.clone(),
            clock: options.clock,
            started: Instant::now(),
            pulse: Arc::default(),
            books: Books::default(),
            sweeps: Sweeps::default(),
            seen: Seen::new(now),
            beats: Beats::default(),
            roster: Roster::default(),
        });
        let (delivered, known) = (Arc::clone(&delivery), opened.restored);
        let mut fleet = Fleet::new(Arc::clone(&shared), workers.clone(), delivered, known);
        let services = watched.len();
        fleet.apply(&config, watched).await;
        fleet.warn_of_disabled();
        let reload = Arc::new(Notify::new());
        let facts = Arc::new(health::Page::new(&shared, workers.clone()));
        upkeep::start(&workers, &shared, &facts, &config);
        let pages = page::pages(&shared, &facts, &config.data, workers.stopping());
        let (gate, door) = door::open(&config, &place, outside::asking(&shared))?;
        let (order, orders) = reload::queue(options.config_path.is_some());
        let control = Controller::new(&shared, delivery, &config.data, order, workers.clone());
        let site = web::Site {
            facts,
            control: Arc::new(control),
            beats: Arc::new(Ear::new(shared.beats.clone(), Arc::clone(&shared.history))),
            gate: Arc::clone(&gate),
            base: Arc::clone(&config.server.base),
            pages,
        };
        start_web(&workers, opened.socket, site, door.certificate());
        let data = config.data.clone();
        let asked = (Arc::clone(&reload), orders);
        let reloader =
            reload::Reloader::new(fleet, config, options.config_path, asked, (gate, door));
        workers.start_once("reload", reloader.run(workers.stopping()));
        metrics.own.accepted(options.clock.now().as_second());
        service_manager::ready();
        info!(services, address = %place, elapsed_ms = began.elapsed().as_millis(), "watching");
        Ok(Self {
            workers,
            writers,
            keeper,
            history: opened.history,
            recorder: opened.recorder,
            metrics,
            place,
            data,
            reload,
        })
    }

    /// Returns what tells of every new state of the ledger.
    pub fn snapshots(&self) -> Snapshots {
        self.keeper.snapshots()
    }

    /// Returns what is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns where the pages are served.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Asks for a reload of the config; returns at once.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Stops: probes and messages under way may end within `grace`, then everything is written down. What is still owed
    /// then is told after the next start; only what could not be written down makes the stop [`Stopped::Abandoned`].
    pub async fn stop(self, grace: Duration) -> Stopped {
        service_manager::stopping();
        self.workers.stop(grace).await;
        ControlFile::remove(&self.data);
        let (history, recorder) = (Arc::clone(&self.history), Arc::clone(&self.recorder));
        let flushing = move || {
            let flushed = history.flush(HISTORY_GRACE);
            (flushed, recorder.flush(HISTORY_GRACE))
        };
        let flushed = tokio::task::spawn_blocking(flushing).await;
        if let Ok((Err(error), _)) = &flushed {
            warn!(error = %Causes(error), "the history database is not complete");
        }
        if let Ok((_, false)) = flushed {
            warn!("not every recording could be written");
        }
        let written = self.writers.stop(KEEPER_GRACE).await;
        let snapshot = self.keeper.snapshots().newest();
        let owed = health::messages_owed(&snapshot.ledger);
        if written == Stopped::Abandoned || !snapshot.durable {
            error!(owed, "stopped; not everything could be written down");
            return Stopped::Abandoned;
        }
        if owed > 0 {
            warn!(
                owed,
                "stopped with messages still owed; they are sent after the next start"
            );
        } else {
            info!("stopped");
        }
        Stopped::Drained
    }
}

/// How long the keeper may take for its last commit.
const KEEPER_GRACE: Duration = Duration::from_secs(10);
/// How long the history database may take for its last rows.
const HISTORY_GRACE: Duration = Duration::from_secs(5);

/// Returns what delivers messages.
fn delivery(
    tools: &Tools,
    config: &Config,
    console: Console,
) -> Result<Arc<Delivery>, DeliveryError> {
    let (pool, limits) = (Arc::clone(&tools.pool), config.limits.as_ref().clone());
    Delivery::new(pool, limits, console).map(Arc::new)
}

fn start_keeper(
    writers: &Supervisor,
    (file, ledger): (StateFile, Ledger),
    history: Arc<Store>,
    metrics: &Metrics,
    clock: Clock,
) -> Keeper {
    let (keeper, keeping) = keeper::new(file, ledger, history, metrics.clone(), clock);
    writers.start_once("keeper", keeping.run(writers.stopping()));
    keeper
}

fn start_web(
    workers: &Supervisor,
    socket: web::Socket,
    site: web::Site,
    certificate: Option<Arc<web::Certificate>>,
) {
    let stop = workers.stopping().cancelled_owned();
    workers.start_once("web", web::serve(socket, site, certificate, stop));
}

/// Writes what changed for a service into the ledger; tells whether anything did.
fn apply(
    ledger: &mut Ledger,
    service: &Service,
    routes: &[Route],
    changes: Vec<Change>,
    now: Timestamp,
) -> bool {
    ledger::apply(
        ledger,
        (service, routes),
        changes,
        &mut new_incident_id,
        now,
    )
}

fn new_incident_id() -> IncidentId {
    ledger::incident_id(rand::random())
}
