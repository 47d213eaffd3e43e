//! The loop of one service: probe when due, judge, remember, tell the keeper what changed. No service waits for another.

mod reports;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::beats::Beats;
use super::books::Books;
use super::common::Common;
use super::evidence;
use super::heart::{self, Heart};
use super::keeper::Keeper;
use super::observe::{Tools, Watched, as_prev, observe};
use super::recording;
use super::roster::{Roster, SharedPast};
use super::seen::Seen;
use super::sweep::{Sweep, Sweeps, Wish};
use crate::clock::Clock;
use crate::history::Store;
use crate::history::recordings::Recorder;
use crate::history::series::RawSample;
use crate::metrics::{Metrics, ServiceCounters};
use crate::model::duration::{Shown, after};
use crate::model::glance::Glance;
use crate::model::observation::Observation;
use crate::model::service::ServiceName;
use crate::model::violation::Violation;
use crate::policy::ledger;
use crate::policy::schedule::{self, Schedule};
use crate::policy::watch::{Change, Rules, Watch};

/// What all loops share.
pub(super) type Shared = Arc<Parts>;

/// The parts of the daemon that a loop works with.
pub(super) struct Parts {
    pub(super) tools: Tools,
    pub(super) keeper: Keeper,
    pub(super) history: Arc<Store>,
    pub(super) common: Common,
    pub(super) recorder: Arc<Recorder>,
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
    /// The services and channels of the present config.
    pub(super) books: Books,
    /// Asks for looks at once.
    pub(super) sweeps: Sweeps,
    /// What the newest probes have shown.
    pub(super) seen: Seen,
    /// Who listens to which beats.
    pub(super) beats: Beats,
    /// What runs, for those who ask out of turn.
    pub(super) roster: Roster,
    /// What the grids of all services count from.
    pub(super) started: Instant,
    /// Milliseconds after `started` at which any service was last probed.
    pub(super) pulse: Arc<AtomicU64>,
}

/// What a loop knows of its service, left behind by a panic: the next one goes on from there.
pub(super) type Legacy = Arc<Mutex<Option<Box<Watch>>>>;

/// For so long after all services were looked at at once a failure is confirmed …
const STORM_FOR: Duration = Duration::from_mins(1);
/// … by looking again this soon, whatever `confirm` says: the whole picture is known in seconds.
const STORM_CONFIRM: Duration = Duration::from_secs(2);

/// One service's loop.
pub(super) struct Watching {
    shared: Shared,
    legacy: Legacy,
    name: ServiceName,
    settings: watch::Receiver<Arc<Watched>>,
    watched: Arc<Watched>,
    watch: Watch,
    past: SharedPast,
    /// Of a service that reports.
    heart: Option<Heart>,
    sweeps: watch::Receiver<Arc<Sweep>>,
    /// The newest wish for a look that was dealt with.
    wished: u64,
    /// When all services were last looked at at once.
    swept: Option<Instant>,
    counters: Arc<ServiceCounters>,
    schedule: Schedule,
    due: Instant,
    /// The regular moment that `due` belongs to, or that comes after a confirm probe.
    regular: Instant,
}

impl Watching {
    /// Returns the loop of one of so many services, with what is known of it.
    pub(super) fn new(
        shared: Shared,
        settings: watch::Receiver<Arc<Watched>>,
        (watch, past): (Watch, SharedPast),
        legacy: Legacy,
        services: usize,
    ) -> Box<Self> {
        let watched = Arc::clone(&settings.borrow());
        let service = &watched.config.service;
        let schedule = Schedule::new(service.name.as_str(), service.interval);
        let now = shared.clock.now();
        let known = past.now().memory;
        let heart = Heart::of(service, (&watch, &known), &shared.beats, now);
        let due = match &heart {
            Some(heart) => heart.due(now),
            None => Instant::now() + schedule.first(services),
        };
        let name = service.name.clone();
        let counters = shared.metrics.service(&name);
        let regular = due;
        let sweeps = shared.sweeps.subscribe();
        let wished = sweeps.borrow().newest;
        Box::new(Self {
            wished,
            sweeps,
            swept: None,
            shared,
            legacy,
            name,
            settings,
            watched,
            watch,
            past,
            heart,
            counters,
            schedule,
            due,
            regular,
        })
    }

