//! Commands of the real binary beside a daemon, and what is left when that is killed or cannot write.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::caller::{Caller, on_disk, silence};
use super::process::Process;
use super::rig::{Rig, ledger, lines};

const GRACE: Duration = Duration::from_secs(2);

/// Returns how a command of the real binary ended and what it said.
fn oes(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_oes"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("NO_COLOR", "1")
        .env("USER", "ada")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

pub(super) async fn ordered(
    rig: &Rig,
    arguments: &'static [&'static str],
) -> (Option<i32>, String) {
    let folder = rig.folder.path().to_owned();
    let run = tokio::task::spawn_blocking(move || oes(&folder, arguments));
    run.await.unwrap()
}

/// What was confirmed is there after the process was killed in the next moment, and the next start keeps to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_silence_that_was_confirmed_survives_kill_9() {
    const ADD: &[&str] = &[
        "silence",
        "add",
        "--service",
        "price",
        "--for",
        "1h",
        "--reason",
        "deployment",
    ];
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price", "orders"]));
    let mut process = Process::start(&rig, "log");
    process.address().await;
    let (code, said) = ordered(&rig, ADD).await;
    process.signal(Signal::KILL);
    process.ends().await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("of service price until "), "{said}");
    let silences = on_disk(&rig).silences;
    let made = silences.values().next().unwrap();
    assert_eq!(
        (made.by.as_str(), made.reason.as_str()),
        ("ada", "deployment")
    );
    // What the killed one left behind is no door, and none is needed.
    let (code, said) = ordered(&rig, &["silence", "list", "--json"]).await;
    assert_eq!(code, Some(0), "{said}");
    rig.api.answers("/price", 500, "{}");
    rig.api.answers("/orders", 500, "{}");
    let _second = Process::start(&rig, "log2");
    assert_eq!(lines(&rig.messages(1).await), ["opened orders error"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_go_through_the_daemon_that_runs() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    rig.api.answers("/price", 500, "{}");
    let daemon = rig.start().await;
    rig.messages(1).await;
    let (code, said) = ordered(&rig, &["ack", "zzzz"]).await;
    assert_eq!(
        (code, said.as_str()),
        (Some(1), "error: there is no incident `zzzz`\n")
    );
    let (code, said) = ordered(&rig, &["notify", "test", "hook"]).await;
    assert_eq!(
        (code, said.as_str()),
        (
            Some(0),
            "✓ hook took the test message, sent by the daemon\n"
        )
    );
    let (code, said) = ordered(&rig, &["channel", "resume", "hook", "--json"]).await;
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(told["schema"], "oes.channel-resume/1");
    assert_eq!(told["through"], "daemon");
    let (code, said) = ordered(&rig, &["outbox", "list"]).await;
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "every channel has been told everything\n")
    );
    std::fs::remove_file(rig.folder.path().join("data/control.json")).unwrap();
    let (code, said) = ordered(&rig, &["channel", "resume", "hook"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("cannot be reached; it may be starting; if not,"),
        "{said}"
    );
    daemon.stop(GRACE).await;
    let (code, said) = ordered(&rig, &["channel", "resume", "hook"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.ends_with("no daemon runs; it is in the state file for the next start\n"),
        "{said}"
    );
}

/// Where the state file cannot be written the order is in force, and the answer says that a restart forgets it.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_down_is_not_confirmed() {
    const ADD: &[&str] = &[
        "silence", "add", "--all", "--for", "1h", "--reason", "x", "--json",
    ];
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    // Nothing that is in the way of the next commit can be removed.
    let blocked = rig.folder.path().join("data/.state.json.tmp");
    std::fs::create_dir(&blocked).unwrap();
    let made = caller
        .asks("POST", "/silences", Some(&silence("price", 60)))
        .await;
    assert_eq!(
        (made.status, &made.body["durable"]),
        (202, &json!(false)),
        "{made:?}"
    );
    let (code, said) = ordered(&rig, ADD).await;
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &told["durable"]), (Some(3), &json!(false)), "{said}");
    assert_eq!(ledger(&daemon).silences.len(), 2, "in force all the same");
    assert!(on_disk(&rig).silences.is_empty());
    std::fs::remove_dir(&blocked).unwrap();
    let made = caller
        .asks("POST", "/silences", Some(&silence("price", 60)))
        .await;
    // It is the one of before, and on disk now.
    assert_eq!((made.status, &made.body["durable"]), (200, &json!(true)));
    assert_eq!(made.body["existed"], true);
    assert_eq!(on_disk(&rig).silences.len(), 2);
    daemon.stop(GRACE).await;
}
