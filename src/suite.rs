//! Runs tests of scripts and configs: what a service would come to, probe by probe, by the daemon's own judgement.
//!
//! Nothing is asked of anybody: responses and the answers to a script's requests are those of the test. The clock is
//! the test's too, so that simulated days pass in no time. Memory and `prev` go on from probe to probe as in the daemon.

pub mod blindspots;
mod channel;
mod coverage;
mod exchange;
mod failure;
mod mocks;
mod mutation;
mod pipeline;
mod rehearsal;
pub mod replay;
mod stage;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::config::suite::{Case, Notice};
use crate::model::judgement::{Finding, Outcome};
use crate::model::violation::Violation;
use crate::script::coverage::Coverage;
use crate::script::source::Source;
pub use coverage::{Covered, cover};
pub use failure::{Failure, Nearest};
pub use mutation::{Mutated, mutate};
pub use rehearsal::{Example, rehearse};
use stage::Stage;

/// Most stages that play tests at the same time; each has threads of its own.
const STAGES_MAX: usize = 8;

/// What became of one test.
#[derive(Debug, Default)]
pub struct Ran {
    /// The outcome of each probe; none of a channel.
    pub outcomes: Vec<Outcome>,
    /// What was open after each probe of a service, as letters.
    pub open: Vec<String>,
    /// The metrics of the last probe.
    pub metrics: BTreeMap<Arc<str>, f64>,
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
pub async fn run(tests: Vec<Case>) -> io::Result<Vec<Ran>> {
    let groups = tests.into_iter().map(|test| vec![test]).collect();
    Ok(play_groups(groups, None)
        .await?
        .into_iter()
        .flatten()
        .collect())
}

/// Returns the scripts that are tested, each with its tests, by their files.
fn by_script(tests: &[Case]) -> Vec<(Arc<Source>, Vec<&Case>)> {
    let mut scripts: BTreeMap<&str, (Arc<Source>, Vec<&Case>)> = BTreeMap::new();
    for test in tests {
        let Some(script) = test.script() else {
            continue;
        };
        let known = scripts.entry(&script.file);
        let entry = known.or_insert_with(|| (Arc::clone(script), Vec::new()));
        entry.1.push(test);
    }
    scripts.into_values().collect()
}

/// Plays groups of tests, several at a time, each until one of its tests fails; what is left of it is not played. Which
/// statements run is noted where that is wanted.
async fn play_groups(
    groups: Vec<Vec<Case>>,
    coverage: Option<&Arc<Coverage>>,
) -> io::Result<Vec<Vec<Ran>>> {
    let groups: Arc<[Vec<Case>]> = groups.into();
    let next = Arc::new(AtomicUsize::new(0));
    let parallel = std::thread::available_parallelism().map_or(1, usize::from);
    let mut playing = JoinSet::new();
    for _ in 0..parallel.min(STAGES_MAX).min(groups.len()) {
        let (groups, next) = (Arc::clone(&groups), Arc::clone(&next));
        let stage = Stage::start(coverage.map(Arc::clone))?;
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
