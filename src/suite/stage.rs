//! Plays one test after the other: a thread for scripts, a host that mocks, and a clock that nobody waits for.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::mocks::Shared;
use super::pipeline::Daybook;
use super::{Failure, Ran, Seen, channel, exchange};
use crate::config::suite::{Case, Probe, Test};
use crate::daemon::observe::{Past, Watched, as_prev, judge, remember};
use crate::model::duration::{after, since};
use crate::model::exchange::{Exchange, Sent};
use crate::model::judgement::{Judgement, Outcome};
use crate::model::observation::Observation;
use crate::script::coverage::Coverage;
use crate::script::pool::{Pool, PoolSettings};

/// Where tests are played, one at a time.
pub(super) struct Stage {
    pub(super) pool: Pool,
    host: Shared,
}

impl Stage {
    /// Starts its threads on the tokio runtime that this is called in; which statements run is noted where wanted.
    ///
    /// # Errors
    /// A thread cannot be started, or there is no runtime.
    pub(super) fn start(coverage: Option<Arc<Coverage>>) -> io::Result<Self> {
        let host = Shared::default();
        let settings = PoolSettings {
            threads: 1,
            waiting_threads: 1,
            ..PoolSettings::default()
        };
        let answering = Arc::new(host.clone());
        let pool = match coverage {
            Some(coverage) => Pool::start_covering(settings, answering, coverage),
            None => Pool::start(settings, answering),
        };
        Ok(Self { pool: pool?, host })
    }

    /// Plays a test.
    pub(super) async fn play(&self, test: &Case) -> Ran {
        match test {
            Case::Probes(test) => self.play_probes(test).await,
            Case::Channel(test) => channel::play(&self.pool, test).await,
        }
    }

    async fn play_probes(&self, test: &Arc<Test>) -> Ran {
        self.host.0.begin(test);
        let mut play = Play::new(test);
        for probe in test.probes.iter() {
            let exchange = play.exchange(probe);
            if let Some(memory) = &probe.memory {
                play.past.memory = Arc::new(memory.clone());
            }
            for left in (0..probe.repeat).rev() {
                let judgement = judge(
                    &self.pool,
                    &play.watched,
                    exchange.as_ref(),
                    &play.past,
                    play.now,
                );
                let judgement = judgement.await;
                play.unmocked(self.host.0.take_unmocked());
                play.take(exchange.clone(), judgement);
                play.go_on(probe.then_wait.filter(|_| left == 0));
            }
        }
        let mut ran = play.end();
        ran.failures.extend(unlike_codes(test, &ran));
        let metrics = test.metrics.as_ref();
        let unlike = metrics.filter(|expected| **expected != ran.metrics);
        ran.failures.extend(unlike.map(|expected| Failure::Metrics {
            expected: expected.clone(),
            got: ran.metrics.clone(),
        }));
        // That the mock which was meant was not asked has been said with the request.
        let meant = ran.failures.iter().find_map(|failure| match failure {
            Failure::Unmocked { nearest, .. } => nearest.as_ref().map(|nearest| nearest.line),
            _ => None,
        });
        let unused = self.host.0.unused().into_iter();
        ran.failures.extend(unused.filter(
            |failure| !matches!(failure, Failure::MockUnused { line, .. } if Some(*line) == meant),
        ));
        ran
    }
}

/// One test while it is played.
struct Play<'a> {
    test: &'a Test,
    watched: Watched,
    sent: Arc<Sent>,
    past: Past,
    now: Timestamp,
    daybook: Option<Daybook<'a>>,
    ran: Ran,
}

impl<'a> Play<'a> {
    fn new(test: &'a Test) -> Self {
        let service = &test.service.service;
        Self {
            watched: Watched::unasked(&test.service),
            sent: exchange::sent(service),
            past: Past::default(),
            now: test.start,
            daybook: Daybook::of(test),
            ran: Ran::default(),
            test,
        }
    }

    fn exchange(&self, probe: &Probe) -> Option<Arc<Exchange>> {
        let answer = probe.answer.as_ref()?;
        Some(Arc::new(exchange::of(answer, &self.sent, self.now)))
    }

    /// Returns the number of the probe that is next, from 1.
    fn number(&self) -> usize {
        self.ran.outcomes.len() + 1
    }

