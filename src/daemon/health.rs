//! What the pages say of the daemon: the truth about scheduler, state file, notifier and config.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::book::Book;
use super::books::BookReader;
use super::canaries::Network;
use super::keeper::{Snapshot, Snapshots};
use super::on_demand::OnDemand;
use super::otlp::Exports;
use super::seen::Seen;
use super::supervisor::Supervisor;
use super::watching::Shared;
use crate::clock::Clock;
use crate::history::Store;
use crate::history::recordings::Recorder;
use crate::metrics::{ChannelOwed, Format, Give, Metrics, Scene, Shown, Workers};
use crate::model::counted::counted;
use crate::model::duration::{self, since};
use crate::model::incident::Ledger;
use crate::model::service::{ChannelName, ServiceName};
use crate::model::shell;
use crate::policy::mute::Muted;
use crate::policy::owed;
use crate::script::pool::{Pool, WorkerFacts};
use crate::web::Pending;
use crate::web::probe::{Asked, Probed, Refused};
use crate::web::{Facts, Health, Part};

/// The scheduler is late if nothing was probed for so many of the shortest interval.
const PATIENCE_INTERVALS: u32 = 3;
/// However short the interval, a script may take its time.
const PATIENCE_MIN: Duration = Duration::from_secs(30);
/// The notifier is late if a message has been owed for so long.
const OWED_MAX: Duration = Duration::from_mins(10);

/// What the pages are made from.
pub(super) struct Page {
    snapshots: Snapshots,
    book: BookReader,
    metrics: Metrics,
    history: Arc<Store>,
    pool: Arc<Pool>,
    recorder: Arc<Recorder>,
    clock: Clock,
    started: Instant,
    pulse: Arc<AtomicU64>,
    network: Network,
    seen: Seen,
    exports: Exports,
    on_demand: OnDemand,
}

impl Page {
    pub(super) fn new(shared: &Shared, workers: Supervisor) -> Self {
        Self {
            snapshots: shared.keeper.snapshots(),
            book: shared.books.reader(),
            metrics: shared.metrics.clone(),
            history: Arc::clone(&shared.history),
            pool: Arc::clone(&shared.tools.pool),
            recorder: Arc::clone(&shared.recorder),
            clock: shared.clock,
            started: shared.started,
            pulse: Arc::clone(&shared.pulse),
            network: shared.tools.network.clone(),
            seen: shared.seen.clone(),
            exports: Exports::default(),
            on_demand: OnDemand::new(shared, workers),
        }
    }

    /// Returns what is said of exports to a collector.
    pub(super) fn exports(&self) -> &Exports {
        &self.exports
    }

    fn scheduler(&self) -> Part {
        let book = self.book.newest();
        // Those that report by themselves are not probed.
        let shortest = book
            .services
            .values()
            .filter(|service| service.heartbeat.is_none())
            .map(|service| service.interval.saturating_add(service.timeout))
            .min();
        let last = Duration::from_millis(self.pulse.load(Ordering::Relaxed));
        let silence = self.started.elapsed().saturating_sub(last);
        let ready = shortest.is_none_or(|shortest: Duration| {
            silence < (shortest * PATIENCE_INTERVALS).max(PATIENCE_MIN)
        });
        let services = counted(book.services.len(), "service");
        let detail = match shortest {
            Some(_) => format!("{services}, last probe {} ago", duration::Shown(silence)),
            None => format!("{services}, none of them to be asked"),
        };
        Part {
            name: "scheduler",
            alive: ready,
            ready,
            detail,
        }
    }

    fn state(snapshot: &Snapshot) -> Part {
        let ready = snapshot.durable;
        let mut detail = if ready {
            format!("on disk as commit {}", snapshot.seq)
        } else {
            let why = snapshot.error.as_deref().unwrap_or("not on disk yet");
            format!("{why}; going on in memory")
        };
        if !snapshot.room {
            detail += "; the disk is full or nearly so: no room is kept for this file, the history is not written";
        }
        Part {
            name: "state",
            alive: true,
            ready,
            detail,
        }
    }

    /// Returns the services of the present config with what their newest probes showed, in order.
    fn shown(&self) -> Vec<Shown> {
        let book = self.book.newest();
        let mut glances: HashMap<_, _> = self.seen.all().into_iter().collect();
        let shown = book.sorted.iter().map(|service| {
            let glance = glances.remove(&service.name);
            (Arc::clone(service), glance)
        });
        shown.collect()
    }

    fn owed(&self, ledger: &Ledger) -> Vec<ChannelOwed> {
        owed(ledger, &self.book.newest(), self.clock.now())
    }

    fn notifier(&self, ledger: &Ledger, now: Timestamp) -> Part {
        let owed = self.owed(ledger);
        let oldest = owed.iter().filter_map(|one| one.oldest).min();
        let age = oldest.map(|oldest| since(oldest, now)).unwrap_or_default();
        let disabled: Vec<String> = ledger
            .channels
            .iter()
            .filter_map(|(name, state)| {
                let why = state.disabled.as_ref()?;
                let quoted = shell::quoted(name.as_str());
                Some(format!(
                    "{name} ({why}; for a new try: oes channel resume {quoted})"
                ))
            })
            .collect();
        let messages: usize = owed.iter().map(|one| one.messages).sum();
        let mut detail = format!("{} owed", counted(messages, "message"));
        if messages > 0 {
            detail = format!("{detail}, the oldest for {}", duration::Shown(age));
        }
        if !disabled.is_empty() {
            detail = format!("{detail}; disabled: {}", disabled.join(", "));
        }
        detail += &said(ledger, now);
        if let Some(letter) = ledger.dead_letters.last() {
            let count = ledger.dead_letters.len();
            detail = format!(
                "{detail}; {count} given up, the last {} ago: {} {} (incident {}) on {}: {}",
                duration::Shown(since(letter.at, now)),
                letter.service,
                letter.violation,
                letter.incident,
                letter.channel,
                letter.error
            );
        }
        Part {
            name: "notifier",
            alive: true,
            ready: age < OWED_MAX && disabled.is_empty(),
            detail,
        }
    }

