use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::model::duration::after;
use crate::model::incident::{Announced, ChannelState, DeadLetter, Delivery, Kept, Reason};
use crate::model::mute::Selector;
use crate::policy::delivery::{FailKind, Failed, confirm, fail, intend};
use crate::policy::ledger::{close, incident_id, open};
use crate::policy::outbox::{State, entries};
use crate::policy::owed::{Batch, Manner, Plan, Settings, owed};
use crate::policy::watch::Opened;

fn at(second: u64) -> Timestamp {
    after(
        Timestamp::from_second(1_800_000_000).unwrap(),
        Duration::from_secs(second),
    )
}

fn hook() -> ChannelName {
    ChannelName::new("hook")
}

/// Returns a ledger in which one channel is owed the opening of an incident since second 0.
fn opened() -> (Ledger, IncidentId) {
    let mut ledger = Ledger::default();
    let id = incident_id([7; 10]);
    let what = Opened {
        violation: Violation::Error,
        since: at(0),
        last_good: None,
        reason: Reason::default(),
    };
    let service = ServiceName::new("price");
    assert!(open(
        &mut ledger,
        id.clone(),
        &service,
        what,
        &[hook()],
        at(0)
    ));
    ledger.channels.insert(hook(), ChannelState::default());
    (ledger, id)
}

fn plan(ledger: &Ledger, now: Timestamp) -> Plan {
    let settings = Settings {
        digest: None,
        gather: Duration::ZERO,
        cool_down: &|_| Duration::ZERO,
        mute: &|_| None,
        manner: Manner::default(),
    };
    owed(ledger, &hook(), &settings, now)
}

fn due(ledger: &Ledger, now: Timestamp) -> Batch {
    match plan(ledger, now) {
        Plan::Send(batch) => batch,
        other => panic!("{other:?}"),
    }
}

/// Sends what is due, and the channel refuses it in this way.
fn refuse(ledger: &mut Ledger, kind: FailKind, now: Timestamp) -> String {
    let batch = due(ledger, now);
    assert!(intend(ledger, &hook(), &batch, now));
    let failed = Failed {
        kind,
        error: "no",
        random: 0.5,
    };
    fail(ledger, &hook(), &batch, failed, now);
    batch.message_id
}

fn take(ledger: &mut Ledger, now: Timestamp) {
    let batch = due(ledger, now);
    assert!(intend(ledger, &hook(), &batch, now));
    assert!(confirm(ledger, &hook(), &batch, None, now));
}

fn wanted() -> NewSilence {
    NewSilence {
        of: Selector {
            services: BTreeSet::from(["price".to_owned()]),
            ..Selector::default()
        },
        from: None,
        until: at(100),
        lasts: None,
        by: "ada".to_owned(),
        reason: "deployment".to_owned(),
    }
}

fn make(ledger: &mut Ledger, wanted: NewSilence) -> Result<Silence, String> {
    match carry_out(ledger, Order::Silence(wanted, [1; 5]), at(10)) {
        Ok(Done::Silenced { silence, .. }) => Ok(silence),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.to_string()),
    }
}

#[test]
fn a_silence_is_there_until_it_is_ended() {
    let mut ledger = Ledger::default();
    let silence = make(&mut ledger, wanted()).unwrap();
    assert_eq!(silence.id.0.len(), 8);
    assert_eq!((silence.from, silence.made_at), (at(10), at(10)));
    assert_eq!(ledger.silences.len(), 1);
    let end = Order::EndSilence(silence.id.clone());
    assert_eq!(
        carry_out(&mut ledger, end.clone(), at(20)),
        Ok(Done::SilenceEnded { silence })
    );
    assert!(ledger.silences.is_empty());
    let refusal = carry_out(&mut ledger, end, at(20)).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::NotFound);
}

#[test]
fn a_silence_that_is_asked_for_twice_is_there_once() {
    let mut ledger = Ledger::default();
    let ask = |ledger: &mut Ledger, wanted: NewSilence, random: u8, second: u64| match carry_out(
        ledger,
        Order::Silence(wanted, [random; 5]),
        at(second),
    ) {
        Ok(Done::Silenced { silence, existed }) => (silence, existed),
        other => panic!("{other:?}"),
    };
    let (first, existed) = ask(&mut ledger, wanted(), 1, 10);
    assert!(!existed);
    assert_eq!(ask(&mut ledger, wanted(), 2, 20), (first, true));
    let other = NewSilence {
        reason: "another".to_owned(),
        ..wanted()
    };
    assert!(!ask(&mut ledger, other, 3, 20).1);
    let later = NewSilence {
        from: Some(at(50)),
        ..wanted()
    };
    assert!(!ask(&mut ledger, later.clone(), 4, 20).1);
    assert!(ask(&mut ledger, later, 5, 20).1);
    assert_eq!(ledger.silences.len(), 3);
}

