//! How well the incidents of a backtest fit the outages that people know of.

use std::time::Duration;

use jiff::Timestamp;

use crate::config::labels::Outage;
use crate::model::duration::since;
use crate::model::violation::Violation;
use crate::suite::replay::Alarm;

/// How well incidents fit known outages.
pub(super) struct Score {
    /// Outages with an incident that was open during them, and how long after their beginning it was seen.
    pub(super) caught: Vec<(Outage, Duration)>,
    /// Outages without one.
    pub(super) missed: Vec<Outage>,
    /// Outages of which nothing is recorded.
    pub(super) outside: Vec<Outage>,
    /// Incidents during no outage: violation, and when it was seen.
    pub(super) false_alarms: Vec<(Violation, Timestamp)>,
    /// All incidents.
    pub(super) alarms: usize,
}

impl Score {
    /// Returns how well incidents fit, of what was recorded in a span.
    pub(super) fn of(
        outages: &[Outage],
        incidents: &[Alarm],
        span: (Timestamp, Timestamp),
    ) -> Self {
        let mut score = Self {
            caught: Vec::new(),
            missed: Vec::new(),
            outside: Vec::new(),
            false_alarms: Vec::new(),
            alarms: incidents.len(),
        };
        for outage in outages {
            if outage.to < span.0 || outage.from > span.1 {
                score.outside.push(outage.clone());
                continue;
            }
            let during = incidents
                .iter()
                .filter(|one| is_alarm(one) && overlaps(one, outage));
            match during.map(|one| one.seen_at).min() {
                Some(seen) => {
                    let delay = since(outage.from, seen);
                    score.caught.push((outage.clone(), delay));
                }
                None => score.missed.push(outage.clone()),
            }
        }
        let none = |one: &&Alarm| !outages.iter().any(|outage| overlaps(one, outage));
        let wrong = incidents.iter().filter(none);
        score.false_alarms = wrong
            .map(|one| (one.incident.violation.clone(), one.seen_at))
            .collect();
        score
    }

    /// Tells whether every outage is caught and there is no false alarm.
    pub(super) fn is_perfect(&self) -> bool {
        self.missed.is_empty() && self.false_alarms.is_empty()
    }

    /// Returns the share of incidents that are no false alarms; absent without incidents.
    pub(super) fn precision(&self) -> Option<f64> {
        share(self.alarms - self.false_alarms.len(), self.alarms)
    }

    /// Returns the share of outages that are caught; absent without outages.
    pub(super) fn recall(&self) -> Option<f64> {
        share(self.caught.len(), self.caught.len() + self.missed.len())
    }

    /// Returns how long it takes to detect an outage, on average and at worst; absent if none is caught.
    pub(super) fn delays(&self) -> Option<(Duration, Duration)> {
        let delays = self.caught.iter().map(|(_, delay)| *delay);
        let count = u32::try_from(self.caught.len()).ok()?;
        let total: Duration = delays.clone().sum();
        Some((total.checked_div(count)?, delays.max()?))
    }
}

fn share(part: usize, whole: usize) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A broken matcher, or one that cannot judge, tells of no outage of the service.
fn is_alarm(alarm: &Alarm) -> bool {
    !matches!(
        alarm.incident.violation,
        Violation::Matcher | Violation::Unknown
    )
}

fn overlaps(alarm: &Alarm, outage: &Outage) -> bool {
    let incident = &alarm.incident;
    let ends_before = incident
        .closed_at
        .is_some_and(|closed| closed < outage.from);
    incident.opened_at <= outage.to && !ends_before
}
