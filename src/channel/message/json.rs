//! A message as channel scripts see it. The shape is a promise to the authors of scripts: docs/channels.md lists it.

use std::time::Duration;

use jiff::Timestamp;

use super::{IncidentMessage, Sending, Subject, samples, words};
use crate::model::duration::Shown;
use crate::model::json::Json;
use crate::model::violation::Sample;

impl IncidentMessage {
    /// Returns the message as a channel script sees it. Every key is always there; what is not known is `null`.
    pub fn to_json(&self) -> Json {
        let incident = &self.incident;
        let sending = &self.sending;
        Json::object([
            ("kind", Json::from(self.kind())),
            ("title", Json::from(self.title())),
            ("headline", Json::from(self.headline())),
            ("note", text(self.note().as_deref())),
            ("at", self.sending.time(Some(sending.now))),
            ("service", self.subject.to_json()),
            ("incident", Json::string(incident.id.0.as_ref())),
            ("violation", Json::from(incident.violation.as_str())),
            ("generation", Json::from(u64::from(incident.generation))),
            ("rule", Json::from(incident.reason.told())),
            ("exchange", Json::from(incident.reason.exchange.as_str())),
            ("finding", self.finding()),
            ("opened_at", self.sending.time(Some(incident.opened_at))),
            ("closed_at", self.sending.time(incident.closed_at)),
            ("last_good", self.sending.time(incident.last_good)),
            ("never_came_up", Json::from(self.never_came_up())),
            ("duration_s", Json::from(self.duration().as_secs())),
            ("duration", Json::from(words::span(self.duration()))),
            ("probes", self.probes()),
            ("message_id", Json::from(sending.message_id.as_str())),
            ("possible_repeat", Json::from(sending.possible_repeat)),
            ("durable", Json::from(sending.durable)),
            (
                "footnotes",
                self.sending
                    .footnotes()
                    .into_iter()
                    .map(Json::from)
                    .collect(),
            ),
            ("link", text(sending.link.as_deref())),
            ("remote_ref", text(sending.remote_ref.as_deref())),
            ("first", Json::from(self.is_first())),
            ("edit", Json::Null),
            ("reminders", Json::from(u64::from(incident.reminders))),
            ("ack", self.ack()),
            ("lines", Json::from_iter([])),
            ("counts", Json::Null),
            ("incidents", Json::from_iter([])),
        ])
    }

    /// Returns who has taken it on, `null` if nobody has.
    fn ack(&self) -> Json {
        self.incident.ack.as_ref().map_or(Json::Null, |ack| {
            Json::object([
                ("at", self.sending.time(Some(ack.at))),
                ("by", Json::from(ack.by.as_str())),
                ("reason", Json::from(ack.reason.as_str())),
            ])
        })
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
        let seen = self.incident.reason.seen();
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
            ("at", self.sending.time(Some(sample.at))),
            ("outcome", Json::from(sample.outcome.as_str())),
            (
                "latency_ms",
                sample.latency.map_or(Json::Null, milliseconds),
            ),
            ("code", text(sample.code.as_deref())),
        ])
    }
}

impl Subject {
    /// Returns the service as a channel script sees it.
    pub(super) fn to_json(&self) -> Json {
        Json::object([
            ("name", Json::from(self.name.as_str())),
            ("method", text(self.method.as_deref())),
            ("url", text(self.url.as_deref())),
            ("severity", Json::from(self.severity.as_str())),
            ("group", text(self.group.as_deref())),
            (
                "tags",
                self.tags
                    .iter()
                    .map(|tag| Json::from(tag.as_str()))
                    .collect(),
            ),
            ("runbook", text(self.runbook.as_deref())),
        ])
    }
}

impl Sending {
    /// Returns a moment in both forms that providers ask for, and as people read it.
    pub(super) fn time(&self, at: Option<Timestamp>) -> Json {
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

pub(super) fn text(text: Option<&str>) -> Json {
    text.map_or(Json::Null, Json::from)
}

fn milliseconds(span: Duration) -> Json {
    Json::from(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}
