//! The loop of a service that reports: what it hears, and what it makes of silence.

use std::future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::warn;

use super::beats::Beats;
use super::watching::Parts;
use crate::model::duration::since;
use crate::model::glance::Glance;
use crate::model::heartbeat::{Beat, Heartbeat, Report};
use crate::model::judgement::{Judgement, Memory, MemoryDiff};
use crate::model::observation::Observation;
use crate::model::service::{Service, ServiceName};
use crate::policy::heartbeat::{Awaited, Known, Pulse, RUNS_MAX};
use crate::policy::watch::Watch;

/// The clock on the wall is looked at so often: it may jump, and the machine may sleep.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// A report on its way to the loop of its service.
pub(super) struct Sent {
    pub(super) report: Report,
    /// Told once the report is taken in.
    pub(super) heard: oneshot::Sender<Heard>,
}

/// A report that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    /// Whose it was.
    pub(super) service: ServiceName,
    /// When silence becomes a violation.
    pub(super) late_at: Timestamp,
}

/// What a loop keeps of a service that reports.
pub(super) struct Heart {
    name: ServiceName,
    rule: Arc<Heartbeat>,
    pulse: Pulse,
    beats: mpsc::Receiver<Sent>,
    /// When to note that beats are heard.
    note_at: Option<Timestamp>,
}

impl Heart {
    /// Returns the heart of a service; absent if it is one that is asked.
    pub(super) fn of(
        service: &Service,
        (watch, memory): (&Watch, &Memory),
        beats: &Beats,
        now: Timestamp,
    ) -> Option<Self> {
        let rule = Arc::clone(service.heartbeat.as_ref()?);
        let known = Known::of(watch, memory);
        Some(Self {
            name: service.name.clone(),
            pulse: Pulse::new(&rule, &known, now),
            beats: beats.listen(&service.name, &rule.token),
            rule,
            note_at: None,
        })
    }

    /// Goes on with other settings.
    pub(super) fn follow(
        mut self,
        service: &Service,
        beats: &Beats,
        now: Timestamp,
    ) -> Option<Self> {
        let rule = Arc::clone(service.heartbeat.as_ref()?);
        if rule != self.rule {
            self.pulse.follow(&rule, now);
            self.beats = beats.listen(&service.name, &rule.token);
            self.rule = rule;
        }
        Some(self)
    }

    /// Remembers what no sample tells, and has it written down where that is news.
    pub(super) fn keep(
        &mut self,
        now: Timestamp,
        memory: &mut Arc<Memory>,
        write: impl FnOnce(MemoryDiff),
    ) {
        self.note_at = self.pulse.note_heard(&self.rule, now);
        self.remember(memory, write);
    }

    /// Remembers it for the next start.
    pub(super) fn stop(
        &mut self,
        now: Timestamp,
        memory: &mut Arc<Memory>,
        write: impl FnOnce(MemoryDiff),
    ) {
        self.pulse.stop(&self.rule, now);
        self.remember(memory, write);
    }

    fn remember(&self, memory: &mut Arc<Memory>, write: impl FnOnce(MemoryDiff)) {
        let news = self.pulse.news(memory);
        if !news.is_empty() {
            news.apply(Arc::make_mut(memory));
            write(news);
        }
    }

    /// Waits for the next report; for ever of a service that is asked.
    pub(super) async fn next(heart: Option<&mut Self>) -> Option<Sent> {
        match heart {
            Some(heart) => heart.beats.recv().await,
            None => future::pending().await,
        }
    }

    /// Takes a report in; absent if it is judged by what comes later.
    pub(super) fn hear(&mut self, report: &Report, now: Timestamp) -> Option<Observation> {
        let overflowed = self.pulse.overflowed();
        let judged = self.pulse.report(&self.rule, report, now);
        if self.pulse.overflowed() && !overflowed {
            warn!(
                service.name = %self.name,
                "a job has more than {RUNS_MAX} runs under way: the oldest are followed no longer; does it report their ends \
                 with the `rid` of their beginning?"
            );
        }
        Some(observation(judged?, now))
    }

    /// Looks whether a beat is missing.
    pub(super) fn look(&mut self, now: Timestamp) -> Option<Observation> {
        let missing = self.late_at() <= now;
        missing.then(|| observation(self.pulse.miss(&self.rule, now), now))
    }

    /// Returns when silence becomes a violation, or is said again.
    pub(super) fn late_at(&self) -> Timestamp {
        self.pulse.due(&self.rule)
    }

    /// Returns what is waited for.
    pub(super) fn awaited(&self) -> Awaited {
        self.pulse.awaited(&self.rule)
    }

    /// Returns when to look next.
    pub(super) fn due(&self, now: Timestamp) -> Instant {
        let next = self
            .note_at
            .map_or(self.late_at(), |at| at.min(self.late_at()));
        Instant::now() + since(now, next).min(LOOK_EVERY)
    }
}

/// Notes for others what was seen last of a service before the start, where nothing was since: the next beat may be days
/// away.
pub(super) fn restore(shared: &Parts, name: &ServiceName, watch: &Watch) {
    let newest = watch.window().counted().next_back();
    if let (Some(newest), None) = (newest, shared.seen.of(name)) {
        let ledger = shared.keeper.snapshots().ledger();
        let open = ledger.incidents.values();
        let open = open.filter(|one| one.is_open() && one.service == *name);
        let reasons = open.map(|one| &one.reason);
        let glance = Glance::restored(newest, reasons, watch.numbers(), watch.last_good());
        shared
            .seen
            .note(name, Arc::new(glance.with_held(watch.held())));
    }
}

fn observation((beat, judgement): (Beat, Judgement), at: Timestamp) -> Observation {
    Observation {
        at,
        exchange: None,
        beat: Some(beat),
        judgement,
    }
}
