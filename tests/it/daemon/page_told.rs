//! «Who was told» on the page of an incident: what became of its messages, channel by channel.

use std::time::Duration;

use oes::daemon::Daemon;
use oes::model::incident::Incident;
use regex::Regex;

use super::caller::{Caller, silence};
use super::page::{HERE, text, until};
use super::rig::{Rig, eventually, ledger};
use crate::support::inbox::{Inbox, Reply};

/// Returns the row of a channel in the table of a page: its cells.
fn row(page: &str, channel: &str) -> [String; 3] {
    let (_, table) = page
        .split_once("<h2 id=\"told\">Who was told</h2>")
        .unwrap();
    let cells = format!(
        "<tr><td class=\"nowrap\">{channel}</td><td class=\"nowrap ([a-z]+)\">([^<]*)</td><td>([^<]*)</td></tr>"
    );
    let found = Regex::new(&cells).unwrap().captures(table);
    let found = found.unwrap_or_else(|| panic!("no {channel} in {table}"));
    [1, 2, 3].map(|at| found[at].replace("&#39;", "'"))
}

/// Returns a config with three channels and two services.
fn config(rig: &Rig, failing: &Inbox, strict: &Inbox) -> String {
    let channel = |name: &str, inbox: &Inbox| {
        let url = inbox.url("/secret-hook");
        format!("[[channels]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}\"\n")
    };
    let keys = "match = [\"status_code\"]\npublic = true";
    rig.config(&[])
        + &*channel("failing", failing)
        + &*channel("strict", strict)
        + &*rig.service("price", keys)
        + &*rig.service("quiet", keys)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_channel_says_what_became_of_the_message() {
    let rig = Rig::new();
    let (failing, strict) = (Inbox::start(), Inbox::start());
    failing.otherwise(Reply::status(503).header("retry-after", "300"));
    strict.otherwise(Reply::status(413));
    rig.write("oes.toml", &config(&rig, &failing, &strict));
    let daemon = rig.start().await;
    let made = Caller::of(&rig)
        .asks("POST", "/silences", Some(&silence("quiet", 3600)))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    rig.api.answers("/price", 503, "{}");
    rig.api.answers("/quiet", 503, "{}");
    let path = |service: &str| {
        let ledger = ledger(&daemon);
        let mut all = ledger.incidents.values();
        let one = all.find(|one: &&Incident| one.service.as_str() == service);
        one.map(|one| format!("/incidents/{}", one.id))
    };
    let paths = eventually("both incidents", || {
        let paths = (path("price"), path("quiet"));
        match paths {
            (Some(price), Some(quiet)) => Ok([price, quiet]),
            some => Err(format!("{some:?}")),
        }
    })
    .await;
    rig.messages(1).await;
    for words in ["knows it", "owed, tries fail", "given up"] {
        until(&daemon, &paths[0], HERE, words).await;
    }
    let page = text(&daemon, &paths[0], HERE).await;
    let [class, words, detail] = row(&page, "hook");
    assert_eq!((&*class, &*words), ("good", "knows it"));
    let when = Regex::new(r"^first taken \d{1,2} \w{3} \d{4}, \d\d:\d\d:\d\d UTC$").unwrap();
    assert!(when.is_match(&detail), "{detail}");
    let [class, words, detail] = row(&page, "failing");
    assert_eq!((&*class, &*words), ("warned", "owed, tries fail"));
    let tries =
        Regex::new(r"^1 failed try, the receiver answered 503, next about \d\d:\d\d:\d\d UTC$");
    assert!(tries.unwrap().is_match(&detail), "{detail}");
    let [class, words, detail] = row(&page, "strict");
    assert_eq!((&*class, &*words), ("bad", "given up"));
    assert!(detail.contains("the receiver answered 413"), "{detail}");
    assert!(
        !page.contains("secret-hook"),
        "an address is a secret: {page}"
    );

    for channel in ["hook", "failing", "strict"] {
        let held = format!(
            "<td class=\"nowrap\">{channel}</td><td class=\"nowrap warned\">held back</td>"
        );
        let muted = until(&daemon, &paths[1], HERE, &held).await;
        let [class, words, detail] = row(&muted, channel);
        assert_eq!((&*class, &*words), ("warned", "held back"));
        let why = detail.contains("the silence ") && detail.contains(" by ada");
        assert!(why, "{detail}");
    }

    let public = text(&daemon, &paths[0], "host: status.example.org\r\n").await;
    assert!(public.starts_with("HTTP/1.1 200"), "{public}");
    for hidden in ["Who was told", "hook", "strict", "given up"] {
        assert!(!public.contains(hidden), "{hidden}: {public}");
    }

    the_end_is_known(&rig, &daemon, &paths[0]).await;
    daemon.stop(Duration::from_secs(1)).await;
}

/// Once an incident is over, the channel that knew of it knows that as well.
async fn the_end_is_known(rig: &Rig, daemon: &Daemon, path: &str) {
    rig.api.answers("/price", 200, "{}");
    rig.messages(2).await;
    let over = until(daemon, path, HERE, "<strong>Over</strong>").await;
    assert!(over.contains("Why it was open"), "{over}");
    let known = "<td class=\"nowrap\">hook</td><td class=\"nowrap good\">knows it</td>";
    let page = until(daemon, path, HERE, known).await;
    assert!(row(&page, "hook")[2].starts_with("first taken "), "{page}");
}
