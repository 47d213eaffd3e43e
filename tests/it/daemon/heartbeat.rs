//! Services that report by themselves: beats over a real socket, silence, failure, restarts.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use oes::daemon::Daemon;
use oes::model::exchange::Exchange;
use oes::probe::{Plan, Prober};
use serde_json::Value;
use tokio::time::Instant;

use super::caller::{Answer, Caller, answer};
use super::paused::watching;
use super::rig::{Rig, address, eventually, ledger, lines, page};

pub(super) const GRACE: Duration = Duration::from_secs(2);
pub(super) const TOKEN: &str = "beats-of-the-backup-0123";

/// Sends a request below `/beat` with a body.
pub(super) async fn asks(address: SocketAddr, method: &str, path: &str, body: &str) -> Answer {
    let request = format!(
        "{method} /beat/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        // The daemon may answer before it has read all.
        stream.write_all(request.as_bytes()).unwrap_or_default();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap_or_default();
        text
    });
    answer(&asked.await.unwrap())
}

pub(super) async fn beats(daemon: &Daemon, path: &str, body: &str) -> Answer {
    let answer = asks(address(daemon), "POST", path, body).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer
}

/// Returns a config with one job, which is late after three seconds.
pub(super) fn config(rig: &Rig, keys: &str) -> String {
    let job = "[[services]]\nkind = \"heartbeat\"\nname = \"nightly backup\"\nevery = \"2s\"\ngrace = \"1s\"\n";
    format!("{}{job}token = \"{TOKEN}\"\n{keys}\n", rig.config(&[]))
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_told_and_the_next_beat_ends_it() {
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig, ""));
    let daemon = rig.start().await;
    let taken = beats(&daemon, TOKEN, "").await.body;
    assert_eq!(taken["service"], "nightly backup");
    assert_eq!(taken["durable"], true);
    assert!(rig.bodies().is_empty(), "a beat is no news");
    let messages = rig.messages(1).await;
    beats(&daemon, TOKEN, "").await;
    let both = rig.messages(2).await;
    assert_eq!(
        lines(&both),
        [
            "opened nightly backup heartbeat",
            "resolved nightly backup heartbeat"
        ]
    );
    let told = messages[0].to_string();
    assert!(
        told.contains("one is expected every 2 s and may be 1 s late"),
        "{told}"
    );
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_at_once_with_the_last_line_of_what_the_job_says() {
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig, "latency = \"1h\""));
    let daemon = rig.start().await;
    beats(&daemon, &format!("{TOKEN}/start"), "").await;
    let log = format!(
        "{}\nrsync: no space left on \u{1b}[31mdevice {TOKEN}\n\n",
        "x".repeat(300_000)
    );
    beats(&daemon, &format!("{TOKEN}/11"), &log).await;
    let messages = rig.messages(1).await;
    assert_eq!(lines(&messages), ["opened nightly backup heartbeat"]);
    let text = messages[0].to_string();
    let said =
        "the job says that it failed with exit status 11: rsync: no space left on [31mdevice ***";
    assert!(text.contains(said), "{text}");
    assert!(text.contains("beat: failed after"), "{text}");
    beats(&daemon, &format!("{TOKEN}/fail"), "").await;
    beats(&daemon, &format!("{TOKEN}/0"), "").await;
    rig.messages(2).await;
    daemon.stop(GRACE).await;
    let state = std::fs::read_to_string(rig.folder.path().join("data/state.json")).unwrap();
    assert!(!state.contains(TOKEN), "a token is a secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_post_with_the_token_is_a_beat() {
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig, ""));
    let daemon = rig.start().await;
    let address = address(&daemon);
    let other = format!("{TOKEN}4");
    let nonsense = format!("{TOKEN}/256");
    let (empty, begin) = (format!("{TOKEN}/"), "/start");
    for (method, path, status, words) in [
        ("POST", &*other, 404, "no heartbeat has this token"),
        ("GET", TOKEN, 405, "a beat is a POST"),
        ("POST", &*nonsense, 404, "an exit status from 0 to 255"),
        ("POST", "", 404, "is a variable empty?"),
        ("POST", &*empty, 404, "is a variable empty?"),
        ("POST", begin, 404, "is a variable empty?"),
    ] {
        let answer = asks(address, method, path, "").await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.kind, "application/problem+json");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{detail}");
    }
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_tells_what_is_waited_for() {
    let rig = Rig::new();
    let slow = config(&rig, "").replace("\"2s\"", "\"1h\"");
    rig.write("oes.toml", &slow);
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let of = |services: &Value| {
        let all = services["services"].as_array().unwrap().iter();
        let mut jobs = all.filter(|one| one["kind"] == "heartbeat");
        jobs.next().unwrap()["heartbeat"].clone()
    };
    let before = of(&caller.gets("/services").await);
    assert_eq!(before["last_report_at"], Value::Null, "{before}");
    assert_eq!(before["rhythm"], "every 60 min");
    let taken = beats(&daemon, TOKEN, "").await;
    let after = of(&caller.gets("/services").await);
    assert_eq!(after["late_at"], taken.body["late_at"], "{after}");
    let time = |key: &str| -> Timestamp { after[key].as_str().unwrap().parse().unwrap() };
    let (reported, expected) = (time("last_report_at"), time("expected_at"));
    assert_eq!(expected.duration_since(reported).as_secs(), 3600);
    let grace = time("late_at").duration_since(expected).as_secs_f64();
    assert_eq!(Some(grace), after["grace_s"].as_f64(), "{after}");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beat_that_was_answered_is_known_after_a_restart() {
    let rig = Rig::new();
    let slow = config(&rig, "").replace("\"2s\"", "\"1h\"");
    rig.write("oes.toml", &slow);
    let daemon = rig.start().await;
    let first = beats(&daemon, TOKEN, "").await.body["late_at"].clone();
    daemon.stop(GRACE).await;
    // Whatever is written after it: a reload that changes the rule counts from the same beat.
    rig.write("oes.toml", &config(&rig, ""));
    let daemon = rig.start().await;
    rig.messages(1).await;
    let words = ledger(&daemon)
        .incidents
        .values()
        .next()
        .unwrap()
        .reason
        .exchange
        .clone();
    assert!(words.starts_with("no beat since "), "{words} {first}");
    // With another token the job must show that one.
    rig.write(
        "oes.toml",
        &config(&rig, "").replace(TOKEN, "another-token-01234"),
    );
    daemon.reload();
    let address = address(&daemon);
    let deadline = Instant::now() + Duration::from_secs(20);
    while asks(address, "POST", "another-token-01234", "")
        .await
        .status
        != 200
    {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(asks(address, "POST", TOKEN, "").await.status, 404);
    rig.messages(2).await;
    // Once the service is gone so is its token.
    rig.write("oes.toml", &rig.config(&[]));
    daemon.reload();
    eventually("the removal", || {
        let services = daemon.metrics().encode();
        let gone = services.contains("oes_services 0");
        gone.then_some(()).ok_or(services)
    })
    .await;
    assert_eq!(
        asks(address, "POST", "another-token-01234", "")
            .await
            .status,
        404
    );
    daemon.stop(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn days_of_silence_are_one_incident_and_every_one_a_failed_sample() {
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[[services]]\nkind = \"heartbeat\"\nname = \"backup\"\ncron = \"0 3 * * *\"\ngrace = \"1h\"\ntoken = \"{TOKEN}\"\n"
    );
    let watching = watching(&config, Arc::new(Never)).await;
    let hour = Duration::from_hours(1);
    tokio::time::sleep(Duration::from_mins(4 * 60 - 1)).await;
    assert!(ledger(&watching.daemon).incidents.is_empty());
    tokio::time::sleep(hour * 24 * 5).await;
    let metrics = page(&watching.daemon, "/metrics").await;
    let fails = "oes_probes_total{service=\"backup\",outcome=\"fail\"} 5\n";
    assert!(metrics.contains(fails), "{metrics}");
    let incidents = ledger(&watching.daemon).incidents.clone();
    assert_eq!(incidents.len(), 1);
    let opened = incidents.values().next().unwrap().opened_at.to_string();
    assert!(opened.starts_with("2026-01-01T04:0"), "{opened}");
    watching.daemon.stop(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_hangs_each_time_is_told_although_it_begins_anew() {
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[notify]\ngather = 0\n[[services]]\nkind = \"heartbeat\"\nname = \"queue\"\n\
         every = \"5m\"\nrun_limit = \"10m\"\ntoken = \"{TOKEN}\"\n"
    );
    let watching = watching(&config, Arc::new(Never)).await;
    beats(&watching.daemon, TOKEN, "").await;
    for _ in 0..4 {
        beats(&watching.daemon, &format!("{TOKEN}/start"), "").await;
        tokio::time::sleep(Duration::from_mins(5)).await;
    }
    let metrics = page(&watching.daemon, "/metrics").await;
    let fails = "oes_probes_total{service=\"queue\",outcome=\"fail\"} 3\n";
    assert!(metrics.contains(fails), "{metrics}");
    let told = watching.told.lock().unwrap().clone();
    let [(_, told)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(
        told.contains("the run that began 5 min ago has not ended; another one begins"),
        "{told}"
    );
    assert!(!told.contains("heartbeat:"), "it has no URL: {told}");
    beats(&watching.daemon, &format!("{TOKEN}/0"), "").await;
    eventually("the end of the incident", || {
        let ledger = ledger(&watching.daemon);
        let over = ledger.incidents.values().all(|one| !one.is_open());
        over.then_some(()).ok_or(format!("{:?}", ledger.incidents))
    })
    .await;
    watching.daemon.stop(GRACE).await;
}

#[tokio::test(start_paused = true)]
async fn metrics_tell_of_a_job_nothing_that_only_what_is_asked_has() {
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[[services]]\nkind = \"heartbeat\"\nname = \"minutely\"\n\
         cron = \"* * * * *\"\ntoken = \"{TOKEN}\"\n[[services]]\nkind = \"heartbeat\"\nname = \"daily\"\n\
         every = \"1d\"\ntoken = \"{TOKEN}4\"\n"
    );
    let watching = watching(&config, Arc::new(Never)).await;
    beats(&watching.daemon, TOKEN, "").await;
    let metrics = page(&watching.daemon, "/metrics").await;
    let of = |family: &str| {
        let lines = metrics.lines().filter(|line| line.starts_with(family));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let interval = "oes_probe_interval_seconds{service=\"daily\"} 86400.000000";
    assert_eq!(of("oes_probe_interval_seconds{"), [interval]);
    assert_eq!(of("probe_timeout_seconds{"), [""; 0]);
    assert_eq!(
        of("probe_success{"),
        ["probe_success{service=\"minutely\"} 1"]
    );
    watching.daemon.stop(GRACE).await;
}

/// Nobody asks a heartbeat.
pub(super) struct Never;

impl Prober for Never {
    fn probe<'a>(
        &'a self,
        plan: &'a Plan,
        _: Instant,
        _: Timestamp,
    ) -> Pin<Box<dyn Future<Output = Exchange> + Send + 'a>> {
        panic!("{} is asked", plan.sent().url)
    }
}
