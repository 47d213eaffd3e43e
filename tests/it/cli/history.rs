//! `oes history`: what services were, as a table, one by one, and on a narrow terminal.

use std::time::Duration;

use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use oes::clock::Clock;
use oes::history::Store;
use oes::history::series::RawSample;
use oes::model::judgement::Outcome;
use oes::model::service::ServiceName;

use super::{Desk, narrow};

const CONFIG: &str = "data = \"data\"\n[[services]]\nname = \"new\"\nwas = \"shop\"\nurl = \"http://127.0.0.1:9/\"\n\
    [[services]]\nname = \"price\"\nurl = \"http://127.0.0.1:9/\"\n";
const LONG: &str = "a-service-with-a-name-that-is-longer-than-all-others-and-goes-on-and-on";

/// Ten minutes of three services that ended just now: one good, one that failed at first, one without an answer.
fn desk() -> Desk {
    let desk = Desk::new(&[("oes.toml", CONFIG)]);
    let now = Timestamp::from_second(Clock::System.now().as_second()).unwrap();
    let begun = now - SignedDuration::from_mins(10);
    std::fs::create_dir(desk.path("data")).unwrap();
    let store = Store::open(&desk.path("data").join("oes.db"), 0, begun).store;
    for n in 0..20 {
        let at = begun + SignedDuration::from_secs(n * 30);
        store.tick(at);
        for (service, outcome, latency) in [
            ("price", Outcome::Pass, Some(20)),
            (
                LONG,
                if n < 5 { Outcome::Fail } else { Outcome::Pass },
                Some(400),
            ),
            ("dead", Outcome::Fail, None),
        ] {
            let sample = RawSample {
                at,
                outcome,
                latency: latency.map(Duration::from_millis),
                phases: [None; 6],
                code: None,
                holds: Duration::from_secs(70),
            };
            store.write_sample(&ServiceName::new(service), sample);
        }
        store.tick(at + SignedDuration::from_secs(15));
        store.flush(Duration::from_secs(30)).unwrap();
    }
    store.tick(now);
    store.flush(Duration::from_secs(30)).unwrap();
    desk
}

#[test]
fn services_are_a_table_and_one_is_told_in_full() {
    let desk = desk();
    let all = desk.seen(&["history", "--since", "3h"]);
    let words =
        |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let rows: Vec<Vec<String>> = all.lines().skip(3).map(words).collect();
    let [long, dead, new, price] = &rows[..] else {
        panic!("{all}");
    };
    assert_eq!(long[0], LONG, "{all}");
    assert_eq!(dead[..7], ["dead", "0", "%", "–", "–", "–", "20"], "{all}");
    assert_eq!(price[..3], ["price", "100", "%"], "{all}");
    let blank = ["new", "no", "data", "–", "–", "–", "0", "3", "h"];
    assert_eq!(new[..9], blank, "{all}");
    let one = desk.seen(&["history", "dead", "--since", "3h"]);
    for shown in [
        "  uptime    0 % of the time in which it is known",
        "  outcomes  fail 20",
        "  time      down 10 min · no data 2 h 50 min",
    ] {
        assert!(one.contains(shown), "no {shown} in {one}");
    }
    assert_snapshot!(desk.seen(&["history", "pricee"]), @r"
    exit 2
    ── err
    error: nothing is known of a service `pricee`; did you mean `price`?
    ");
    assert_snapshot!(desk.seen(&["history", "shop"]), @r"
    exit 2
    ── err
    error: the service `shop` is called `new` now, and its history is there: oes history new
    ");
    let new = desk.seen(&["history", "new"]);
    assert!(new.contains("nothing is known of this time"), "{new}");
    let told = super::json(&desk.run(&["history", "--json"]));
    let told = &told["services"][2];
    assert_eq!(
        (&told["service"], &told["uptime"]),
        (&"new".into(), &serde_json::Value::Null)
    );
    assert_snapshot!(desk.seen(&["history", "--since", "0s"]), @r"
    exit 2
    ── err
    error: invalid value '0s' for '--since <SINCE>': nothing happens in no time

    For more information, try '--help'.
    ");
}

#[test]
fn on_a_narrow_terminal_a_service_is_still_one_line() {
    let desk = desk();
    for columns in [70, 80, 120] {
        let Some(text) = narrow::seen(&desk, columns, &["history", "--since", "3h"]) else {
            return;
        };
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text}");
        let widest = lines.iter().map(|line| line.chars().count()).max();
        assert!(widest <= Some(columns), "{text}");
        let probes = lines[0].find("probes").unwrap();
        for line in &lines[1..] {
            let cell: String = line.chars().skip(probes).take(2).collect();
            let probes = if line.contains("no data") { "0" } else { "20" };
            assert_eq!(cell.trim(), probes, "{text}");
        }
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_why() {
    let desk = desk();
    for (arguments, words) in [
        (
            &["history", "nofile.toml"][..],
            "nofile.toml: there is no such file",
        ),
        (
            &["history", "export", "nofile.toml"],
            "nofile.toml: there is no such file",
        ),
        (
            &[
                "history",
                "export",
                "--from",
                "2026-11-02",
                "--until",
                "2026-11-01",
            ],
            "--from is to be before --until: nothing is between 2026-11-02 00:00:00 UTC and 2026-11-01 00:00:00 UTC",
        ),
        (
            &["history", "export", "--from", "1h", "--until", "2h"],
            "--from is to be before --until",
        ),
    ] {
        let run = desk.run(arguments);
        let said = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(run.stdout.is_empty(), "{arguments:?}");
    }
}
