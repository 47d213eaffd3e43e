mod faults;
mod kill;
mod moved;
mod rolling;
mod size;

use std::fs;

use super::*;
use crate::model::json::Json;
use crate::model::judgement::{MemoryEntry, Outcome};
use crate::model::violation::Sample;

const PATIENCE: Duration = Duration::from_secs(20);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn sample(second: i64, outcome: Outcome) -> Sample {
    Sample {
        at: at(second),
        outcome,
        latency: outcome.is_good().then_some(Duration::from_micros(1500)),
        code: (!outcome.is_good()).then(|| "refused".into()),
    }
}

/// A probe of a service that is looked at every 30 seconds.
fn raw(sample: Sample) -> RawSample {
    RawSample::of(sample, Duration::from_secs(70))
}

fn service(n: usize) -> ServiceName {
    ServiceName::new(format!("service {n}"))
}

fn remember(value: i64, expires_at: Option<Timestamp>) -> MemoryEntry {
    let value = Json::object([("n", Json::from(value))]);
    MemoryEntry { value, expires_at }
}

fn database() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    (folder, path)
}

#[test]
fn what_all_services_remember_survives_a_restart() {
    let (_folder, path) = database();
    // A database of the version before has no such table.
    let mut old = rusqlite::Connection::open(&path).unwrap();
    schema::migrate_by(&mut old, &schema::MIGRATIONS[..1]).unwrap();
    assert!(read_memory(&path, &service(1), at(1)).unwrap().is_empty());
    drop(old);

    let opened = Store::open(&path, 7, at(0));
    assert_eq!(opened.recovery, Recovery::Loaded);
    assert!(opened.shared.is_empty());
    let mut diff = MemoryDiff::default();
    diff.set.insert("shared:a:kept".into(), remember(1, None));
    diff.set
        .insert("shared:a:removed".into(), remember(2, None));
    diff.set
        .insert("shared:a:expired".into(), remember(3, Some(at(50))));
    opened.store.write_shared(&service(1), diff);
    let removed = MemoryDiff {
        removed: vec!["shared:a:removed".into()],
        ..MemoryDiff::default()
    };
    opened.store.write_shared(&service(2), removed);
    opened.store.forget(&service(1), at(1));
    drop(opened);

    let kept: Memory = [("shared:a:kept".into(), remember(1, None))].into();
    assert_eq!(Store::open(&path, 7, at(100)).shared, kept);
    assert_eq!(read_memory(&path, &service(9), at(100)).unwrap(), kept);
}

#[test]
fn windows_memory_and_counters_survive_a_restart() {
    let (_folder, path) = database();
    let opened = Store::open(&path, 7, at(0));
    assert_eq!(opened.recovery, Recovery::Fresh);
    let outcomes = [
        Outcome::Pass,
        Outcome::Warn,
        Outcome::Fail,
        Outcome::Error,
        Outcome::Unknown,
        Outcome::Unknown,
    ];
    let samples: Vec<Sample> = (0..)
        .zip(outcomes)
        .map(|(n, outcome)| sample(n, outcome))
        .collect();
    for sample in &samples {
        opened.store.write_sample(&service(1), raw(sample.clone()));
    }
    let mut diff = MemoryDiff::default();
    diff.set.insert("kept".into(), remember(1, None));
    diff.set.insert("removed".into(), remember(2, None));
    diff.set.insert("expired".into(), remember(3, Some(at(50))));
    diff.set
        .insert("lasting".into(), remember(4, Some(at(500))));
    opened.store.write_memory(&service(1), diff);
    let removed = MemoryDiff {
        removed: vec!["removed".into()],
        ..MemoryDiff::default()
    };
    opened.store.write_memory(&service(1), removed);
    drop(opened);

    let opened = Store::open(&path, 7, at(100));
    assert_eq!(opened.recovery, Recovery::Loaded);
    let restored = &opened.restored[&service(1)];
    assert_eq!(restored.samples, samples);
    let keys: Vec<&str> = restored.memory.keys().map(|key| &**key).collect();
    assert_eq!(keys, ["kept", "lasting"]);
    assert_eq!(restored.memory["lasting"], remember(4, Some(at(500))));
    let expected = Counters {
        first_seen: Some(at(0)),
        last_good: Some(at(1)),
        unknown_since: Some(at(4)),
        outcomes: [1, 1, 2, 1, 1],
    };
    assert_eq!(restored.counters, expected);

    opened
        .store
        .write_sample(&service(1), raw(sample(9, Outcome::Pass)));
    drop(opened);
    let counters = Store::open(&path, 7, at(100)).restored[&service(1)].counters;
    assert_eq!((counters.probes(), counters.unknown_since), (7, None));
}

#[test]
fn begins_with_the_newest_samples() {
    let (_folder, path) = database();
    let opened = Store::open(&path, 100, at(0));
    for n in 0..1000 {
        opened
            .store
            .write_sample(&service(1), raw(sample(n, Outcome::Pass)));
        if n % 100 == 0 {
            opened.store.flush(PATIENCE).unwrap();
        }
    }
    opened.store.flush(PATIENCE).unwrap();
    drop(opened);
    let samples = Store::open(&path, 100, at(0)).restored[&service(1)]
        .samples
        .clone();
    assert_eq!(samples.len(), 100);
    assert_eq!(samples.last(), Some(&sample(999, Outcome::Pass)));
}

