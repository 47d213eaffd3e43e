use super::*;
use crate::model::incident::{Delivery, Muted, Reason};
use crate::model::service::ChannelName;
use crate::policy::ledger::{incident_id, open};
use crate::policy::watch::Opened;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A ledger with an incident that began at second 0 and that a silence held which is over.
fn held() -> (Ledger, IncidentId) {
    let mut ledger = Ledger::default();
    let id = incident_id([7; 10]);
    let what = Opened {
        violation: Violation::Error,
        since: at(0),
        last_good: None,
        reason: Reason::default(),
    };
    let (service, channel) = (ServiceName::new("price"), ChannelName::new("hook"));
    assert!(open(
        &mut ledger,
        id.clone(),
        &service,
        what,
        &[channel],
        at(0)
    ));
    for delivery in ledger.deliveries.values_mut() {
        delivery.muted = Some(Muted {
            why: "the silence abc by ada".to_owned(),
            until: Some(at(50)),
            is_on: true,
        });
    }
    (ledger, id)
}

fn mute(ledger: &Ledger, id: &IncidentId, started: i64, now: i64, failed: bool) -> Option<Mute> {
    Muting::new(Facts {
        ledger,
        services: &HashMap::new(),
        maintenance: &[],
        suspect: &|_| failed,
        started_at: at(started),
        now: at(now),
    })
    .of(&ledger.incidents[id])
}

#[test]
fn what_was_held_at_a_start_waits_for_a_fresh_look() {
    let (mut ledger, id) = held();
    let held = mute(&ledger, &id, 100, 110, false).unwrap();
    assert_eq!(held.until, Some(at(160)));
    assert_eq!(held.why, "the silence abc by ada");
    assert_eq!(mute(&ledger, &id, 100, 110, true), None, "still broken");
    assert_eq!(mute(&ledger, &id, 100, 160, false), None, "after a minute");
    assert_eq!(
        mute(&ledger, &id, 0, 55, false),
        None,
        "seen since the start"
    );
    for delivery in ledger.deliveries.values_mut() {
        *delivery = Delivery::default();
    }
    assert_eq!(mute(&ledger, &id, 100, 110, false), None, "was not held");
}