    fn unmocked(&mut self, request: Option<(String, Option<super::Nearest>)>) {
        let told = |failure: &Failure| matches!(failure, Failure::Unmocked { .. });
        if let Some((request, nearest)) = request
            && !self.ran.failures.iter().any(told)
        {
            let probe = self.number();
            self.ran.failures.push(Failure::Unmocked {
                probe,
                request,
                nearest,
            });
        }
    }

    /// Takes in what a probe came to.
    fn take(&mut self, exchange: Option<Arc<Exchange>>, judgement: Judgement) {
        let probe = self.number();
        for run in &judgement.runs {
            remember(&mut self.past.memory, run);
        }
        let observation = Observation {
            at: self.now,
            exchange,
            beat: None,
            judgement,
        };
        self.past.prev = as_prev(&observation).or(self.past.prev.take());
        if let Some(daybook) = &mut self.daybook {
            let open = daybook.take(&observation);
            self.ran.open.push(open.clone());
            self.expect_open(probe, open);
        }
        let judgement = observation.judgement;
        self.expect(probe, &judgement);
        self.ran.outcomes.push(judgement.outcome);
        let metrics = judgement.runs.iter().flat_map(|run| run.metrics.clone());
        self.ran.metrics = metrics.collect();
        for finding in judgement.findings {
            let code = Arc::clone(&finding.code);
            let seen = || Seen { probe, finding };
            self.ran.codes.entry(code).or_insert_with(seen);
        }
    }

    fn expect(&mut self, probe: usize, judgement: &Judgement) {
        let told = |failure: &Failure| matches!(failure, Failure::Outcome { .. });
        let expected: Option<Outcome> = self
            .test
            .expect
            .as_ref()
            .and_then(|expect| expect.outcomes.get(probe - 1).copied().flatten());
        let got = judgement.outcome;
        if let Some(expected) = expected.filter(|expected| *expected != got)
            && !self.ran.failures.iter().any(told)
        {
            self.ran.failures.push(Failure::Outcome {
                probe,
                after: since(self.test.start, self.now),
                expected,
                got,
                findings: judgement.findings.clone(),
            });
        }
    }

    fn expect_open(&mut self, probe: usize, got: String) {
        let told = |failure: &Failure| matches!(failure, Failure::Open { .. });
        let pipeline = self.test.pipeline.as_ref();
        let expected = pipeline
            .and_then(|pipeline| pipeline.violations.as_ref()?.get(probe - 1)?.as_ref())
            .filter(|expected| **expected != got);
        if let Some(expected) = expected
            && !self.ran.failures.iter().any(told)
        {
            self.ran.failures.push(Failure::Open {
                probe,
                after: since(self.test.start, self.now),
                expected: expected.clone(),
                got,
            });
        }
    }

    /// Moves the clock on to the next probe; what is due on the way is sent.
    fn go_on(&mut self, wait: Option<Duration>) {
        let wait = wait.or(self.test.every);
        let fixed = wait.map(|wait| after(self.now, wait));
        let next = match &mut self.daybook {
            Some(daybook) => {
                let planned = daybook.next(self.now);
                let next = fixed.unwrap_or(planned);
                daybook.send(self.now, Some(next));
                next
            }
            None => fixed.unwrap_or(self.now),
        };
        self.now = next;
    }

    /// Sends what is still owed, and returns what became of the test so far.
    fn end(mut self) -> Ran {
        let Some(mut daybook) = self.daybook else {
            return self.ran;
        };
        daybook.send(self.now, None);
        let sent = daybook.told;
        if let Some(pipeline) = &self.test.pipeline
            && let Some(wanted) = &pipeline.notify
        {
            let differ = |index: &usize| match (wanted.get(*index), sent.get(*index)) {
                (Some(wanted), Some(sent)) => !sent.is(wanted, pipeline.gather),
                _ => true,
            };
            let first = (0..wanted.len().max(sent.len())).find(differ);
            if let Some(first) = first {
                self.ran.failures.push(Failure::Messages { first, sent });
            }
        }
        self.ran
    }
}

/// Returns how the codes that were found differ from those that were expected.
fn unlike_codes(test: &Test, ran: &Ran) -> Vec<Failure> {
    let Some(expected) = &test.codes else {
        return Vec::new();
    };
    let missing = expected
        .iter()
        .filter(|code| !ran.codes.contains_key(*code));
    let unexpected = ran.codes.keys().filter(|code| !expected.contains(*code));
    missing
        .map(|code| Failure::CodeMissing(Arc::clone(code)))
        .chain(unexpected.map(|code| Failure::CodeUnexpected(Arc::clone(code))))
        .collect()
}
