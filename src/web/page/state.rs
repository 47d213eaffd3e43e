//! How a service stands, in the words of a status page.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::words;
use crate::model::duration::since;
use crate::model::glance::Glance;
use crate::model::incident::Incident;
use crate::model::judgement::Outcome;
use crate::model::service::Service;
use crate::model::violation::Violation;
use crate::policy::doubt::Doubt;
use crate::policy::planned::On;

/// A service was not looked at for too long after so many of its intervals.
const STALE_INTERVALS: u32 = 3;

/// How a service stands. Ordered by weight: of several the heaviest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The last probe was good, and no rule is broken.
    Operational,
    /// Messages are muted by plan; whatever is found is expected.
    Maintenance,
    /// Nobody can say: never probed, not judged, not looked at for too long, or failing and not confirmed yet. Never drawn
    /// green.
    NoData,
    /// It answers, but slowly, unsteadily, or not as a script wants it.
    Degraded,
    /// Some probes of the window fail.
    PartialOutage,
    /// Every probe of the window fails.
    MajorOutage,
}

impl State {
    /// Every state, the lightest first.
    pub const ALL: [Self; 6] = [
        Self::Operational,
        Self::Maintenance,
        Self::NoData,
        Self::Degraded,
        Self::PartialOutage,
        Self::MajorOutage,
    ];

    /// Returns its name in URLs, JSON and CSS.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Maintenance => "maintenance",
            Self::NoData => "no_data",
            Self::Degraded => "degraded",
            Self::PartialOutage => "partial_outage",
            Self::MajorOutage => "major_outage",
        }
    }

    /// Returns the state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Returns it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Operational => "Operational",
            Self::Maintenance => "Maintenance",
            Self::NoData => "No data",
            Self::Degraded => "Degraded",
            Self::PartialOutage => "Partial outage",
            Self::MajorOutage => "Major outage",
        }
    }

    /// Returns a sign for plain text.
    pub fn sign(self) -> char {
        match self {
            Self::Operational => '✓',
            Self::Maintenance => '~',
            Self::NoData => '?',
            Self::Degraded => '!',
            Self::PartialOutage => '▲',
            Self::MajorOutage => '✗',
        }
    }

    /// Tells whether somebody should look.
    pub fn is_trouble(self) -> bool {
        self >= Self::Degraded
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// How a service stands, and what else is to be said of it in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// Why, for those who may know; empty where the state says all.
    pub note: String,
}

impl Standing {
    /// Returns how a service stands, by its newest probe, its open incidents and the maintenance that is on.
    pub fn of(
        service: &Service,
        glance: Option<&Glance>,
        open: &[&Incident],
        planned: Option<On<'_>>,
        now: Timestamp,
    ) -> Self {
        if let Some(planned) = planned {
            return Self::new(State::Maintenance, planned.to_string());
        }
        let worst = open
            .iter()
            .max_by_key(|incident| of_incident(incident, glance));
        match worst {
            Some(incident) => {
                Self::new(of_incident(incident, glance), first_line(incident, glance))
            }
            None => by_glance(service, glance, now),
        }
    }

    fn new(state: State, note: impl Into<String>) -> Self {
        Self {
            state,
            note: note.into(),
        }
    }
}

/// Returns how a service that breaks no rule stands by its newest probe.
fn by_glance(service: &Service, glance: Option<&Glance>, now: Timestamp) -> Standing {
    let Some(glance) = glance else {
        let what = if service.heartbeat.is_some() {
            "no beat yet"
        } else {
            "no probe yet"
        };
        return Standing::new(State::NoData, what);
    };
    let silence = since(glance.at, now);
    let run_max = service.heartbeat.as_ref().and_then(|rule| rule.run_max);
    let patience = service
        .interval
        .saturating_mul(STALE_INTERVALS)
        .saturating_add(service.timeout)
        // A run that takes its time is no silence.
        .saturating_add(run_max.unwrap_or_default());
    if silence > patience {
        let what = if service.heartbeat.is_some() {
            "no beat"
        } else {
            "not looked at"
        };
        let text = format!("{what} for {}", words::age(silence));
        return Standing::new(State::NoData, text);
    }
    let (state, note) = match glance.outcome {
        Outcome::Pass => (State::Operational, ""),
        Outcome::Warn => (State::Operational, "with a warning"),
        Outcome::Fail if service.heartbeat.is_some() => (
            State::Operational,
            "the last beat is missing or failed, no violation yet",
        ),
        Outcome::Fail => {
            let doubt = Doubt::of(glance.window, glance.last_good);
            let state = if doubt.is_serious() {
                State::NoData
            } else {
                State::Operational
            };
            return Standing::new(state, doubt.to_string());
        }
        Outcome::Unknown => (State::NoData, "the last probe could not be judged"),
        Outcome::Error => (State::NoData, "what judges it is broken"),
    };
    Standing::new(state, note)
}

/// Returns how bad an open incident is now for those who use the service: of an outage by the window of the newest probe,
/// and by that of the incident where none is known.
pub(super) fn of_incident(incident: &Incident, glance: Option<&Glance>) -> State {
    let at_first = || {
        let mut samples = incident.reason.samples.iter();
        samples.all(|sample| !sample.outcome.counts() || sample.outcome == Outcome::Fail)
    };
    match incident.violation {
        Violation::Error => {
            let all_failed = glance.and_then(|glance| glance.window.all_failed());
            if all_failed.unwrap_or_else(at_first) {
                State::MajorOutage
            } else {
                State::PartialOutage
            }
        }
        // What should have run did not.
        Violation::Heartbeat => State::MajorOutage,
        Violation::Latency | Violation::Flapping | Violation::Named(_) => State::Degraded,
        Violation::Matcher | Violation::Unknown => State::NoData,
    }
}

/// Returns in one line why an incident is open now; where the newest probe does not say, why it was when it opened.
pub(super) fn first_line(incident: &Incident, glance: Option<&Glance>) -> String {
    let held = glance.and_then(|glance| glance.held(&incident.violation));
    // A finding that is known says more than the numbers of now.
    let rule = held.and_then(|held| held.rule.as_deref());
    let rule = rule.filter(|_| incident.why() == incident.reason.rule);
    let found = held.and_then(|held| held.finding.as_deref());
    let text = found.or(rule).unwrap_or_else(|| incident.why());
    text.lines().next().unwrap_or_default().to_owned()
}
