//! `oes notify`: who would be told, and one message for real.

use insta::assert_snapshot;

use super::{Desk, json};
use crate::support::inbox::{Inbox, Reply};

/// Nights and weekends go to the pager, slow answers to the chat, and in between there is maintenance.
const CONFIG: &str = r#"version = "1.0"
data = "data"

[[services]]
name = "price"
url = "http://127.0.0.1:9/"
tags = ["edge"]
channels = ["mailbox"]

[[services]]
name = "report"
url = "http://127.0.0.1:9/"
severity = "info"

[[channels]]
name = "chat"
kind = "webhook"
url = "${env:CHAT_URL}"

[[channels]]
name = "pager"
kind = "webhook"
url = "${env:PAGER_URL}"
fallback = "chat"

[[channels]]
name = "mailbox"
kind = "console"

[notify]
time_zone = "Europe/Berlin"

[[notify.routes]]
tags = ["edge"]
violations = ["latency"]
channels = ["chat"]

[[notify.routes]]
severities = ["critical"]
hours = "22:00-06:00"
channels = ["pager"]
continue = true

[[notify.routes]]
severities = ["critical", "info"]
days = ["fri"]
channels = ["chat"]

[[maintenance]]
name = "weekly"
tags = ["edge"]
cron = "0 2 * * FRI"
lasts = "2h"
"#;

fn routed(at: &str, service: &str, violation: &str) -> String {
    let desk = Desk::new(&[("oes.toml", CONFIG)]);
    desk.seen(&["notify", "route", service, violation, "--at", at])
}

/// 2026-11-27 is a Friday.
#[test]
fn a_route_is_chosen_by_tag_severity_violation_and_hour() {
    assert_snapshot!(routed("2026-11-26 12:00", "price", "latency"), @r"
    exit 0
    ── out
    price · latency at 2026-11-26 12:00:00 CET
      tells  chat  webhook
      by route 1: tag edge, violation latency
    ");
    assert_snapshot!(routed("2026-11-26 12:00", "price", "error"), @r"
    exit 0
    ── out
    price · error at 2026-11-26 12:00:00 CET
      tells  mailbox  console
      since no route is for it: the channels of the service
    ");
    assert_snapshot!(routed("2026-11-27 02:30", "price", "error"), @r"
    exit 0
    ── out
    price · error at 2026-11-27 02:30:00 CET
      tells  pager  webhook  if it cannot be told: chat
      tells  chat   webhook
      by route 2: severity critical, 22:00 to 06:00
      by route 3: severity critical or info, fri
      held back until 2026-11-27 04:00:00 CET by the maintenance weekly
    ");
    assert_snapshot!(routed("2026-11-27T12:00:00Z", "report", "error"), @r"
    exit 0
    ── out
    report · error at 2026-11-27 13:00:00 CET
      tells  chat  webhook
      by route 3: severity critical or info, fri
    ");
    let desk = Desk::new(&[("oes.toml", CONFIG)]);
    let told = json(&desk.run(&[
        "notify",
        "route",
        "oes.toml",
        "price",
        "error",
        "--at",
        "2026-11-27 02:30",
        "--json",
    ]));
    assert_eq!(told["schema"], "oes.notify-route/1");
    let numbers: Vec<_> = (0..2)
        .map(|at| told["routes"][at]["number"].as_u64())
        .collect();
    assert_eq!(numbers, [Some(2), Some(3)]);
    assert_eq!(told["channels"][0]["fallback"], "chat");
}

#[test]
fn what_cannot_be_routed_is_said() {
    assert_snapshot!(routed("2026-11-26 12:00", "prcie", "error"), @r"
    exit 2
    ── err
    error: oes.toml has no service `prcie`; did you mean `price`?
    ");
    assert_snapshot!(routed("noon", "price", "error"), @r#"
    exit 2
    ── err
    error: --at: `noon` is no moment; write MOMENT, "2026-11-27 22:00" or 22:00
    "#);
}

fn desk_of(inbox: &Inbox) -> Desk {
    let channel = format!(
        "[[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{}\"\n",
        inbox.url("/")
    );
    let config = format!(
        "version = \"1.0\"\ndata = \"data\"\n[[services]]\nurl = \"http://127.0.0.1:9/\"\n{channel}"
    );
    Desk::new(&[("oes.toml", &config)])
}

#[test]
fn a_test_message_is_sent_once_and_nothing_is_saved() {
    let inbox = Inbox::start();
    let desk = desk_of(&inbox);
    assert_snapshot!(desk.seen(&["notify", "test", "hook"]), @r"
    exit 0
    ── out
    ✓ hook took the test message, sent by this command
    ");
    let sent = inbox.received();
    assert_eq!(sent.len(), 1);
    let message = sent[0].json();
    assert_eq!(message["type"], "incident.opened");
    assert_eq!(
        message["data"]["rule"],
        "this is a test of the channel: nothing is wrong"
    );
    assert!(!desk.path("data").exists());
    inbox.otherwise(Reply::status(500));
    assert_snapshot!(desk.seen(&["notify", "test", "hook"]), @r"
    exit 1
    ── out
    ✗ hook did not take the test message, sent by this command: the receiver answered 500 (it would be tried again)
    ");
    let told = json(&desk.run(&["notify", "test", "hook", "--over", "--json"]));
    assert_eq!(told["exit"], 1, "{told}");
    assert_eq!(told["taken"], false);
    assert_eq!(inbox.received()[2].json()["type"], "incident.resolved");
    assert_snapshot!(desk.seen(&["notify", "test", "hok"]), @r"
    exit 2
    ── err
    error: oes.toml has no channel `hok`; did you mean `hook`?
    ");
}
