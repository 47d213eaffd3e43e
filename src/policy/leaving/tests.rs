use std::time::Duration;

use super::*;
use crate::model::duration::after;
use crate::model::event::EventKind;
use crate::model::incident::{ChannelState, IncidentId, Kept, Reason};
use crate::model::service::ServiceName;
use crate::model::violation::Violation;
use crate::policy::chronicle;
use crate::policy::delivery::{FailKind, Failed, confirm, fail, intend};
use crate::policy::ledger::{Retention, close, incident_id, open, prune};
use crate::policy::orders::{Order, RefusalKind, carry_out};
use crate::policy::owed::{Batch, Manner, Plan, Settings, Telling, owed};
use crate::policy::watch::Opened;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn hook() -> ChannelName {
    ChannelName::new("hook")
}

fn service(n: u8) -> ServiceName {
    ServiceName::new(format!("service {n}"))
}

/// A ledger in which the channel was told of the openings of so many services.
fn told(services: u8) -> Ledger {
    let mut ledger = untold(services);
    take_all(&mut ledger);
    ledger
}

fn untold(services: u8) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.channels.insert(hook(), ChannelState::default());
    for n in 0..services {
        let what = Opened {
            violation: Violation::Error,
            since: now(),
            last_good: None,
            reason: Reason::default(),
        };
        let id = incident_id([n; 10]);
        assert!(open(&mut ledger, id, &service(n), what, &[hook()], now()));
    }
    ledger
}

fn due(ledger: &Ledger) -> Option<Batch> {
    let settings = Settings {
        digest: None,
        gather: Duration::ZERO,
        cool_down: &|_| Duration::ZERO,
        mute: &|_| None,
        manner: Manner::default(),
    };
    match owed(ledger, &hook(), &settings, now()) {
        Plan::Send(batch) => Some(batch),
        _ => None,
    }
}

/// The channel takes all that it is owed; returns what each message told.
fn take_all(ledger: &mut Ledger) -> Vec<Vec<Telling>> {
    let mut messages = Vec::new();
    while let Some(batch) = due(ledger) {
        assert!(intend(ledger, &hook(), &batch, now()));
        assert!(confirm(ledger, &hook(), &batch, None, now()));
        messages.push(batch.told.iter().map(|told| told.telling).collect());
    }
    messages
}

fn nobody() -> BTreeSet<ChannelName> {
    BTreeSet::new()
}

#[test]
fn each_incident_is_told_once_more_and_many_in_one_message() {
    let mut ledger = told(2);
    leave(&mut ledger, &hook(), now());
    assert_eq!(take_all(&mut ledger), [[Telling::Left], [Telling::Left]]);
    let mut ledger = told(5);
    leave(&mut ledger, &hook(), now());
    assert_eq!(take_all(&mut ledger), [vec![Telling::Left; 5]]);
    assert_eq!(give_up(&mut ledger, &hook(), now()), 0);
    // What becomes of them later is not its business.
    close(
        &mut ledger,
        &service(0),
        &Violation::Error,
        Kept::default(),
        now(),
    );
    assert_eq!(due(&ledger), None);
}

#[test]
fn an_end_that_it_was_owed_is_told_as_such_and_what_it_never_heard_of_is_not() {
    let mut ledger = told(1);
    close(
        &mut ledger,
        &service(0),
        &Violation::Error,
        Kept::default(),
        now(),
    );
    leave(&mut ledger, &hook(), now());
    assert_eq!(take_all(&mut ledger), [[Telling::Resolve]]);
    assert_eq!(give_up(&mut ledger, &hook(), now()), 0);
    let mut ledger = untold(1);
    leave(&mut ledger, &hook(), now());
    assert_eq!(due(&ledger), None);
    assert_eq!(give_up(&mut ledger, &hook(), now()), 0);
}

#[test]
fn what_may_have_been_told_is_ended_too() {
    let mut ledger = untold(1);
    let batch = due(&ledger).unwrap();
    // The daemon dies between intent and answer.
    assert!(intend(&mut ledger, &hook(), &batch, now()));
    leave(&mut ledger, &hook(), now());
    assert_eq!(take_all(&mut ledger), [[Telling::Left]]);
}