    /// Returns whether the network is there, where canaries tell.
    fn network(&self) -> Option<Part> {
        let canaries = self.book.newest().canaries.len();
        let ready = !self.network.is_lost();
        let detail = if ready {
            "a canary answers"
        } else {
            "no canary answers: OES has lost its network"
        };
        (canaries > 0).then(|| Part {
            name: "network",
            alive: true,
            ready,
            detail: detail.to_owned(),
        })
    }

    /// Returns how the history is doing; whatever it is, monitoring and notifying go on.
    fn history(&self) -> Part {
        let health = self.history.health();
        let lost = health.dropped_rows + health.failed_rows;
        let mut detail = match health.error {
            None => "written".to_owned(),
            Some(why) => format!("not written: {why}; monitoring and notifying go on"),
        };
        if lost > 0 {
            detail = format!(
                "{detail}; {} lost since the start",
                counted(usize::try_from(lost).unwrap_or(usize::MAX), "row")
            );
        }
        Part {
            name: "history",
            alive: true,
            ready: true,
            detail,
        }
    }

    /// Returns how exports to a collector go, where there are any; however they do, OES does its work.
    fn otlp(&self) -> Option<Part> {
        let detail = self.exports.detail(self.book.newest().otlp.as_ref()?);
        Some(Part {
            name: "otlp",
            alive: true,
            ready: true,
            detail,
        })
    }

    fn config(&self) -> Part {
        let ready = self.metrics.own.reload_successful.get() == 1;
        let detail = if ready {
            "runs as written"
        } else {
            "the config was changed and cannot be used; what ran before goes on"
        };
        Part {
            name: "config",
            alive: true,
            ready,
            detail: detail.to_owned(),
        }
    }
}

/// Returns what people have said about incidents.
fn said(ledger: &Ledger, now: Timestamp) -> String {
    let silences = ledger.silences.values();
    let silences = silences.filter(|silence| silence.is_active(now)).count();
    let incidents = ledger.incidents.values().filter(|one| one.is_open());
    let taken = incidents.filter(|one| one.ack.is_some()).count();
    let parts = [
        (silences, "silence", "in force"),
        (taken, "incident", "taken on"),
    ];
    let parts = parts.into_iter().filter(|(count, ..)| *count > 0);
    let words = parts.map(|(count, what, how)| format!("; {} {how}", counted(count, what)));
    words.collect::<Vec<String>>().concat()
}

/// Returns what each channel is owed, and since when it is the channel that is waited for.
fn owed(ledger: &Ledger, book: &Book, now: Timestamp) -> Vec<ChannelOwed> {
    let cool_down = |service: &ServiceName| book.cool_down(service);
    let one = |channel: &ChannelName| ChannelOwed {
        channel: channel.clone(),
        messages: owed::backlog(ledger, channel).0,
        oldest: owed::waiting_since(ledger, channel, &cool_down, now),
    };
    ledger.channels.keys().map(one).collect()
}

/// Returns how many messages all channels are owed.
pub(super) fn messages_owed(ledger: &Ledger) -> usize {
    let channels = ledger.channels.keys();
    channels
        .map(|channel| owed::backlog(ledger, channel).0)
        .sum()
}

fn known(facts: WorkerFacts) -> Workers {
    Workers {
        idle: facts.idle,
        busy: facts.busy,
        resident_bytes: facts.resident_bytes,
        started: facts.started,
        ended: facts.ended,
        round_trips: facts.round_trips,
        round_trip_seconds: facts.round_trip_time.as_secs_f64(),
    }
}

impl Facts for Page {
    fn metrics(&self, format: Format, give: Give<'_>) -> bool {
        let ledger = self.snapshots.ledger();
        let health = self.history.health();
        let dropped = health.dropped_rows + health.failed_rows;
        self.metrics.own.history_dropped(dropped);
        let recorder = self.recorder.health();
        let numbers = [recorder.written, recorder.dropped, recorder.bytes];
        self.metrics.own.recorder.set(numbers);
        let workers = self.pool.workers().map(known);
        let now = self.clock.now();
        let book = self.book.newest();
        let scene = Scene {
            services: &self.shown(),
            ledger: &ledger,
            owed: &self.owed(&ledger),
            muted: &book.muting(&ledger, &self.seen, now, Muted::of),
            workers: workers.as_ref(),
            suspended: self.pool.suspended_scripts(),
            now,
        };
        self.metrics.page(format, &scene, give)
    }

    fn probe(&self, asked: Asked) -> Pending<'_, Result<Probed, Refused>> {
        Box::pin(async move { self.on_demand.probe(&asked).await })
    }

    fn health(&self) -> Health {
        let snapshot = self.snapshots.newest();
        let now = self.clock.now();
        let mut parts = vec![
            self.scheduler(),
            Self::state(&snapshot),
            self.notifier(&snapshot.ledger, now),
            self.config(),
            self.history(),
        ];
        parts.extend(self.network());
        parts.extend(self.otlp());
        Health { parts }
    }
}
