//! Channels that do not answer, or not at once.

use std::time::Duration;

use tokio::time::Instant;

use super::rig::{Rig, eventually, ledger, lines, page};
use crate::support::inbox::{Inbox, Reply};

const GRACE: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_channel_does_not_move_the_others() {
    let rig = Rig::new();
    let dead = Inbox::start();
    dead.otherwise(Reply::Hang);
    let config = rig
        .config(&["a", "b", "c", "d"])
        .replace("gather = 0", "gather = \"200ms\"");
    let channel = format!(
        "[[channels]]\nname = \"dead\"\nkind = \"webhook\"\nurl = \"{}\"\n",
        dead.url("/")
    );
    rig.write("oes.toml", &(config + &*channel));
    let daemon = rig.start().await;
    dead.wait_for(0);
    for (count, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let probes = rig.api.hits(&format!("/{name}"));
        rig.api.answers(&format!("/{name}"), 500, "{}");
        eventually("a failed probe", || {
            (rig.api.hits(&format!("/{name}")) > probes)
                .then_some(())
                .ok_or("none".to_owned())
        })
        .await;
        let failed = Instant::now();
        rig.messages(count + 1).await;
        // Gather is 200 ms; the rest is the promise of DESIGN §12.
        assert!(
            failed.elapsed() < Duration::from_millis(500),
            "{name}: {:?}",
            failed.elapsed()
        );
    }
    assert_eq!(dead.received().len(), 1, "one message at a time");
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_respected_and_an_error_is_tried_again() {
    let rig = Rig::new();
    rig.inbox
        .then(Reply::status(429).header("retry-after", "2"));
    rig.inbox.then(Reply::status(500));
    rig.api.answers("/price", 500, "{}");
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    rig.messages(1).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(
        rig.inbox.received().len(),
        1,
        "asked for two seconds of rest"
    );
    let metrics = page(&daemon, "/metrics").await;
    assert!(
        metrics.contains("oes_channel_up{channel=\"hook\"} 1"),
        "a limit is no failure: {metrics}"
    );
    let messages = rig.messages(3).await;
    let ids: Vec<_> = messages
        .iter()
        .map(|one| &one["data"]["message_id"])
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(lines(&messages)[2], "opened price error");
    eventually("the confirmation", || {
        let ledger = ledger(&daemon);
        let fine = ledger
            .channels
            .values()
            .all(|state| state.failures == 0 && state.last_success.is_some());
        fine.then_some(()).ok_or(format!("{:?}", ledger.channels))
    })
    .await;
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_for_everything_pauses_every_channel_of_its_kind() {
    let rig = Rig::new();
    let other = Inbox::start();
    let script = "fn requests(message, channel) { [#{ method: \"POST\", url: channel.url, json: #{ id: message.message_id } }] }\n\
                  fn answer(reply, message, channel) {\n\
                  if reply.status == 429 { return #{ answer: \"rate_limited\", after: 600, global: true, reason: \"slow down\" }; }\n\
                  #{ answer: \"taken\" }\n}\n";
    rig.write("chat.rhai", script);
    rig.inbox.otherwise(Reply::status(429));
    rig.api.answers("/price", 500, "{}");
    let config = rig.config(&[]).replace("\"webhook\"", "\"chat\"")
        + &*format!(
            "[[channels]]\nname = \"other\"\nkind = \"chat\"\nurl = \"{}\"\n",
            other.url("/")
        )
        + "[[channels]]\nname = \"shell\"\nkind = \"console\"\n"
        + &*rig.service("price", "match = [\"status_code\"]\nchannels = [\"hook\"]");
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    eventually("both chat channels to rest and no other", || {
        let ledger = ledger(&daemon);
        let resting: Vec<&str> = ledger
            .channels
            .iter()
            .filter(|(_, state)| state.paused_until.is_some())
            .map(|(name, _)| name.as_str())
            .collect();
        (resting == ["hook", "other"])
            .then_some(())
            .ok_or(format!("{:?}", ledger.channels))
    })
    .await;
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heartbeat_is_asked_while_all_is_well() {
    let rig = Rig::new();
    let heart = rig.inbox.url("/beat");
    let config = rig.config(&["price"]).replace(
        "gather = 0",
        &format!("gather = 0\nheartbeat_url = \"{heart}\""),
    );
    rig.write("oes.toml", &config);
    let daemon = rig.start().await;
    eventually("a beat", || {
        let received = rig.inbox.received();
        let beat = received
            .iter()
            .any(|one| one.method == "GET" && one.target == "/beat");
        beat.then_some(()).ok_or(format!("{received:?}"))
    })
    .await;
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_within_the_cool_down_says_so_and_an_end_shows_the_recovery() {
    let rig = Rig::new();
    let config = rig.config(&["price"]).replace(
        "cool_down = 0",
        "cool_down = \"2s\"\ntime_zone = \"America/Sao_Paulo\"",
    );
    rig.write(
        "chat.rhai",
        "fn requests(message, channel) { [#{ url: channel.url, json: #{ kind: message.kind, note: message.note, \
         marks: message.probes.marks, opened: message.opened_at } }] }\n\
         fn answer(reply, message, channel) { #{ answer: \"taken\" } }\n",
    );
    rig.write("oes.toml", &config.replace("\"webhook\"", "\"chat\""));
    let daemon = rig.start().await;
    for (status, told) in [(500, 1), (200, 2)] {
        rig.api.answers("/price", status, "{}");
        rig.messages(told).await;
    }
    rig.api.answers("/price", 500, "{}");
    eventually("a second incident", || {
        let count = ledger(&daemon).incidents.len();
        (count == 2).then_some(()).ok_or(count.to_string())
    })
    .await;
    rig.api.answers("/price", 200, "{}");
    let messages = rig.messages(3).await;
    let kinds: Vec<_> = messages.iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, ["opened", "resolved", "outage"]);
    assert_eq!(messages[0]["marks"], "✗");
    assert_eq!(messages[1]["marks"], "✓");
    let note =
        "It opened and closed within the cool-down of the announcement before it; it is over.";
    assert_eq!(messages[2]["note"], note);
    let opened = &messages[0]["opened"];
    assert!(
        opened["words"].as_str().unwrap().ends_with(" -03"),
        "{opened}"
    );
    assert!(
        opened["rfc3339"].as_str().unwrap().ends_with('Z'),
        "{opened}"
    );
    daemon.stop(GRACE).await;
}
