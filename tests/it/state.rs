//! The state file on a real file system.
#![expect(
    clippy::unwrap_used,
    reason = "clippy allows it in test functions only, not in what they share"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use oes::model::incident::{Delivery, Incident, IncidentId, Ledger, Reason};
use oes::model::judgement::Outcome;
use oes::model::service::{ChannelName, ServiceName};
use oes::model::violation::{Sample, Violation};
use oes::state::{self, LockError, OpenError, Opened, ReadError, Recovery, ServiceLine, StateFile};

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn open(folder: &Path) -> Opened {
    StateFile::open(folder, "boot", now()).unwrap()
}

fn services(count: usize) -> Vec<ServiceLine> {
    (0..count)
        .map(|n| ServiceLine {
            name: ServiceName::new(format!("service {n}")),
            url: Some(format!("https://api.example.io/asset/price/{n}")),
            http_method: Some("GET".to_owned()),
            violations: vec![Violation::Error],
        })
        .collect()
}

fn ledger(incidents: usize) -> Ledger {
    let mut ledger = Ledger::default();
    let samples = vec![
        Sample {
            at: now(),
            outcome: Outcome::Fail,
            latency: Some(Duration::from_millis(214)),
            code: Some("connect_refused".into()),
        };
        7
    ];
    for n in 0..incidents {
        let id = IncidentId(format!("{n:016}").into());
        let incident = Incident {
            id: id.clone(),
            service: ServiceName::new(format!("service {n}")),
            violation: Violation::Error,
            generation: 1,
            opened_at: now(),
            closed_at: None,
            ending: None,
            last_good: Some(now()),
            announced_before: None,
            news: oes::model::incident::News::Opened,
            reminders: 0,
            ack: None,
            reason: Reason {
                rule: "4 of the last 7 probes failed, more than 50 % of 7".to_owned(),
                finding: Some("connection refused by 127.0.0.1:81".to_owned()),
                exchange: "GET https://api.example.io → connection refused".to_owned(),
                samples: samples.clone(),
                ..Reason::default()
            },
        };
        ledger.incidents.insert(id.clone(), incident);
        let key = (ChannelName::new("ops"), id);
        ledger.deliveries.insert(key, Delivery::default());
    }
    ledger
}

#[test]
fn a_second_daemon_is_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let error = StateFile::open(folder.path(), "other", now()).unwrap_err();
    let pid = std::process::id();
    assert!(
        matches!(&error, OpenError::Lock(LockError::Locked { pid: Some(holder), .. }) if *holder == pid),
        "{error}"
    );
    drop(first);
    open(folder.path());
}

#[test]
fn makes_a_private_folder_and_private_files() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a").join("oes-data");
    let mut opened = open(&folder);
    assert_eq!(opened.recovery, Recovery::Fresh);
    opened.file.commit(&ledger(1), &services(1), now()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join("state.json")), 0o600);
}

#[test]
fn a_restart_finds_what_was_committed_and_counts_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path());
    for incidents in 1..=3 {
        first
            .file
            .commit(&ledger(incidents), &services(3), now())
            .unwrap();
    }
    drop(first);
    let mut second = open(folder.path());
    assert_eq!(second.recovery, Recovery::Loaded);
    assert_eq!(second.ledger, ledger(3));
    let committed = second.file.commit(&ledger(3), &services(3), now()).unwrap();
    assert_eq!(committed.seq, 4);
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "state.ballast",
            "state.json",
            "state.json.prev",
            "state.lock"
        ]
    );
}

#[test]
fn a_damaged_file_never_stops_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path());
    first.file.commit(&ledger(1), &services(1), now()).unwrap();
    first.file.commit(&ledger(2), &services(1), now()).unwrap();
    drop(first);
    let path = folder.path().join("state.json");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(100).unwrap();
    assert!(matches!(
        state::read(folder.path()),
        Err(ReadError::Damaged { .. })
    ));
    let second = open(folder.path());
    let Recovery::FellBack {
        aside: Some(aside), ..
    } = &second.recovery
    else {
        panic!("{:?}", second.recovery);
    };
    assert_eq!(fs::metadata(aside).unwrap().len(), 100);
    assert_eq!(second.ledger, ledger(1));
}

#[test]
fn a_reader_never_sees_a_half_written_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = open(folder.path());
    opened
        .file
        .commit(&ledger(1), &services(200), now())
        .unwrap();
    let done = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut reads, mut last) = (0_u32, 0);
            while !done.load(Ordering::Relaxed) {
                let snapshot = state::read(folder.path()).unwrap();
                assert!(snapshot.seq >= last);
                assert_eq!(snapshot.ledger.incidents.len() as u64, snapshot.seq);
                last = snapshot.seq;
                reads += 1;
            }
            reads
        });
        for incidents in 2..=60 {
            opened
                .file
                .commit(&ledger(incidents), &services(200), now())
                .unwrap();
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(reads > 0);
}

/// Prints how long commits take; the bound is far above what they should, for slow disks.
#[test]
fn a_thousand_services_are_committed_quickly() {
    let services = services(1000);
    for incidents in [5, 1000] {
        let folder = tempfile::tempdir().unwrap();
        let mut opened = open(folder.path());
        let ledger = ledger(incidents);
        let mut times: Vec<Duration> = (0..21)
            .map(|_| {
                let start = tokio::time::Instant::now();
                opened.file.commit(&ledger, &services, now()).unwrap();
                start.elapsed()
            })
            .collect();
        times.sort();
        let [median, slowest] = [times[10], times[20]];
        println!("{incidents} incidents: median {median:?}, slowest {slowest:?}");
        assert!(median < Duration::from_secs(2), "{times:?}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        state::read(folder.path()),
        Err(ReadError::Missing { .. })
    ));
}
