//! What the status page says of a job that reports: waited for, running, on time, failed, late.

use std::sync::Arc;
use std::time::Duration;

use oes::daemon::Daemon;

use super::caller::Caller;
use super::heartbeat::{GRACE, Never, TOKEN, beats, config};
use super::page::{HERE, text, until};
use super::paused::watching;
use super::rig::Rig;

const PATH: &str = "/services/nightly%20backup";

/// Waits until the page of the job says the first of these, and asserts that it says the others as well.
async fn says(daemon: &Daemon, path: &str, shown: &[&str]) -> String {
    let page = until(daemon, path, HERE, shown[0]).await;
    for one in shown {
        assert!(page.contains(one), "no {one} in {page}");
    }
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_waited_for_runs_is_on_time_and_fails() {
    let rig = Rig::new();
    let keys = "run_limit = \"10m\"\nlatency = \"5m\"\npublic = true";
    rig.write("oes.toml", &config(&rig, keys).replace("\"2s\"", "\"1h\""));
    let daemon = rig.start().await;
    let waits = [
        "<strong>No data</strong> · no beat yet",
        "reports by itself, every 60 min",
        "A beat is expected every 60 min and may be 1 s late",
        "A run may take 10 min",
        "Slow: mean of the last 7 latencies is not yet known; opens above 5 min",
    ];
    let page = says(&daemon, PATH, &waits).await;
    for probed in [
        "Last look",
        "Run under way",
        "Cannot be judged",
        "Try a script",
    ] {
        assert!(!page.contains(probed), "{probed}: {page}");
    }

    beats(&daemon, &format!("{TOKEN}/start"), "").await;
    let runs = [
        "<dt>Run under way</dt><dd>for ",
        "<small>may take 10 min</small>",
        "no beat yet",
    ];
    says(&daemon, PATH, &runs).await;
    let public = text(&daemon, PATH, "host: status.example.org\r\n").await;
    assert!(
        public.contains("No data") && !public.contains("Run under way"),
        "{public}"
    );

    beats(&daemon, TOKEN, "").await;
    let on_time = [
        "<strong>Operational</strong> · as of",
        "<dt>Last good beat</dt><dd>",
        "<small>expected every 60 min</small>",
        "<dt>Last run took</dt>",
        "<small>limit 5 min</small>",
        "Last beats</h2>",
        "<td class=\"pass\"><b>pass</b></td>",
        "0 of the last 1 were missing or failed",
    ];
    let page = says(&daemon, PATH, &on_time).await;
    assert!(!page.contains("Run under way"), "{page}");
    let first = until(&daemon, "/", HERE, "The service is operational").await;
    assert!(!first.contains("next probe"), "nobody probes it: {first}");

    beats(&daemon, &format!("{TOKEN}/11"), "rsync: no space").await;
    let failed = "the job says that it failed with exit status 11: rsync: no space";
    let shown = [
        &*format!("<strong>Major outage</strong> · {failed}"),
        "<dt>Last good beat</dt><dd>",
        "<b>fail</b>",
        "heartbeat.failed",
        "1 of the last 2 were missing or failed",
    ];
    says(&daemon, PATH, &shown).await;
    let first = says(&daemon, "/", &["The service is down", failed]).await;
    assert!(first.contains("class=\"row major_outage\""), "{first}");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_late_says_since_when_and_what_was_expected() {
    let rig = Rig::new();
    rig.write("oes.toml", &config(&rig, "").replace("\"2s\"", "\"1s\""));
    let daemon = rig.start().await;
    beats(&daemon, TOKEN, "").await;
    rig.messages(1).await;
    let rule = "one is expected every 1 s and may be 1 s late";
    let page = says(
        &daemon,
        PATH,
        &["<strong>Major outage</strong> · no beat for ", rule],
    )
    .await;
    assert!(page.contains("<dt>Last good beat</dt>"), "{page}");
    assert!(page.contains("heartbeat.late"), "{page}");
    let incidents = Caller::of(&rig).gets("/incidents").await;
    let id = incidents["incidents"][0]["id"].as_str().unwrap().to_owned();
    let told = until(&daemon, &format!("/incidents/{id}"), HERE, "knows it").await;
    assert!(told.contains("no beat since "), "{told}");
    daemon.stop(GRACE).await;
}

/// A run that takes longer than several beats are apart is not one that nobody looks at.
#[tokio::test(start_paused = true)]
async fn a_long_run_is_no_silence_and_silence_is_told_as_no_beat() {
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[[services]]\nkind = \"heartbeat\"\nname = \"nightly backup\"\n\
         every = \"1h\"\ngrace = \"5m\"\nrun_limit = \"12h\"\ntoken = \"{TOKEN}\"\n"
    );
    let watching = watching(&config, Arc::new(Never)).await;
    let daemon = &watching.daemon;
    beats(daemon, TOKEN, "").await;
    tokio::time::sleep(Duration::from_mins(50)).await;
    beats(daemon, &format!("{TOKEN}/start"), "").await;
    tokio::time::sleep(Duration::from_hours(6)).await;
    let page = text(daemon, PATH, HERE).await;
    for shown in [
        "<strong>Operational</strong>",
        "<dt>Run under way</dt><dd>for 6 h",
        "<small>may take 12 h</small>",
    ] {
        assert!(page.contains(shown), "no {shown} in {page}");
    }
    tokio::time::sleep(Duration::from_hours(7)).await;
    let page = text(daemon, PATH, HERE).await;
    let words = "the run that began 12 h ago has not ended; it may take 12 h";
    assert!(page.contains(words), "{page}");
    assert!(!page.contains("Run under way"), "{page}");
    watching.daemon.stop(GRACE).await;
}
