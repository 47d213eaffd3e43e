//! What people order over the API: who may, what is on disk when it is confirmed, and what channels are told then.

use std::time::Duration;

use oes::clock::Clock;
use oes::daemon::Daemon;
use serde_json::{Value, json};

use super::caller::{Caller, on_disk, silence};
use super::rig::{Rig, eventually, ledger, line, lines, load, options, page};
use crate::support::inbox::Reply;

const GRACE: Duration = Duration::from_secs(2);

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
            ("GET", "/"),
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
        (
            "POST",
            "/silences",
            Some(other),
            422,
            "the body is not what is asked for: `url` is not known here; known are of,",
        ),
        (
            "POST",
            "/silences",
            Some(large),
            413,
            "the body is larger than this page takes",
        ),
    ]
}

fn bad_bodies() -> Vec<Senseless> {
    vec![
        (
            "POST",
            "/silences",
            Some(json!([])),
            422,
            "the body is not what is asked for: the body is to be an object, and is a list",
        ),
        (
            "POST",
            "/silences",
            // The values of all fields in their order.
            Some(json!([{ "services": ["price"] }, null, null, 60, "ada", "deployment"])),
            422,
            "the body is to be an object, and is a list",
        ),
        (
            "POST",
            "/silences",
            Some(
                json!({ "of": [["price"], [], [], [], []], "for_s": 60, "by": "ada", "reason": "x" }),
            ),
            422,
            "`of` is to be an object, and is a list",
        ),
        (
            "POST",
            "/silences",
            Some(json!({ "of": {}, "for_s": "60", "by": "ada", "reason": "x" })),
            422,
            "`for_s` is to be a whole number that is not below 0, and is the text \"60\"",
        ),
        (
            "POST",
            "/silences",
            Some(json!({ "of": {}, "until": "tomorrow", "by": "ada", "reason": "x" })),
            422,
            "`until`: `tomorrow` is no moment: write one as 2026-11-01T12:00:00Z",
        ),
        (
            "POST",
            "/silences",
            Some(json!({ "of": {}, "for_s": 60, "reason": "x" })),
            422,
            "`by` is missing",
        ),
        (
            "POST",
            "/channels/hook/test",
            Some(json!([true])),
            422,
            "the body is to be an object, and is a list",
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
        ("GET", "/", None, 404, "there is no such page"),
        ("GET", "", None, 404, "there is no such page"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_a_problem_in_words() {
    let rig = Rig::new();
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    let caller = Caller::of(&rig);
    let all = [bad_silences(), bad_bodies(), senseless()].concat();
    for (method, path, body, status, words) in all {
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
    let again = caller
        .asks("POST", "/silences", Some(&silence("pri*", 600)))
        .await;
    assert_eq!((again.status, &again.body["existed"]), (200, &json!(true)));
    let id = made.body["silence"]["id"].as_str().unwrap().to_owned();
    assert_eq!(again.body["silence"]["id"], *id);
    assert_eq!(on_disk(&rig).silences.len(), 1, "on disk before the answer");
    rig.api.answers("/price", 500, "{}");
    opened(&daemon).await;
    rig.api.answers("/orders", 500, "{}");
    let told = rig.messages(1).await;
    assert_eq!(lines(&told), ["opened orders error"]);
    let why = format!("the silence {id} by ada");
    eventually("what holds it back", || {
        let entries = oes::policy::outbox::entries(&ledger(&daemon), Clock::System.now());
        let held = entries.first().and_then(|entry| entry.held.clone());
        (held.as_ref() == Some(&why))
            .then_some(())
            .ok_or(format!("{entries:?}"))
    })
    .await;
    let outbox = caller.gets("/outbox").await;
    assert_eq!(outbox["entries"][0]["held"], why.as_str());
    let ready = page(&daemon, "/readyz").await;
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
    let ready = page(&daemon, "/readyz").await;
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
        let entries = oes::policy::outbox::entries(&ledger(&daemon), Clock::System.now());
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
    let ready = page(&daemon, "/readyz").await;
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
