use std::fs;
use std::io::Write as _;

use tempfile::TempDir;

use std::path::PathBuf;

use super::*;
use crate::model::duration::after;

const PATIENCE: Duration = Duration::from_secs(10);

fn database() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    (folder, path)
}

fn service() -> ServiceName {
    ServiceName::new("price")
}

fn at(second: u64) -> Timestamp {
    after(Timestamp::UNIX_EPOCH, Duration::from_secs(second))
}

fn kept(second: u64, bodies: &[&[u8]]) -> Kept {
    Kept {
        at: at(second),
        head: format!("head {second}").into_bytes(),
        bodies: bodies
            .iter()
            .map(|body| Bytes::copy_from_slice(body))
            .collect(),
    }
}

fn rule(keep: u64, bytes: u64) -> RecordRule {
    RecordRule {
        keep: Duration::from_secs(keep),
        bytes,
    }
}

fn record(recorder: &Recorder, rule: RecordRule, kept: Kept) {
    recorder.record(&service(), rule, 100, Box::new(|| Some(kept)));
}

fn all(path: &Path) -> Vec<Kept> {
    let mut reading = read(path, &service(), Wanted::default()).unwrap();
    let mut all = Vec::new();
    while let Some(kept) = reading.next_whole().unwrap() {
        all.push(kept);
    }
    assert_eq!(reading.damaged, 0);
    all
}

/// Bytes that no compression makes smaller.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn gives_back_what_was_recorded_in_the_order_of_time() {
    let (_folder, path) = database();
    let recorder = Recorder::start(&path);
    let probes = [kept(2, &[b"b", b"c"]), kept(1, &[b"b"]), kept(3, &[])];
    for probe in &probes {
        record(&recorder, rule(100, 1 << 20), probe.clone());
    }
    assert!(recorder.flush(PATIENCE));
    let [second, first, third] = probes;
    assert_eq!(all(&path), [first, second.clone(), third]);
    let wanted = Wanted {
        since: Some(at(2)),
        until: Some(at(3)),
        limit: None,
    };
    let mut reading = read(&path, &service(), wanted).unwrap();
    assert_eq!(reading.next_whole().unwrap(), Some(second));
    assert_eq!(reading.next_whole().unwrap(), None);
    assert_eq!(recorder.health().written, 3);
}

#[test]
fn no_file_is_made_before_something_is_recorded() {
    let (_folder, path) = database();
    let recorder = Recorder::start(&path);
    recorder.tidy(at(0));
    assert!(recorder.flush(PATIENCE));
    assert!(!path.exists());
}

#[test]
fn equal_bodies_are_kept_once() {
    let (_folder, path) = database();
    let recorder = Recorder::start(&path);
    let body = noise(1, 10_000);
    for second in 0..50 {
        record(&recorder, rule(100, 1 << 20), kept(second, &[&body, &body]));
    }
    assert!(recorder.flush(PATIENCE));
    assert_eq!(all(&path).len(), 50);
    assert!(recorder.health().bytes < 20_000);
}

#[test]
fn the_oldest_go_where_there_is_too_much_or_too_old() {
    let (_folder, path) = database();
    let recorder = Recorder::start(&path);
    for second in 0..100 {
        record(
            &recorder,
            rule(1000, 100_000),
            kept(second, &[&noise(second, 9_000)]),
        );
    }
    assert!(recorder.flush(PATIENCE));
    let seconds: Vec<i64> = all(&path).iter().map(|kept| kept.at.as_second()).collect();
    assert_eq!(seconds, (90..100).collect::<Vec<_>>());
    assert!(recorder.health().bytes <= 100_000);
    recorder.tidy(at(1095));
    assert!(recorder.flush(PATIENCE));
    assert_eq!(all(&path).len(), 5);
    drop(recorder);
    // What was recorded before a start counts as well, and a service that is no longer recorded is tidied too.
    let recorder = Recorder::start(&path);
    recorder.tidy(at(1097));
    assert!(recorder.flush(PATIENCE));
    assert_eq!(all(&path).len(), 3);
    assert!(recorder.health().bytes > 20_000);
    let size = fs::metadata(&path).unwrap().len();
    assert!(size < 300_000, "{size}");
}

