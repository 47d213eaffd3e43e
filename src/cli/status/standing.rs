//! What is known of a service that breaks no rule: only one that was judged, and well, is fine.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::output::{FAINT, GOOD, WARNING};
use crate::cli::table::Cell;
use crate::history::{self, ReadError, Restored};
use crate::model::judgement::Outcome;
use crate::model::service::ServiceName;
use crate::state::ServiceLine;

/// How a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// A violation is open.
    Violated,
    /// The last probe failed, and no rule is broken by that yet.
    Failing,
    /// The last probe could not be judged.
    Unknown,
    /// It was never probed.
    NeverProbed,
    /// The last probe was good.
    Fine,
}

impl Standing {
    /// Tells whether nobody can say that the service is well or not.
    pub(super) fn is_unjudged(self) -> bool {
        matches!(self, Self::Unknown | Self::NeverProbed)
    }

    /// Returns sign and words for a person; absent where its incidents say more.
    pub(super) fn cells(self) -> Option<(Cell, Cell)> {
        let (style, sign, words) = match self {
            Self::Violated => return None,
            Self::Failing => (WARNING, "!", "the last probe failed, no violation yet"),
            Self::Unknown => (WARNING, "?", "unknown"),
            Self::NeverProbed => (FAINT, "…", "no probe yet"),
            Self::Fine => (GOOD, "✓", "fine"),
        };
        Some((Cell::new(style, sign), Cell::new(style, words)))
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
            (Some(Outcome::Fail), _) => Self::Failing,
            (Some(Outcome::Unknown | Outcome::Error), _) => Self::Unknown,
            (None, Some(past)) if past.counters.probes() > 0 => Self::Unknown,
            (None, _) => Self::NeverProbed,
        }
    }
}

/// What the history says.
enum Past {
    Known(BTreeMap<ServiceName, Restored>),
    Unreadable,
}

/// Returns how each service stands, and why the history could not be read.
pub(super) fn standings(
    data: &Path,
    services: &[ServiceLine],
    now: Timestamp,
) -> (Vec<Standing>, Option<ReadError>) {
    let path = data.join(history::FILE);
    let (past, error) = if path.exists() {
        match history::read(&path, now) {
            Ok(known) => (Past::Known(known), None),
            Err(error) => (Past::Unreadable, Some(error)),
        }
    } else {
        (Past::Known(BTreeMap::new()), None)
    };
    let standing = |service| Standing::of(service, &past);
    (services.iter().map(standing).collect(), error)
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
            url: String::new(),
            http_method: String::new(),
            violations: Vec::new(),
        };
        Standing::of(&service, &Past::Known([(name, past)].into()))
    }

    #[test]
    fn only_what_was_judged_well_last_is_fine() {
        use Outcome::{Error, Fail, Pass, Unknown, Warn};
        let rows: [(&[Outcome], Standing); 6] = [
            (&[], Standing::NeverProbed),
            (&[Unknown], Standing::Unknown),
            (&[Pass, Unknown], Standing::Unknown),
            (&[Pass, Error], Standing::Unknown),
            (&[Pass, Fail], Standing::Failing),
            (&[Unknown, Warn], Standing::Fine),
        ];
        for (outcomes, expected) in rows {
            assert_eq!(standing(outcomes), expected, "{outcomes:?}");
        }
    }
}
