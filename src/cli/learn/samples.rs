//! Samples of what a service answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::MissedTickBehavior;

use crate::clock::Clock;
use crate::daemon::observe::{Past, Watched, hiding};
use crate::daemon::once::Once;
use crate::model::exchange::Exchange;
use crate::model::json::Json;
use crate::model::judgement::{Finding, Outcome};
use crate::model::observation::Observation;

/// Samples of what a service answers.
#[derive(Default)]
pub(super) struct Samples {
    /// The good ones, without secrets.
    pub(super) good: Vec<Arc<Exchange>>,
    /// How long these took.
    pub(super) latencies: Vec<Duration>,
    /// What was wrong with others, and with how many.
    pub(super) failures: BTreeMap<String, usize>,
    /// What all of them came to.
    pub(super) outcomes: Vec<Outcome>,
}

impl Samples {
    /// Asks a service several times.
    pub(super) async fn take(once: &Once, watched: &Watched, count: u32, every: Duration) -> Self {
        let bar = ProgressBar::new(count.into());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} samples") {
            bar.set_style(style);
        }
        let mut due = tokio::time::interval(every.max(Duration::from_nanos(1)));
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut samples = Self::default();
        for _ in 0..count {
            due.tick().await;
            let now = Clock::System.now();
            samples.add(watched, &once.observe(watched, &Past::default(), now).await);
            bar.inc(1);
        }
        bar.finish_and_clear();
        samples
    }

    fn add(&mut self, watched: &Watched, observation: &Observation) {
        let judgement = &observation.judgement;
        self.outcomes.push(judgement.outcome);
        match (&observation.exchange, observation.latency()) {
            (Some(exchange), Some(latency)) if judgement.outcome.is_good() => {
                let hidden = hiding(watched, exchange.bearer.as_ref());
                self.good.push(hidden.applied_exchange(exchange));
                self.latencies.push(latency);
            }
            _ => {
                let told = judgement.main_finding().map(Finding::told);
                *self.failures.entry(told.unwrap_or_default()).or_default() += 1;
            }
        }
    }

    /// Returns the bodies of the good ones.
    pub(super) fn bodies(&self) -> impl Iterator<Item = &Json> {
        self.good.iter().filter_map(|exchange| {
            let response = exchange.result.as_ref().ok()?;
            Some(&response.body.json().ok()?.root)
        })
    }

    /// Tells whether there are several, and all say the same.
    pub(super) fn all_equal(&self) -> bool {
        let mut bodies = self.bodies();
        let first = bodies.next();
        self.good.len() > 1 && bodies.all(|body| Some(body) == first)
    }

    /// Returns the share of responses that do something of which, with 95 % certainty, one is among the samples.
    pub(super) fn seen_share(&self) -> f64 {
        let count = u32::try_from(self.good.len()).unwrap_or(u32::MAX);
        1.0 - 0.05_f64.powf(1.0 / f64::from(count.max(1)))
    }
}
