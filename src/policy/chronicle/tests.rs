use std::time::Duration;

use super::*;
use crate::model::duration::after;
use crate::model::incident::{ChannelState, Kept, Muted, Reason};
use crate::model::mute::Ack;
use crate::model::service::ServiceName;
use crate::model::violation::Violation;
use crate::policy::delivery::{FailKind, Failed, confirm, fail, intend};
use crate::policy::ledger::{acknowledge, close, incident_id, open, update};
use crate::policy::orders::{Order, carry_out};
use crate::policy::outbox::entries;
use crate::policy::owed::{Manner, Plan, Settings, owed};
use crate::policy::watch::Opened;

/// A ledger that takes down what happens to it.
struct Book {
    ledger: Ledger,
    now: Timestamp,
    lines: Vec<String>,
    incidents: usize,
}

fn hook() -> ChannelName {
    ChannelName::new("hook")
}

fn price() -> ServiceName {
    ServiceName::new("price")
}

fn reason(code: &str, number: u32) -> Reason {
    Reason {
        rule: "2 of 2 failed".to_owned(),
        code: Some(code.into()),
        finding: Some(format!("{code} {number}")),
        ..Reason::default()
    }
}

impl Book {
    fn new() -> Self {
        let mut ledger = Ledger::default();
        ledger.channels.insert(hook(), ChannelState::default());
        Self {
            ledger,
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            lines: Vec::new(),
            incidents: 0,
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Ledger, Timestamp)) {
        self.now = after(self.now, Duration::from_mins(1));
        let before = self.ledger.clone();
        change(&mut self.ledger, self.now);
        let chronicle = between(&before, &self.ledger, self.now);
        self.incidents += chronicle.incidents.len();
        for event in chronicle.events {
            let channel = event
                .channel
                .map_or_else(String::new, |one| format!(" {one}"));
            self.lines
                .push(format!("{}{channel} {}", event.kind.as_str(), event.text));
        }
    }

    fn open(&mut self) {
        self.change(|ledger, now| {
            let opened = Opened {
                violation: Violation::Error,
                since: now,
                last_good: None,
                reason: reason("refused", 1),
            };
            open(
                ledger,
                incident_id([7; 10]),
                &price(),
                opened,
                &[hook()],
                now,
            );
        });
    }

    /// Sends what is due; the channel takes it, or fails in this way.
    fn send(&mut self, kind: Option<FailKind>) {
        let settings = Settings {
            digest: None,
            gather: Duration::ZERO,
            cool_down: &|_| Duration::ZERO,
            mute: &|_| None,
            manner: Manner::default(),
        };
        let Plan::Send(batch) = owed(
            &self.ledger,
            &hook(),
            &settings,
            after(self.now, Duration::from_hours(1)),
        ) else {
            panic!("nothing is due");
        };
        self.change(|ledger, now| assert!(intend(ledger, &hook(), &batch, now)));
        self.change(|ledger, now| match kind {
            None => assert!(confirm(ledger, &hook(), &batch, None, now)),
            Some(kind) => {
                let failed = Failed {
                    kind,
                    error: "no",
                    random: 0.5,
                };
                fail(ledger, &hook(), &batch, failed, now);
            }
        });
    }

    /// Returns what happened since this was last asked, without the ids of messages.
    fn told(&mut self) -> Vec<String> {
        let id = regex::Regex::new("[0-9a-f]{32}").unwrap();
        let lines = std::mem::take(&mut self.lines);
        let lines = lines
            .iter()
            .map(|line| id.replace_all(line, "ID").into_owned());
        lines.collect()
    }
}

#[test]
fn an_incident_is_told_from_its_opening_to_its_end() {
    let mut book = Book::new();
    book.open();
    book.send(Some(FailKind::Retry { after: None }));
    book.send(None);
    assert_eq!(
        book.told(),
        [
            "opened 2 of 2 failed; refused 1",
            "intended hook the opening, message ID",
            "refused hook the opening: no",
            "intended hook the opening, message ID",
            "taken hook the opening, message ID",
        ]
    );
    book.change(|ledger, _| {
        update(ledger, &price(), &Violation::Error, reason("refused", 2));
    });
    book.change(|ledger, _| {
        update(ledger, &price(), &Violation::Error, reason("timeout", 3));
    });
    book.change(|ledger, now| {
        let ack = Ack {
            at: now,
            by: "ada".to_owned(),
            reason: "on it".to_owned(),
        };
        acknowledge(ledger, &incident_id([7; 10]), ack);
    });
    book.send(None);
    book.change(|ledger, now| {
        close(ledger, &price(), &Violation::Error, Kept::default(), now);
    });
    book.send(None);
    assert_eq!(
        book.told(),
        [
            "finding 2 of 2 failed; timeout 3",
            "acked by ada: on it",
            "intended hook that it is taken on, message ID",
            "taken hook that it is taken on, message ID",
            "closed recovered after 10 min",
            "intended hook the end, message ID",
            "taken hook the end, message ID",
        ]
    );
    assert_eq!(book.incidents, 4, "opened, finding, acked, closed");
}

#[test]
fn what_is_given_up_hidden_or_dropped_is_told() {
    let mut book = Book::new();
    book.open();
    let key = (hook(), incident_id([7; 10]));
    for is_on in [true, false] {
        let key = key.clone();
        book.change(move |ledger, _| {
            ledger.deliveries.get_mut(&key).unwrap().muted = Some(Muted {
                until: None,
                why: "the silence x by ada".to_owned(),
                is_on,
            });
        });
    }
    book.send(Some(FailKind::RejectedPayload));
    for order in [Order::Retry as fn(String) -> Order, Order::Drop] {
        book.change(|ledger, now| {
            let message = entries(ledger, now)[0].message_id.clone();
            carry_out(ledger, order(message), now).unwrap();
        });
    }
    assert_eq!(
        book.told(),
        [
            "opened 2 of 2 failed; refused 1",
            "muted hook the silence x by ada",
            "unmuted hook the silence x by ada",
            "intended hook the opening, message ID",
            "refused hook the opening: no",
            "given_up hook after 1 tries: no",
            "owed_again hook ",
            "untold hook dropped by hand",
        ]
    );
}
