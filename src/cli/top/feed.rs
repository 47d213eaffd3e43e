//! Brings what the daemon knows, again and again, while the screen goes on.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

use crate::cli::control::{self, OrderError};
use crate::model::causes::Causes;
use crate::model::judgement::Outcome;

/// The daemon is asked so often, …
const ASK_EVERY: Duration = Duration::from_secs(1);
/// … but is at rest for so many times as long as its answer took.
const REST_SHARE: u32 = 10;

/// A service as the daemon tells of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Service {
    pub(super) name: String,
    /// Absent of one that is not asked.
    pub(super) method: Option<String>,
    pub(super) url: Option<String>,
    pub(super) group: Option<String>,
    pub(super) next_probe_at: Option<Timestamp>,
    /// What is waited for, of one that reports.
    pub(super) heartbeat: Option<Beats>,
    pub(super) last: Option<Probed>,
    /// The maintenance that is on now.
    #[serde(default)]
    pub(super) maintenance: Option<String>,
    pub(super) violations: Vec<Open>,
}

impl Service {
    /// Tells whether it breaks a rule while nothing is planned.
    pub(super) fn is_broken(&self) -> bool {
        !self.violations.is_empty() && self.maintenance.is_none()
    }
}

/// What is waited for of a service that reports.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Beats {
    pub(super) rhythm: String,
    pub(super) last_report_at: Option<Timestamp>,
    pub(super) running_since: Option<Timestamp>,
    pub(super) expected_at: Option<Timestamp>,
}

/// Its newest probe.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Probed {
    pub(super) at: Timestamp,
    pub(super) outcome: Outcome,
    pub(super) latency_us: Option<u64>,
    pub(super) status: Option<u16>,
    pub(super) finding: Option<String>,
    pub(super) certificate_expires: Option<Timestamp>,
}

/// An open violation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Open {
    pub(super) violation: String,
    pub(super) incident: String,
    pub(super) since: Timestamp,
    pub(super) rule: String,
    pub(super) acked: bool,
}

/// What came of asking.
pub(super) enum News {
    /// All services.
    Services(Vec<Service>),
    /// What a wish came to, or why the daemon did not answer.
    Words(String),
}

/// Asks the daemon. It ends with the process.
pub(super) struct Feed {
    wishes: Sender<String>,
}

impl Feed {
    /// Starts asking the daemon that uses a data folder, which must answer once.
    ///
    /// # Errors
    /// [`OrderError`] if it does not.
    pub(super) fn start(data: PathBuf) -> Result<(Self, Receiver<News>), OrderError> {
        let (tell, news) = mpsc::channel();
        let (wishes, queue) = mpsc::channel();
        let first = services(&data)?;
        // Whoever listens is there until the process ends.
        tell.send(News::Services(first)).unwrap_or_default();
        thread::spawn(move || ask(&data, &tell, &queue));
        Ok((Self { wishes }, news))
    }

    /// Has a service probed at once.
    pub(super) fn probe(&self, service: String) {
        self.wishes.send(service).unwrap_or_default();
    }
}

fn ask(data: &Path, tell: &Sender<News>, wished: &Receiver<String>) {
    let mut rest = ASK_EVERY;
    loop {
        let news = match wished.recv_timeout(rest) {
            Ok(service) => News::Words(match control::probe(data, &service) {
                Ok(()) => format!("{service} was probed"),
                Err(error) => Causes(&error).to_string(),
            }),
            Err(RecvTimeoutError::Timeout) => {
                let begun = Instant::now();
                let news = match services(data) {
                    Ok(services) => News::Services(services),
                    Err(error) => News::Words(Causes(&error).to_string()),
                };
                rest = ASK_EVERY.max(begun.elapsed() * REST_SHARE);
                news
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if tell.send(news).is_err() {
            return;
        }
    }
}

fn services(data: &Path) -> Result<Vec<Service>, OrderError> {
    #[derive(Deserialize)]
    struct Page {
        services: Vec<Service>,
    }
    let pages: Vec<Page> = control::pages(data, &["services"])?;
    Ok(pages.into_iter().flat_map(|page| page.services).collect())
}
