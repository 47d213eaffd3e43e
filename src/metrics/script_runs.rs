//! What is counted of runs of matcher scripts, by the script's name in the config.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};

use crate::model::code::FindingCode;
use crate::model::judgement::{Judgement, Severity};

/// The reason of a broken run that is none of OES's own.
const OTHER: &str = "other";

/// Returns the reasons for which OES says that a run broke.
fn reasons() -> impl Iterator<Item = &'static str> {
    let codes = FindingCode::ALL.iter().map(|code| code.as_str());
    codes.filter(|code| {
        let (of, _) = code.split_once('.').unwrap_or((code, ""));
        ["limit", "script", "not_run"].contains(&of)
    })
}

type Seconds = Counter<f64, AtomicU64>;

#[derive(Debug, Clone, Default)]
pub(super) struct ScriptRuns {
    runs: Family<ScriptLabels, Counter>,
    cpu: Family<ScriptLabels, Seconds>,
    wall: Family<ScriptLabels, Seconds>,
    requests: Family<ScriptLabels, Counter>,
    broken: Family<ReasonLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ScriptLabels {
    script: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

impl ScriptRuns {
    pub(super) fn register(&self, registry: &mut Registry) {
        for reason in reasons().chain([OTHER]) {
            drop(self.broken.get_or_create(&ReasonLabels { reason }));
        }
        registry.register("script_runs", "Runs of a matcher script", self.runs.clone());
        registry.register_with_unit(
            "script_cpu",
            "Processor time of the runs of a matcher script",
            Unit::Seconds,
            self.cpu.clone(),
        );
        registry.register_with_unit(
            "script_wall",
            "Time of the runs of a matcher script, its requests included",
            Unit::Seconds,
            self.wall.clone(),
        );
        registry.register(
            "script_requests",
            "Requests that a matcher script made",
            self.requests.clone(),
        );
        registry.register(
            "script_broken",
            "Runs of matcher scripts that broke, by why: limit.NAME where a limit was met",
            self.broken.clone(),
        );
    }

    /// Counts the runs of one judgement.
    pub(super) fn judged(&self, judgement: &Judgement) {
        for run in &judgement.runs {
            let script = run.script.to_string();
            let labels = ScriptLabels { script };
            let usage = &run.usage;
            self.runs.get_or_create(&labels).inc();
            let cpu = std::time::Duration::from_micros(usage.cpu_us.used);
            self.cpu.get_or_create(&labels).inc_by(cpu.as_secs_f64());
            let wall = std::time::Duration::from_millis(usage.wall_ms.used);
            self.wall.get_or_create(&labels).inc_by(wall.as_secs_f64());
            let requests = usage.http_calls.used;
            self.requests.get_or_create(&labels).inc_by(requests);
        }
        let broken = judgement.findings.iter();
        for finding in broken.filter(|finding| finding.severity == Severity::Broken) {
            let reason = reasons().find(|reason| *reason == &*finding.code);
            let reason = reason.unwrap_or(OTHER);
            self.broken.get_or_create(&ReasonLabels { reason }).inc();
        }
    }
}