    /// Probes until `stop`, or until nobody holds the service's settings any more.
    pub(super) async fn run(mut self: Box<Self>, stop: CancellationToken) {
        let mut first = true;
        if self.heart.is_some() {
            self.keep_heart();
            heart::restore(&self.shared, &self.name, &self.watch);
        }
        loop {
            self.say_awaited();
            tokio::select! {
                biased;
                () = stop.cancelled() => { self.stop_heart(); break }
                changed = self.settings.changed() => match changed {
                    Ok(()) => { self.reconfigure().await; continue }
                    Err(_) => break,
                },
                Some(sent) = Heart::next(self.heart.as_mut()) => { self.hear(sent).await; continue }
                () = sleep_until(self.due) => {}
                Ok(()) = self.sweeps.changed(), if self.heart.is_none() => {
                    let sweep = Arc::clone(&self.sweeps.borrow_and_update());
                    let wish = sweep.since(self.wished, &self.name);
                    self.wished = sweep.newest;
                    match wish {
                        None => continue,
                        Some(Wish::This) => {}
                        Some(Wish::All) => self.swept = Some(Instant::now()),
                    }
                }
            }
            let now = self.shared.clock.now();
            if let Some(heart) = &mut self.heart {
                let missed = heart.look(now);
                self.keep_heart();
                if let Some(mut observation) = missed {
                    self.redact(&mut observation);
                    self.take(&observation).await;
                }
                continue;
            }
            let past = self.past.now();
            let observing = Box::pin(observe(
                &self.shared.tools,
                &self.watched,
                &past,
                self.due.min(Instant::now()),
                now,
            ));
            // A stop drops the probe, which closes its connection; what it would have said is lost, and the next start
            // looks again.
            let Some(observation) = stop.run_until_cancelled(observing).await else {
                break;
            };
            // What scripts remember is changed in place where nobody else looks at it.
            drop(past);
            if self.settings.has_changed().is_err() {
                break;
            }
            self.take(&observation).await;
            self.plan_next(first);
            self.say_next();
            first = false;
        }
    }

    /// Goes on with changed settings; window, memory and open violations stay.
    async fn reconfigure(&mut self) {
        self.watched = Arc::clone(&self.settings.borrow_and_update());
        let service = &self.watched.config.service;
        let schedule = Schedule::new(self.name.as_str(), service.interval);
        let unwatched = self.watch.reconfigure(Rules::from(&**service));
        for violation in unwatched {
            let name = self.name.clone();
            self.shared
                .keeper
                .tell(move |ledger, now| {
                    let kept = |service: &ServiceName, open: &Violation| {
                        *service != name || *open != violation
                    };
                    !ledger::unwatch(ledger, kept, now).is_empty()
                })
                .await;
        }
        let now = self.shared.clock.now();
        let beats = &self.shared.beats;
        let known = self.past.now().memory;
        self.heart = match self.heart.take() {
            Some(heart) => heart.follow(service, beats, now),
            None => Heart::of(service, (&self.watch, &known), beats, now),
        };
        // What is remembered is changed in place where nobody else looks at it.
        drop(known);
        self.keep_heart();
        if self.heart.is_some() {
            return;
        }
        if schedule != self.schedule {
            self.schedule = schedule;
            let since = self.shared.started.elapsed();
            self.regular = self.shared.started + self.schedule.next(since, since).at;
            self.due = self.due.min(self.regular);
        }
    }

    async fn take(&mut self, observation: &Observation) {
        self.count(observation);
        recording::record(&self.shared.recorder, &self.watched, observation);
        self.remember(observation);
        let sample = observation.sample();
        debug!(
            service.name = %self.name,
            outcome = %sample.outcome,
            code = sample.code.as_deref(),
            latency = sample.latency.map(|latency| Shown(latency).to_string()),
            "probed"
        );
        let mut changes = self
            .watch
            .observe(&sample, &observation.judgement, observation);
        self.note(observation);
        for change in &mut changes {
            change.note_address(|| observation.address());
        }
        let service = &self.watched.config.service;
        let holds = schedule::holds(service.interval, service.timeout);
        let raw = RawSample::of(sample, holds).with_phases(observation);
        self.shared.history.write_sample(&self.name, raw);
        if !changes.is_empty() {
            self.tell(changes, observation).await;
        }
    }

    /// Changes what scripts know of the past, here and in the history.
    fn remember(&self, observation: &Observation) {
        let mut past = self.past.lock();
        for run in &observation.judgement.runs {
            let (own, shared) = run.memory.clone().split();
            if !own.is_empty() {
                own.apply(Arc::make_mut(&mut past.memory));
            }
            let history = &self.shared.history;
            history.write_memory(&self.name, own);
            let write = |shared| history.write_shared(&self.name, shared);
            past.common.change(shared, write);
        }
        if self.watched.uses_prev()
            && let Some(prev) = as_prev(observation)
        {
            past.prev = Some(prev);
        }
    }

