//! Services that leave, come back, or get another name.

use super::super::reader::Reader;
use super::super::series::Resolution;
use super::rolling::{run, verify};
use super::*;

fn days(path: &Path, of: usize) -> Vec<(u64, Duration)> {
    let span = at(-86_400)..at(30 * 86_400);
    let days = Reader::open(path)
        .unwrap()
        .buckets(&service(of), span, Resolution::Day)
        .unwrap();
    days.iter()
        .map(|day| (day.probes(), day.tally.up))
        .collect()
}

#[test]
fn a_forgotten_service_that_comes_back_has_its_history_but_no_window() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..1800, Outcome::Pass);
    store.forget(&service(1), at(1800));
    store.flush(PATIENCE).unwrap();
    assert!(
        read(&path, at(1801)).unwrap().is_empty(),
        "nobody watches it"
    );
    run(&store, &service(1), 3600..5400, Outcome::Fail);
    drop(store);
    let opened = Store::open(&path, 200, at(5400));
    let restored = &opened.restored[&service(1)];
    assert_eq!(restored.counters.probes(), 60);
    assert!(
        restored
            .samples
            .iter()
            .all(|sample| sample.outcome == Outcome::Fail)
    );
    assert_eq!(restored.samples.len(), 60);
    assert_eq!(days(&path, 1)[0].0, 120);
    verify(&path);
}

#[test]
fn a_new_name_takes_everything_along() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..1800, Outcome::Pass);
    let mut diff = MemoryDiff::default();
    diff.set.insert("k".into(), remember(1, None));
    store.write_memory(&service(1), diff);
    store.rename(&service(1), &service(2));
    run(&store, &service(2), 1800..3600, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    drop(store);
    let restored = Store::open(&path, 7, at(3600)).restored;
    assert!(!restored.contains_key(&service(1)));
    let known = &restored[&service(2)];
    assert_eq!(
        (
            known.counters.probes(),
            known.memory.len(),
            known.samples.len()
        ),
        (120, 1, SAMPLES_KEPT)
    );
    assert_eq!(days(&path, 1), []);
    let [(120, up)] = days(&path, 2)[..] else {
        panic!("{:?}", days(&path, 2));
    };
    assert_eq!(up, Duration::from_secs(3600 - 15));
    verify(&path);
}

#[test]
fn two_that_were_watched_become_one() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..4200, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    // The config was changed without `was` first.
    run(&store, &service(2), 4200..90_000, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    store.rename(&service(1), &service(2));
    store.rename(&service(1), &service(2));
    store.settle(PATIENCE).unwrap();
    drop(store);
    assert_eq!(days(&path, 1), []);
    let probes: u64 = days(&path, 2).iter().map(|(probes, _)| probes).sum();
    assert_eq!(probes, 90_000 / 30);
    let up: Duration = days(&path, 2).iter().map(|(_, up)| *up).sum();
    assert!(up >= Duration::from_mins(1499), "{up:?}");
    assert_eq!(
        Store::open(&path, 7, at(90_000)).restored[&service(2)]
            .counters
            .probes(),
        3000
    );
}
