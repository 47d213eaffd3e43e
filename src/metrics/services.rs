//! What is told of each service under its name. Families and labels are fixed here; what a service answers never
//! becomes a label.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::blackbox;
use super::text::{Kind, Text, Value, label};
use crate::model::glance::Glance;
use crate::model::incident::Ledger;
use crate::model::judgement::Outcome;
use crate::model::service::{Service, ServiceName};

/// A service with what its newest probe showed.
pub type Shown = (Arc<Service>, Option<Arc<Glance>>);

/// Bounds of a service's latencies in seconds: few, since every service has them.
const BOUNDS: [(Duration, &str); 10] = [
    (Duration::from_millis(10), "0.01"),
    (Duration::from_millis(25), "0.025"),
    (Duration::from_millis(50), "0.05"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_millis(250), "0.25"),
    (Duration::from_millis(500), "0.5"),
    (Duration::from_secs(1), "1.0"),
    (Duration::from_millis(2_500), "2.5"),
    (Duration::from_secs(5), "5.0"),
    (Duration::from_secs(10), "10.0"),
];

/// What is counted of every service that is watched.
#[derive(Debug, Clone, Default)]
pub(super) struct Services(Arc<RwLock<BTreeMap<ServiceName, Arc<ServiceCounters>>>>);

/// What is counted of one service since it is watched. Counting takes no lock.
#[derive(Debug, Default)]
pub struct ServiceCounters {
    by_outcome: [AtomicU64; Outcome::ALL.len()],
    /// Latencies within each bound and above the one before it, those above all bounds last.
    latencies: [AtomicU64; BOUNDS.len() + 1],
    latency_us: AtomicU64,
}

impl ServiceCounters {
    pub(super) fn count(&self, outcome: Outcome, latency: Option<Duration>) {
        let add = |counter: Option<&AtomicU64>, amount: u64| {
            if let Some(counter) = counter {
                counter.fetch_add(amount, Ordering::Relaxed);
            }
        };
        add(self.by_outcome.get(outcome as usize), 1);
        if let Some(latency) = latency {
            let within = BOUNDS.iter().position(|(bound, _)| latency <= *bound);
            add(self.latencies.get(within.unwrap_or(BOUNDS.len())), 1);
            let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
            add(Some(&self.latency_us), micros);
        }
    }
}

impl Services {
    /// Returns the counters of a service, which begin with the first call.
    pub(super) fn of(&self, service: &ServiceName) -> Arc<ServiceCounters> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(service.clone()).or_default())
    }

    /// Has what was counted of a service go on under another name, unless something was counted under that one already.
    pub(super) fn rename(&self, old: &ServiceName, new: &ServiceName) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = all.remove(old) {
            all.entry(new.clone()).or_insert(counters);
        }
    }

    pub(super) fn forget(&self, service: &ServiceName) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(service);
    }

    /// Returns how many probes of all services ended how.
    pub(super) fn outcomes(&self) -> BTreeMap<Outcome, u64> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut outcomes = BTreeMap::new();
        for counters in all.values() {
            for (outcome, count) in Outcome::ALL.into_iter().zip(&counters.by_outcome) {
                *outcomes.entry(outcome).or_default() += count.load(Ordering::Relaxed);
            }
        }
        outcomes.retain(|_, count| *count > 0);
        outcomes
    }

    /// Writes everything that is told of services, in their order.
    pub(super) fn write(&self, text: &mut Text<'_>, shown: &[Shown], ledger: &Ledger) {
        let all = {
            let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let counters = |shown: &Shown| all.get(&shown.0.name).cloned();
            shown.iter().map(counters).collect::<Vec<_>>()
        };
        let labels: Vec<String> = shown
            .iter()
            .map(|(service, _)| label("service", service.name.as_str()))
            .collect();
        let told: Vec<One<'_>> = shown
            .iter()
            .zip(&all)
            .zip(&labels)
            .map(|(((service, glance), counters), labels)| One {
                service,
                glance: glance.as_deref(),
                counters: counters.as_deref(),
                labels,
            })
            .collect();
        violations(text, ledger);
        for family in FAMILIES.iter().chain(blackbox::FAMILIES) {
            if text.is_wanted() {
                family.write(text, &told);
            }
        }
    }
}

/// One service while its samples are written.
pub(super) struct One<'a> {
    pub(super) service: &'a Service,
    pub(super) glance: Option<&'a Glance>,
    pub(super) counters: Option<&'a ServiceCounters>,
    /// What stands between the braces of each of its samples.
    pub(super) labels: &'a str,
}

/// A family with samples of services.
pub(super) struct Family {
    /// Its name, of a counter without `_total`.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) samples: Samples,
}

