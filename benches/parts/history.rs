//! The history: what a sample costs to write and to keep, and how long a year takes to read.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use oes::clock::Clock;
use oes::history::reader::Reader;
use oes::history::series::{RawSample, Resolution};
use oes::history::{FILE, Store};
use oes::model::judgement::Outcome;
use oes::model::service::ServiceName;
use tokio::time::Instant;

use crate::cpu;

const PATIENCE: Duration = Duration::from_mins(10);
/// When it all begins: a midnight.
const BEGUN: i64 = 1_800_057_600;
const INTERVAL: u8 = 30;
const DAY: i64 = 86_400;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(BEGUN + second).unwrap()
}

/// The name that the services of a bench have.
pub fn service(number: usize) -> ServiceName {
    ServiceName::new(format!("service-{number:05}"))
}

/// A probe like those of a service on the internet: phases and latency that scatter, and now and then a failure.
fn sample(service: usize, second: i64) -> RawSample {
    let mut bits = (second.unsigned_abs() + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits ^= (service as u64).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits ^= bits >> 29;
    let mut some = |least: u64, range: u64| {
        bits = bits.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        Duration::from_micros(least + (bits >> 40) % range)
    };
    let fails = some(0, 500) == Duration::ZERO;
    let phases = [
        some(300, 2_000),
        some(9_000, 12_000),
        some(18_000, 20_000),
        some(30, 100),
        some(60_000, 150_000),
        some(100, 9_000),
    ];
    RawSample {
        at: at(second),
        outcome: if fails { Outcome::Fail } else { Outcome::Pass },
        latency: Some(phases.iter().sum()),
        phases: phases.map(Some),
        code: fails.then(|| "status".into()),
        holds: Duration::from_secs(70),
    }
}

/// Writes what so many services see in a while, on the daemon's clock made fast. Returns the samples.
fn write(store: &Store, services: usize, seconds: std::ops::Range<i64>) -> u32 {
    let mut written = 0_u32;
    for second in seconds.step_by(INTERVAL.into()) {
        store.tick(at(second));
        for number in 0..services {
            store.write_sample(&service(number), sample(number, second));
            written += 1;
            // The queue is bounded; what finds no room, ticks included, would be dropped.
            if written.is_multiple_of(2_000) {
                store.flush(PATIENCE).unwrap();
            }
        }
        store.tick(at(second + i64::from(INTERVAL / 2)));
    }
    store.settle(PATIENCE).unwrap();
    assert_eq!(store.health().dropped_rows, 0);
    written
}

fn sum(path: &Path, sql: &str) -> f64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .query_row(sql, (), |row| row.get::<_, Option<f64>>(0))
        .unwrap()
        .unwrap_or_default()
}

/// Bytes that tables take, whole pages.
fn bytes(path: &Path, tables: &str) -> f64 {
    let sql = format!("SELECT CAST(sum(pgsize) AS REAL) FROM dbstat WHERE name IN ({tables})");
    sum(path, &sql)
}

/// What a sample costs, all that becomes of it included: its row, its five minutes, its hour.
pub fn written(services: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let store = Store::open(&path, 64, at(0)).store;
    write(&store, services, 0..600);
    let before = cpu::own();
    let samples = write(&store, services, 600..600 + 7_200);
    let cpu = cpu::own().saturating_sub(before);
    let each = cpu.as_secs_f64() * 1e6 / f64::from(samples);
    println!(
        "| history, CPU a sample with {services} services, making it included | {each:.1} µs | ≤ 8 µs |"
    );
    drop(store);
    let samples = sum(&path, "SELECT CAST(sum(samples) AS REAL) FROM raw");
    let each = bytes(&path, "'raw'") / samples;
    println!("| history, bytes on the disk a sample with {services} services | {each:.1} | ≤ 60 |");
    let began = Instant::now();
    let opened = Store::open(&path, 64, at(8_000));
    let took = began.elapsed();
    println!(
        "| history, start with {} services | {took:.1?} | |",
        opened.restored.len()
    );
}

/// A year of one service at 30 s, as it is after it: its size, and how long it takes to read.
pub fn a_year() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let store = Store::open(&path, 64, at(0)).store;
    for day in 0..365 {
        write(&store, 1, day * DAY..(day + 1) * DAY);
    }
    drop(store);
    let all = sum(&path, "SELECT CAST(sum(pgsize) AS REAL) FROM dbstat") / 1e6;
    println!("| history, a year of a service at 30 s | {all:.1} MB | ≤ 25 MB |");
    for tables in ["'raw'", "'five_minutes'", "'hours'", "'days'"] {
        println!(
            "| … of which {tables} | {:.2} MB | |",
            bytes(&path, tables) / 1e6
        );
    }
    let reader = Reader::open(&path).unwrap();
    let service = service(0);
    for (resolution, target) in [
        (Resolution::Day, "≤ 50 ms"),
        (Resolution::Hour, "≤ 50 ms"),
        (Resolution::FiveMinutes, ""),
    ] {
        let times = (0..20).map(|_| {
            let began = Instant::now();
            let buckets = reader
                .buckets(&service, at(0)..at(365 * DAY), resolution)
                .unwrap();
            assert!(buckets.len() > 300);
            began.elapsed()
        });
        let name = format!(
            "history, a year of a service in steps of {}",
            resolution.as_str()
        );
        crate::show(&name, times.collect(), target);
    }
}

/// Writes a history of so many services that ends now: a probe an hour, since days and hours are as many, whatever is in
/// them.
pub fn hourly(path: &Path, services: usize, days: i64) {
    let now = Clock::System.now().as_second();
    let begins = now / DAY * DAY - days * DAY;
    let moment = |second: i64| Timestamp::from_second(begins + second).unwrap();
    let store = Store::open(path, 64, moment(0)).store;
    for hour in (0..now - begins).step_by(3_600) {
        for number in 0..services {
            let sample = RawSample {
                at: moment(hour),
                ..sample(number, hour)
            };
            store.write_sample(&service(number), sample);
        }
        // Signs of life of the monitor, so that no time is one in which it was down.
        for second in (hour..hour + 3_600).step_by(50) {
            store.tick(moment(second));
        }
        store.flush(PATIENCE).unwrap();
    }
    store.settle(PATIENCE).unwrap();
    assert_eq!(store.health().dropped_rows, 0);
}

/// Ninety days of a hundred services: what a page shows.
pub fn a_page(services: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    hourly(&path, services, 90);
    let until = Clock::System.now();
    let span = Timestamp::from_second(until.as_second() - 90 * DAY).unwrap()..until;
    let reader = Reader::open(&path).unwrap();
    let names: Vec<ServiceName> = (0..services).map(service).collect();
    let times = (0..20).map(|_| {
        let began = Instant::now();
        let days = reader.days(&names, span.clone()).unwrap();
        assert_eq!(days.len(), services);
        began.elapsed()
    });
    crate::show(
        &format!("history, 90 days of {services} services"),
        times.collect(),
        "≤ 30 ms",
    );
}