#[test]
fn a_silence_for_so_long_that_is_asked_for_again_within_a_minute_is_there_once() {
    let mut ledger = Ledger::default();
    let mut ask = |lasts: u64, by: &str, second: u64| {
        let wanted = NewSilence {
            until: at(second + lasts),
            lasts: Some(Duration::from_secs(lasts)),
            by: by.to_owned(),
            ..wanted()
        };
        let random = [u8::try_from(second).unwrap(); 5];
        match carry_out(&mut ledger, Order::Silence(wanted, random), at(second)) {
            Ok(Done::Silenced { silence, existed }) => (silence, existed),
            other => panic!("{other:?}"),
        }
    };
    let (first, existed) = ask(600, "ada", 10);
    assert!(!existed);
    assert_eq!(ask(600, "ada", 70), (first, true));
    assert!(!ask(700, "ada", 70).1, "for another time");
    assert!(!ask(600, "bob", 69).1, "by another person");
    assert!(!ask(600, "ada", 71).1, "after more than a minute");
}

#[test]
fn a_silence_that_makes_no_sense_is_refused() {
    type Row = (fn(&mut NewSilence), &'static str);
    let rows: [Row; 8] = [
        (|one| one.until = at(10), "a silence ends after it begins"),
        (
            |one| {
                one.from = Some(at(0));
                one.until = at(5);
            },
            "the silence would have ended already, at 2027-01-15T08:00:05Z",
        ),
        (
            |one| one.until = at(400 * 86_400),
            "a silence ends within a year; what is to stay belongs into the ops config",
        ),
        (|one| one.by = " ".to_owned(), "`by` is empty"),
        (
            |one| one.reason = "x".repeat(1001),
            "`reason` is longer than 1,000 characters",
        ),
        (
            |one| one.reason = "two\nlines".to_owned(),
            "`reason` is more than one line",
        ),
        (
            |one| one.of.services = BTreeSet::from([String::new()]),
            "`name` is empty",
        ),
        (
            |one| one.of.severities = BTreeSet::from(["high".to_owned()]),
            "there is no severity `high`: there are info, warning, critical",
        ),
    ];
    for (spoil, expected) in rows {
        let mut silence = wanted();
        spoil(&mut silence);
        let mut ledger = Ledger::default();
        assert_eq!(make(&mut ledger, silence), Err(expected.to_owned()));
        assert_eq!(ledger, Ledger::default());
    }
}

#[test]
fn an_incident_is_taken_on_by_the_beginning_of_its_name() {
    let (mut ledger, id) = opened();
    let order = |incident: &str| Order::Acknowledge {
        incident: incident.to_owned(),
        by: "ada".to_owned(),
        reason: String::new(),
    };
    let beginning = |length| id.0.chars().take(length).collect::<String>();
    for name in [beginning(3), "zzzz".to_owned()] {
        let refusal = carry_out(&mut ledger, order(&name), at(1)).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::NotFound);
    }
    let with = |by: &str, reason: &str| Order::Acknowledge {
        incident: id.0.to_string(),
        by: by.to_owned(),
        reason: reason.to_owned(),
    };
    carry_out(&mut ledger, with("ada", "on it"), at(1)).unwrap();
    let first = ledger.clone();
    let Done::Acknowledged { ack, .. } =
        carry_out(&mut ledger, order(&beginning(4)), at(2)).unwrap()
    else {
        panic!("it is taken on")
    };
    assert_eq!((ack.reason.as_str(), ack.at), ("on it", at(1)));
    assert_eq!(ledger, first, "nobody is told of nothing new");
    carry_out(&mut ledger, with("ada", "half done"), at(1)).unwrap();
    assert_ne!(ledger, first);
    carry_out(&mut ledger, with("bob", ""), at(1)).unwrap();
    assert_eq!(ledger.incidents[&id].ack.as_ref().unwrap().by, "bob");
    carry_out(&mut ledger, order(&beginning(4)), at(1)).unwrap();
    assert_eq!(ledger.incidents[&id].ack.as_ref().unwrap().by, "ada");
    close(
        &mut ledger,
        &ServiceName::new("price"),
        &Violation::Error,
        Kept::default(),
        at(2),
    );
    let refusal = carry_out(&mut ledger, order(&id.0), at(62)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        format!("incident {id} has been over for 60 s")
    );
}

#[test]
fn a_message_that_was_given_up_can_be_sent_after_all() {
    let (mut ledger, _) = opened();
    let message = refuse(&mut ledger, FailKind::RejectedPayload, at(0));
    assert_eq!(plan(&ledger, at(1)), Plan::Idle);
    let lines = entries(&ledger, at(1));
    assert_eq!((lines.len(), lines[0].state), (1, State::Dead));
    let done = carry_out(&mut ledger, Order::Retry(message.clone()), at(5)).unwrap();
    assert!(matches!(done, Done::OwedAgain { entries } if entries.len() == 1));
    assert!(ledger.dead_letters.is_empty());
    take(&mut ledger, at(6));
    let refusal = carry_out(&mut ledger, Order::Retry(message), at(7)).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::NotFound);
}

