//! Why an incident is open: the rule, its numbers, and the probes that it looked at.

use super::moment::Moment;
use super::present::Audience;
use super::state::{State, of_incident};
use super::words;
use crate::model::duration::Shown;
use crate::model::incident::Incident;
use crate::model::json::Json;
use crate::model::judgement::Outcome;
use crate::model::violation::Sample;

/// Why an incident is open.
pub(super) struct Why {
    pub(super) state: State,
    pub(super) title: String,
    pub(super) id: String,
    pub(super) rule: String,
    pub(super) finding: Option<String>,
    pub(super) pairs: Vec<(&'static str, String)>,
    pub(super) marks: Vec<Mark>,
    pub(super) since: Moment,
    pub(super) ack: Option<String>,
}

/// One probe of a window.
pub(super) struct Mark {
    pub(super) class: &'static str,
    pub(super) sign: char,
    pub(super) words: String,
    pub(super) latency: String,
}

impl Why {
    /// Returns why an incident is open, or was.
    pub(super) fn of(incident: &Incident) -> Self {
        let reason = &incident.reason;
        let some = |name, text: &Option<String>| {
            let text = text.clone().filter(|text| !text.is_empty());
            text.map(|text| (name, text))
        };
        let json =
            |name, value: &Option<Json>| value.as_ref().map(|value| (name, value.to_string()));
        let exchange = Some(reason.exchange.clone());
        let more =
            (reason.more_findings > 0).then(|| format!("{} more findings", reason.more_findings));
        let good = match incident.last_good {
            Some(at) => at.strftime("%-d %b %Y, %H:%M:%S UTC").to_string(),
            None => "never".to_owned(),
        };
        let pairs = [
            json("expected", &reason.expected),
            json("got", &reason.actual),
            some("at", &reason.path),
            some("found by", &reason.place),
            some("exchange", &exchange),
            some("address", &reason.address),
            some("besides", &more),
            Some(("last good", good)),
        ];
        let ack = incident.ack.as_ref();
        Self {
            state: of_incident(incident),
            title: words::title(&incident.violation, Audience::Private),
            id: incident.id.to_string(),
            rule: reason.rule.clone(),
            finding: reason.finding.clone(),
            pairs: pairs.into_iter().flatten().collect(),
            marks: reason.samples.iter().map(Mark::of).collect(),
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

impl Mark {
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
