//! Buckets, from samples to days.

use super::super::buckets::read_buckets;
use super::super::progress::{Progress, pauses, second};
use super::super::reader::Reader;
use super::super::rollup::Last;
use super::super::series::{Bucket, Resolution, filled, together};
use super::*;
use crate::model::tally::Tally;

/// Checks that every complete bucket of a database is what its samples say, as they are in it. Returns how many were
/// checked.
pub(super) fn verify(path: &Path) -> usize {
    let connection = rusqlite::Connection::open(path).unwrap();
    let all = pauses(&connection, Timestamp::MIN).unwrap();
    let ids: Vec<i64> = connection
        .prepare("SELECT id FROM services")
        .unwrap()
        .query_map((), |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut checked = 0;
    for id in ids {
        let mut last = None;
        let fives = read_buckets(
            &connection,
            Resolution::FiveMinutes,
            id,
            at(-1_000_000),
            Timestamp::MAX,
        )
        .unwrap();
        let mut raw = connection
            .prepare("SELECT from_s, data FROM raw WHERE service = ?1 ORDER BY from_s")
            .unwrap();
        let chunks: BTreeMap<Timestamp, Vec<RawSample>> = raw
            .query_map([id], |row| {
                let from = second(row.get(0)?);
                Ok((from, codec::unpack(from, &row.get::<_, Vec<u8>>(1)?)))
            })
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for chunk in chunks.keys() {
            assert!(
                fives.iter().any(|five| five.from == *chunk),
                "no bucket of {chunk}"
            );
        }
        for five in &fives {
            let before = chunks.range(..five.from).next_back();
            last = before
                .and_then(|(_, samples)| samples.last())
                .map(Last::of)
                .or(last);
            let none = Vec::new();
            let samples = chunks.get(&five.from).unwrap_or(&none);
            let expected = rollup::bucket(last, samples, &all, five.from, five.until);
            assert_eq!(*five, expected, "service {id}, {}", five.from);
            checked += 1;
        }
        checked += verify_coarse(&connection, id);
    }
    checked
}

/// Checks that hours are what their five minutes are, and days what their hours are.
fn verify_coarse(connection: &rusqlite::Connection, id: i64) -> usize {
    let mut checked = 0;
    for (coarse, finer) in [
        (Resolution::Hour, Resolution::FiveMinutes),
        (Resolution::Day, Resolution::Hour),
    ] {
        let Some(progress) = Progress::read(connection, coarse).unwrap() else {
            continue;
        };
        let done = progress.of(id);
        let finer = read_buckets(connection, finer, id, at(-1_000_000), done).unwrap();
        let groups = finer.chunk_by(|a, b| coarse.floor(a.from) == coarse.floor(b.from));
        let expected: Vec<Bucket> = groups
            .map(|group| {
                let from = coarse.floor(group[0].from);
                together(from, coarse.end(from), group)
            })
            .collect();
        let found = read_buckets(connection, coarse, id, at(-1_000_000), done).unwrap();
        assert_eq!(found, expected, "service {id}");
        checked += found.len();
    }
    checked
}

fn hours(hours: u64) -> Duration {
    Duration::from_hours(hours)
}

/// A monitor of one service that runs from one second to another, one probe each half minute.
pub(super) fn run(
    store: &Store,
    service: &ServiceName,
    seconds: std::ops::Range<i64>,
    outcome: Outcome,
) {
    for second in seconds.step_by(15) {
        store.tick(at(second));
        if second % 30 == 0 {
            store.write_sample(service, raw(sample(second, outcome)));
        }
        if second % 3000 == 0 {
            store.flush(PATIENCE).unwrap();
        }
    }
}

const DAY: i64 = 86_400;
/// The tests begin at eight in the morning.
const MORNING: i64 = 1_800_000_000 % DAY;

#[test]
fn samples_become_five_minutes_hours_and_days() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..7200, Outcome::Pass);
    run(&store, &service(1), 7200..9000, Outcome::Fail);
    run(&store, &service(1), 9000..DAY, Outcome::Warn);
    store.settle(PATIENCE).unwrap();
    assert!(verify(&path) > 288);

    let reader = Reader::open(&path).unwrap();
    let span = at(-MORNING)..at(2 * DAY);
    let days = reader
        .buckets(&service(1), span.clone(), Resolution::Day)
        .unwrap();
    let [first, second] = &days[..] else {
        panic!("{days:?}");
    };
    let expected = Tally {
        up: hours(2),
        down: Duration::from_mins(30),
        degraded: Duration::from_mins(16 * 60 - 150),
        no_data: hours(8),
        ..Tally::default()
    };
    assert_eq!(first.tally, expected);
    assert_eq!(first.outcomes, [240, 16 * 120 - 300, 0, 60, 0]);
    assert_eq!(first.latency.count(), 16 * 120 - 60);
    // The present day is not over: it is told up to the last sign of life.
    assert_eq!(
        (second.from, second.until),
        (at(DAY - MORNING), at(DAY - 15))
    );
    assert_eq!(second.tally.degraded, Duration::from_secs(8 * 3600 - 15));
    assert_eq!(second.tally.no_data, Duration::ZERO);

    for resolution in Resolution::ALL {
        let buckets = reader
            .buckets(&service(1), span.clone(), resolution)
            .unwrap();
        for bucket in &buckets {
            let length = crate::model::duration::since(bucket.from, bucket.until);
            assert_eq!(bucket.tally.total(), length);
        }
        let sum = together(at(-MORNING), at(DAY - 15), &buckets);
        let same = together(at(-MORNING), at(DAY - 15), &days);
        assert_eq!(sum, same, "{resolution:?}");
        let all = filled(buckets, at(-MORNING)..at(DAY - MORNING), resolution);
        let steps = usize::try_from(DAY / resolution.seconds()).unwrap();
        assert_eq!(all.len(), steps);
    }
    let many = reader.days(&[service(1), service(2)], span).unwrap();
    assert_eq!(many, [(service(1), days)].into());
}

