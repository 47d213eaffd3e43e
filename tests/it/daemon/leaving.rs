//! Channels that leave the config while they show incidents as open, or get another name.

use std::time::Duration;

use oes::model::incident::Leaving;
use oes::model::service::ChannelName;

use super::caller::Caller;
use super::rig::{Rig, eventually, ledger, line, lines};
use crate::support::inbox::{Inbox, Reply};

const GRACE: Duration = Duration::from_secs(5);

/// Returns the table of a webhook channel.
fn channel(name: &str, inbox: &Inbox) -> String {
    let url = inbox.url("/pager");
    format!("[[channels]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}\"\n")
}

/// Returns the name of the incident that a message is about.
fn incident(message: &serde_json::Value) -> String {
    message["data"]["incident"].as_str().unwrap().to_owned()
}

/// A rig whose `price` is down and told by `hook` and `pager`.
fn rig() -> (Rig, Inbox) {
    let (rig, pager) = (Rig::new(), Inbox::start());
    rig.api.answers("/price", 500, "{}");
    rig.write(
        "oes.toml",
        &(rig.config(&["price"]) + &*channel("pager", &pager)),
    );
    (rig, pager)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_removed_is_told_that_it_is_told_no_more() {
    let (rig, pager) = rig();
    let daemon = rig.start().await;
    rig.messages(1).await;
    let opened = pager.wait_for(1)[0].json();
    rig.write("oes.toml", &rig.config(&["price"]));
    let left = pager.wait_for(2)[1].json();
    assert_eq!(line(&left), "unwatched price error");
    assert_eq!(incident(&left), incident(&opened));
    assert_ne!(left["data"]["message_id"], opened["data"]["message_id"]);
    let note = left["data"]["note"].as_str().unwrap();
    assert!(note.contains("left the ops config"), "{note}");
    rig.api.answers("/price", 200, "{}");
    assert_eq!(lines(&rig.messages(2).await)[1], "resolved price error");
    assert_eq!(pager.received().len(), 2);
    assert!(ledger(&daemon).dead_letters.is_empty());
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_take_it_is_said_to_the_others_until_somebody_has_seen_to_it() {
    let (rig, pager) = rig();
    let daemon = rig.start().await;
    rig.messages(1).await;
    let opened = pager.wait_for(1)[0].json();
    pager.otherwise(Reply::status(500));
    rig.write("oes.toml", &rig.config(&["price"]));
    let said = rig.messages(2).await[1].clone();
    assert_eq!(line(&said), "opened OES channel pager gone");
    let text = said["data"].to_string();
    assert!(text.contains(&incident(&opened)), "{text}");
    assert_eq!(pager.wait_for(2).len(), 2, "one try");
    let letters = ledger(&daemon).dead_letters.clone();
    assert_eq!(letters.len(), 1, "{letters:?}");
    let error = &letters[0].error;
    for part in ["give it back under this name", "by hand", "500"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let caller = Caller::of(&rig);
    let path = format!("/outbox/{}", letters[0].message_id);
    let retried = caller.asks("POST", &format!("{path}/retry"), None).await;
    assert_eq!(retried.status, 409, "{retried:?}");
    let dropped = caller.asks("DELETE", &path, None).await;
    assert_eq!(dropped.status, 200, "{dropped:?}");
    let said = rig.messages(3).await[2].clone();
    assert_eq!(line(&said), "resolved OES channel pager gone");
    assert!(ledger(&daemon).dead_letters.is_empty());
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_it_is_said_and_the_channel_hears_the_end_once_it_is_given_back() {
    let (rig, pager) = rig();
    let daemon = rig.start().await;
    rig.messages(1).await;
    let opened = pager.wait_for(1)[0].json();
    daemon.stop(GRACE).await;
    rig.write("oes.toml", &rig.config(&["price"]));
    let daemon = rig.start().await;
    let said = rig.messages(2).await[1].clone();
    assert_eq!(line(&said), "opened OES channel pager gone");
    assert_eq!(ledger(&daemon).dead_letters.len(), 1);
    rig.api.answers("/price", 200, "{}");
    assert_eq!(lines(&rig.messages(3).await)[2], "resolved price error");
    rig.write(
        "oes.toml",
        &(rig.config(&["price"]) + &*channel("pager", &pager)),
    );
    let end = pager.wait_for(2)[1].json();
    assert_eq!(line(&end), "resolved price error");
    assert_eq!(incident(&end), incident(&opened));
    let said = rig.messages(4).await[3].clone();
    assert_eq!(line(&said), "resolved OES channel pager gone");
    assert!(ledger(&daemon).dead_letters.is_empty());
    daemon.stop(GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_with_another_name_is_the_same_channel() {
    for restarts in [false, true] {
        let (rig, pager) = rig();
        let first = rig.start().await;
        rig.messages(1).await;
        let opened = pager.wait_for(1)[0].json();
        let renamed = rig.config(&["price"]) + &*channel("phone", &pager);
        let daemon = if restarts {
            first.stop(GRACE).await;
            rig.write("oes.toml", &renamed);
            rig.start().await
        } else {
            rig.write("oes.toml", &renamed);
            first
        };
        eventually("the new name", || {
            let ledger = ledger(&daemon);
            let phone = ledger.channels.contains_key(&ChannelName::new("phone"));
            (phone && ledger.channels.len() == 2)
                .then_some(())
                .ok_or(format!("{:?}", ledger.channels))
        })
        .await;
        rig.api.answers("/price", 200, "{}");
        let end = pager.wait_for(2)[1].json();
        assert_eq!(line(&end), "resolved price error");
        assert_eq!(incident(&end), incident(&opened));
        assert_eq!(lines(&rig.messages(2).await)[1], "resolved price error");
        let ledger = ledger(&daemon);
        assert!(ledger.dead_letters.is_empty());
        let left = ledger
            .deliveries
            .values()
            .any(|one| one.leaves == Some(Leaving::Lost));
        assert!(!left, "{:?}", ledger.deliveries);
        daemon.stop(GRACE).await;
    }
}
