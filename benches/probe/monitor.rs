//! The measured side: everything the daemon does for one probe, in the order of its loop.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use oes::clock::Clock;
use oes::config::{self, Config, ProcessEnvironment};
use oes::daemon::observe::{Past, Watched, as_prev, remember};
use oes::daemon::once::Once;
use oes::history::Store;
use oes::history::series::RawSample;
use oes::metrics::{Metrics, ServiceCounters};
use oes::model::judgement::Outcome;
use oes::policy::watch::{Restored, Rules, Watch};
use oes::script::pool::Sandbox;
use tokio_util::sync::CancellationToken;

use crate::target::{Target, body};

/// A script as people write them, twenty lines with its comments.
pub const SCRIPT: &str = include_str!("../parts/bench.rhai");

/// What judges the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// The matcher `types` with a real sample.
    Types,
    /// [`SCRIPT`] on a thread.
    Script,
    /// [`SCRIPT`] in a worker process.
    Worker,
}

/// Where the services are.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// Absent for plain HTTP.
    pub authority: Option<&'a Path>,
    /// The target.
    pub address: SocketAddr,
    /// The path of the URL.
    pub path: &'a str,
}

impl<'a> Site<'a> {
    /// Returns the target's plain side.
    pub fn plain(target: &Target, path: &'a str) -> Self {
        Self {
            authority: None,
            address: target.http,
            path,
        }
    }
}

/// Returns an ops config of so many services.
pub fn ops_config(
    site: Site<'_>,
    judge: Judge,
    services: usize,
    interval: &str,
    data: &Path,
) -> String {
    let mut text = format!(
        "data = {data:?}\nserver = {{ listen = \"127.0.0.1:0\" }}\n[defaults]\ninterval = \"{interval}\"\nlatency = 2000\n"
    );
    text.push_str(&match judge {
        Judge::Types => format!("response_matcher = \"types\"\nresponse = {}\n", sample()),
        Judge::Script | Judge::Worker => "response_matcher = \"bench\"\n".to_owned(),
    });
    if let Some(authority) = site.authority {
        writeln!(text, "tls = {{ ca = {authority:?} }}").unwrap();
    }
    let scheme = if site.authority.is_some() {
        "https"
    } else {
        "http"
    };
    let url = format!("{scheme}://{}{}", site.address, site.path);
    for number in 0..services {
        writeln!(
            text,
            "[[services]]\nname = \"service-{number:05}\"\nurl = \"{url}\""
        )
        .unwrap();
    }
    text
}

/// Returns the body as an inline table.
fn sample() -> String {
    let value: serde_json::Value = serde_json::from_str(&body()).unwrap();
    toml::Value::try_from(value).unwrap().to_string()
}

/// One service of a worker.
struct Service {
    watched: Watched,
    watch: Watch,
    past: Past,
    counters: Arc<ServiceCounters>,
}

/// All services, divided among the workers.
pub struct Monitor {
    once: Once,
    history: Arc<Store>,
    metrics: Metrics,
    stop: CancellationToken,
    shares: Vec<Vec<Service>>,
    /// Kept until the end: the database lies in it.
    _folder: tempfile::TempDir,
}

/// How much a probe costs besides, to see that the bench notices.
pub type Burden = Duration;

impl Monitor {
    /// Makes a monitor of 1,000 services, divided among `workers`.
    pub fn new(site: Site<'_>, judge: Judge, workers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = load(folder.path(), site, judge, 1_000);
        let sandbox = match judge {
            Judge::Worker => crate::sandbox::worker(),
            Judge::Types | Judge::Script => Sandbox::Threads,
        };
        let once = Once::new(sandbox).unwrap();
        let history = Store::open(&folder.path().join("oes.db"), 7, Clock::System.now()).store;
        let metrics = Metrics::default();
        let mut shares: Vec<Vec<Service>> = (0..workers).map(|_| Vec::new()).collect();
        for (number, service) in config.services.iter().enumerate() {
            let one = Service {
                watched: once.prepare(service).unwrap(),
                watch: Watch::new(Rules::from(&*service.service), Restored::default()),
                past: Past::default(),
                counters: metrics.service(&service.service.name),
            };
            shares.get_mut(number % workers).unwrap().push(one);
        }
        let stop = CancellationToken::new();
        Self {
            once,
            history: Arc::new(history),
            metrics,
            stop,
            shares,
            _folder: folder,
        }
    }