#[test]
fn a_span_that_begins_with_what_is_not_complete_holds_nothing_of_before() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..900, Outcome::Pass);
    run(&store, &service(1), 900..960, Outcome::Fail);
    store.flush(PATIENCE).unwrap();
    let reader = Reader::open(&path).unwrap();
    let of = |from: i64| {
        let span = at(from)..at(960);
        let buckets = reader.buckets(&service(1), span, Resolution::FiveMinutes);
        let mut buckets = buckets.unwrap();
        (buckets.pop().unwrap(), buckets.len())
    };
    let ((whole, before), (alone, none)) = (of(0), of(900));
    assert_eq!((before, none), (3, 0));
    assert_eq!(alone, whole);
    assert_eq!(alone.outcomes, [0, 0, 0, 2, 0]);
}

#[test]
fn a_monitor_that_was_down_has_no_data_of_that_time() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..3600, Outcome::Pass);
    drop(store);
    let begun = 3600 + 6 * 3600;
    let store = Store::open(&path, 7, at(begun)).store;
    run(&store, &service(1), begun..begun + 3600, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    verify(&path);
    let day = Reader::open(&path)
        .unwrap()
        .buckets(&service(1), at(0)..at(DAY), Resolution::Day)
        .unwrap();
    let tally = day[0].tally;
    assert_eq!(tally.down, Duration::ZERO);
    // From the last sign of life to the first, not a second of it up.
    assert_eq!(tally.up, Duration::from_secs(2 * 3600 - 30));
    assert_eq!(tally.uptime().unwrap().to_string(), "100 %");
    let gap = Reader::open(&path)
        .unwrap()
        .buckets(&service(1), at(3600)..at(begun), Resolution::FiveMinutes)
        .unwrap();
    assert!(gap.is_empty(), "{gap:?}");
}

