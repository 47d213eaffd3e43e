//! Tests of channel scripts.

use insta::assert_snapshot;

use super::{Desk, json};

const SCRIPT: &str = r#"//! Posts a line.
//! ---
//! [params.url]
//! kind = "url"
//! [params.token]
//! kind = "string"

fn requests(message, channel) {
    let post = #{ url: channel.url + "?k=" + channel.token, headers: #{ "X-Token": channel.token } };
    if message.kind == "opened" { post.json = #{ text: message.title, none: () }; } else { post.body = message.title; }
    [post]
}

fn answer(reply, message, channel) {
    if reply.status == 200 { return #{ answer: "taken", remote_ref: reply.json.id }; }
    if reply.status == 429 { return #{ answer: "rate_limited", after: reply.retry_after, global: true, reason: "slow down " + channel.token }; }
    if reply.status == 500 { throw "what"; }
    if reply.status == 501 { return 7; }
    #{ answer: "reject", plainer: true, reason: "no" }
}
"#;

const DEFAULTS: &str = "channel = \"chat.rhai\"\n[defaults]\noptions = { url = \"https://chat.test/x\" }\nsecrets = { token = \"tok-12345678\" }\n";

fn desk(tests: &str) -> Desk {
    let tests = format!("{DEFAULTS}{tests}");
    Desk::new(&[("chat.rhai", SCRIPT), ("chat.test.toml", &tests)])
}

#[test]
fn requests_and_answers_are_held_against_what_must_be() {
    let desk = desk(
        r##"[[test]]
name = "an opening is JSON"
message = { kind = "opened", service = { name = "api" } }
requests = '''
[{ "url": "https://chat.test/x?k=***", "headers": { "X-Token": "***" }, "json": { "text": "api · error", "none": null } }]'''
[[test]]
name = "an end is text, and its answers are read"
message = { kind = "resolved", open_for = "2m" }
requests = [{ url = "https://chat.test/x?k=***", headers = { x-token = "***" }, body = "example · error resolved after 2 min" }]
answers = [
    { status = 200, json = { id = 7 }, reads = "taken as 7" },
    { status = 429, headers = { retry-after = "90" }, reads = "rate_limited after 1.5m, global", reason = "slow down ***" },
    { status = 404, reads = "reject, plainer", reason = "no" },
]
[[test]]
name = "what is not compared need not be said"
requests = [{ url = "https://chat.test/x?k=***", headers = { x-token = "***" }, match_json = { text = "#regex error" } }]
"##,
    );
    assert_snapshot!(desk.seen(&["test"]), @r"
    exit 0
    ── out
    ✓ chat.test.toml  3 tests

    ✓ 3 tests passed · 3 messages · 1 file
    ");
}

#[test]
fn what_differs_is_shown() {
    let desk = desk(
        r#"[[test]]
name = "requests"
requests = [{ method = "PUT", url = "https://chat.test/x", json = { text = "x" } }, { url = "https://chat.test/y" }]
[[test]]
name = "answers"
answers = [
    { status = 200, json = { id = 7 }, reads = "taken" },
    { status = 404, reads = "reject, plainer", reason = "yes" },
    { status = 500, reads = "unknown" },
    { status = 501, reads = "unknown" },
]
"#,
    );
    assert_snapshot!(desk.seen(&["test"]), @r#"
    exit 1
    ── out
    ✗ chat.test.toml  2 of 2 tests failed

    ✗ requests  at chat.test.toml:5
         the requests differ
           request 1 method: expected "PUT", got "POST"
           request 1 url: expected "https://chat.test/x", got "https://chat.test/x?k=***"
           request 1 headers.x-token: expected nothing, got "***"
           request 1 json.text: expected "x", got "example · error"
           request 1 json.none: expected nothing, got null
           request 2: expected POST https://chat.test/y, got nothing

    ✗ answers  at chat.test.toml:8
         answer at chat.test.toml:11, status 200: expected taken, got taken as 7
         answer at chat.test.toml:12: the reason differs
           expected yes
           got      no
         answer at chat.test.toml:13: after status 500: channel script chat.rhai broke in `answer`: what at chat.rhai:17:30
         answer at chat.test.toml:14: chat.rhai: `answer` returned 7, not a map with the key `answer`

    ✗ 2 of 2 tests failed · 2 messages · 1 file
    "#);
    let output = desk.run(&["test", "--json"]);
    let failures = &json(&output)["tests"][1]["failures"];
    assert_eq!(failures[0]["kind"], "reads");
    assert_eq!(failures[0]["got"], "taken as 7");
    assert_eq!(failures[2]["kind"], "answer_broke");
}

#[test]
fn a_script_that_breaks_or_goes_elsewhere_makes_no_requests() {
    for (line, why) in [
        (
            "throw \"no\"",
            "no requests: channel script chat.rhai broke in `requests`: no at chat.rhai:2:1",
        ),
        (
            "[#{ url: \"https://other.test/\" }]",
            "no requests: chat.rhai: the request would go to https://other.test",
        ),
        (
            "[]",
            "no requests: chat.rhai: `requests` returned no request",
        ),
    ] {
        let script = format!(
            "fn requests(message, channel) {{\n{line}\n}}\nfn answer(reply, message, channel) {{ #{{ answer: \"taken\" }} }}\n"
        );
        let desk = desk("[[test]]\nname = \"x\"\nrequests = []\n");
        desk.write("chat.rhai", &script);
        let shown = desk.seen(&["test"]);
        assert!(
            shown.starts_with("exit 1") && shown.contains(why),
            "{shown}"
        );
        let updated = desk.seen(&["test", "--update", "--yes"]);
        assert!(updated.contains("not updated"), "{updated}");
    }
}

#[test]
fn goldens_are_written_for_a_person_to_look_at() {
    let desk = desk(
        "[[test]]\nname = \"x\"   # mine\nrequests = []\nanswers = [{ status = 404, reads = \"taken\", reason = \"x\" }]\n",
    );
    desk.run(&["test", "--update", "--yes"]);
    // The reason is compared once the answer is read as it must be.
    desk.run(&["test", "--update", "--yes"]);
    let written = std::fs::read_to_string(desk.path("chat.test.toml")).unwrap();
    assert_snapshot!(written.strip_prefix(DEFAULTS).unwrap(), @r##"
    [[test]]
    name = "x"   # mine
    requests = '''
    [
      {
        "method": "POST",
        "url": "https://chat.test/x?k=***",
        "headers": {
          "x-token": "***"
        },
        "json": {
          "none": null,
          "text": "example · error"
        }
      }
    ]
    '''
    answers = [{ status = 404, reads = "reject, plainer", reason = "no" }]
    "##);
    assert_eq!(
        desk.run(&["test", "--coverage", "--mutate"]).status.code(),
        Some(0)
    );
}

#[test]
fn tests_that_assert_nothing_or_are_not_of_a_channel_are_mistakes() {
    for (tests, expected) in [
        (
            "[[test]]\nname = \"x\"\n",
            "a test that accepts whatever comes",
        ),
        (
            "[[test]]\nname = \"x\"\nanswers = []\n",
            "a test that accepts whatever comes",
        ),
        (
            "[[test]]\nname = \"x\"\nrequests = []\nexpect = \"P\"\n",
            "`expect` is for tests of a script or a service",
        ),
        ("[[test]]\nname = \"x\"\nrequests = \"[\"\n", "not JSON"),
        (
            "[[test]]\nname = \"x\"\nrequests = '[{}]'\n",
            "a request has no `url`",
        ),
        (
            "[[test]]\nname = \"x\"\nrequests = [{ url = \"x\", jsn = 1 }]\n",
            "did you mean `json`?",
        ),
        (
            "[[test]]\nname = \"x\"\nanswers = [{ status = 200 }]\n",
            "an answer has no `reads`",
        ),
        (
            "[[test]]\nname = \"x\"\nanswers = [{ status = 200, reads = \"accepted\" }]\n",
            "`accepted` is nothing that a script reads",
        ),
        (
            "[[test]]\nname = \"x\"\nanswers = [{ status = 200, reads = \"retry after soon\" }]\n",
            "`retry after soon` is nothing",
        ),
        (
            "[[test]]\nname = \"x\"\nanswers = [{ status = 200, body_file = \"gone\", reads = \"taken\" }]\n",
            "gone: there is no such file",
        ),
        (
            "[[test]]\nname = \"x\"\nmessage = { kind = \"fired\" }\nrequests = []\n",
            "`kind` cannot be `fired`",
        ),
        (
            "[[test]]\nname = \"x\"\nmessage = { probes = \"PX\" }\nrequests = []\n",
            "`X` is no outcome",
        ),
        (
            "[[test]]\nname = \"x\"\noptions = {}\nrequests = []\n",
            "`chat` needs the parameter `url`",
        ),
    ] {
        let shown = desk(tests).seen(&["test"]);
        assert!(
            shown.starts_with("exit 2") && shown.contains(expected),
            "{expected}: {shown}"
        );
    }
    let desk = Desk::new(&[
        ("m.rhai", "expect(body.n > 1);\n"),
        (
            "m.test.toml",
            "channel = \"m.rhai\"\n[[test]]\nname = \"x\"\nrequests = []\n",
        ),
        (
            "n.test.toml",
            "script = \"m.rhai\"\n[[test]]\nname = \"x\"\nprobe = [{ json = 1 }]\nexpect = \"P\"\nrequests = []\n",
        ),
        (
            "o.test.toml",
            "channel = \"console\"\n[[test]]\nname = \"x\"\nrequests = []\n",
        ),
    ]);
    let shown = desk.seen(&["test"]);
    for expected in [
        "m.rhai has no function `requests(message, channel)`",
        "`requests` is for tests of a channel",
        "the console has no script to test",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
}

#[test]
fn long_texts_and_the_rest_of_a_message_are_as_the_test_says() {
    let script = "fn requests(message, channel) { [#{ url: channel.url, json: message }] }\nfn answer(reply, message, channel) { #{ answer: \"taken\" } }\n";
    let desk = desk(
        r#"[[test]]
name = "x"
message = { kind = "outage", unheard = "cool_down", open_for = "10m", last_good = "1m", violation = "latency", rule = { repeat = "ab", times = 3 }, exchange = "GET /", probes = "PW FUE", ms = [1, 2], possible_repeat = true, durable = false, link = "https://l.test/", message_id = "m1", attempt = 3, plain = true, service = { name = "n", method = "PUT", url = "u", severity = "info", group = "g", tags = ["a"], runbook = "r" }, finding = { code = "c", path = "$.p", problem = "bad", expected = 1, actual = [2], place = "x.rhai:1:2", more = 4 } }
requests = []
"#,
    );
    desk.write("chat.rhai", script);
    desk.run(&["test", "--update", "--yes"]);
    let written = std::fs::read_to_string(desk.path("chat.test.toml")).unwrap();
    let (_, golden) = written.split_once("requests = ").unwrap();
    assert_snapshot!(golden, @r##"
    '''
    [
      {
        "method": "POST",
        "url": "https://chat.test/x",
        "headers": {},
        "json": {
          "kind": "outage",
          "title": "n · latency was open for 10 min",
          "headline": "latency was open for 10 min",
          "note": "It opened and closed within the cool-down of the announcement before it; it is over.",
          "at": {
            "rfc3339": "2026-01-01T00:00:00Z",
            "unix": 1767225600,
            "words": "2026-01-01 00:00:00 UTC"
          },
          "service": {
            "name": "n",
            "method": "PUT",
            "url": "u",
            "severity": "info",
            "group": "g",
            "tags": [
              "a"
            ],
            "runbook": "r"
          },
          "incident": "0000000000000000",
          "violation": "latency",
          "generation": 2,
          "rule": "ababab",
          "exchange": "GET /",
          "finding": {
            "code": "c",
            "path": "$.p",
            "problem": "bad",
            "expected": 1,
            "actual": [
              2
            ],
            "has_values": true,
            "place": "x.rhai:1:2",
            "more": 4
          },
          "opened_at": {
            "rfc3339": "2025-12-31T23:50:00Z",
            "unix": 1767225000,
            "words": "2025-12-31 23:50:00 UTC"
          },
          "closed_at": {
            "rfc3339": "2026-01-01T00:00:00Z",
            "unix": 1767225600,
            "words": "2026-01-01 00:00:00 UTC"
          },
          "last_good": {
            "rfc3339": "2025-12-31T23:49:00Z",
            "unix": 1767224940,
            "words": "2025-12-31 23:49:00 UTC"
          },
          "never_came_up": false,
          "duration_s": 600,
          "duration": "10 min",
          "probes": {
            "marks": "✓!✗?E",
            "bars": "▄█···",
            "p50_ms": 1,
            "p50": "1 ms",
            "samples": [
              {
                "at": {
                  "rfc3339": "2025-12-31T23:46:00Z",
                  "unix": 1767224760,
                  "words": "2025-12-31 23:46:00 UTC"
                },
                "outcome": "pass",
                "latency_ms": 1,
                "code": null
              },
              {
                "at": {
                  "rfc3339": "2025-12-31T23:47:00Z",
                  "unix": 1767224820,
                  "words": "2025-12-31 23:47:00 UTC"
                },
                "outcome": "warn",
                "latency_ms": 2,
                "code": null
              },
              {
                "at": {
                  "rfc3339": "2025-12-31T23:48:00Z",
                  "unix": 1767224880,
                  "words": "2025-12-31 23:48:00 UTC"
                },
                "outcome": "fail",
                "latency_ms": null,
                "code": "c"
              },
              {
                "at": {
                  "rfc3339": "2025-12-31T23:49:00Z",
                  "unix": 1767224940,
                  "words": "2025-12-31 23:49:00 UTC"
                },
                "outcome": "unknown",
                "latency_ms": null,
                "code": "c"
              },
              {
                "at": {
                  "rfc3339": "2025-12-31T23:50:00Z",
                  "unix": 1767225000,
                  "words": "2025-12-31 23:50:00 UTC"
                },
                "outcome": "error",
                "latency_ms": null,
                "code": "c"
              }
            ]
          },
          "message_id": "m1",
          "possible_repeat": true,
          "durable": false,
          "footnotes": [
            "possible repeat",
            "delivery records not durable"
          ],
          "link": "https://l.test/",
          "attempt": 3,
          "plain": true
        }
      }
    ]
    '''
    "##);
}
