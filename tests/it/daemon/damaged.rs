//! A history that is damaged deep in a table: whoever reads there says so, and the daemon looks at once.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use oes::clock::Clock;
use oes::daemon::Daemon;
use oes::history::Store;
use oes::history::reader::Reader;
use oes::history::series::{RawSample, Resolution};
use oes::model::judgement::Outcome;
use oes::model::service::ServiceName;
use serde_json::{Value, json};

use super::caller::Caller;
use super::commands::ordered;
use super::page::{HERE, text};
use super::rig::{Rig, eventually};

const GRACE: Duration = Duration::from_secs(2);
const PAGE: usize = 4096;

/// Returns a rig with a history of two days, in which some hours of yesterday cannot be read.
fn damaged() -> Rig {
    let rig = Rig::new();
    let config = rig.config(&["price"]);
    rig.write(
        "oes.toml",
        &config.replace("interval = \"100ms\"", "interval = \"1h\""),
    );
    let data = rig.folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let path = data.join("oes.db");
    let now = Clock::System.now();
    two_days(&path, now);
    damage(&path);
    let reader = Reader::open(&path).unwrap();
    let day = now - SignedDuration::from_hours(24)..now;
    let read = reader.buckets(&ServiceName::new("price"), day, Resolution::Hour);
    assert!(read.unwrap_err().is_damage());
    rig
}

fn two_days(path: &Path, now: Timestamp) {
    let begun = now - SignedDuration::from_hours(48);
    let store = Store::open(path, 0, begun).store;
    for turn in 0..=48 * 180 {
        let at = begun + SignedDuration::from_secs(20 * i64::from(turn));
        store.tick(at);
        let sample = RawSample {
            at,
            outcome: Outcome::Pass,
            // Many cells of a histogram make few rows of a page.
            latency: Some(Duration::from_micros(20).mul_f64(1.08_f64.powi(turn % 180))),
            phases: [None; 6],
            code: None,
            holds: Duration::from_secs(50),
        };
        store.write_sample(&ServiceName::new("price"), sample);
        if turn % 180 == 0 {
            store.flush(Duration::from_mins(1)).unwrap();
        }
    }
    store.settle(Duration::from_mins(1)).unwrap();
}

/// Writes over a page of the hours that has neither the oldest nor the newest ones.
fn damage(path: &Path) {
    let other = rusqlite::Connection::open(path).unwrap();
    other
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'hours'";
    let root: u64 = other
        .query_row(sql, (), |row| row.get::<_, i64>(0))
        .unwrap()
        .try_into()
        .unwrap();
    drop(other);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut page = [0; PAGE];
    let place = |number: u64| (number - 1) * PAGE as u64;
    file.read_exact_at(&mut page, place(root)).unwrap();
    assert_eq!(page[0], 2, "the hours are more than one page");
    let number = |at: usize, bytes: usize| {
        let bytes = &page[at..at + bytes];
        bytes
            .iter()
            .fold(0, |sum, byte| (sum << 8) + u64::from(*byte))
    };
    // Each cell names the page before it; the last page stands in the head.
    let cells = usize::try_from(number(3, 2)).unwrap();
    assert!(cells >= 2, "{cells}");
    let last_cell = usize::try_from(number(12 + 2 * (cells - 1), 2)).unwrap();
    let before_last = number(last_cell, 4);
    file.write_all_at(&[0x5a; PAGE], place(before_last))
        .unwrap();
}

/// Waits until the damaged file is out of the way and a new one is there.
async fn set_aside(rig: &Rig, daemon: Daemon) {
    eventually("a file set aside", || {
        let names = std::fs::read_dir(rig.folder.path().join("data")).unwrap();
        let names = names.map(|one| one.unwrap().file_name().into_string().unwrap());
        let names: Vec<String> = names.collect();
        let aside = names.iter().any(|name| name.starts_with("oes.db.corrupt-"));
        let new = names.iter().any(|name| name == "oes.db");
        (aside && new).then_some(()).ok_or(format!("{names:?}"))
    })
    .await;
    daemon.stop(GRACE).await;
}

/// Nothing that cannot be read is told as a number, or as a time without data.
fn says_so(page: &str) {
    assert!(page.contains("The history cannot be read."), "{page}");
    for untrue in [
        "class=\"strip\"",
        "class=\"up\"",
        "Uptime 24 h",
        "Nothing was measured",
    ] {
        assert!(!page.contains(untrue), "{untrue} in {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_says_so_and_the_daemon_looks_at_once() {
    let rig = damaged();
    let daemon = rig.start().await;
    let price = Caller::of(&rig).gets("/services/price").await;
    assert_eq!(price["uptime"], json!([]), "{price}");
    assert_eq!(price["uptime_error"], "the history cannot be read");
    set_aside(&rig, daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_says_so_and_the_daemon_looks_at_once() {
    let rig = damaged();
    let daemon = rig.start().await;
    let page = text(&daemon, "/", HERE).await;
    says_so(&page);
    set_aside(&rig, daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_service_says_so_and_the_daemon_looks_at_once() {
    let rig = damaged();
    let daemon = rig.start().await;
    let page = text(&daemon, "/services/price", HERE).await;
    says_so(&page);
    set_aside(&rig, daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_badge_says_so_and_the_daemon_looks_at_once() {
    let rig = damaged();
    let daemon = rig.start().await;
    let badge = text(&daemon, "/badge/price/uptime.svg", HERE).await;
    assert!(badge.contains("cannot be read"), "{badge}");
    assert!(!badge.contains("no data"), "{badge}");
    set_aside(&rig, daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_so_and_has_the_daemon_look() {
    let rig = damaged();
    let daemon = rig.start().await;
    let (code, said) = ordered(&rig, &["history"]).await;
    assert_eq!(code, Some(2), "{said}");
    for words in [
        "error: cannot read data/oes.db",
        "malformed",
        "the daemon was told",
    ] {
        assert!(said.contains(words), "no {words} in {said}");
    }
    set_aside(&rig, daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_whole_is_left_alone() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let wanted = json!({ "services": ["price", "none"] });
    let found = caller.asks("POST", "/history/check", Some(&wanted)).await;
    assert_eq!(
        found.body,
        json!({ "whole": true, "why": Value::Null }),
        "{found:?}"
    );
    daemon.stop(GRACE).await;
}