/// A body that only the probes have which must go for it.
#[test]
fn a_body_that_comes_back_is_not_lost_with_the_probe_that_goes() {
    let (_folder, path) = database();
    let recorder = Recorder::start(&path);
    let (a, b) = (noise(1, 40_000), noise(2, 40_000));
    for (second, body) in [&a, &b, &a, &b, &a].into_iter().enumerate() {
        record(&recorder, rule(1000, 65_536), kept(second as u64, &[body]));
    }
    assert!(recorder.flush(PATIENCE));
    let all = all(&path);
    assert_eq!(all.last().unwrap().bodies, [Bytes::from(a)]);
}

#[test]
fn a_probe_that_is_larger_than_all_may_be_is_not_written() {
    let (_folder, path) = database();
    let recorder = Recorder::start(&path);
    record(&recorder, rule(100, 65_536), kept(1, &[b"small"]));
    record(&recorder, rule(100, 65_536), kept(2, &[&noise(1, 100_000)]));
    assert!(recorder.flush(PATIENCE));
    assert_eq!(all(&path).len(), 1);
    let health = recorder.health();
    assert_eq!((health.written, health.dropped), (1, 1));
    let [News::Failed(why)] = &recorder.news()[..] else {
        panic!("nothing was told");
    };
    assert!(why.starts_with("one probe of price takes 100"), "{why}");
    record(&recorder, rule(100, 65_536), kept(3, &[]));
    assert!(recorder.flush(PATIENCE));
    assert_eq!(recorder.news(), [News::Recovered]);
}

#[test]
fn a_damaged_file_is_set_aside_and_recording_goes_on() {
    let (folder, path) = database();
    let text = b"this is no database, but it is long enough to look like one";
    fs::File::create(&path).unwrap().write_all(text).unwrap();
    let recorder = Recorder::start(&path);
    record(&recorder, rule(100, 1 << 20), kept(1, &[b"lost"]));
    assert!(recorder.flush(PATIENCE));
    record(&recorder, rule(100, 1 << 20), kept(2, &[b"kept"]));
    assert!(recorder.flush(PATIENCE));
    assert_eq!(all(&path).len(), 1);
    let [News::SetAside { path: aside, .. }] = &recorder.news()[..] else {
        panic!("nothing was told");
    };
    assert!(aside.starts_with(folder.path()) && aside.exists());
    assert_eq!(recorder.health().dropped, 1);
}

#[test]
fn a_damaged_recording_is_passed_over() {
    let (_folder, path) = database();
    let recorder = Recorder::start(&path);
    for second in 1..=3 {
        record(
            &recorder,
            rule(100, 1 << 20),
            kept(second, &[&[second.to_le_bytes()[0]; 100]]),
        );
    }
    drop(recorder);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute("UPDATE bodies SET data = x'00112233' WHERE id = 2", ())
        .unwrap();
    let mut reading = read(&path, &service(), Wanted::default()).unwrap();
    let mut count = 0;
    while reading.next_whole().unwrap().is_some() {
        count += 1;
    }
    assert_eq!((count, reading.damaged), (2, 1));
}

#[test]
fn a_full_disk_and_a_folder_that_is_not_there_drop_and_say_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(&folder.path().join("missing").join(FILE));
    for second in 0..3 {
        record(&recorder, rule(100, 1 << 20), kept(second, &[]));
        assert!(recorder.flush(PATIENCE));
    }
    assert_eq!(recorder.health().dropped, 3);
    assert!(matches!(recorder.news()[..], [News::Failed(_)]));

    let (_folder, path) = database();
    let recorder = Recorder::start(&path);
    let full = Arc::new(AtomicBool::new(true));
    recorder.spare(Arc::clone(&full));
    record(&recorder, rule(100, 1 << 20), kept(1, &[]));
    assert!(recorder.flush(PATIENCE));
    assert_eq!(
        recorder.news(),
        [News::Failed("the disk is full".to_owned())]
    );
    full.store(false, Ordering::SeqCst);
    record(&recorder, rule(100, 1 << 20), kept(2, &[]));
    assert!(recorder.flush(PATIENCE));
    assert_eq!(recorder.news(), [News::Recovered]);
    assert_eq!(all(&path).len(), 1);
}
