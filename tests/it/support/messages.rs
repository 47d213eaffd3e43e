//! Messages and channels to send.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use oes::channel::delivery::Attempt;
use oes::channel::message::{IncidentMessage, Sending, Subject};
use oes::channel::settings::{ChannelKind, Settings};
use oes::model::incident::{Ending, Incident, IncidentId, Reason};
use oes::model::json::Json;
use oes::model::judgement::Outcome;
use oes::model::secret::Secret;
use oes::model::service::{ChannelName, ServiceName, ServiceSeverity};
use oes::model::violation::{Sample, Violation};
use oes::policy::owed::Telling;

use super::scripts;

/// 2026-01-01 02:13:07 UTC
pub(crate) const OPENED: i64 = 1_767_233_587;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// Returns a message about a price that became a string; every other telling than an opening comes 28 minutes later.
pub(crate) fn price(telling: Telling) -> IncidentMessage {
    let over = telling != Telling::Fire;
    let samples = [
        (180, true),
        (190, true),
        (185, true),
        (214, false),
        (900, false),
        (870, false),
        (880, false),
    ];
    let samples = samples
        .into_iter()
        .enumerate()
        .map(|(index, (latency_ms, good))| Sample {
            at: at(OPENED - 360) + SignedDuration::from_mins(i64::try_from(index).unwrap()),
            outcome: if good { Outcome::Pass } else { Outcome::Fail },
            latency: Some(Duration::from_millis(latency_ms)),
            code: (!good).then(|| "price.shape".into()),
        });
    IncidentMessage {
        telling,
        incident: Incident {
            id: IncidentId("01J8ZK4N6P7Q8R9S".into()),
            service: ServiceName::new("price-api"),
            violation: Violation::Error,
            generation: if over { 2 } else { 1 },
            opened_at: at(OPENED),
            closed_at: over.then(|| at(OPENED + 1_680)),
            ending: over.then_some(Ending::Recovered),
            last_good: Some(at(OPENED - 240)),
            announced_before: None,
            news: oes::model::incident::News::Opened,
            reminders: 0,
            ack: None,
            reason: Reason {
                kept: None,
                rule: "4 of the last 7 probes failed, more than 50 %".into(),
                code: Some("price.shape".into()),
                finding: Some("$.price: expected number, got string \"1.31\"".into()),
                path: Some("$.price".into()),
                expected: Some(Json::from(1.28)),
                actual: Some(Json::from("1.31")),
                place: Some("scripts/price_sanity.rhai:2:15".into()),
                more_findings: 2,
                exchange: "GET https://api.example.io/asset/price/x → 200 in 214 ms".into(),
                address: None,
                samples: samples.collect(),
            },
        },
        subject: Subject {
            name: ServiceName::new("price-api"),
            method: Some("GET".into()),
            url: Some("https://api.example.io/asset/price/x".into()),
            severity: ServiceSeverity::Critical,
            group: Some("prices".into()),
            tags: vec!["edge".into()],
            runbook: Some("https://wiki.example.io/price".into()),
        },
        dependents: Vec::new(),
        sending: Sending::new("msg_5f0c9a", at(OPENED + if over { 1_690 } else { 95 })),
    }
}

/// Returns a message about a service of which no probe passed, with as little known as there can be.
pub(crate) fn never_came_up() -> IncidentMessage {
    let mut message = price(Telling::Fire);
    message.incident.last_good = None;
    message.incident.reason = Reason {
        rule: "1 of the last 1 probes failed".into(),
        exchange: "GET https://api.example.io → connection refused by 192.0.2.1:443".into(),
        ..Reason::default()
    };
    message.subject = Subject::gone(ServiceName::new("price-api"));
    message
}

/// Returns a message in which every text that comes from outside is `text`.
pub(crate) fn full_of(text: &str) -> IncidentMessage {
    let mut message = price(Telling::Fire);
    message.subject.name = ServiceName::new(text.chars().take(200).collect::<String>());
    message.subject.url = Some(text.into());
    message.subject.group = Some(text.into());
    message.subject.tags = vec![text.into(); 50];
    message.subject.runbook = Some(text.into());
    message.sending.link = Some(text.into());
    let reason = &mut message.incident.reason;
    reason.rule = text.into();
    reason.code = Some(text.into());
    reason.finding = Some(format!("$.price: {text}"));
    reason.expected = Some(Json::from(text));
    reason.actual = Some(Json::from(text));
    reason.place = Some(text.into());
    reason.exchange = text.into();
    message
}

/// Returns the first try, a second and a half after the message was made.
pub(crate) fn first_try() -> Attempt {
    Attempt {
        number: 1,
        at: at(OPENED + 96),
    }
}

/// Returns a channel of a shipped script; options that begin with `!` are secret.
pub(crate) fn channel(kind: &str, options: &[(&str, &str)]) -> Settings {
    scripted(Arc::new(scripts::shipped(kind)), options)
}

/// Returns a channel of this script.
pub(crate) fn scripted(
    source: Arc<oes::script::source::Source>,
    options: &[(&str, &str)],
) -> Settings {
    let options = options.iter().map(|(key, value)| {
        let value = value
            .strip_prefix('!')
            .map_or_else(|| Secret::plain(*value), Secret::hidden);
        (Arc::from(*key), value)
    });
    Settings {
        name: ChannelName::new("ops"),
        kind: ChannelKind::Script(source),
        fallback: None,
        options: options.collect::<BTreeMap<Arc<str>, Secret>>(),
    }
}
