//! What the file may do while it is in use.

use super::super::reader::Reader;
use super::super::series::Resolution;
use super::rolling::{run, verify};
use super::*;
use std::io::Write as _;

fn probes(path: &Path) -> u64 {
    let span = at(0)..at(86_400);
    let hours = Reader::open(path)
        .unwrap()
        .buckets(&service(1), span, Resolution::Hour)
        .unwrap();
    hours.iter().map(series::Bucket::probes).sum()
}

/// Does something with the database beside its writer.
fn beside(path: &Path, sql: &str) {
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch(sql).unwrap();
}

/// Checks that a damaged file is out of the way, and that it was said once.
fn was_set_aside_once(store: &Store) {
    let news = store.news();
    let [
        News::Failed(_),
        News::SetAside { path: aside, .. },
        News::Recovered,
    ] = &news[..]
    else {
        panic!("{news:?}");
    };
    assert!(aside.exists());
}

#[test]
fn a_file_that_was_removed_is_begun_anew_and_said_once() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..600, Outcome::Pass);
    store.flush(PATIENCE).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        drop(fs::remove_file(format!("{}{suffix}", path.display())));
    }
    run(&store, &service(1), 600..1200, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    assert_eq!(store.news(), [News::Gone]);
    assert_eq!(probes(&path), 20);
    drop(store);
    let restored = Store::open(&path, 7, at(1200)).restored;
    assert_eq!(
        restored[&service(1)].counters.probes(),
        20,
        "the history begins anew, and so do the counts"
    );
    verify(&path);
}

#[test]
fn a_file_that_is_damaged_while_it_is_used_is_set_aside_and_said_once() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..600, Outcome::Pass);
    store.flush(PATIENCE).unwrap();
    // Somebody else's program; through SQLite, so that the daemon's connection looks again.
    beside(&path, "PRAGMA wal_checkpoint(TRUNCATE); DROP TABLE fresh;");
    run(&store, &service(1), 600..1200, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    was_set_aside_once(&store);
    assert!(probes(&path) >= 20, "{}", probes(&path));
    verify(&path);
}

#[test]
fn a_file_that_is_written_over_is_set_aside_though_the_writer_has_it_in_memory() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..3600, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    // What is in the journal would be read from there.
    beside(&path, "PRAGMA wal_checkpoint(TRUNCATE)");
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all(&[0x5a; 8 << 10]).unwrap();
    drop(file);
    run(&store, &service(1), 3600..4200, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    was_set_aside_once(&store);
    assert_eq!(store.health().failed_rows, 0);
    assert!(probes(&path) >= 18, "{}", probes(&path));
    verify(&path);
}

#[test]
fn a_full_disk_is_a_time_without_data() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    let full = Arc::new(AtomicBool::new(false));
    store.spare(Arc::clone(&full));
    run(&store, &service(1), 0..600, Outcome::Pass);
    store.flush(PATIENCE).unwrap();
    full.store(true, Ordering::SeqCst);
    for second in (600..1800).step_by(30) {
        store.tick(at(second));
        store.write_sample(&service(1), raw(sample(second, Outcome::Pass)));
    }
    assert!(matches!(store.flush(PATIENCE), Err(FlushError::Failed(_))));
    full.store(false, Ordering::SeqCst);
    run(&store, &service(1), 1800..3000, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    let failed = News::Failed("the disk is full".to_owned());
    assert_eq!(store.news(), [failed, News::Recovered]);
    assert_eq!(store.health().failed_rows, 80);
    let reader = Reader::open(&path).unwrap();
    let all = reader
        .buckets(&service(1), at(0)..at(3000), Resolution::FiveMinutes)
        .unwrap();
    let up: Duration = all.iter().map(|bucket| bucket.tally.up).sum();
    assert_eq!(up, Duration::from_secs(600 - 15 + 1200 - 15));
    verify(&path);
}

#[test]
fn a_database_that_cannot_be_used_at_first_is_used_once_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join(FILE);
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 30..60, Outcome::Pass);
    assert!(store.flush(PATIENCE).is_err());
    fs::create_dir(folder.path().join("missing")).unwrap();
    run(&store, &service(1), 60..90, Outcome::Pass);
    store.flush(PATIENCE).unwrap();
    assert_eq!(
        Reader::open(&path).unwrap().services().unwrap(),
        [service(1)]
    );
}
