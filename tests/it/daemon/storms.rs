//! Many services at once, told by channels that ship.

use std::time::Duration;

use super::rig::{Rig, eventually};
use crate::support::inbox::{Inbox, Received, Reply};

const GRACE: Duration = Duration::from_millis(200);

/// Waits until an inbox has so many requests.
async fn requests(inbox: &Inbox, count: usize) -> Vec<Received> {
    eventually("requests", || {
        let received = inbox.received();
        let enough = received.len() >= count;
        let saw = || format!("{} of {count}: {received:#?}", received.len());
        enough.then(|| received.clone()).ok_or_else(saw)
    })
    .await
}

/// Returns the lines of a request of Mattermost.
fn text(request: &Received) -> String {
    request.json()["text"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_one_message_that_is_edited_and_only_its_first_pings() {
    let rig = Rig::new();
    let (edits, posts) = (Inbox::start(), Inbox::start());
    edits.otherwise(Reply::body(200, r#"{"id":"99"}"#));
    posts.otherwise(Reply::body(200, "ok"));
    let services = ["a", "b", "c", "d", "e", "f"];
    let config = rig.config(&services);
    let config = config
        .replace("gather = 0", "gather = \"300ms\"")
        .replace("singles = 100\n", "");
    let channels = format!(
        "[[channels]]\nname = \"discord\"\nkind = \"discord\"\nurl = \"{}\"\nmention = \"@here\"\n\
         [[channels]]\nname = \"mattermost\"\nkind = \"mattermost\"\nurl = \"{}\"\nmention = \"@here\"\n",
        edits.url("/api/webhooks/1/t0ken"),
        posts.url("/hooks/t0ken")
    );
    rig.write("oes.toml", &(config + &*channels));
    for name in services.iter().take(5) {
        rig.api.answers(&format!("/{name}"), 500, "{}");
    }
    let daemon = rig.start().await;
    let first = requests(&edits, 1).await.remove(0);
    assert_eq!(first.json()["content"], "@here");
    assert_eq!(
        first.json()["embeds"][0]["title"],
        "🔴 5 of 6 services · 5 incidents open"
    );
    assert!(text(&requests(&posts, 1).await[0]).starts_with("@here **🔴 5 of 6 services"));

    rig.api.answers("/f", 500, "{}");
    let edit = requests(&edits, 2).await.remove(1);
    assert_eq!(edit.method, "PATCH");
    assert_eq!(edit.target, "/api/webhooks/1/t0ken/messages/99");
    assert!(edit.json().get("content").is_none(), "{edit:?}");
    assert_eq!(
        edit.json()["embeds"][0]["title"],
        "🔴 6 services · 6 incidents open"
    );
    // Where nothing can be edited a second message follows, which pings nobody.
    assert!(text(&requests(&posts, 2).await[1]).starts_with("**🔴 6 services"));

    for name in services {
        rig.api.answers(&format!("/{name}"), 200, "{}");
    }
    let all = eventually("the end", || {
        let received = edits.received();
        let posted = received.iter().filter(|one| one.method == "POST").count();
        (posted == 2)
            .then(|| received.clone())
            .ok_or_else(|| format!("{received:#?}"))
    })
    .await;
    let (end, before) = all.split_last().unwrap();
    let end = end.json()["content"].as_str().unwrap().to_owned();
    assert!(
        end.starts_with("🟢 6 services · all 6 incidents over after"),
        "{end}"
    );
    assert_eq!(before.last().unwrap().method, "PATCH");
    daemon.stop(GRACE).await;
}
