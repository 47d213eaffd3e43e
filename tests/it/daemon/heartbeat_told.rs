//! What the API, `oes status` and the state file say of a job that reports: nothing that only a service has that is asked.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::caller::Caller;
use super::commands::ordered;
use super::heartbeat::{GRACE, TOKEN, beats};
use super::rig::Rig;

/// Returns a config with a service that is asked, a job by cron and one by a period.
fn config(rig: &Rig) -> String {
    let job = |name: &str, rhythm: &str, token: &str| {
        format!(
            "[[services]]\nkind = \"heartbeat\"\nname = \"{name}\"\n{rhythm}\ntoken = \"{token}\"\n"
        )
    };
    let daily = job("daily", "every = \"1d\"", TOKEN);
    let nightly = job(
        "nightly",
        "cron = \"0 3 1 1 *\"",
        "beats-of-the-night-01234",
    );
    format!("{}{daily}{nightly}", rig.config(&["price"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_up_of_a_job_over_the_api_and_in_the_state_file() {
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig));
    let daemon = rig.start().await;
    beats(&daemon, TOKEN, "").await;
    let all = Caller::of(&rig).gets("/services").await;
    let [daily, nightly, price] = &all["services"].as_array().unwrap()[..] else {
        panic!("{all}");
    };
    for job in [daily, nightly] {
        for key in ["method", "url", "next_probe_at"] {
            assert_eq!(job[key], Value::Null, "{key} of {job}");
        }
    }
    assert_eq!(daily["interval_s"], json!(86_400.0));
    assert_eq!(nightly["interval_s"], Value::Null);
    assert!(price["url"].is_string() && price["method"] == "GET" && price["interval_s"] == 0.1);
    daemon.stop(GRACE).await;
    let state = std::fs::read_to_string(rig.folder.path().join("data/state.json")).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    let lines = state["services"].as_array().unwrap();
    let of = |name: &str| lines.iter().find(|line| line["name"] == name).unwrap();
    assert_eq!(of("daily"), &json!({ "name": "daily", "violations": [] }));
    assert_eq!(of("price")["http_method"], "GET");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_when_a_job_reported_and_since_when_it_runs() {
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig));
    let daemon = rig.start().await;
    sees(&rig, "…  daily    no beat yet\n").await;
    sees(&rig, "…  nightly  no beat yet\n").await;
    beats(&daemon, &format!("{TOKEN}/start"), "").await;
    sees(&rig, "…  daily    no beat yet, running for ").await;
    beats(&daemon, TOKEN, "").await;
    sees(&rig, "✓  daily    fine, beat ").await;
    let (_, said) = ordered(&rig, &["status", "--json"]).await;
    let told: Value = serde_json::from_str(&said).unwrap();
    let services = told["services"].as_array().unwrap();
    let of = |name: &str| services.iter().find(|one| one["name"] == name).unwrap();
    assert_eq!(of("nightly")["standing"], "no_beat", "{told}");
    let daily = of("daily");
    assert_eq!(daily.get("url"), None, "{told}");
    assert_eq!(daily["standing"], "fine", "{told}");
    assert!(daily["heartbeat"]["last_report_at"].is_string(), "{told}");
    assert_eq!(daily["heartbeat"]["running_since"], Value::Null, "{told}");
    assert_eq!(of("price").get("heartbeat"), None, "{told}");
    daemon.stop(GRACE).await;
}

/// Waits until `oes status` says something: the history is written within a second.
async fn sees(rig: &Rig, words: &str) {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let (_, said) = ordered(rig, &["status", "--all"]).await;
        if said.contains(words) {
            return;
        }
        assert!(Instant::now() < deadline, "no {words} in {said}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