#[test]
fn forgets_a_service_wholly() {
    let (_folder, path) = database();
    let opened = Store::open(&path, 7, at(0));
    for n in [1, 2] {
        opened
            .store
            .write_sample(&service(n), raw(sample(0, Outcome::Pass)));
        let mut diff = MemoryDiff::default();
        diff.set.insert("k".into(), remember(1, None));
        opened.store.write_memory(&service(n), diff);
    }
    opened.store.forget(&service(1), at(1));
    opened
        .store
        .write_sample(&service(1), raw(sample(5, Outcome::Fail)));
    drop(opened);
    let restored = Store::open(&path, 7, at(0)).restored;
    assert_eq!(restored[&service(1)].counters.probes(), 1);
    assert!(restored[&service(1)].memory.is_empty());
    assert_eq!(restored[&service(2)].memory.len(), 1);
}

#[test]
fn a_damaged_database_is_set_aside() {
    let (_folder, path) = database();
    let opened = Store::open(&path, 7, at(0));
    for n in 0..500 {
        opened
            .store
            .write_sample(&service(n), raw(sample(0, Outcome::Pass)));
    }
    drop(opened);
    let whole = fs::read(&path).unwrap();
    let mut torn = whole.clone();
    torn[4096..].fill(0xa5);
    for damage in [
        b"not a database, but long enough to be looked at as one".to_vec(),
        torn,
    ] {
        let mut file = fs::File::create(&path).unwrap();
        std::io::Write::write_all(&mut file, &damage).unwrap();
        drop(file);
        let opened = Store::open(&path, 7, at(7));
        let Recovery::SetAside { path: aside, .. } = &opened.recovery else {
            panic!("{:?}", opened.recovery);
        };
        assert_eq!(fs::read(aside).unwrap(), damage);
        assert!(opened.restored.is_empty());
        opened
            .store
            .write_sample(&service(1), raw(sample(0, Outcome::Pass)));
        opened.store.flush(PATIENCE).unwrap();
        drop(opened);
        assert_eq!(Store::open(&path, 7, at(8)).recovery, Recovery::Loaded);
    }
}

#[test]
fn a_database_of_a_newer_version_is_set_aside() {
    let (_folder, path) = database();
    drop(Store::open(&path, 7, at(0)));
    rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let Recovery::SetAside { why, .. } = Store::open(&path, 7, at(1)).recovery else {
        panic!("not set aside");
    };
    assert_eq!(
        why,
        "it has version 99, this oes knows up to 5: a newer one wrote it"
    );
}

#[test]
fn a_database_that_cannot_be_made_is_done_without() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Store::open(&folder.path().join("missing").join(FILE), 7, at(0));
    assert!(matches!(opened.recovery, Recovery::Unusable { .. }));
    opened
        .store
        .write_sample(&service(1), raw(sample(0, Outcome::Pass)));
    assert_eq!(
        opened.store.flush(PATIENCE),
        Err(FlushError::Failed("there is no database".to_owned()))
    );
    assert_eq!(opened.store.health().failed_rows, 1);
}

#[test]
fn a_locked_database_drops_rows_and_goes_on() {
    let (_folder, path) = database();
    let opened = Store::open(&path, 7, at(0));
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    opened
        .store
        .write_sample(&service(1), raw(sample(0, Outcome::Pass)));
    assert!(matches!(
        opened.store.flush(PATIENCE),
        Err(FlushError::Failed(_))
    ));
    other.execute_batch("ROLLBACK").unwrap();
    opened
        .store
        .write_sample(&service(1), raw(sample(1, Outcome::Pass)));
    opened.store.flush(PATIENCE).unwrap();
    let health = opened.store.health();
    assert_eq!((health.failed_rows, health.error), (1, None));
    drop(opened);
    let restored = Store::open(&path, 7, at(0)).restored;
    assert_eq!(restored[&service(1)].samples, [sample(1, Outcome::Pass)]);
    assert_eq!(restored[&service(1)].counters.probes(), 1);
}

/// What a process that was killed leaves: the files as they are on disk while the writer has them open.
#[test]
fn what_was_flushed_survives_a_kill() {
    let (folder, path) = database();
    let opened = Store::open(&path, 7, at(0));
    opened
        .store
        .write_sample(&service(1), raw(sample(0, Outcome::Pass)));
    opened.store.flush(PATIENCE).unwrap();
    let copy = folder.path().join("copy.db");
    for suffix in ["", "-wal"] {
        fs::copy(
            format!("{}{suffix}", path.display()),
            format!("{}{suffix}", copy.display()),
        )
        .unwrap();
    }
    let restored = Store::open(&copy, 7, at(0)).restored;
    assert_eq!(restored[&service(1)].samples.len(), 1);
}