#[test]
fn what_was_told_since_is_no_dead_letter_any_more() {
    let (mut ledger, _) = opened();
    let message = refuse(&mut ledger, FailKind::RejectedPayload, at(0));
    let service = ServiceName::new("price");
    close(
        &mut ledger,
        &service,
        &Violation::Error,
        Kept::default(),
        at(5),
    );
    take(&mut ledger, at(6));
    assert!(ledger.dead_letters.is_empty());
    let refusal = carry_out(&mut ledger, Order::Retry(message), at(7)).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::NotFound);
}

#[test]
fn a_retry_of_what_is_forgotten_is_refused() {
    let (mut ledger, id) = opened();
    let message = refuse(&mut ledger, FailKind::RejectedPayload, at(0));
    ledger.incidents.remove(&id);
    let refusal = carry_out(&mut ledger, Order::Retry(message.clone()), at(7)).unwrap_err();
    assert!(refusal.to_string().contains("is forgotten"), "{refusal}");
    carry_out(&mut ledger, Order::Drop(message), at(8)).unwrap();
    assert!(ledger.dead_letters.is_empty());
}

#[test]
fn a_message_that_is_refused_again_has_one_dead_letter() {
    let (mut ledger, _) = opened();
    let message = refuse(&mut ledger, FailKind::RejectedPayload, at(0));
    carry_out(&mut ledger, Order::Retry(message.clone()), at(5)).unwrap();
    assert_eq!(
        refuse(&mut ledger, FailKind::RejectedPayload, at(6)),
        message
    );
    assert_eq!(ledger.dead_letters.len(), 1);
    // A daemon of before may have left the older one in the state file.
    let older = ledger.dead_letters[0].clone();
    ledger
        .dead_letters
        .insert(0, DeadLetter { at: at(0), ..older });
    carry_out(&mut ledger, Order::Retry(message.clone()), at(7)).unwrap();
    assert!(ledger.dead_letters.is_empty());
    refuse(&mut ledger, FailKind::RejectedPayload, at(8));
    assert_eq!(ledger.dead_letters.len(), 1);
}

/// What was given up for want of an answer comes back when the channel takes messages again; not if it was dropped.
#[test]
fn what_is_dropped_stays_unsaid() {
    let (mut ledger, id) = opened();
    let late = at(25 * 3600);
    let delivery = ledger.deliveries.get_mut(&(hook(), id.clone())).unwrap();
    delivery.attempts = 20;
    let message = refuse(&mut ledger, FailKind::Retry { after: None }, late);
    assert_eq!(ledger.dead_letters.len(), 1);
    carry_out(&mut ledger, Order::Drop(message), late).unwrap();
    carry_out(&mut ledger, Order::Resume(hook()), late).unwrap();
    assert_eq!(
        plan(&ledger, after(late, Duration::from_hours(1))),
        Plan::Idle
    );
    // Its end is another message.
    let service = ServiceName::new("price");
    close(
        &mut ledger,
        &service,
        &Violation::Error,
        Kept::default(),
        late,
    );
    assert!(matches!(plan(&ledger, late), Plan::Send(_)));
}

#[test]
fn what_is_owed_can_be_dropped_or_made_due() {
    let (mut ledger, id) = opened();
    let message = refuse(&mut ledger, FailKind::Retry { after: None }, at(0));
    let state = ledger.channels.get_mut(&hook()).unwrap();
    state.paused_until = None;
    assert!(matches!(plan(&ledger, at(0)), Plan::WaitUntil(_)));
    carry_out(&mut ledger, Order::Retry(message.clone()), at(0)).unwrap();
    assert!(matches!(plan(&ledger, at(0)), Plan::Send(_)));
    carry_out(&mut ledger, Order::Drop(message), at(0)).unwrap();
    assert_eq!(plan(&ledger, at(0)), Plan::Idle);
    let delivery: &Delivery = &ledger.deliveries[&(hook(), id)];
    assert_eq!(delivery.announced, Announced::No);
}

#[test]
fn a_channel_that_is_disabled_is_tried_again() {
    let (mut ledger, _) = opened();
    refuse(&mut ledger, FailKind::ChannelDisabled, at(0));
    assert_eq!(plan(&ledger, at(0)), Plan::Disabled);
    let held = entries(&ledger, at(0))[0].held.clone();
    assert_eq!(held.as_deref(), Some("the channel is disabled: no"));
    let done = carry_out(&mut ledger, Order::Resume(hook()), at(1)).unwrap();
    let expected = Done::Resumed {
        channel: hook(),
        was_disabled: Some("no".to_owned()),
        owed: 1,
    };
    assert_eq!(done, expected);
    assert!(matches!(plan(&ledger, at(1)), Plan::Send(_)));
    let other = Order::Resume(ChannelName::new("pager"));
    let refusal = carry_out(&mut ledger, other, at(1)).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "there is no channel `pager`; there are hook"
    );
}
