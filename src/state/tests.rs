use super::commit::{PREVIOUS, TEMPORARY};
use super::load::{Loaded, load};
use super::simulated::{Fault, Simulated};
use super::*;
use crate::model::incident::{
    Announced, ChannelState, DeadLetter, Delivery, Incident, IncidentId, Intent, News, Reason,
};
use crate::model::json::Json;
use crate::model::judgement::Outcome;
use crate::model::service::ChannelName;
use crate::model::violation::Sample;
use std::time::Duration;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A ledger with as many open incidents, whose first has everything that can be there.
fn ledger(incidents: usize) -> Ledger {
    let mut ledger = Ledger::default();
    let channel = ChannelName::new("ops");
    for n in 0..incidents {
        let id = IncidentId(format!("incident{n:08}").into());
        let incident = Incident {
            id: id.clone(),
            service: ServiceName::new(format!("service {n}")),
            violation: Violation::Named("stale".into()),
            generation: 1,
            opened_at: at(0),
            closed_at: None,
            ending: None,
            last_good: Some(at(-300)),
            announced_before: Some(at(-900)),
            news: News::Reminder,
            reminders: 1,
            ack: None,
            reason: Reason {
                rule: "4 of the last 7 probes failed, more than 50 % of 7".to_owned(),
                finding: Some("$.price: expected \"sha256\":\"000\"".to_owned()),
                actual: Some(Json::from(u64::MAX)),
                samples: vec![Sample {
                    at: at(0),
                    outcome: Outcome::Fail,
                    latency: Some(Duration::from_micros(1234)),
                    code: Some("missing".into()),
                }],
                ..Reason::default()
            },
        };
        ledger.incidents.insert(id.clone(), incident);
        let delivery = Delivery {
            announced: Announced::Possibly,
            next_at: Some(at(30)),
            intent: Some(Intent {
                message_id: "m".to_owned(),
                generation: 1,
                at: at(1),
            }),
            ..Delivery::default()
        };
        ledger
            .deliveries
            .insert((channel.clone(), id.clone()), delivery);
        let key = (ServiceName::new(format!("service {n}")), Violation::Latency);
        ledger.announced.insert(key, at(2));
    }
    let state = ChannelState {
        paused_until: Some(at(60)),
        failures: 3,
        ..ChannelState::default()
    };
    ledger.channels.insert(channel.clone(), state);
    ledger.dead_letters.push(DeadLetter {
        message_id: "d".to_owned(),
        channel,
        incident: IncidentId("gone".into()),
        service: ServiceName::new("x"),
        violation: Violation::Error,
        at: at(3),
        attempts: 8,
        error: "no".to_owned(),
    });
    ledger
}

fn services() -> Vec<ServiceLine> {
    vec![ServiceLine {
        name: ServiceName::new("price \"sha256\":\"x"),
        url: Some("https://api.example.io/price".to_owned()),
        http_method: Some("GET".to_owned()),
        violations: vec![Violation::Latency, Violation::Error],
    }]
}

fn commit(
    committer: &mut Committer<Simulated>,
    incidents: usize,
) -> Result<Committed, CommitError> {
    committer.commit(&ledger(incidents), &services(), at(0))
}

fn committer() -> Committer<Simulated> {
    Committer::new(Simulated::new(), "boot", 0, &Ledger::default())
}

fn loaded(disk: &Simulated) -> Loaded {
    load(&mut disk.clone(), at(0)).unwrap()
}

#[test]
fn what_was_committed_is_loaded() {
    let mut committer = committer();
    for incidents in [0, 1, 3] {
        let seq = commit(&mut committer, incidents).unwrap().seq;
        let loaded = loaded(committer.disk());
        assert_eq!((loaded.seq, loaded.recovery), (seq, Recovery::Loaded));
        assert_eq!(loaded.ledger, ledger(incidents));
    }
}