    /// Makes so many probes and returns how many found their service good.
    pub async fn probe(&mut self, probes: u64, burden: Burden) -> u64 {
        let shares = std::mem::take(&mut self.shares);
        let each = probes / shares.len() as u64;
        let tasks: Vec<_> = shares
            .into_iter()
            .map(|services| {
                let worker = Worker {
                    once: self.once.clone(),
                    history: Arc::clone(&self.history),
                    metrics: self.metrics.clone(),
                    stop: self.stop.clone(),
                    services,
                };
                crate::spawn(worker.run(each, burden))
            })
            .collect();
        let mut good = 0;
        for task in tasks {
            let (found, services) = task.await.unwrap();
            good += found;
            self.shares.push(services);
        }
        good
    }

    /// Waits until every row is written, and tells whether all were.
    pub fn settle(&self) -> bool {
        self.history.flush(Duration::from_secs(10)).is_ok()
            && self.history.health() == oes::history::Health::default()
    }
}

/// A script must lie beside the config that names it.
fn load(folder: &Path, site: Site<'_>, judge: Judge, services: usize) -> Config {
    write_script(folder);
    let text = ops_config(site, judge, services, "60s", &folder.join("data"));
    match config::load_text("bench.toml", &text, folder, &ProcessEnvironment) {
        Ok(loaded) => loaded.config,
        Err(report) => panic!(
            "{}",
            report.graphical(config::report::Look {
                colour: false,
                width: 100
            })
        ),
    }
}

/// Puts the script where a config in this folder finds it.
#[expect(clippy::disallowed_methods, reason = "a bench needs no atomic files")]
pub fn write_script(folder: &Path) -> PathBuf {
    let scripts = folder.join("scripts/matchers");
    std::fs::create_dir_all(&scripts).unwrap();
    let path = scripts.join("bench.rhai");
    std::fs::write(&path, SCRIPT).unwrap();
    path
}

struct Worker {
    once: Once,
    history: Arc<Store>,
    metrics: Metrics,
    stop: CancellationToken,
    services: Vec<Service>,
}

impl Worker {
    async fn run(mut self, probes: u64, burden: Burden) -> (u64, Vec<Service>) {
        let mut good = 0;
        let count = self.services.len() as u64;
        for number in 0..probes {
            let index = usize::try_from(number % count).unwrap();
            good += u64::from(self.one(index).await);
            let busy_until = tokio::time::Instant::now() + burden;
            while tokio::time::Instant::now() < busy_until {
                std::hint::spin_loop();
            }
        }
        (good, self.services)
    }

    /// Does what `daemon::watching` does between two sleeps.
    async fn one(&mut self, index: usize) -> bool {
        let Service {
            watched,
            watch,
            past,
            counters,
        } = self.services.get_mut(index).unwrap();
        let now = Clock::System.now();
        let observing = Box::pin(self.once.observe(watched, past, now));
        let Some(observation) = self.stop.run_until_cancelled(observing).await else {
            return false;
        };
        let name = &watched.config.service.name;
        self.metrics.probed(counters, &observation);
        for run in &observation.judgement.runs {
            remember(&mut past.memory, run);
            self.history.write_memory(name, run.memory.clone());
        }
        if watched.uses_prev() {
            past.prev = as_prev(&observation).or(past.prev.take());
        }
        let sample = observation.sample();
        let changes = watch.observe(&sample, &observation.judgement, &observation);
        let raw = RawSample::of(sample, Duration::from_secs(70)).with_phases(&observation);
        self.history.write_sample(name, raw);
        observation.judgement.outcome == Outcome::Pass && changes.is_empty()
    }
}
