//! Runs tests of scripts and configs: what a service would come to, probe by probe, by the daemon's own judgement.
//!
//! Nothing is asked of anybody: responses and the answers to a script's requests are those of the test. The clock is
//! the test's too, so that simulated days pass in no time. Memory and `prev` go on from probe to probe as in the daemon.

mod exchange;
mod mocks;
mod mutation;
mod pipeline;
pub mod replay;
mod stage;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::config::suite::{Notice, Test};
use crate::model::judgement::{Finding, Outcome};
use crate::model::violation::Violation;
pub use mutation::{Mutated, mutate};
use stage::Stage;

/// Most stages that play tests at the same time; each has threads of its own.
const STAGES_MAX: usize = 8;

/// What became of one test.
#[derive(Debug)]
pub struct Ran {
    /// The outcome of each probe.
    pub outcomes: Vec<Outcome>,
    /// The codes that were found, each with where it was first.
    pub codes: BTreeMap<Arc<str>, Seen>,
    /// Why the test fails, in the order of the probes; empty if it passes.
    pub failures: Vec<Failure>,
}

/// A finding and the probe that had it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The probe, from 1.
    pub probe: usize,
    /// What was found.
    pub finding: Finding,
}

/// Why a test fails.
#[derive(Debug)]
pub enum Failure {
    /// A probe came to something else; told of the first one only.
    Outcome {
        /// The probe, from 1.
        probe: usize,
        /// How long after the first it was.
        after: Duration,
        /// What was expected.
        expected: Outcome,
        /// What it came to.
        got: Outcome,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// A code that was expected was never found.
    CodeMissing(Arc<str>),
    /// A code was found that was not expected.
    CodeUnexpected(Arc<str>),
    /// Something else was open after a probe; told of the first one only.
    Open {
        /// The probe, from 1.
        probe: usize,
        /// How long after the first it was.
        after: Duration,
        /// The letters of what was expected to be open.
        expected: String,
        /// The letters of what was.
        got: String,
    },
    /// The messages are others.
    Messages {
        /// The first that is, from 0.
        first: usize,
        /// Those that were sent.
        sent: Vec<Told>,
    },
    /// The script made a request that no mock answers; told of the first one only.
    Unmocked {
        /// The probe, from 1.
        probe: usize,
        /// Method and URL.
        request: String,
        /// The mock that comes nearest, and where it differs.
        nearest: Option<Nearest>,
    },
    /// A mock was not asked as often as it says.
    MockUnused {
        /// The line of the mock.
        line: u32,
        /// Method and URL.
        request: String,
        /// How often it was asked.
        asked: u64,
        /// How often it should be; absent for at least once.
        times: Option<u64>,
    },
}

/// A message that was sent.
#[derive(Debug, Clone)]
pub struct Told {
    /// When, from the first probe on.
    pub at: Duration,
    /// `opened`, `resolved` or `outage`.
    pub kind: &'static str,
    /// Of which violation.
    pub violation: Violation,
    /// As the console shows it.
    pub text: String,
}

impl Told {
    /// Tells whether this is the message that is wanted, which may leave later by `gather`.
    pub fn is(&self, wanted: &Notice, gather: Duration) -> bool {
        let in_time = wanted.at <= self.at && self.at <= wanted.at + gather;
        let of = |violation: &Violation| *violation == self.violation;
        let says = |text: &String| self.text.contains(text.as_str());
        in_time
            && wanted.kind == self.kind
            && wanted.violation.as_ref().is_none_or(of)
            && wanted.contains.as_ref().is_none_or(says)
    }
}

/// The mock that comes nearest to a request, and where it differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The line of the mock.
    pub line: u32,
    /// Where it differs, at least one: `method: POST, not GET`.
    pub differences: Vec<String>,
}

impl Ran {
    /// Tells whether the test passes.
    pub fn passes(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Runs tests, several at a time, and returns what became of each in their order.
///
/// # Errors
/// The script threads cannot be started.
pub async fn run(tests: Vec<Arc<Test>>) -> io::Result<Vec<Ran>> {
    let groups = tests.into_iter().map(|test| vec![test]).collect();
    Ok(play_groups(groups).await?.into_iter().flatten().collect())
}

/// Plays groups of tests, several at a time, each until one of its tests fails; what is left of it is not played.
async fn play_groups(groups: Vec<Vec<Arc<Test>>>) -> io::Result<Vec<Vec<Ran>>> {
    let groups: Arc<[Vec<Arc<Test>>]> = groups.into();
    let next = Arc::new(AtomicUsize::new(0));
    let parallel = std::thread::available_parallelism().map_or(1, usize::from);
    let mut playing = JoinSet::new();
    for _ in 0..parallel.min(STAGES_MAX).min(groups.len()) {
        let (groups, next, stage) = (Arc::clone(&groups), Arc::clone(&next), Stage::start()?);
        playing.spawn(async move {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(group) = groups.get(index) else {
                    return done;
                };
                let mut ran: Vec<Ran> = Vec::new();
                for test in group {
                    if ran.last().is_none_or(Ran::passes) {
                        ran.push(stage.play(test).await);
                    }
                }
                done.push((index, ran));
            }
        });
    }
    let mut ran = BTreeMap::new();
    while let Some(played) = playing.join_next().await {
        ran.extend(played.map_err(io::Error::other)?);
    }
    Ok(ran.into_values().collect())
}
