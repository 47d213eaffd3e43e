//! Commands that send nothing need none of the daemon's secrets.

use super::backtest::{record, shown};
use super::{Desk, json};

const CONFIG: &str = "data = \"data\"\ninterval = \"1m\"\n\
    [[channels]]\nname = \"chat\"\nkind = \"chat\"\nurl = \"${env:CHAT_URL}\"\ntoken = \"${file:token}\"\n\
    [[services]]\nname = \"price\"\nurl = \"http://127.0.0.1:9/price\"\nrecord = true\n\
    headers = { authorization = \"Bearer ${env:PRICE_TOKEN}\" }\nsecrets = { KEY = \"${env:PRICE_KEY}\" }\n\
    match = [\"cheap\"]\n\
    [[services]]\nname = \"open\"\nurl = \"http://127.0.0.1:9/open\"\nmatch = [\"status_code\"]\n";
const CHEAP: &str = "//! Cheap.\n//! ---\n//! secrets = [\"KEY\"]\n//! hosts = [\"127.0.0.1:9\"]\n\nexpect(body.price < 10, \"too dear\");\n";
const CHAT: &str = "fn requests(message, channel) { [#{ url: channel.url, headers: #{ \"X-Token\": channel.token }, body: message.kind }] }\n\
    fn answer(reply, message, channel) { #{ answer: \"taken\" } }\n";
const TESTS: &str = "config = \"oes.toml\"\nservice = \"price\"\n[[test]]\nname = \"dear\"\n\
    probe = [{ json = { price = 99 } }]\nexpect = \"F\"\n";

fn desk() -> Desk {
    Desk::new(&[
        ("oes.toml", CONFIG),
        ("scripts/matchers/cheap.rhai", CHEAP),
        ("scripts/channels/chat.rhai", CHAT),
        ("price.test.toml", TESTS),
        ("price.json", "{\"price\": 99}"),
    ])
}

#[test]
fn a_backtest_needs_no_secret() {
    let desk = desk();
    record(&desk, &[(200, 100, 5), (200, 100, 99)]);
    insta::assert_snapshot!(shown(&desk, &["backtest", "price"]), @r"
    exit 0
    price: recorded for 60 s, 2026-03-01 12:00:00 UTC to 2026-03-01 12:01:00 UTC

    2 probes · 1 pass · 1 fail
    1 came to something else when they were recorded
      +0 s  .F
    ✓ no violation would have opened
    note: ${env:CHAT_URL}, ${file:token}, ${env:PRICE_TOKEN}, ${env:PRICE_KEY} are not there; nothing is sent, and stand-ins take their place
    ");
    let changed = [
        "backtest",
        "price",
        "--set",
        "window=3",
        "--compare",
        "current",
    ];
    assert!(shown(&desk, &changed).starts_with("exit 0\n"));
    let found = json(&desk.run(&["backtest", "price", "--json"]));
    assert_eq!(
        found["stand_ins"],
        serde_json::json!([
            "env:CHAT_URL",
            "file:token",
            "env:PRICE_TOKEN",
            "env:PRICE_KEY"
        ])
    );
}

#[test]
fn a_test_needs_no_secret() {
    let desk = desk();
    insta::assert_snapshot!(shown(&desk, &["test"]), @r"
    exit 0
    ✓ price.test.toml  1 test

    ✓ 1 test passed · 1 probe · 1 file
    note: ${env:CHAT_URL}, ${file:token}, ${env:PRICE_TOKEN}, ${env:PRICE_KEY} are not there; nothing is sent, and stand-ins take their place
    ");
    let found = json(&desk.run(&["test", "--json"]));
    assert_eq!(found["stand_ins"][2], "env:PRICE_TOKEN", "{found:#}");
}

#[test]
fn a_dry_run_needs_the_secrets_that_it_sends() {
    let desk = desk();
    let rows: [&[&str]; 3] = [
        // What is sent must be there.
        &["dry-run", "price"],
        // The script may ask with its secret.
        &["dry-run", "price", "--response", "price.json"],
        &[
            "dry-run",
            "price",
            "--response",
            "price.json",
            "--http",
            "deny",
        ],
    ];
    let all: Vec<String> = rows.iter().map(|row| desk.seen(row)).collect();
    insta::assert_snapshot!(all.join("\n\n"), @r#"
    exit 2
    ── err
      × the environment variable PRICE_TOKEN is not set [config/secret]
        ╭─[oes.toml:12:37]
     12 │ headers = { authorization = "Bearer ${env:PRICE_TOKEN}" }
        ·                                     ──────────────────
        ╰────
      help: set it where OES starts: PRICE_TOKEN=… oes run …, or EnvironmentFile= of the systemd unit

      × the environment variable PRICE_KEY is not set [config/secret]
        ╭─[oes.toml:13:20]
     13 │ secrets = { KEY = "${env:PRICE_KEY}" }
        ·                    ────────────────
        ╰────
      help: set it where OES starts: PRICE_KEY=… oes run …, or EnvironmentFile= of the systemd unit

    exit 2
    ── err
      × the environment variable PRICE_KEY is not set [config/secret]
        ╭─[oes.toml:13:20]
     13 │ secrets = { KEY = "${env:PRICE_KEY}" }
        ·                    ────────────────
        ╰────
      help: set it where OES starts: PRICE_KEY=… oes run …, or EnvironmentFile= of the systemd unit

    exit 1
    ── out
    ✓ compiled scripts/matchers/cheap.rhai, 6 lines, 0 warnings
      request    read price.json
                 200 OK · application/json · 13 B · TIME
                 {"price": 99}
      script     cheap · 0 requests
                 N of 500,000 operations · TIME of TIME CPU · TIME of TIME in all · N of 16 MiB heap · 1 of 100 findings

    ✗ too-dear too dear
         at scripts/matchers/cheap.rhai:6:1
          6 │ expect(body.price < 10, "too dear");
            │ ^
            body.price = 99

      would do   count 1 failure; with more than 50 % of 7 needed, this alone would not notify; look again soon
    ✗ FAIL  1 error · nothing was saved or sent
    ── err
    note: ${env:PRICE_TOKEN}, ${env:PRICE_KEY} are not there; nothing is sent, and stand-ins take their place
    "#);
    // A service without secrets is asked, whatever others need.
    let seen = shown(&desk, &["dry-run", "open"]);
    assert!(seen.starts_with("exit 1\n"), "{seen}");
    assert!(!seen.contains("stand-in"), "{seen}");
}

#[test]
fn a_channel_is_tried_without_its_secrets() {
    let desk = desk();
    let seen = desk.seen(&["dry-run", "chat"]);
    let opened = "── opened ──  example · error\nPOST ***\ncontent-type: text/plain; charset=utf-8\n\
                  host: secret-1.invalid\nuser-agent: oes/0.1.0\nx-token: ***\nopened\n";
    assert!(
        seen.starts_with("exit 0\n") && seen.contains(opened),
        "{seen}"
    );
    let note = "note: ${env:CHAT_URL}, ${file:token} are not there; nothing is sent, and stand-ins take their place";
    assert!(seen.contains(note), "{seen}");
    let found = json(&desk.run(&["dry-run", "chat", "--json"]));
    assert_eq!(found["stand_ins"][1], "file:token", "{found:#}");
}
