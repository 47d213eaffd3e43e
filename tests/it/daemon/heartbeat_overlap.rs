//! Runs of a job that overlap, over a real socket.

use rustix::process::Signal;
use serde_json::Value;

use super::caller::Caller;
use super::heartbeat::{GRACE, TOKEN, asks, beats, config};
use super::heartbeat_restart::samples;
use super::process::Process;
use super::rig::{Rig, address, lines};

/// Returns what is waited for of the job.
async fn awaited(rig: &Rig) -> Value {
    let page = Caller::of(rig).gets("/services/nightly%20backup").await;
    page["heartbeat"].clone()
}

/// Returns a config in which a run may take so long; silence is no matter.
fn limited(rig: &Rig, run_limit: &str) -> String {
    let keys = format!("run_limit = \"{run_limit}\"");
    config(rig, &keys).replace("\"2s\"", "\"1h\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_finds_its_beginning_and_each_run_has_the_limit() {
    let rig = Rig::new();
    rig.write("oes.toml", &limited(&rig, "5s"));
    let daemon = rig.start().await;
    for run in ["a", "b"] {
        beats(&daemon, &format!("{TOKEN}/start?rid={run}"), "").await;
    }
    assert_eq!(awaited(&rig).await["running"], 2);
    beats(&daemon, &format!("{TOKEN}?rid=b"), "").await;
    let ended = &samples(&rig).await[0];
    assert!(ended["latency_us"].as_u64().unwrap() > 0, "{ended}");
    assert_eq!(ended["outcome"], "pass");
    let told = rig.messages(1).await;
    assert_eq!(lines(&told), ["opened nightly backup heartbeat"]);
    let text = told[0].to_string();
    assert!(
        text.contains("run a that began ") && text.contains("has not ended; it may take 5 s"),
        "{text}"
    );
    beats(&daemon, &format!("{TOKEN}/3?rid=c"), "").await;
    let failed = &samples(&rig).await[0];
    assert_eq!(failed["latency_us"], Value::Null, "it never began");
    assert_eq!(awaited(&rig).await["running"], 0);
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_name_of_a_run_is_refused_with_what_to_do() {
    let rig = Rig::new();
    rig.write("oes.toml", &limited(&rig, "1h"));
    let daemon = rig.start().await;
    let longest = "x".repeat(64);
    for (rid, status) in [
        ("", 400),
        ("a%20b", 400),
        ("2026-11-26T03:00+01:00", 400),
        (&*format!("{longest}y"), 400),
        (&*longest, 200),
        ("2026-11-26T03:00%2B01:00&other=1", 200),
    ] {
        let path = format!("{TOKEN}/start?rid={rid}");
        let answer = asks(address(&daemon), "POST", &path, "").await;
        assert_eq!(answer.status, status, "{rid}: {answer:?}");
        if status == 400 {
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.contains("1 to 64 characters"), "{detail}");
        }
    }
    assert_eq!(awaited(&rig).await["running"], 2);
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_under_way_outlive_a_kill() {
    let rig = Rig::new();
    rig.write("oes.toml", &limited(&rig, "1h"));
    let mut process = Process::start(&rig, "first");
    let at = process.address().await;
    for path in ["/start?rid=a", "/start?rid=b", "/start"] {
        let answer = asks(at, "POST", &format!("{TOKEN}{path}"), "").await;
        assert_eq!(answer.body["durable"], true, "{answer:?}");
    }
    process.signal(Signal::KILL);
    process.ends().await;

    let process = Process::start(&rig, "second");
    let at = process.address().await;
    assert_eq!(awaited(&rig).await["running"], 3);
    for (path, running) in [("?rid=b", 2), ("", 1)] {
        let answer = asks(at, "POST", &format!("{TOKEN}{path}"), "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let ended = &samples(&rig).await[0];
        assert!(ended["latency_us"].as_u64().unwrap() > 0, "{ended}");
        assert_eq!(awaited(&rig).await["running"], running);
    }
}