    /// Notes for others what the probe showed.
    fn note(&self, observation: &Observation) {
        let before = self.shared.seen.of(&self.name);
        let mut glance = Glance::of(observation, self.watch.numbers(), before.as_deref());
        // The last good one may have been before the start.
        glance.last_good = glance.last_good.or(self.watch.last_good());
        let held = self.watch.held();
        self.shared
            .seen
            .note(&self.name, Arc::new(glance.with_held(held)));
    }

    fn count(&self, observation: &Observation) {
        // What is reported says nothing of whether OES still asks.
        if self.heart.is_none() {
            let elapsed = self.shared.started.elapsed().as_millis();
            self.shared.pulse.fetch_max(
                u64::try_from(elapsed).unwrap_or(u64::MAX),
                Ordering::Relaxed,
            );
        }
        let metrics = &self.shared.metrics;
        metrics.probed(&self.counters, observation);
        for run in &observation.judgement.runs {
            for (name, value) in &run.metrics {
                metrics.script_gauge(&self.name, name, *value);
            }
        }
    }

    async fn tell(&self, changes: Vec<Change>, observation: &Observation) {
        for change in &changes {
            match change {
                Change::Opened(opened) => info!(
                    service.name = %self.name,
                    violation = %opened.violation,
                    rule = opened.reason.rule,
                    finding = opened.reason.finding,
                    "violation opened"
                ),
                Change::Closed {
                    violation, rule, ..
                } => {
                    info!(service.name = %self.name, %violation, rule, "violation closed");
                }
                Change::Updated { .. } => {}
            }
        }
        self.sweep(&changes);
        let (name, books) = (self.name.clone(), self.shared.books.clone());
        let probe = evidence::Probe::new(&self.shared.history, &self.watched, observation);
        // What a probe found that began under an older config is held against the present one: a service or a rule
        // that is gone opens nothing that nobody would ever close.
        self.shared
            .keeper
            .tell(move |ledger, now| {
                let book = books.newest();
                let Some(service) = book.services.get(&name) else {
                    return false;
                };
                let before = evidence::standing(ledger, &name);
                let any = super::apply(ledger, service, &book.routes, changes, now);
                if any {
                    probe.keep(&before, ledger);
                }
                any
            })
            .await;
    }

    /// Tells whether many services broke a moment ago, so that one more is no surprise that takes long to confirm.
    fn in_storm(&self) -> bool {
        self.swept.is_some_and(|swept| swept.elapsed() < STORM_FOR)
    }

    /// Has those looked at whose state explains this one's, or is explained by it.
    fn sweep(&self, changes: &[Change]) {
        let turned = changes.iter().any(|change| match change {
            Change::Opened(opened) => opened.violation == Violation::Error,
            Change::Closed { violation, .. } => *violation == Violation::Error,
            Change::Updated { .. } => false,
        });
        if turned {
            let book = self.shared.books.newest();
            let service = &self.watched.config.service;
            let near = book.dependents_of(&self.name).into_iter();
            let near = near.chain(service.depends_on.iter().cloned());
            self.shared.sweeps.look_at(near);
        }
    }

    /// Tells others when it looks next, and that a probe is dealt with.
    fn say_next(&self) {
        let wait = self.due.saturating_duration_since(Instant::now());
        let next = after(self.shared.clock.now(), wait);
        self.shared.seen.plan(&self.name, next);
    }

    /// Decides when to look next: soon if the outcome disagrees with the present state, else at the next moment of
    /// the service's grid.
    fn plan_next(&mut self, first: bool) {
        let started = self.shared.started;
        let now = started.elapsed();
        if self.regular <= Instant::now() {
            let last = self.regular.saturating_duration_since(started);
            let next = if first {
                self.schedule.second(last)
            } else {
                last
            };
            if first && next > now {
                self.regular = started + next;
            } else {
                let next = self.schedule.next(last, now);
                self.regular = started + next.at;
                self.shared.metrics.own.overruns.inc_by(next.missed);
            }
        }
        let soonest = if self.in_storm() {
            STORM_CONFIRM
        } else {
            Duration::MAX
        };
        let confirm = self
            .watch
            .next_confirm()
            .map(|delay| Instant::now() + delay.min(soonest));
        self.due = confirm.map_or(self.regular, |confirm| confirm.min(self.regular));
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let known = Some(Box::new(self.watch.clone()));
            *self.legacy.lock().unwrap_or_else(PoisonError::into_inner) = known;
        }
    }
}
