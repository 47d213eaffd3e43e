//! A message as channel scripts see it. The shape is a promise to the authors of scripts: docs/channels.md lists it.

use std::time::Duration;

use jiff::Timestamp;

use super::{Message, samples, words};
use crate::model::duration::Shown;
use crate::model::json::Json;
use crate::model::service::ServiceSeverity;
use crate::model::violation::Sample;

/// Returns the name of a severity.
pub(super) fn severity(severity: ServiceSeverity) -> &'static str {
    match severity {
        ServiceSeverity::Info => "info",
        ServiceSeverity::Warning => "warning",
        ServiceSeverity::Critical => "critical",
    }
}

impl Message {
    /// Returns the message as a channel script sees it. Every key is always there; what is not known is `null`.
    pub fn to_json(&self) -> Json {
        let incident = &self.incident;
        let sending = &self.sending;
        Json::object([
            ("kind", Json::from(self.kind())),
            ("title", Json::from(self.title())),
            ("headline", Json::from(self.headline())),
            ("note", text(self.note())),
            ("at", self.time(Some(sending.now))),
            ("service", self.service()),
            ("incident", Json::string(incident.id.0.as_ref())),
            ("violation", Json::from(incident.violation.as_str())),
            ("generation", Json::from(u64::from(incident.generation))),
            ("rule", Json::from(incident.reason.rule.as_str())),
            ("exchange", Json::from(incident.reason.exchange.as_str())),
            ("finding", self.finding()),
            ("opened_at", self.time(Some(incident.opened_at))),
            ("closed_at", self.time(incident.closed_at)),
            ("last_good", self.time(incident.last_good)),
            ("never_came_up", Json::from(self.never_came_up())),
            ("duration_s", Json::from(self.duration().as_secs())),
            ("duration", Json::from(words::span(self.duration()))),
            ("probes", self.probes()),
            ("message_id", Json::from(sending.message_id.as_str())),
            ("possible_repeat", Json::from(sending.possible_repeat)),
            ("durable", Json::from(sending.durable)),
            (
                "footnotes",
                self.footnotes().into_iter().map(Json::from).collect(),
            ),
            ("link", text(sending.link.as_deref())),
            ("remote_ref", text(sending.remote_ref.as_deref())),
        ])
    }

    fn service(&self) -> Json {
        let subject = &self.subject;
        Json::object([
            ("name", Json::from(subject.name.as_str())),
            ("method", text(subject.method.as_deref())),
            ("url", text(subject.url.as_deref())),
            ("severity", Json::from(severity(subject.severity))),
            ("group", text(subject.group.as_deref())),
            (
                "tags",
                subject
                    .tags
                    .iter()
                    .map(|tag| Json::from(tag.as_str()))
                    .collect(),
            ),
            ("runbook", text(subject.runbook.as_deref())),
        ])
    }

    /// Returns the main finding, `null` if there is none.
    fn finding(&self) -> Json {
        let reason = &self.incident.reason;
        let Some(problem) = self.problem() else {
            return Json::Null;
        };
        Json::object([
            ("code", text(reason.code.as_deref())),
            ("path", text(reason.path.as_deref())),
            ("problem", Json::from(problem)),
            ("expected", reason.expected.clone().unwrap_or_default()),
            ("actual", reason.actual.clone().unwrap_or_default()),
            (
                "has_values",
                Json::from(reason.expected.is_some() || reason.actual.is_some()),
            ),
            ("place", text(reason.place.as_deref())),
            ("more", Json::from(reason.more_findings as u64)),
        ])
    }

    fn probes(&self) -> Json {
        let seen = &self.incident.reason.samples;
        let median = samples::median(seen);
        Json::object([
            ("marks", Json::from(samples::marks(seen))),
            ("bars", Json::from(samples::sparkline(seen))),
            ("p50_ms", median.map_or(Json::Null, milliseconds)),
            (
                "p50",
                text(median.map(|median| Shown(median).to_string()).as_deref()),
            ),
            ("samples", seen.iter().map(|one| self.sample(one)).collect()),
        ])
    }

    fn sample(&self, sample: &Sample) -> Json {
        Json::object([
            ("at", self.time(Some(sample.at))),
            ("outcome", Json::from(sample.outcome.as_str())),
            (
                "latency_ms",
                sample.latency.map_or(Json::Null, milliseconds),
            ),
            ("code", text(sample.code.as_deref())),
        ])
    }

    /// Returns a moment in both forms that providers ask for, and as people read it.
    fn time(&self, at: Option<Timestamp>) -> Json {
        let Some(at) = at else {
            return Json::Null;
        };
        Json::object([
            (
                "rfc3339",
                Json::from(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            ),
            ("unix", Json::from(at.as_second())),
            ("words", Json::from(self.moment(at))),
        ])
    }
}

fn text(text: Option<&str>) -> Json {
    text.map_or(Json::Null, Json::from)
}

fn milliseconds(span: Duration) -> Json {
    Json::from(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}
