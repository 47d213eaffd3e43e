//! What people order over the API: who may, what is on disk when it is confirmed, and what channels are told then.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use oes::clock::Clock;
use oes::daemon::Daemon;
use oes::daemon::control_file::ControlFile;
use oes::state;
use serde_json::{Value, json};

use super::process::Process;
use super::rig::{Rig, eventually, ledger, line, lines, load, options};
use crate::support::inbox::Reply;

const GRACE: Duration = Duration::from_secs(2);

/// An answer of the API.
#[derive(Debug)]
struct Answer {
    status: u16,
    kind: String,
    body: Value,
}

/// A caller of the API.
struct Caller {
    address: SocketAddr,
    token: Option<String>,
}

impl Caller {
    /// Returns a caller with the token that the daemon of a rig has written down.
    fn of(rig: &Rig) -> Self {
        let file = ControlFile::read(&rig.folder.path().join("data")).unwrap();
        Self {
            address: file.address,
            token: Some(file.token),
        }
    }

    async fn asks(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let token = self.token.as_ref();
        let token = token.map_or_else(String::new, |token| {
            format!("authorization: Bearer {token}\r\n")
        });
        let kind = if body.is_empty() {
            ""
        } else {
            "content-type: application/json\r\n"
        };
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{token}{kind}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let address = self.address;
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        });
        answer(&asked.await.unwrap())
    }

    async fn gets(&self, path: &str) -> Value {
        let answer = self.asks("GET", path, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}

fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let kind = head.to_lowercase();
    let kind = kind
        .lines()
        .find_map(|line| line.strip_prefix("content-type: "))
        .unwrap_or_default();
    Answer {
        status,
        kind: kind.to_owned(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

fn silence(service: &str, seconds: u32) -> Value {
    json!({ "of": { "services": [service] }, "for_s": seconds, "by": "ada", "reason": "deployment" })
}

fn on_disk(rig: &Rig) -> oes::model::incident::Ledger {
    state::read(&rig.folder.path().join("data")).unwrap().ledger
}

async fn opened(daemon: &Daemon) -> String {
    eventually("an incident", || {
        let ledger = ledger(daemon);
        let mut open = ledger.incidents.values().filter(|one| one.is_open());
        let found = open.next().map(|one| one.id.to_string());
        found.ok_or_else(|| "none".to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_shows_a_token_may_ask() {
    let rig = Rig::new();
    let config = rig
        .config(&["price"])
        .replace("[server]\n", "[server]\ntoken = \"of-the-config-0123\"\n");
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    let mut caller = Caller::of(&rig);
    assert_eq!(caller.gets("/silences").await, json!({ "silences": [] }));
    caller.token = Some("of-the-config-0123".to_owned());
    caller.gets("/silences").await;
    for token in [None, Some("of-the-config-0124"), Some("")] {
        caller.token = token.map(str::to_owned);
        for (method, path) in [
            ("GET", "/silences"),
            ("POST", "/silences"),
            ("POST", "/channels/hook/test"),
            ("GET", "/nothing"),
        ] {
            let answer = caller.asks(method, path, None).await;
            assert_eq!(answer.status, 401, "{method} {path} {token:?}");
            assert_eq!(answer.kind, "application/problem+json");
            assert_eq!(answer.body["status"], 401);
        }
    }
    assert!(rig.inbox.received().is_empty());
    daemon.stop(GRACE).await;
    let folder = rig.folder.path().join("data");
    assert!(!folder.join("control.json").exists(), "the token is gone");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_read_the_token_and_each_start_makes_another() {
    use std::os::unix::fs::PermissionsExt as _;
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let daemon = rig.start().await;
        let path = rig.folder.path().join("data/control.json");
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        tokens.push(Caller::of(&rig).token.unwrap());
        daemon.stop(GRACE).await;
    }
    assert_ne!(tokens[0], tokens[1]);
}

/// A method, a path, a body, and the status and the words of the answer.
type Senseless = (&'static str, &'static str, Option<Value>, u16, &'static str);

fn bad_silences() -> Vec<Senseless> {
    let mut both = silence("price", 60);
    both["until"] = json!("2030-01-01T00:00:00Z");
    let mut other = silence("price", 60);
    other["url"] = json!("http://127.0.0.1/");
    let large = json!({ "reason": "x".repeat(70_000) });
    vec![
        (
            "POST",
            "/silences",
            Some(both),
            422,
            "write either `until` or `for_s`",
        ),
        (
            "POST",
            "/silences",
            Some(silence("price", 0)),
            422,
            "a silence ends after it begins",
        ),
        ("POST", "/silences", Some(other), 422, "unknown field `url`"),
        ("POST", "/silences", Some(json!([])), 422, "invalid"),
        (
            "POST",
            "/silences",
            Some(large),
            413,
            "length limit exceeded",
        ),
    ]
}

fn senseless() -> Vec<Senseless> {
    vec![
        (
            "DELETE",
            "/silences/zzz",
            None,
            404,
            "there is no silence `zzz`",
        ),
        (
            "POST",
            "/incidents/zzzz/ack",
            Some(json!({ "by": "ada" })),
            404,
            "there is no incident `zzzz`",
        ),
        (
            "GET",
            "/incidents/zzzz",
            None,
            404,
            "there is no incident `zzzz`",
        ),
        (
            "POST",
            "/outbox/zzz/retry",
            None,
            404,
            "no message `zzz` is owed or was given up",
        ),
        (
            "POST",
            "/channels/pager/resume",
            None,
            404,
            "there is no channel `pager`; there are hook",
        ),
        (
            "POST",
            "/channels/pager/test",
            None,
            404,
            "there is no channel `pager`; there are hook",
        ),
        (
            "POST",
            "/maintenance",
            None,
            405,
            "this page does not take that method",
        ),
        ("GET", "/nothing", None, 404, "there is no such page"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_a_problem_in_words() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    for (method, path, body, status, words) in bad_silences().into_iter().chain(senseless()) {
        let answer = caller.asks(method, path, body.as_ref()).await;
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.kind, "application/problem+json", "{method} {path}");
        assert!(detail.contains(words), "{method} {path}: {detail}");
    }
    assert!(on_disk(&rig).silences.is_empty());
    daemon.stop(GRACE).await;
}

/// What a silence hides is told when it ends, if it is still so.
#[tokio::test(flavor = "multi_thread")]
async fn a_silence_hides_an_opening_and_its_end_tells_it() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price", "orders"]));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let made = caller
        .asks("POST", "/silences", Some(&silence("pri*", 600)))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["durable"], true);
    let id = made.body["silence"]["id"].as_str().unwrap().to_owned();
    assert_eq!(on_disk(&rig).silences.len(), 1, "on disk before the answer");
    rig.api.answers("/price", 500, "{}");
    opened(&daemon).await;
    rig.api.answers("/orders", 500, "{}");
    let told = rig.messages(1).await;
    assert_eq!(lines(&told), ["opened orders error"]);
    let why = format!("the silence {id} by ada");
    eventually("what holds it back", || {
        let entries = oes::policy::outbox::entries(&ledger(&daemon));
        let held = entries.first().and_then(|entry| entry.held.clone());
        (held.as_ref() == Some(&why))
            .then_some(())
            .ok_or(format!("{entries:?}"))
    })
    .await;
    let outbox = caller.gets("/outbox").await;
    assert_eq!(outbox["entries"][0]["held"], why.as_str());
    let ready = super::rig::page(&daemon, "/readyz").await;
    assert!(ready.contains("1 silence in force"), "{ready}");
    let ended = caller
        .asks("DELETE", &format!("/silences/{id}"), None)
        .await;
    assert_eq!(ended.status, 200, "{ended:?}");
    let told = rig.messages(2).await;
    assert_eq!(line(&told[1]), "opened price error");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ack_is_on_disk_before_its_answer_and_ends_the_reminders() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    rig.api.answers("/price", 500, "{}");
    let mut config = load(&rig.path());
    config.notify.reminders = (1..60).map(Duration::from_secs).collect();
    let daemon = Daemon::start(config, options(None, Clock::System))
        .await
        .unwrap();
    let caller = Caller::of(&rig);
    let told = rig.messages(2).await;
    assert_eq!(line(&told[1]), "reminder price error");
    let id = opened(&daemon).await;
    let body = json!({ "by": "ada", "reason": "on it" });
    let taken = caller
        .asks("POST", &format!("/incidents/{}/ack", &id[..6]), Some(&body))
        .await;
    assert_eq!(taken.status, 200, "{taken:?}");
    let ack = on_disk(&rig).incidents.values().next().unwrap().ack.clone();
    assert_eq!(ack.unwrap().by, "ada");
    eventually("the acknowledgement", || {
        let lines = lines(&rig.bodies());
        let last = lines.last().is_some_and(|line| line == "acked price error");
        last.then_some(()).ok_or(format!("{lines:?}"))
    })
    .await;
    let known = rig.bodies().len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(rig.bodies().len(), known, "no reminder after it");
    let ready = super::rig::page(&daemon, "/readyz").await;
    assert!(ready.contains("1 incident taken on"), "{ready}");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_given_up_is_delivered_after_a_retry() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    rig.api.answers("/price", 500, "{}");
    rig.inbox.otherwise(Reply::status(413));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let message = eventually("a dead letter", || {
        let ledger = ledger(&daemon);
        let letter = ledger.dead_letters.first();
        let id = letter.map(|letter| letter.message_id.clone());
        id.ok_or_else(|| "none".to_owned())
    })
    .await;
    rig.inbox.otherwise(Reply::status(204));
    let before = rig.inbox.received().len();
    let retried = caller
        .asks("POST", &format!("/outbox/{message}/retry"), None)
        .await;
    assert_eq!(retried.status, 200, "{retried:?}");
    let told = rig.messages(before + 1).await;
    assert_eq!(line(told.last().unwrap()), "opened price error");
    eventually("an empty outbox", || {
        let entries = oes::policy::outbox::entries(&ledger(&daemon));
        entries
            .is_empty()
            .then_some(())
            .ok_or(format!("{entries:?}"))
    })
    .await;
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_was_gone_is_resumed_and_tells_what_it_owes() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    rig.api.answers("/price", 500, "{}");
    rig.inbox.otherwise(Reply::status(410));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    eventually("a disabled channel", || {
        let ledger = ledger(&daemon);
        let disabled = ledger.channels.values().any(|one| one.disabled.is_some());
        disabled
            .then_some(())
            .ok_or(format!("{:?}", ledger.channels))
    })
    .await;
    let ready = super::rig::page(&daemon, "/readyz").await;
    assert!(ready.contains("oes channel resume"), "{ready}");
    rig.inbox.otherwise(Reply::status(204));
    let before = rig.inbox.received().len();
    let resumed = caller.asks("POST", "/channels/hook/resume", None).await;
    assert_eq!(resumed.status, 200, "{resumed:?}");
    assert!(resumed.body["was_disabled"].is_string(), "{resumed:?}");
    let told = rig.messages(before + 1).await;
    assert_eq!(line(&told[before]), "opened price error");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_goes_the_way_of_every_message_and_changes_nothing() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let sent = caller.asks("POST", "/channels/hook/test", None).await;
    assert_eq!((sent.status, &sent.body["taken"]), (200, &json!(true)));
    let over = json!({ "over": true });
    caller
        .asks("POST", "/channels/hook/test", Some(&over))
        .await;
    rig.inbox.otherwise(Reply::status(410));
    let refused = caller.asks("POST", "/channels/hook/test", None).await;
    assert_eq!(refused.body["answer"], "disabled", "{refused:?}");
    let told = rig.messages(3).await;
    assert_eq!(
        lines(&told[..2]),
        ["opened example error", "resolved example error"]
    );
    assert_eq!(
        told[0]["data"]["rule"],
        "this is a test of the channel: nothing is wrong"
    );
    assert_eq!(told[0]["data"]["incident"], told[1]["data"]["incident"]);
    let state = ledger(&daemon).channels.values().next().unwrap().clone();
    assert_eq!((state.disabled, state.failures), (None, 0));
    daemon.stop(GRACE).await;
}

/// The story joins what the state file knows with what was written down on the way.
#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_an_incident_is_told_with_every_message() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    rig.api.answers("/price", 500, "{}");
    rig.inbox.then(Reply::status(503));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    rig.messages(2).await;
    rig.api.answers("/price", 200, "{}");
    rig.messages(3).await;
    let id = ledger(&daemon).incidents.keys().next().unwrap().to_string();
    let list = caller.gets("/incidents").await;
    assert_eq!(list["incidents"][0]["id"], id.as_str());
    let mut kinds = Vec::new();
    for _ in 0..200 {
        let story = caller.gets(&format!("/incidents/{id}")).await;
        assert_eq!(story["channels"][0]["channel"], "hook");
        let events = story["events"].as_array().unwrap();
        let kind = |event: &Value| event["kind"].as_str().unwrap().to_owned();
        kinds = events.iter().map(kind).collect();
        if kinds.len() >= 8 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        kinds,
        [
            "opened", "intended", "refused", "intended", "taken", "closed", "intended", "taken"
        ]
    );
    daemon.stop(GRACE).await;
}

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

async fn ordered(rig: &Rig, arguments: &'static [&'static str]) -> (Option<i32>, String) {
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
    process.signal(rustix::process::Signal::KILL);
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
    assert_eq!((made.status, &made.body["durable"]), (201, &json!(true)));
    assert_eq!(on_disk(&rig).silences.len(), 3);
    daemon.stop(GRACE).await;
}
