//! What is known of services that report by themselves after a restart.

use std::time::Duration;

use oes::daemon::Daemon;
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::caller::Caller;
use super::heartbeat::{GRACE, TOKEN, asks, beats, config};
use super::process::Process;
use super::rig::{Rig, address, ask, eventually, lines};

/// Returns the samples of the job, the newest first.
pub(super) async fn samples(rig: &Rig) -> Vec<Value> {
    let page = Caller::of(rig)
        .gets("/services/nightly%20backup/samples")
        .await;
    page["samples"].as_array().unwrap().clone()
}

async fn restarted(rig: &Rig, daemon: Daemon) -> Daemon {
    daemon.stop(GRACE).await;
    rig.start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_job_is_stays_known_until_its_next_beat() {
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig, "").replace("\"2s\"", "\"1h\""));
    let daemon = rig.start().await;
    beats(&daemon, TOKEN, "").await;
    let told = |metrics: &str| {
        let kept = [
            "probe_success{",
            "oes_probe_last_timestamp_seconds{",
            "oes_window_probes{",
            "oes_window_failed_probes{",
        ];
        let lines = metrics.lines();
        let lines = lines.filter(|line| kept.iter().any(|name| line.starts_with(name)));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = told(&ask(address(&daemon), "/metrics").await);
    assert_eq!(before.len(), 4, "{before:?}");
    let daemon = restarted(&rig, daemon).await;
    assert_eq!(told(&ask(address(&daemon), "/metrics").await), before);
    let service = Caller::of(&rig).gets("/services/nightly%20backup").await;
    assert_eq!(service["last"]["outcome"], "pass");
    beats(&daemon, &format!("{TOKEN}/7"), "the disk is full").await;
    rig.messages(1).await;
    let daemon = restarted(&rig, daemon).await;
    let service = Caller::of(&rig).gets("/services/nightly%20backup").await;
    assert_eq!(service["last"]["outcome"], "fail");
    assert_eq!(service["last"]["code"], "heartbeat.failed");
    assert_eq!(
        service["last"]["finding"],
        "the job says that it failed with exit status 7: the disk is full"
    );
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_missed_beat_is_counted_once_over_a_restart() {
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig, "").replace("\"2s\"", "\"4s\""));
    let daemon = rig.start().await;
    beats(&daemon, TOKEN, "").await;
    rig.messages(1).await;
    let daemon = restarted(&rig, daemon).await;
    let mut late = Vec::new();
    for _ in 0..400 {
        late = samples(&rig).await;
        late.retain(|sample| sample["code"] == "heartbeat.late");
        if late.len() == 2 {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let at =
        |sample: &Value| -> jiff::Timestamp { sample["at"].as_str().unwrap().parse().unwrap() };
    let [second, first] = late.as_slice() else {
        panic!("{late:?}")
    };
    let apart = at(second).duration_since(at(first)).as_millis();
    assert!((3_900..8_000).contains(&apart), "{apart} ms apart");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_began_before_a_restart_ends_after_it() {
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig, "").replace("\"2s\"", "\"1h\""));
    let daemon = rig.start().await;
    let begun = beats(&daemon, &format!("{TOKEN}/start"), "").await;
    assert_eq!(begun.body["durable"], true);
    let daemon = restarted(&rig, daemon).await;
    beats(&daemon, TOKEN, "").await;
    let end = &samples(&rig).await[0];
    assert!(end["latency_us"].as_u64().unwrap() > 0, "{end}");
    let daemon = restarted(&rig, daemon).await;
    beats(&daemon, TOKEN, "").await;
    let other = &samples(&rig).await[0];
    assert_eq!(other["latency_us"], Value::Null, "the run is over: {other}");
    daemon.stop(GRACE).await;
}

/// The daemon runs for half of the grace again and again, and ends by this signal.
async fn late_although_it_starts_anew(signal: Signal) {
    let rig = Rig::new();
    let patient = config(&rig, "").replace("grace = \"1s\"", "grace = \"6s\"");
    rig.write("oes.toml", &patient);
    let is_told = || !rig.bodies().is_empty();
    let (mut rounds, mut rounds_told) = (0, 0);
    while rounds_told < 3 {
        let mut process = Process::start(&rig, &format!("log-{rounds}"));
        let at = process.address().await;
        if rounds == 0 {
            assert_eq!(asks(at, "POST", TOKEN, "").await.status, 200);
        }
        let until = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until && (rounds_told > 0 || !is_told()) {
            sleep(Duration::from_millis(20)).await;
        }
        if is_told() {
            rounds_told += 1;
            eventually("that the message was taken", || {
                let state = oes::state::read(&rig.folder.path().join("data"));
                let ledger = state.map_err(|error| error.to_string())?.ledger;
                let mut all = ledger.deliveries.values();
                let taken = all.all(|one| one.acked_generation == 1 && one.intent.is_none());
                taken
                    .then_some(())
                    .ok_or(format!("{:?}", ledger.deliveries))
            })
            .await;
        }
        process.signal(signal);
        process.ends().await;
        rounds += 1;
        assert!(rounds < 12 + rounds_told, "it is never told");
    }
    assert_eq!(lines(&rig.bodies()), ["opened nightly backup heartbeat"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_stopped_within_each_grace_tells_what_is_late_once() {
    late_although_it_starts_anew(Signal::TERM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_killed_within_each_grace_tells_what_is_late_once() {
    late_although_it_starts_anew(Signal::KILL).await;
}
