//! How the exports go: in the log once for each turn, in the metrics, and on the pages.

use std::sync::{Mutex, PoisonError};

use tracing::{info, warn};

use super::Ended;
use crate::config::Otlp;
use crate::metrics::ExportMetrics;
use crate::model::counted::counted;

/// How the last export ended; absent before the first.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Exports(Mutex<Option<Ended>>);

impl Exports {
    /// Forgets what was, since exports begin with other settings.
    pub(super) fn begin(&self) {
        self.replace(None);
    }

    /// Notes how an export ended.
    pub(super) fn ended(&self, ended: &Ended, wanted: &Otlp, metrics: &ExportMetrics) {
        metrics.exported(ended.as_str(), ended.rejected());
        let before = self.replace(Some(ended.clone()));
        tell(before.as_ref(), ended, wanted);
    }

    /// Returns how they go, for a person.
    pub(in crate::daemon) fn detail(&self, wanted: &Otlp) -> String {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let to = wanted.endpoint.shown();
        match held.as_ref() {
            None => format!("nothing sent to {to} yet"),
            Some(Ended::Taken) => format!("{to} takes the metrics"),
            Some(Ended::Partial { .. }) => {
                format!("{to} takes a part of the metrics; {}", why(held.as_ref()))
            }
            Some(_) => format!(
                "{to} does not take the metrics: {}; monitoring and notifying go on",
                why(held.as_ref())
            ),
        }
    }

    fn replace(&self, with: Option<Ended>) -> Option<Ended> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut held, with)
    }
}

/// Logs an export that ended otherwise than the one before it.
fn tell(before: Option<&Ended>, now: &Ended, wanted: &Otlp) {
    let is_same = before.is_some_and(|before| before.as_str() == now.as_str());
    // A collector that is restarted refuses first and is then not there: that is one turn.
    let is_lost = |one: &Ended| matches!(one, Ended::Refused { .. } | Ended::Unanswered { .. });
    if is_same || (before.is_some_and(is_lost) && is_lost(now)) {
        return;
    }
    let endpoint = wanted.endpoint.shown();
    let why = why(Some(now));
    match now {
        Ended::Taken if before.is_none() => info!(endpoint, "metrics are taken over OTLP"),
        Ended::Taken => info!(endpoint, "metrics are taken over OTLP again"),
        Ended::Partial { .. } => {
            warn!(
                endpoint,
                why, "a part of the metrics is not taken over OTLP"
            );
        }
        Ended::Refused { .. } | Ended::Unanswered { .. } => {
            warn!(
                endpoint,
                why, "metrics are not taken over OTLP; monitoring and notifying go on"
            );
        }
    }
}

fn why(ended: Option<&Ended>) -> String {
    match ended {
        None | Some(Ended::Taken) => String::new(),
        Some(Ended::Partial { rejected, why }) => {
            let rejected = usize::try_from(*rejected).unwrap_or(usize::MAX);
            format!("{} rejected: {why}", counted(rejected, "point"))
        }
        Some(Ended::Refused { status, .. }) => format!("it answered {status}"),
        Some(Ended::Unanswered { why }) => why.clone(),
    }
}