#[test]
fn what_it_did_not_take_is_lost_until_it_is_back_or_somebody_drops_it() {
    let mut ledger = told(1);
    leave(&mut ledger, &hook(), now());
    let batch = due(&ledger).unwrap();
    assert!(intend(&mut ledger, &hook(), &batch, now()));
    let failed = Failed {
        kind: FailKind::Retry { after: None },
        error: "no",
        random: 0.5,
    };
    assert_eq!(fail(&mut ledger, &hook(), &batch, failed, now()), 0);
    assert_eq!(give_up(&mut ledger, &hook(), now()), 1);
    assert_eq!(give_up(&mut ledger, &hook(), now()), 0, "once");
    assert_eq!(lost(&ledger), BTreeSet::from([hook()]));
    close(
        &mut ledger,
        &service(0),
        &Violation::Error,
        Kept::default(),
        now(),
    );
    // Nobody forgets it meanwhile.
    let retention = Retention {
        settled_for: Duration::ZERO,
        settled_max: 0,
    };
    let later = after(now(), Duration::from_hours(24 * 365));
    prune(&mut ledger, &nobody(), retention, later);
    let message = ledger.dead_letters[0].message_id.clone();
    assert!(ledger.dead_letters[0].error.ends_with("the last try: no"));

    let mut back = ledger.clone();
    back.channels.insert(hook(), ChannelState::default());
    come_back(&mut back, &BTreeSet::from([hook()]), later);
    assert!(back.dead_letters.is_empty());
    assert_eq!(take_all(&mut back), [[Telling::Resolve]]);

    let refusal = carry_out(&mut ledger, Order::Retry(message.clone()), later).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Conflict);
    assert!(refusal.to_string().contains("give it back"), "{refusal}");
    carry_out(&mut ledger, Order::Drop(message), later).unwrap();
    assert_eq!(lost(&ledger), nobody());
    prune(&mut ledger, &nobody(), retention, later);
    assert!(ledger.incidents.is_empty());
}

#[test]
fn one_that_is_back_before_it_has_taken_its_goodbye_is_told_anew() {
    let mut ledger = told(1);
    leave(&mut ledger, &hook(), now());
    let batch = due(&ledger).unwrap();
    assert!(intend(&mut ledger, &hook(), &batch, now()));
    come_back(&mut ledger, &BTreeSet::from([hook()]), now());
    assert!(confirm(&mut ledger, &hook(), &batch, None, now()));
    assert_eq!(take_all(&mut ledger), [[Telling::Fire]]);
    close(
        &mut ledger,
        &service(0),
        &Violation::Error,
        Kept::default(),
        now(),
    );
    assert_eq!(take_all(&mut ledger), [[Telling::Resolve]]);
}

#[test]
fn a_channel_with_another_name_knows_what_it_knew() {
    let mut ledger = told(1);
    let before = ledger.clone();
    let phone = ChannelName::new("phone");
    rename(&mut ledger, &hook(), &phone);
    let known = |ledger: &Ledger, name: &ChannelName| {
        let key = (name.clone(), IncidentId(incident_id([0; 10]).0));
        (
            ledger.channels.get(name).cloned(),
            ledger.deliveries.get(&key).cloned(),
        )
    };
    assert_eq!(known(&ledger, &phone), known(&before, &hook()));
    assert_eq!(known(&ledger, &hook()), (None, None));
    assert!(
        chronicle::between(&before, &ledger, now())
            .events
            .is_empty()
    );
}

#[test]
fn a_goodbye_is_in_the_story() {
    let mut ledger = told(1);
    leave(&mut ledger, &hook(), now());
    let batch = due(&ledger).unwrap();
    assert!(intend(&mut ledger, &hook(), &batch, now()));
    let before = ledger.clone();
    assert!(confirm(&mut ledger, &hook(), &batch, None, now()));
    let events = chronicle::between(&before, &ledger, now()).events;
    let [event] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(event.kind, EventKind::Taken);
    assert!(
        event.text.starts_with("that it is told no more"),
        "{event:?}"
    );
}
