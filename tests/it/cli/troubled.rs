//! A data folder with an incident that a channel refused to be told of.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use oes::clock::Clock;
use oes::model::incident::{
    ChannelState, DeadLetter, Delivery, GivenUp, GivenUpCause, Incident, IncidentId, Ledger, News,
    Reason,
};
use oes::model::json::Json;
use oes::model::service::{ChannelName, ServiceName};
use oes::model::violation::Violation;
use oes::state::{self, ServiceLine, StateFile};

use super::Desk;

pub(super) const CONFIG: &str = "version = \"1.0\"\ndata = \"data\"\n\
    [[services]]\nname = \"price\"\nurl = \"http://127.0.0.1:9/\"\ntags = [\"edge\"]\n\
    [[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"${env:HOOK_URL}\"\n";

pub(super) const ID: &str = "0w3ge1r70w3ge1r7";
pub(super) const LETTER: &str = "0123456789abcdef0123456789abcdef";

pub(super) fn begun() -> Timestamp {
    "2026-11-26T02:13:07Z".parse().unwrap()
}

pub(super) fn at(minutes: i64) -> Timestamp {
    begun() + SignedDuration::from_mins(minutes)
}

pub(super) fn incident() -> Incident {
    Incident {
        id: IncidentId(ID.into()),
        service: ServiceName::new("price"),
        violation: Violation::Error,
        generation: 1,
        news: News::Opened,
        reminders: 0,
        ack: None,
        opened_at: begun(),
        closed_at: None,
        ending: None,
        last_good: Some(at(-4)),
        announced_before: None,
        reason: Reason {
            rule: "4 of the last 7 probes failed, more than 50 %".to_owned(),
            code: Some("type".into()),
            finding: Some("$.price: expected number, got string \"1|31\"".to_owned()),
            path: Some("$.price".to_owned()),
            expected: Some(Json::from("#number")),
            actual: Some(Json::from("1|31")),
            exchange: "GET http://127.0.0.1:9/ → 200 in 214 ms".to_owned(),
            ..Reason::default()
        },
    }
}

/// A channel that is disabled, an incident that it refused to be told of.
pub(super) fn troubled() -> Ledger {
    let (hook, id) = (ChannelName::new("hook"), IncidentId(ID.into()));
    let delivery = Delivery {
        attempts: 1,
        last_error: Some("the receiver answered 413".to_owned()),
        owed_since: Some(begun()),
        given_up: Some(GivenUp {
            generation: 1,
            cause: GivenUpCause::Rejected,
        }),
        ..Delivery::default()
    };
    let letter = DeadLetter {
        message_id: LETTER.to_owned(),
        channel: hook.clone(),
        incident: id.clone(),
        service: ServiceName::new("price"),
        violation: Violation::Error,
        at: at(1),
        attempts: 1,
        error: "the receiver answered 413".to_owned(),
    };
    let state = ChannelState {
        disabled: Some("the receiver is gone".to_owned()),
        ..ChannelState::default()
    };
    Ledger {
        incidents: BTreeMap::from([(id.clone(), incident())]),
        deliveries: BTreeMap::from([((hook.clone(), id), delivery)]),
        channels: BTreeMap::from([(hook, state)]),
        dead_letters: vec![letter],
        ..Ledger::default()
    }
}

/// Returns a desk with a state, and the file as a daemon holds it.
pub(super) fn desk(ledger: &Ledger) -> (Desk, StateFile) {
    let desk = Desk::new(&[("oes.toml", CONFIG)]);
    let now = Clock::System.now();
    let mut file = StateFile::open(&desk.path("data"), "boot", now)
        .unwrap()
        .file;
    let price = ServiceLine {
        name: ServiceName::new("price"),
        url: Some("http://127.0.0.1:9/".to_owned()),
        http_method: Some("GET".to_owned()),
        violations: Vec::new(),
    };
    file.commit(ledger, &[price], now).unwrap();
    (desk, file)
}

pub(super) fn ledger(desk: &Desk) -> Ledger {
    state::read(&desk.path("data")).unwrap().ledger
}
