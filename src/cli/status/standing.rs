//! What is known of a service that breaks no rule: only one that was judged, and well, is fine.

use std::collections::BTreeMap;
use std::path::Path;

use anstyle::Style;
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::output::{FAINT, GOOD, WARNING};
use crate::cli::table::Cell;
use crate::history::{self, ReadError, Restored};
use crate::model::glance::{Held, WindowNumbers};
use crate::model::incident::Incident;
use crate::model::judgement::Outcome;
use crate::model::service::{Service, ServiceName};
use crate::policy::doubt::Doubt;
use crate::policy::heartbeat;
use crate::state::ServiceLine;

/// How a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// A violation is open.
    Violated,
    /// The last probe failed, and no rule is broken by that yet.
    Failing,
    /// It never answered well, or failed several times in a row: what that is, is being confirmed.
    Unconfirmed,
    /// The last probe could not be judged.
    Unknown,
    /// It was never probed.
    NeverProbed,
    /// It reports, and never has.
    NoBeat,
    /// The last probe was good.
    Fine,
}

impl Standing {
    /// Tells whether nobody can say that the service is well or not.
    pub(super) fn is_unjudged(self) -> bool {
        matches!(
            self,
            Self::Unknown | Self::Unconfirmed | Self::NeverProbed | Self::NoBeat
        )
    }

    /// Returns sign and words for a person, where a job has its own, with their style; absent where its incidents say more.
    pub(super) fn cells(self, of_job: Option<String>) -> Option<(Cell, Style, String)> {
        let (style, sign, words) = match self {
            Self::Violated => return None,
            Self::Failing => (WARNING, "!", "the last probe failed, no violation yet"),
            Self::Unconfirmed => (WARNING, "?", "failing, being confirmed"),
            Self::Unknown => (WARNING, "?", "unknown"),
            Self::NeverProbed => (FAINT, "…", "no probe yet"),
            Self::NoBeat => (FAINT, "…", "no beat yet"),
            Self::Fine => (GOOD, "✓", "fine"),
        };
        let words = of_job.unwrap_or_else(|| words.to_owned());
        Some((Cell::new(style, sign), style, words))
    }

    fn failing(past: &Restored) -> Self {
        let judged = || past.samples.iter().rev().filter(|one| one.outcome.counts());
        let failed = judged().take_while(|one| !one.outcome.is_good());
        let numbers = WindowNumbers {
            failing: failed.count(),
            ..WindowNumbers::default()
        };
        let good = judged().find(|one| one.outcome.is_good());
        let last_good = good.map(|one| one.at).or(past.counters.last_good);
        if Doubt::of(numbers, last_good).is_serious() {
            Self::Unconfirmed
        } else {
            Self::Failing
        }
    }

    fn of(service: &ServiceLine, past: &Past) -> Self {
        if !service.violations.is_empty() {
            return Self::Violated;
        }
        let past = match past {
            Past::Known(services) => services.get(&service.name),
            Past::Unreadable => return Self::Unknown,
        };
        let last = past.and_then(|past| past.samples.last());
        match (last.map(|sample| sample.outcome), past) {
            (Some(Outcome::Pass | Outcome::Warn), _) => Self::Fine,
            (Some(Outcome::Fail), Some(past)) => Self::failing(past),
            (Some(Outcome::Unknown | Outcome::Error), _) => Self::Unknown,
            (None, Some(past)) if past.counters.probes() > 0 => Self::Unknown,
            (None, _) if service.is_heartbeat() => Self::NoBeat,
            (_, None) | (None, _) => Self::NeverProbed,
        }
    }
}

/// What the history says.
pub(super) enum Past {
    /// Of each service.
    Known(BTreeMap<ServiceName, Restored>),
    /// Nothing that could be read.
    Unreadable,
}

impl Past {
    /// Reads the history of a data folder, and returns why it could not be.
    pub(super) fn read(data: &Path, now: Timestamp) -> (Self, Option<ReadError>) {
        let path = data.join(history::FILE);
        if !path.exists() {
            return (Self::Known(BTreeMap::new()), None);
        }
        match history::read(&path, now) {
            Ok(known) => (Self::Known(known), None),
            Err(error) => (Self::Unreadable, Some(error)),
        }
    }

    /// Returns the outcome of the newest probe of a service, as far as it is known.
    pub(super) fn newest(&self, name: &ServiceName) -> Option<Outcome> {
        let Self::Known(known) = self else {
            return None;
        };
        Some(known.get(name)?.samples.last()?.outcome)
    }

    /// Returns how each service stands.
    pub(super) fn standings(&self, services: &[ServiceLine]) -> Vec<Standing> {
        let standing = |service| Standing::of(service, self);
        services.iter().map(standing).collect()
    }

    /// Returns what is known of the beats of a service that reports.
    pub(super) fn beats(&self, service: &Service) -> Option<heartbeat::Known> {
        let Self::Known(known) = self else {
            return None;
        };
        let known = known.get(&service.name)?.clone();
        let memory = known.memory.clone();
        let watch = known.watch(service, Vec::new());
        Some(heartbeat::Known::of(&watch, &memory))
    }

    /// Returns an open incident of a service as it is now, by the newest probes in the history.
    pub(super) fn held(&self, service: &Service, incident: &Incident) -> Option<Held> {
        let Self::Known(known) = self else {
            return None;
        };
        let open = (incident.violation.clone(), incident.reason.clone());
        let known = known.get(&service.name)?.clone();
        known.watch(service, vec![open]).held().pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::violation::Sample;

    fn standing(outcomes: &[Outcome]) -> Standing {
        let name = ServiceName::new("a");
        let samples = outcomes.iter().map(|outcome| Sample {
            at: Timestamp::UNIX_EPOCH,
            outcome: *outcome,
            latency: None,
            code: None,
        });
        let past = Restored {
            samples: samples.collect(),
            ..Restored::default()
        };
        let service = ServiceLine {
            name: name.clone(),
            url: Some(String::new()),
            http_method: Some(String::new()),
            violations: Vec::new(),
        };
        Standing::of(&service, &Past::Known([(name, past)].into()))
    }

    #[test]
    fn only_what_was_judged_well_last_is_fine() {
        use Outcome::{Error, Fail, Pass, Unknown, Warn};
        let rows: [(&[Outcome], Standing); 8] = [
            (&[], Standing::NeverProbed),
            (&[Unknown], Standing::Unknown),
            (&[Pass, Unknown], Standing::Unknown),
            (&[Pass, Error], Standing::Unknown),
            (&[Pass, Fail], Standing::Failing),
            (&[Pass, Fail, Unknown, Fail], Standing::Unconfirmed),
            (&[Fail], Standing::Unconfirmed),
            (&[Unknown, Warn], Standing::Fine),
        ];
        for (outcomes, expected) in rows {
            assert_eq!(standing(outcomes), expected, "{outcomes:?}");
        }
    }
}