#[test]
fn the_public_part_is_that_of_the_predecessor() {
    let mut committer = committer();
    commit(&mut committer, 1).unwrap();
    let text = String::from_utf8(committer.disk().bytes(FILE).unwrap().clone()).unwrap();
    let (public, _) = text.split_once("\"oes\"").unwrap();
    insta::assert_snapshot!(public, @r#"
    {"version":"1.0",
    "services":[
    {"name":"price \"sha256\":\"x","url":"https://api.example.io/price","http_method":"GET","violations":["latency","error"]}],
    "#);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<&String> = json["oes"].as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 11, "{keys:?}");
    assert_eq!(json["oes"]["deliveries"][0]["next_in_ms"], 30_000);
    assert_eq!(
        json["oes"]["incidents"][0]["reason"]["samples"][0]["latency_us"],
        1234
    );
}

/// Whichever operation fails, and however: the file on disk is the old one or the new one, whole, and the commit after
/// it succeeds.
#[test]
fn no_failed_step_harms_the_old_file() {
    for fault in [Fault::Full, Fault::Broken, Fault::Short] {
        for step in 0..12 {
            let mut committer = committer();
            commit(&mut committer, 1).unwrap();
            commit(&mut committer, 2).unwrap();
            ballast::drop_it(committer.disk_mut());
            committer.disk_mut().free = 0;
            committer.disk_mut().fault = Some((step, fault));
            let result = commit(&mut committer, 3);
            let after = loaded(committer.disk());
            assert_eq!(after.recovery, Recovery::Loaded, "{fault:?} at {step}");
            assert_eq!(after.ledger.incidents.len() as u64, after.seq);
            match result {
                Ok(done) => assert_eq!(done.seq, after.seq),
                Err(CommitError::Failed {
                    step: Step::SyncFolder,
                    ..
                }) => assert_eq!(after.seq, 3),
                Err(_) => assert_eq!(after.seq, 2, "{fault:?} at {step}"),
            }
            assert!(committer.disk().bytes(TEMPORARY).is_none());
            committer.disk_mut().fault = None;
            commit(&mut committer, 4).unwrap();
            assert_eq!(loaded(committer.disk()).ledger, ledger(4));
        }
    }
}

/// Whenever the power goes, the start finds the last commit that returned or the one that was under way.
#[test]
fn no_loss_of_power_loses_a_commit_that_returned() {
    let mut committer = committer();
    let mut returned = Vec::new();
    for incidents in 1..=3 {
        commit(&mut committer, incidents).unwrap();
        returned.push(committer.disk().operations.len());
    }
    let mut folders = 0;
    for done in 0..=committer.disk().operations.len() {
        let acknowledged = returned.iter().filter(|at| **at <= done).count();
        for folder in committer.disk().after_power_loss(done) {
            let found = loaded(&folder);
            let incidents = found.ledger.incidents.len();
            assert_eq!(found.seq, incidents as u64);
            assert!(
                incidents == acknowledged || incidents == acknowledged + 1,
                "{acknowledged} returned, {incidents} found after {done} operations: {:?}",
                found.recovery
            );
            assert!(!matches!(found.recovery, Recovery::SetAside { .. }));
            folders += 1;
        }
    }
    assert!(folders > 100, "{folders}");
}

#[test]
fn the_ballast_makes_room_for_a_commit_on_a_full_disk() {
    let mut committer = committer();
    assert!(commit(&mut committer, 1).unwrap().ballast);
    committer.disk_mut().full_while_ballast = true;
    committer.disk_mut().free = 0;
    assert!(!commit(&mut committer, 2).unwrap().ballast);
    assert_eq!(loaded(committer.disk()).ledger, ledger(2));
    committer.disk_mut().full_while_ballast = false;
    assert!(
        !commit(&mut committer, 3).unwrap().ballast,
        "there is no room for it yet"
    );
    committer.disk_mut().free = u64::MAX;
    assert!(commit(&mut committer, 4).unwrap().ballast);
}

#[test]
fn a_damaged_file_is_set_aside_for_its_previous_copy() {
    let mut committer = committer();
    commit(&mut committer, 1).unwrap();
    commit(&mut committer, 2).unwrap();
    let file = committer.disk().names[FILE];
    for cut in [0, 1, 40, 300] {
        let mut disk = committer.disk().clone();
        disk.contents[file].truncate(cut);
        let found = load(&mut disk, at(0)).unwrap();
        assert!(matches!(
            &found.recovery,
            Recovery::FellBack { aside: Some(_), .. }
        ));
        assert_eq!(found.ledger, ledger(1));
        // The next commit must not put the damaged file in the place of the good copy.
        let mut next = Committer::new(disk, "next", found.seq, &found.ledger);
        next.disk_mut().fault = Some((1, Fault::Broken));
        commit(&mut next, 3).unwrap_err();
        assert_eq!(loaded(next.disk()).ledger, ledger(1));
    }
}

#[test]
fn one_flipped_bit_is_found() {
    let mut committer = committer();
    commit(&mut committer, 1).unwrap();
    let file = committer.disk().names[FILE];
    let length = committer.disk().contents[file].len();
    for byte in 0..length {
        let mut disk = committer.disk().clone();
        disk.contents[file][byte] ^= 4;
        let found = load(&mut disk, at(0)).unwrap();
        assert!(
            matches!(found.recovery, Recovery::SetAside { .. }),
            "byte {byte}"
        );
        assert_eq!(found.ledger, Ledger::default());
        assert!(disk.bytes(FILE).is_none());
    }
}

/// The bytes of a state file of the next format.
fn newer() -> Vec<u8> {
    let text = r#"{"version":"2.0","oes":{"sha256":"0000000000000000000000000000000000000000000000000000000000000000","format":2}}"#;
    let hash = format::hash(text.as_bytes());
    text.replace(&"0".repeat(64), &hash).into_bytes()
}

fn put(disk: &mut Simulated, name: &str, bytes: Vec<u8>) {
    disk.names.insert(name.to_owned(), disk.contents.len());
    disk.contents.push(bytes);
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let mut committer = committer();
    commit(&mut committer, 1).unwrap();
    commit(&mut committer, 2).unwrap();
    let whole = committer.disk().clone();
    let mut main = whole.clone();
    put(&mut main, FILE, newer());
    let mut only_previous = Simulated::new();
    put(&mut only_previous, PREVIOUS, newer());
    let mut damaged = whole;
    put(&mut damaged, FILE, b"{".to_vec());
    put(&mut damaged, PREVIOUS, newer());
    for (mut disk, file) in [(main, FILE), (only_previous, PREVIOUS), (damaged, PREVIOUS)] {
        put(&mut disk, TEMPORARY, Vec::new());
        let (names, done) = (disk.names.clone(), disk.operations.len());
        let newer = load(&mut disk, at(0)).unwrap_err();
        assert_eq!((newer.file, newer.format), (file, 2));
        assert_eq!((disk.names.clone(), disk.operations.len()), (names, done));
    }
}

#[test]
fn a_previous_copy_of_a_newer_version_is_kept_aside() {
    let mut committer = committer();
    commit(&mut committer, 1).unwrap();
    let mut disk = committer.disk().clone();
    put(&mut disk, PREVIOUS, newer());
    let found = load(&mut disk, at(0)).unwrap();
    assert_eq!(
        (found.recovery, &found.ledger),
        (Recovery::Loaded, &ledger(1))
    );
    let kept = found.kept.unwrap();
    let mut next = Committer::new(disk, "next", found.seq, &found.ledger);
    commit(&mut next, 1).unwrap();
    assert_eq!(next.disk().bytes(kept.to_str().unwrap()), Some(&newer()));
    // Where it cannot be moved, nothing is done.
    let mut disk = committer.disk().clone();
    put(&mut disk, PREVIOUS, newer());
    disk.fault = Some((0, Fault::Broken));
    assert_eq!(load(&mut disk, at(0)).unwrap_err().file, PREVIOUS);
    assert_eq!(disk.bytes(PREVIOUS), Some(&newer()));
}

#[test]
fn waits_are_what_was_left_of_them_whatever_the_clock_did() {
    let mut committer = committer();
    commit(&mut committer, 1).unwrap();
    for (jump, expected) in [(0, 30), (10, 30), (-86_400, -86_370), (86_400, 30)] {
        let found = load(committer.disk_mut(), at(jump)).unwrap();
        let delivery = found.ledger.deliveries.values().next().unwrap();
        assert_eq!(delivery.next_at, Some(at(expected)), "clock at {jump}");
    }
}

#[test]
fn a_fault_that_wipes_the_ledger_does_not_reach_the_disk() {
    let mut committer = committer();
    commit(&mut committer, 100).unwrap();
    let error = commit(&mut committer, 50).unwrap_err();
    assert!(matches!(error, CommitError::Vanished { count: 50 }));
    assert_eq!(loaded(committer.disk()).ledger, ledger(100));
}

#[test]
fn the_previous_copy_is_the_commit_before() {
    let mut committer = committer();
    commit(&mut committer, 1).unwrap();
    commit(&mut committer, 2).unwrap();
    let previous = format::decode(committer.disk().bytes(PREVIOUS).unwrap()).unwrap();
    assert_eq!((previous.seq, previous.ledger), (1, ledger(1)));
}