/// Where the samples of a family come from.
pub(super) enum Samples {
    /// At most one for each service.
    One(fn(&One<'_>) -> Option<Value>),
    /// As many as it takes.
    Many(fn(&One<'_>, &mut Sink<'_, '_>)),
}

/// Where a family's samples of one service go.
pub(super) struct Sink<'a, 't> {
    text: &'a mut Text<'t>,
    name: &'a str,
    labels: &'a str,
}

impl Sink<'_, '_> {
    /// Writes a sample with a label more, whose value needs no escape.
    pub(super) fn with(&mut self, label: &str, of: &str, value: impl Into<Value>) {
        self.suffixed("", label, of, value);
    }

    fn suffixed(&mut self, suffix: &str, label: &str, of: &str, value: impl Into<Value>) {
        let more = [label, "=\"", of, "\""].concat();
        let name = [self.name, suffix].concat();
        self.text.sample(&name, self.labels, &more, value.into());
    }

    fn bare(&mut self, suffix: &str, value: impl Into<Value>) {
        let name = [self.name, suffix].concat();
        self.text.sample(&name, self.labels, "", value.into());
    }
}

impl Family {
    /// Writes the family with its samples of these services.
    pub(super) fn write(&self, text: &mut Text<'_>, services: &[One<'_>]) {
        text.family(self.name, self.kind, self.help);
        let full;
        let name = if self.kind == Kind::Counter {
            full = [self.name, "_total"].concat();
            full.as_str()
        } else {
            self.name
        };
        for one in services {
            let labels = one.labels;
            match self.samples {
                Samples::One(value) => {
                    if let Some(value) = value(one) {
                        text.sample(name, labels, "", value);
                    }
                }
                Samples::Many(write) => write(one, &mut Sink { text, name, labels }),
            }
        }
    }
}

/// OES's own families of services.
const FAMILIES: &[Family] = &[
    Family {
        name: "oes_service_info",
        kind: Kind::Gauge,
        help: "What the config says of a service: always 1",
        samples: Samples::Many(|one, sink| {
            let service = one.service;
            let group = label("group", service.group.as_deref().unwrap_or_default());
            let severity = service.severity.as_str();
            let more = [&group, ",severity=\"", severity, "\""].concat();
            sink.text
                .sample(sink.name, sink.labels, &more, 1_u64.into());
        }),
    },
    Family {
        name: "oes_probes",
        kind: Kind::Counter,
        help: "Probes by service and outcome",
        samples: Samples::Many(|one, sink| {
            let counters = one.counters.iter();
            let counts = counters.flat_map(|counters| counters.by_outcome.iter());
            for (outcome, count) in Outcome::ALL.into_iter().zip(counts) {
                // Also of what never happened: an increase is seen only where a series was there before.
                sink.with("outcome", outcome.as_str(), count.load(Ordering::Relaxed));
            }
        }),
    },
    Family {
        name: "oes_latency_seconds",
        kind: Kind::Histogram,
        help: "Latency of a service: the whole exchange, or all requests of its scripts",
        samples: Samples::Many(|one, sink| {
            let Some(counters) = one.counters else { return };
            let mut sum = 0;
            let bounds = BOUNDS.iter().map(|(_, bound)| *bound).chain(["+Inf"]);
            for (bound, count) in bounds.zip(&counters.latencies) {
                sum += count.load(Ordering::Relaxed);
                sink.suffixed("_bucket", "le", bound, sum);
            }
            let spent = counters.latency_us.load(Ordering::Relaxed);
            sink.bare("_sum", Duration::from_micros(spent));
            sink.bare("_count", sum);
        }),
    },
    Family {
        name: "oes_probe_last_timestamp_seconds",
        kind: Kind::Gauge,
        help: "When the newest probe of a service began, in Unix time; what is told of that probe is as old",
        samples: Samples::One(|one| Some(one.glance?.at.into())),
    },
    Family {
        name: "oes_probe_interval_seconds",
        kind: Kind::Gauge,
        help: "Time between two regular probes of a service, or two reports of a job; absent where `cron` says when",
        samples: Samples::One(|one| Some(one.service.period()?.into())),
    },
    Family {
        name: "oes_window_probes",
        kind: Kind::Gauge,
        help: "Probes that the error rule of a service looks at now",
        samples: Samples::One(|one| Some(one.glance?.window.counted.into())),
    },
    Family {
        name: "oes_window_failed_probes",
        kind: Kind::Gauge,
        help: "Probes that the error rule of a service looks at now and that failed",
        samples: Samples::One(|one| Some(one.glance?.window.failed.into())),
    },
    Family {
        name: "oes_window_failed_limit_ratio",
        kind: Kind::Gauge,
        help: "The share of failed probes that the error rule accepts",
        samples: Samples::One(|one| Some(one.service.error.threshold.into())),
    },
    Family {
        name: "oes_window_latency_seconds",
        kind: Kind::Gauge,
        help: "What the latency rule of a service reads from its window: a mean, a median, a percentile",
        samples: Samples::One(|one| Some(one.glance?.window.latency?.into())),
    },
    Family {
        name: "oes_window_latency_limit_seconds",
        kind: Kind::Gauge,
        help: "The limit of the latency rule",
        samples: Samples::One(|one| Some(one.service.latency?.limit.into())),
    },
];

/// Writes which rules are broken, of OES itself as well.
fn violations(text: &mut Text<'_>, ledger: &Ledger) {
    let name = "oes_violations";
    let help = "Rules that services break now: always 1, absent when kept";
    text.family(name, Kind::Gauge, help);
    let open = ledger.incidents.values().filter(|one| one.is_open());
    let mut open: Vec<_> = open.map(|one| (&one.service, &one.violation)).collect();
    open.sort_unstable();
    open.dedup();
    for (service, violation) in open {
        let service = label("service", service.as_str());
        let violation = label("violation", violation.as_str());
        text.sample(name, &service, &violation, 1_u64.into());
    }
}
