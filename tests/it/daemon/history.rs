//! What a daemon leaves behind for those who ask later: through the real binary, and over days on paused time.

use std::process::Command;
use std::time::Duration;

use jiff::Timestamp;
use oes::clock::Clock;
use oes::daemon::{Daemon, Options};
use oes::history::reader::Reader;
use oes::history::series::{Resolution, together};
use oes::model::service::ServiceName;
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::sleep;

use super::paused::Steady;
use super::process::Process;
use super::rig::{Rig, ask, eventually, load, options};

const SECRET: &str = "s3cr3t-of-the-service";

fn oes(rig: &Rig, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oes"));
    command.current_dir(rig.folder.path()).args(arguments);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(rig: &Rig, arguments: &[&str]) -> Value {
    serde_json::from_str(&oes(rig, arguments)).unwrap()
}

/// Waits until the history of a service has so many probes.
async fn probes(rig: &Rig, service: &str, at_least: u64) -> Value {
    eventually("probes", || {
        // Right after the start there is none.
        let told = Command::new(env!("CARGO_BIN_EXE_oes"))
            .current_dir(rig.folder.path())
            .args(["history", "--json"])
            .output()
            .unwrap();
        let told: Value = serde_json::from_slice(&told.stdout).unwrap();
        let services = told["services"]
            .as_array()
            .ok_or_else(|| told.to_string())?
            .clone();
        let found = services.into_iter().find(|one| one["service"] == *service);
        let found = found.ok_or_else(|| told.to_string())?;
        let outcomes = found["outcomes"].as_object().unwrap();
        let count: u64 = outcomes.values().map(|count| count.as_u64().unwrap()).sum();
        if count >= at_least {
            Ok(found)
        } else {
            Err(found.to_string())
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_turns_of_an_incident_are_kept_with_what_was_seen_and_without_secrets() {
    let rig = Rig::new();
    let keys = "headers = { X-Api-Key = \"${file:key}\" }\nmatch = [\"status_code\"]";
    rig.write("key", SECRET);
    let config = rig.config(&[]) + &*rig.service("price", keys);
    rig.write("oes.toml", &config);
    let echo = format!(r#"{{"you sent":"{SECRET}","why":"no stock","access_token":"fresh-one"}}"#);
    rig.api.answers("/price", 503, &echo);
    let mut process = Process::start(&rig, "log");
    rig.messages(1).await;
    rig.api.answers("/price", 404, &echo);
    sleep(Duration::from_millis(400)).await;
    rig.api.answers("/price", 200, "{}");
    let messages = rig.messages(2).await;
    let incident = messages[0]["data"]["incident"].as_str().unwrap().to_owned();
    let story = eventually("evidence", || {
        let story = json(&rig, &["incidents", "show", &incident, "--json"]);
        let pieces = story["evidence"].as_array().unwrap().len();
        (pieces >= 2)
            .then_some(story.clone())
            .ok_or(story.to_string())
    })
    .await;
    let pieces = story["evidence"].as_array().unwrap();
    let moments: Vec<&Value> = pieces.iter().map(|piece| &piece["moment"]).collect();
    assert_eq!(
        (moments[0], *moments.last().unwrap()),
        (&Value::from("opened"), &Value::from("closed"))
    );
    let response = &pieces[0]["exchange"]["response"];
    assert_eq!(response["status"], 503);
    assert_eq!(
        response["body"],
        r#"{"you sent":"***","why":"no stock","access_token":"***"}"#
    );
    assert_eq!(pieces[0]["findings"][0]["code"], "status");
    let human = oes(&rig, &["incidents", "show", &incident]);
    assert!(
        human.contains("< HTTP/1.1 503") && human.contains("no stock"),
        "{human}"
    );
    let markdown = oes(&rig, &["incidents", "show", &incident, "--md"]);
    assert!(markdown.contains("## Evidence"), "{markdown}");
    process.signal(Signal::TERM);
    process.ends().await;
    for told in [story.to_string(), human, markdown, process.said()] {
        assert!(
            !told.contains(SECRET) && !told.contains("fresh-one"),
            "{told}"
        );
    }
    for suffix in ["", "-wal"] {
        let bytes = std::fs::read(rig.folder.path().join(format!("data/oes.db{suffix}")));
        let bytes = bytes.unwrap_or_default();
        assert!(
            !bytes
                .windows(SECRET.len())
                .any(|part| part == SECRET.as_bytes())
        );
    }
}

/// Returns how many failed probes of a service `/metrics` has counted.
async fn failed(process: &Process, service: &str) -> u64 {
    let page = ask(process.address().await, "/metrics").await;
    let sample = format!("oes_probes_total{{service=\"{service}\",outcome=\"fail\"}} ");
    let count = page.lines().find_map(|line| line.strip_prefix(&sample));
    count.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_a_new_name_goes_on_as_what_it_was() {
    let rig = Rig::new();
    rig.write(
        "counts.rhai",
        "memory.set(\"n\", memory.get(\"n\", 0) + 1);\ntrue",
    );
    let service = |name: &str, more: &str| {
        let text = rig.service(
            "price",
            &format!("match = [\"status_code\", \"counts\"]\n{more}"),
        );
        text.replace("name = \"price\"", &format!("name = \"{name}\""))
    };
    rig.write(
        "oes.toml",
        &(rig.config(&["other"]) + &*service("price", "")),
    );
    rig.api.answers("/price", 503, "{}");
    let mut process = Process::start(&rig, "log");
    let first = rig.messages(1).await;
    let before = probes(&rig, "price", 3).await;
    // Another name while it runs.
    rig.write(
        "oes.toml",
        &(rig.config(&["other"]) + &*service("cost", "was = \"price\"")),
    );
    process.says("the service has another name").await;
    assert!(failed(&process, "cost").await >= 3, "counters go on");
    probes(&rig, "cost", 12).await;
    rig.api.answers("/price", 200, "{}");
    let all = rig.messages(2).await;
    assert_eq!(all[0]["data"]["incident"], all[1]["data"]["incident"]);
    assert_eq!(all[1]["data"]["service"]["name"], "cost");
    assert_eq!(first.len(), 1);
    // And another one while it does not.
    process.signal(Signal::TERM);
    process.ends().await;
    let counted = probes(&rig, "cost", 12).await;
    rig.write(
        "oes.toml",
        &(rig.config(&["other"]) + &*service("value", "was = [\"cost\", \"price\"]")),
    );
    let mut process = Process::start(&rig, "log2");
    process.says("the service has another name").await;
    let outcomes = |told: &Value, outcome: &str| told["outcomes"][outcome].as_u64().unwrap();
    let after = probes(
        &rig,
        "value",
        outcomes(&counted, "pass") + outcomes(&counted, "fail") + 5,
    )
    .await;
    assert!(
        outcomes(&after, "fail") >= outcomes(&before, "fail"),
        "{after}"
    );
    let told = json(&rig, &["history", "--json"]);
    let names: Vec<&str> = told["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["service"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["other", "value"]);
    process.signal(Signal::TERM);
    process.ends().await;
    let memory = oes::history::read_memory(
        &rig.folder.path().join("data/oes.db"),
        &ServiceName::new("value"),
        Clock::System.now(),
    );
    let remembered = memory.unwrap().values().next().unwrap().value.to_string();
    assert!(remembered.parse::<u64>().unwrap() >= 12, "{remembered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_removed_while_it_is_written_stops_nobody_and_is_said_once() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let mut process = Process::start(&rig, "log");
    let address = process.address().await;
    probes(&rig, "price", 3).await;
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(rig.folder.path().join(format!("data/oes.db{suffix}"))).unwrap();
    }
    rig.api.answers("/price", 503, "{}");
    rig.messages(1).await;
    process.says("the file of the history was removed").await;
    probes(&rig, "price", 3).await;
    let page = ask(address, "/readyz").await;
    assert!(page.contains("history"), "{page}");
    process.signal(Signal::TERM);
    process.ends().await;
    assert_eq!(process.said().matches("the file of the history").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_exported_as_lines() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price", "chart"]));
    let mut process = Process::start(&rig, "log");
    probes(&rig, "price", 3).await;
    probes(&rig, "chart", 3).await;
    let lines = oes(&rig, &["history", "export", "price"]);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["service"], &first["outcome"]),
        (&"price".into(), &"pass".into())
    );
    assert!(
        first["latency_us"].as_u64().unwrap() > 0 && first["wait_us"].is_u64(),
        "{first}"
    );
    let csv = oes(
        &rig,
        &[
            "history",
            "export",
            "oes.toml",
            "--format",
            "csv",
            "--resolution",
            "1d",
        ],
    );
    let mut csv = csv.lines();
    assert!(
        csv.next()
            .unwrap()
            .starts_with("service,from,until,uptime,up_s")
    );
    assert_eq!(csv.count(), 2);
    let human = oes(&rig, &["history", "price", "--since", "1h"]);
    assert!(
        human.contains("uptime") && human.contains("100 %") && human.contains("p99"),
        "{human}"
    );
    let table = oes(&rig, &["history"]);
    assert!(
        table.contains("price") && table.contains("chart"),
        "{table}"
    );
    process.signal(Signal::TERM);
    process.ends().await;
}

#[tokio::test(start_paused = true)]
async fn hours_in_which_the_monitor_was_down_are_no_data() {
    let rig = Rig::new();
    let text = "version = \"1.0\"\ninterval = \"1m\"\ndata = \"data\"\n[server]\nlisten = \"127.0.0.1:0\"\n\
        [[services]]\nname = \"price\"\nurl = \"http://127.0.0.1:9/\"\nmatch = [\"status_code\"]\n";
    rig.write("oes.toml", text);
    let begun: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let clock = Clock::anchored(begun);
    let start = || async {
        let options = Options {
            worker: None,
            ..options(None, clock)
        };
        Daemon::start_with(load(&rig.path()), options, std::sync::Arc::new(Steady))
            .await
            .unwrap()
    };
    // The history's thread lives in real time.
    let live = |hours: u32| async move {
        for _ in 0..hours * 12 {
            sleep(Duration::from_mins(5)).await;
            let (_sender, never) = std::sync::mpsc::channel::<()>();
            never.recv_timeout(Duration::from_millis(3)).unwrap_err();
        }
    };
    let daemon = start().await;
    live(30).await;
    daemon.stop(Duration::from_secs(1)).await;
    sleep(Duration::from_hours(6)).await;
    let daemon = start().await;
    live(18).await;
    daemon.stop(Duration::from_secs(1)).await;

    let reader = Reader::open(&rig.folder.path().join("data/oes.db")).unwrap();
    let span = begun..clock.now();
    for resolution in Resolution::ALL {
        let buckets = reader
            .buckets(&ServiceName::new("price"), span.clone(), resolution)
            .unwrap();
        let tally = together(span.start, span.end, &buckets).tally;
        assert_eq!(tally.down + tally.unknown + tally.error, Duration::ZERO);
        let gap = tally.no_data;
        let hours = Duration::from_hours(6);
        assert!(
            gap.abs_diff(hours) <= Duration::from_mins(2),
            "{gap:?} in {resolution:?}"
        );
    }
}
