//! Files of tests of channels: what they may say, and mistakes in them.

use serde_json::json;

use super::Desk;
use super::channels::desk;

/// Tests, and what is wrong with them.
const MISTAKES: &[(&str, &str)] = &[
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
];

#[test]
fn tests_that_assert_nothing_or_are_not_of_a_channel_are_mistakes() {
    for (tests, expected) in MISTAKES {
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
fn every_part_of_a_message_can_be_said() {
    let script = "fn requests(message, channel) { [#{ url: channel.url, json: message }] }\n\
                  fn answer(reply, message, channel) { #{ answer: \"taken\" } }\n";
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
    let golden = written.split("'''").nth(1).unwrap();
    let requests: serde_json::Value = serde_json::from_str(golden).unwrap();
    let message = &requests[0]["json"];
    for (path, expected) in [
        ("/kind", json!("outage")),
        ("/title", json!("n · latency was open for 10 min")),
        (
            "/note",
            json!(
                "It opened and closed within the cool-down of the announcement before it; it is over."
            ),
        ),
        (
            "/service",
            json!({ "name": "n", "method": "PUT", "url": "u", "severity": "info", "group": "g", "tags": ["a"], "runbook": "r" }),
        ),
        ("/rule", json!("ababab")),
        ("/exchange", json!("GET /")),
        (
            "/finding",
            json!({ "code": "c", "path": "$.p", "problem": "bad", "expected": 1, "actual": [2], "has_values": true, "place": "x.rhai:1:2", "more": 4 }),
        ),
        ("/opened_at/rfc3339", json!("2025-12-31T23:50:00Z")),
        ("/closed_at/rfc3339", json!("2026-01-01T00:00:00Z")),
        ("/last_good/rfc3339", json!("2025-12-31T23:49:00Z")),
        ("/probes/marks", json!("✓!✗?E")),
        ("/probes/bars", json!("▄█···")),
        (
            "/probes/samples/0/at/rfc3339",
            json!("2025-12-31T23:46:00Z"),
        ),
        ("/probes/samples/0/code", json!(null)),
        ("/probes/samples/4/code", json!("c")),
        ("/message_id", json!("m1")),
        (
            "/footnotes",
            json!(["possible repeat", "delivery records not durable"]),
        ),
        ("/link", json!("https://l.test/")),
        ("/attempt", json!(3)),
        ("/plain", json!(true)),
    ] {
        assert_eq!(message.pointer(path), Some(&expected), "{path}: {message}");
    }
}
