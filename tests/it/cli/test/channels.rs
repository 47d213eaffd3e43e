//! Tests of channel scripts.

use insta::assert_snapshot;

use super::{Desk, json, repository};

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

pub(super) fn desk(tests: &str) -> Desk {
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
         answer at chat.test.toml:13: `answer` broke
         ✗ script what  (the script is broken)
              at chat.rhai:17:30
              17 │     if reply.status == 500 { throw "what"; }
                 │                              ^
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
            "no requests: `requests` broke\n     ✗ script no  (the script is broken)\n          at chat.rhai:2:1\n           2 │ throw \"no\"\n             │ ^",
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

/// The example of docs/testing.md, with the script of docs/channels.md.
#[test]
fn the_example_of_the_documentation_passes() {
    let block = |page: &str, begins: &str| {
        let text = std::fs::read_to_string(repository(page)).unwrap();
        let (_, rest) = text.split_once(begins).unwrap();
        format!("{begins}{}", rest.split_once("\n```").unwrap().0)
    };
    let script = block("docs/channels.md", "//! Posts a line to our chat.");
    let tests = block("docs/testing.md", "channel = \"chat.rhai\"");
    let desk = Desk::new(&[("chat.rhai", &script), ("chat.test.toml", &tests)]);
    let shown = desk.seen(&["test"]);
    assert!(shown.contains("✓ 2 tests passed · 2 messages"), "{shown}");
}

/// What breaks is shown at its place, with its values and without secrets.
#[test]
fn a_channel_that_breaks_is_shown_as_a_matcher_is() {
    let script = "fn requests(message, channel) {\n    let all = [channel.token];\n    [#{ url: channel.url, body: all[1] }]\n}\n\
        fn answer(reply, message, channel) { #{ answer: \"taken\" } }\n";
    let desk = desk("[[test]]\nname = \"x\"\nrequests = []\n");
    desk.write("chat.rhai", script);
    assert_snapshot!(desk.seen(&["test"]), @r"
    exit 1
    ── out
    ✗ chat.test.toml  1 of 1 test failed

    ✗ x  at chat.test.toml:5
         no requests: `requests` broke
         ✗ script the array has no element 1 (1 elements)  (the script is broken)
              at chat.rhai:3:37
               3 │     [#{ url: channel.url, body: all[1] }]
                 │                                     ^

    ✗ 1 of 1 test failed · 1 message · 1 file
    ");
    let arguments = [
        "dry-run",
        "chat.rhai",
        "--param",
        "url=https://chat.test/x",
        "--param",
        "token=tok-12345678",
    ];
    let seen = desk.seen(&arguments);
    let opened = "── opened ──  example · error\n\
                  ✗ the message would be tried again: `requests` broke\n\
                  ✗ script the array has no element 1 (1 elements)  (the script is broken)\n\
                  \x20    at chat.rhai:3:37\n\
                  \x20     3 │     [#{ url: channel.url, body: all[1] }]\n\
                  \x20       │                                     ^\n";
    assert!(
        seen.starts_with("exit 4\n") && seen.contains(opened),
        "{seen}"
    );
    let value = json(&desk.run(&[&arguments[..], &["--json"]].concat()));
    let finding = &value["messages"][0]["error"]["finding"];
    assert_eq!(finding["at"]["line"], 3, "{value:#}");
}

#[test]
fn an_answer_to_a_request_that_is_not_made_is_a_failure() {
    let desk = desk(
        "[[test]]\nname = \"x\"\nanswers = [{ status = 404, index = 1, reads = \"reject\" }]\n",
    );
    assert_snapshot!(desk.seen(&["test"]), @r"
    exit 1
    ── out
    ✗ chat.test.toml  1 of 1 test failed

    ✗ x  at chat.test.toml:5
         answer at chat.test.toml:7: there is no request of index = 1; the channel makes 1 request, and the first is 0

    ✗ 1 of 1 test failed · 1 message · 1 file
    ");
    let failure = &json(&desk.run(&["test", "--json"]))["tests"][0]["failures"][0];
    assert_eq!(failure["kind"], "no_such_request");
    let updated = desk.seen(&["test", "--update", "--yes"]);
    assert!(
        updated.contains("not updated: there is no request"),
        "{updated}"
    );
}
