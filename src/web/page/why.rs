//! Why an incident is open: the rule and its numbers now, and what was seen when its finding was new.

use super::moment::{self, Moment};
use super::present::{Audience, Stood};
use super::state::{State, of_incident};
use super::words;
use crate::model::counted::counted;
use crate::model::duration::Shown;
use crate::model::glance::{Glance, Held};
use crate::model::incident::{Ending, Incident};
use crate::model::json::Json;
use crate::model::judgement::Outcome;
use crate::model::violation::{Sample, Violation};
use crate::policy::planned::On;

/// Why an incident is open.
pub(super) struct Why {
    pub(super) state: State,
    pub(super) title: String,
    pub(super) id: String,
    /// How it is now; absent where that is what was seen at first, or is not known.
    pub(super) now: Option<Said>,
    /// When `first` was so, in words; empty where it is still so, or is over.
    pub(super) as_of: String,
    /// How it was when its finding was new.
    pub(super) first: Said,
    pub(super) pairs: Vec<(&'static str, String)>,
    pub(super) marks: Vec<Mark>,
    /// How the rule was kept when it was over, with what it looked at then.
    pub(super) kept: Option<(String, Vec<Mark>)>,
    /// The maintenance that is on.
    pub(super) planned: Option<String>,
    pub(super) since: Moment,
    pub(super) ack: Option<String>,
}

/// What is said of a violation at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Said {
    pub(super) rule: String,
    pub(super) finding: String,
}

/// One probe of a window.
pub(super) struct Mark {
    pub(super) class: &'static str,
    pub(super) sign: char,
    pub(super) words: String,
    pub(super) latency: String,
}

impl Why {
    /// Returns why each open incident of a service is open, for those who may know.
    pub(super) fn all(stood: &Stood<'_>, audience: Audience) -> Vec<Self> {
        let open = stood.open.iter().filter(|_| audience.is_private());
        open.map(|one| Self::of(one, stood.planned, stood.glance))
            .collect()
    }

    /// Returns why an incident is open, or was.
    pub(super) fn of(
        incident: &Incident,
        planned: Option<On<'_>>,
        glance: Option<&Glance>,
    ) -> Self {
        let reason = &incident.reason;
        let mut first = Said {
            rule: reason.rule.clone(),
            finding: reason.finding.clone().unwrap_or_default(),
        };
        if incident.violation == Violation::Heartbeat && !first.finding.is_empty() {
            // What was found says what is expected as well.
            first.rule.clear();
        }
        let held = glance.and_then(|glance| glance.held(&incident.violation));
        let held = held.filter(|_| incident.is_open());
        let now = held.map(Said::from).filter(|now| now.differs_from(&first));
        // Nobody has looked since a start; what was never looked at by a probe is as it says.
        let is_unseen = glance.is_none() && !reason.samples.is_empty();
        let as_of = match incident.seen_at() {
            Some(at) if now.is_some() => at.strftime("On %-d %b %Y, %H:%M:%S UTC:").to_string(),
            Some(at) if is_unseen => at
                .strftime("Seen on %-d %b %Y, %H:%M:%S UTC, not looked at since:")
                .to_string(),
            _ => String::new(),
        };
        if let Some(now) = &now
            && now.finding == first.finding
        {
            first.finding.clear();
        }
        let ack = incident.ack.as_ref();
        Self {
            state: match planned {
                Some(_) => State::Maintenance,
                None => of_incident(incident, glance),
            },
            planned: planned.map(|on| words::in_maintenance(on, Audience::Private)),
            title: words::title(&incident.violation, Audience::Private),
            id: incident.id.to_string(),
            now,
            as_of,
            first,
            pairs: pairs(incident),
            // What an older version wrote of one that is over was seen at its end, and says nothing of its opening.
            marks: match (incident.ending, &reason.kept) {
                (Some(Ending::Recovered), None) => Vec::new(),
                _ => Mark::all(&reason.samples),
            },
            kept: reason
                .kept
                .as_ref()
                .map(|kept| (kept.rule.clone(), Mark::all(&kept.samples))),
            since: Moment(incident.opened_at),
            ack: ack.map(|ack| match ack.reason.as_str() {
                "" => ack.by.clone(),
                reason => format!("{}: {reason}", ack.by),
            }),
        }
    }
}

impl Why {
    /// Tells whether what has this name is data, not words.
    pub(super) fn is_value(&self, name: &str) -> bool {
        matches!(name, "expected" | "got" | "at") && !self.pairs.is_empty()
    }
}

/// Returns the facts of the probe that found it, each with its name.
fn pairs(incident: &Incident) -> Vec<(&'static str, String)> {
    let reason = &incident.reason;
    let some = |name, text: &Option<String>| {
        let text = text.clone().filter(|text| !text.is_empty());
        text.map(|text| (name, text))
    };
    let json = |name, value: &Option<Json>| value.as_ref().map(|value| (name, value.to_string()));
    let exchange = Some(reason.exchange.clone());
    let more = (reason.more_findings > 0).then(|| counted(reason.more_findings, "more finding"));
    let good = match incident.last_good {
        Some(at) => at.strftime(moment::SECOND).to_string(),
        None => "never".to_owned(),
    };
    let pairs = [
        reason
            .expected
            .as_ref()
            .map(|value| ("expected", words::expected(value, usize::MAX))),
        json("got", &reason.actual),
        some("at", &reason.path),
        some("found by", &reason.place),
        some("exchange", &exchange),
        some("address", &reason.address),
        some("besides", &more),
        Some(("last good", good)),
    ];
    pairs.into_iter().flatten().collect()
}

impl Said {
    /// Tells whether this says anything that the other does not.
    fn differs_from(&self, other: &Self) -> bool {
        let is_new = |mine: &str, theirs: &str| !mine.is_empty() && mine != theirs;
        is_new(&self.rule, &other.rule) || is_new(&self.finding, &other.finding)
    }
}

impl From<&Held> for Said {
    fn from(held: &Held) -> Self {
        Self {
            rule: held.rule.clone().unwrap_or_default(),
            finding: held.finding.clone().unwrap_or_default(),
        }
    }
}

impl Mark {
    fn all(samples: &[Sample]) -> Vec<Self> {
        samples.iter().map(Self::of).collect()
    }

    fn of(sample: &Sample) -> Self {
        let sign = match sample.outcome {
            Outcome::Pass => '✓',
            Outcome::Warn => '!',
            Outcome::Fail => '✗',
            Outcome::Unknown => '?',
            Outcome::Error => '⚠',
        };
        let latency = sample.latency.map(|latency| Shown(latency).to_string());
        let code = sample.code.as_deref();
        let at = sample.at.strftime("%H:%M:%S UTC");
        Self {
            class: sample.outcome.as_str(),
            sign,
            words: format!(
                "{at}: {}{}",
                sample.outcome,
                code.map(|code| format!(" ({code})")).unwrap_or_default()
            ),
            latency: latency.unwrap_or_else(|| "–".to_owned()),
        }
    }
}
