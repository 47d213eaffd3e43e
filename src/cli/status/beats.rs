//! What is said of a job that reports, where a service that is asked has its probes.

use jiff::Timestamp;
use serde::Serialize;

use super::Known;
use super::standing::Standing;
use crate::model::duration::{Shown, since};
use crate::state::ServiceLine;

/// What the history knows of the beats of a service.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Beats {
    /// When it last reported the end of a run, good or bad.
    last_report_at: Option<Timestamp>,
    /// When the run under way began, where that was reported.
    running_since: Option<Timestamp>,
}

impl Known {
    /// Returns what is known of the beats of a service; absent of one that is asked.
    pub(super) fn beats(&self, line: &ServiceLine) -> Option<Beats> {
        if !line.is_heartbeat() {
            return None;
        }
        let service = self.watched.get(&line.name);
        let known = service.and_then(|service| self.past.beats(service));
        let known = known.unwrap_or_default();
        Some(Beats {
            last_report_at: known.last,
            running_since: known.begun.into_values().min(),
        })
    }
}

impl Beats {
    /// Returns how a job stands in words; absent where that is said as of any service.
    pub(super) fn words(&self, standing: Standing, now: Timestamp) -> Option<String> {
        let words = match standing {
            Standing::NoBeat => "no beat yet",
            Standing::Failing => "the last beat is missing or failed, no violation yet",
            Standing::Fine => "fine",
            Standing::Violated
            | Standing::Unknown
            | Standing::Unconfirmed
            | Standing::NeverProbed => return None,
        };
        let ago = |at| Shown(since(at, now));
        let last = self.last_report_at;
        let last = last.map(|at| format!("beat {} ago", ago(at)));
        let running = self.running_since;
        let running = running.map(|at| format!("running for {}", ago(at)));
        let said = [Some(words.to_owned()), last, running];
        Some(said.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}