#[test]
fn a_probe_that_is_written_before_the_first_sign_of_life_ends_the_time_that_the_monitor_was_down() {
    let (_folder, path) = database();
    let seldom = |second| RawSample::of(sample(second, Outcome::Pass), hours(1));
    let store = Store::open(&path, 7, at(0)).store;
    store.write_sample(&service(1), seldom(0));
    run(&store, &service(2), 0..600, Outcome::Pass);
    drop(store);
    let store = Store::open(&path, 7, at(1200)).store;
    store.write_sample(&service(2), raw(sample(1201, Outcome::Pass)));
    store.write_sample(&service(1), seldom(1202));
    run(&store, &service(2), 1215..2100, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    verify(&path);
    let reader = Reader::open(&path).unwrap();
    let hour = reader
        .buckets(&service(1), at(0)..at(2100), Resolution::FiveMinutes)
        .unwrap();
    let whole = together(at(0), at(2100), &hour);
    // From the last sign of life at 585 s to the first at 1201 s.
    assert_eq!(whole.tally.no_data, Duration::from_secs(616 + 15));
    let gaps = reader
        .gaps(hour, at(2085), Resolution::FiveMinutes)
        .unwrap();
    let gaps: Vec<_> = gaps.iter().map(|gap| (gap.from, gap.until)).collect();
    assert_eq!(gaps, [(at(585), at(1201))]);
}

#[test]
fn a_beat_that_is_good_for_a_day_is_so_after_the_monitor_was_down_too() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    let beat = RawSample::of(sample(0, Outcome::Pass), hours(24));
    store.write_sample(&service(1), beat);
    let alive = |store: &Store, seconds: std::ops::Range<i64>| {
        for second in seconds.step_by(15) {
            store.tick(at(second));
        }
        store.settle(PATIENCE).unwrap();
    };
    alive(&store, 0..1200);
    drop(store);
    let store = Store::open(&path, 7, at(4800)).store;
    alive(&store, 4800..9000);
    drop(store);
    verify(&path);
    let fives = Reader::open(&path)
        .unwrap()
        .buckets(&service(1), at(0)..at(8400), Resolution::FiveMinutes)
        .unwrap();
    let whole = together(at(0), at(8400), &fives).tally;
    assert_eq!(whole.no_data, Duration::from_secs(4800 - 1185));
    assert_eq!(whole.up + whole.no_data, Duration::from_mins(140));
}

#[test]
fn a_quick_restart_leaves_no_gap() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..3600, Outcome::Pass);
    drop(store);
    let store = Store::open(&path, 7, at(3630)).store;
    run(&store, &service(1), 3630..7200, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    let hours = Reader::open(&path)
        .unwrap()
        .buckets(&service(1), at(0)..at(7200), Resolution::Hour)
        .unwrap();
    assert!(
        hours.iter().all(|hour| hour.tally.no_data.is_zero()),
        "{hours:?}"
    );
}

#[test]
fn a_service_that_is_seldom_looked_at_has_no_gaps() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    for second in (0..DAY).step_by(15) {
        store.tick(at(second));
        if second % 7200 == 0 {
            let raw = RawSample::of(sample(second, Outcome::Pass), hours(4));
            store.write_sample(&service(1), raw);
        }
        if second % 3000 == 0 {
            store.flush(PATIENCE).unwrap();
        }
    }
    store.settle(PATIENCE).unwrap();
    verify(&path);
    let reader = Reader::open(&path).unwrap();
    let fives = reader
        .buckets(&service(1), at(0)..at(DAY), Resolution::FiveMinutes)
        .unwrap();
    assert_eq!(fives.len(), 288);
    assert!(fives.iter().all(|five| five.tally.no_data.is_zero()));
}

#[test]
fn the_newest_samples_are_read_back() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    let mut written = Vec::new();
    for n in 0..40 {
        let mut one = raw(sample(n * 30, Outcome::Fail));
        one.phases[2] = Some(Duration::from_micros(700));
        written.push(one.clone());
        store.write_sample(&service(1), one);
        store.tick(at(n * 30));
    }
    store.settle(PATIENCE).unwrap();
    let reader = Reader::open(&path).unwrap();
    let all = |limit| reader.samples(&service(1), at(0)..at(DAY), limit).unwrap();
    assert_eq!(all(usize::MAX), written);
    assert_eq!(all(35), written[5..]);
    assert_eq!(all(3), written[37..]);
    let some = reader
        .samples(&service(1), at(45)..at(330), usize::MAX)
        .unwrap();
    assert_eq!(some, written[2..11]);
    assert_eq!(reader.samples(&service(2), at(0)..at(DAY), 9).unwrap(), []);
}

#[test]
fn a_probe_that_takes_very_long_counts_where_it_can() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..1800, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    store.write_sample(&service(2), raw(sample(10, Outcome::Fail)));
    run(&store, &service(1), 1800..3600, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    verify(&path);
    let reader = Reader::open(&path).unwrap();
    let found = reader
        .buckets(&service(2), at(0)..at(3600), Resolution::Hour)
        .unwrap();
    let down: Duration = found.iter().map(|hour| hour.tally.down).sum();
    assert_eq!((found[0].probes(), down), (1, Duration::from_secs(70)));
}

#[test]
fn a_clock_that_was_wrong_is_followed_back() {
    let (_folder, path) = database();
    let store = Store::open(&path, 7, at(0)).store;
    run(&store, &service(1), 0..1800, Outcome::Pass);
    let year = 365 * DAY;
    run(&store, &service(1), year..year + 900, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    run(&store, &service(1), 1830..5400, Outcome::Pass);
    store.settle(PATIENCE).unwrap();
    let reader = Reader::open(&path).unwrap();
    let hours = reader
        .buckets(&service(1), at(0)..at(5400), Resolution::Hour)
        .unwrap();
    let up: Duration = hours.iter().map(|hour| hour.tally.up).sum();
    assert!(up >= Duration::from_secs(5300), "{hours:?}");
}

#[test]
fn what_is_too_old_goes_a_little_at_a_time() {
    let (_folder, path) = database();
    let store = Store::open(&path, 40, at(0)).store;
    let day = Duration::from_hours(24);
    store.keep(Retention {
        samples: hours(2),
        five_minutes: hours(6),
        hours: day,
        days: 2 * day,
    });
    for hour in 0..72 {
        run(
            &store,
            &service(1),
            hour * 3600..(hour + 1) * 3600,
            Outcome::Pass,
        );
        store.settle(PATIENCE).unwrap();
    }
    let count = |sql: &str| -> i64 {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.query_row(sql, (), |row| row.get(0)).unwrap()
    };
    let samples = count("SELECT sum(samples) FROM raw WHERE service = 1");
    assert!((220..=360).contains(&samples), "{samples}");
    let fives = count("SELECT count(*) FROM five_minutes WHERE service = 1");
    assert!((70..=86).contains(&fives), "{fives}");
    let hours = count("SELECT count(*) FROM hours");
    assert!((22..=26).contains(&hours), "{hours}");
    let days = count("SELECT count(*) FROM days");
    assert!((1..=3).contains(&days), "{days}");
    // However old, as many as a window begins with stay.
    drop(store);
    let store = Store::open(&path, 400, at(3 * DAY)).store;
    store.keep(Retention {
        samples: Duration::ZERO,
        ..Retention::default()
    });
    store.tick(at(3 * DAY));
    store.settle(PATIENCE).unwrap();
    drop(store);
    let restored = Store::open(&path, 200, at(3 * DAY)).restored;
    assert_eq!(restored[&service(1)].samples.len(), 200);
}

#[test]
fn a_database_of_the_version_before_keeps_what_it_has() {
    let (_folder, path) = database();
    let mut old = rusqlite::Connection::open(&path).unwrap();
    schema::migrate_by(&mut old, &schema::MIGRATIONS[..3]).unwrap();
    old.execute_batch(
        "INSERT INTO services VALUES (1, 'service 1', NULL, NULL, NULL, 90, 0, 0, 1, 0);
         INSERT INTO samples VALUES (1, 7, 1800000000000000, 'pass', 1500, NULL);
         INSERT INTO samples VALUES (1, 8, 1800000030000000, 'fail', NULL, 'refused');
         INSERT INTO memory VALUES (1, 'k', '{\"n\":1}', NULL);",
    )
    .unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!(
        reader
            .buckets(&service(1), at(0)..at(DAY), Resolution::Day)
            .unwrap(),
        []
    );
    drop(old);
    let opened = Store::open(&path, 7, at(60));
    assert_eq!(opened.recovery, Recovery::Loaded);
    let restored = &opened.restored[&service(1)];
    assert_eq!(
        restored.samples,
        [sample(0, Outcome::Pass), sample(30, Outcome::Fail)]
    );
    assert_eq!((restored.counters.probes(), restored.memory.len()), (91, 1));
    run(&opened.store, &service(1), 60..3600, Outcome::Pass);
    opened.store.settle(PATIENCE).unwrap();
    let hour = Reader::open(&path)
        .unwrap()
        .buckets(&service(1), at(0)..at(3600), Resolution::Hour)
        .unwrap();
    assert_eq!(hour.iter().map(Bucket::probes).sum::<u64>(), 2 + 118);
    verify(&path);
}
