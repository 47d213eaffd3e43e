//! `oes new`: a script to begin with, and what proves it.

use insta::assert_snapshot;

use super::{Desk, json};

#[test]
fn a_new_matcher_passes_its_tests_at_once() {
    let desk = Desk::new(&[(
        "oes.toml",
        "version = \"1.0\"\n[[services]]\nurl = \"http://x.example/\"\nmatch = [{ script = \"orders\" }]\n",
    )]);
    assert_snapshot!(desk.seen(&["new", "matcher", "orders"]), @r#"
    exit 0
    ── err
    wrote scripts/matchers/orders.rhai
    wrote scripts/matchers/orders.test.toml
    wrote scripts/matchers/orders.json
    next: put a response of your service into scripts/matchers/orders.json, make the script say what is wrong with others, and
      oes test scripts/matchers/orders.test.toml
      oes dry-run scripts/matchers/orders.rhai URL
    in the ops config: match = [{ script = "orders" }]
    "#);
    assert_snapshot!(desk.seen(&["test", "--mutate", "--min", "100"]), @r"
    exit 0
    ── out
    ✓ scripts/matchers/orders.test.toml  7 tests

    ✓ 7 tests passed · 17 probes · 1 file

    ✓ scripts/matchers/orders.rhai  8 of 8 changes caught, 100 %
    ");
    assert_snapshot!(desk.seen(&["check", "oes.toml"]), @r"
    exit 0
    ── out
    ok oes.toml: 1 service, 1 channel
    ");
    let file = "scripts/matchers/orders.json";
    let dry = desk.run(&["dry-run", "orders", "--response", file, "--json"]);
    assert_eq!(json(&dry)["result"]["outcome"], "pass");
}

#[test]
fn a_new_channel_passes_its_tests_at_once() {
    let desk = Desk::new(&[(
        "oes.toml",
        "version = \"1.0\"\n[[services]]\nurl = \"http://x.example/\"\n\
         [[channels]]\nname = \"team\"\nkind = \"chat\"\nurl = \"https://chat.example/hook\"\n",
    )]);
    assert_snapshot!(desk.seen(&["new", "channel", "chat"]), @r#"
    exit 0
    ── err
    wrote scripts/channels/chat.rhai
    wrote scripts/channels/chat.test.toml
    next: make `requests` what your provider takes, and `answer` what its answers mean, and
      oes test scripts/channels/chat.test.toml
      oes dry-run scripts/channels/chat.rhai --secret url=CHAT_URL
    in the ops config:
      [[channels]]
      name = "team"
      kind = "chat"
      url = "${env:CHAT_URL}"
    "#);
    assert_snapshot!(desk.seen(&["test", "--mutate", "--min", "90"]), @r"
    exit 0
    ── out
    ✓ scripts/channels/chat.test.toml  3 tests

    ✓ 3 tests passed · 3 messages · 1 file

    ! scripts/channels/chat.rhai  15 of 16 changes caught, 93 %
         scripts/channels/chat.rhai:11:52: no test fails for `501` instead of `500`
         [#{ url: channel.url, json: #{ text: cut(text, 500) } }]
    ");
    let mut command = desk.command(&[
        "dry-run",
        "scripts/channels/chat.rhai",
        "--secret",
        "url=CHAT_URL",
    ]);
    let dry = command
        .env("CHAT_URL", "https://chat.example/hook")
        .output();
    assert!(dry.unwrap().status.success());
    assert_snapshot!(desk.seen(&["check", "oes.toml"]), @r"
    exit 0
    ── out
    ok oes.toml: 1 service, 1 channel
    ");
}

#[test]
fn a_folder_of_ones_own_is_named_as_a_config_names_it() {
    let desk = Desk::new(&[]);
    assert_snapshot!(desk.seen(&["new", "matcher", "é-1", "--dir", "my scripts"]), @r#"
    exit 0
    ── err
    wrote my scripts/é-1.rhai
    wrote my scripts/é-1.test.toml
    wrote my scripts/é-1.json
    next: put a response of your service into 'my scripts/é-1.json', make the script say what is wrong with others, and
      oes test 'my scripts/é-1.test.toml'
      oes dry-run 'my scripts/é-1.rhai' URL
    in the ops config: match = [{ script = "my scripts/é-1.rhai" }]
    "#);
    assert_eq!(desk.run(&["test"]).status.code(), Some(0));
    let told = json(&desk.run(&["new", "channel", "chat", "--dir", "a", "--json"]));
    assert_eq!(
        told,
        serde_json::json!({ "schema": "oes.new/1", "exit": 0, "name": "chat", "files": ["a/chat.rhai", "a/chat.test.toml"] })
    );
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let desk = Desk::new(&[("scripts/matchers/mine.json", "{}")]);
    assert_snapshot!(desk.seen(&["new", "matcher", "mine"]), @r"
    exit 2
    ── err
    error: scripts/matchers/mine.json is there already; nothing was written
    ");
    let names = std::fs::read_dir(desk.path("scripts/matchers")).unwrap();
    assert_eq!(names.count(), 1);
    let again = json(&desk.run(&["new", "matcher", "mine", "--json"]));
    assert_eq!(
        (&again["schema"], &again["exit"]),
        (&"oes.new/1".into(), &2.into())
    );
}

#[test]
fn a_name_that_no_config_could_use_is_refused() {
    let desk = Desk::new(&[]);
    for (kind, name) in [
        ("matcher", "../x"),
        ("matcher", ""),
        ("matcher", "a.rhai"),
        ("matcher", "types"),
        ("matcher", "price_chart"),
        ("channel", "discord"),
    ] {
        let seen = desk.seen(&["new", kind, name]);
        assert!(seen.starts_with("exit 2\n"), "{seen}");
    }
    assert!(!desk.path("scripts").exists());
    assert_snapshot!(desk.seen(&["new", "matcher", "a/b"]), @r"
    exit 2
    ── err
    error: `a/b` is no name for a script: letters, digits, `_`, `-` and `.`, at most 100 of them, and no `.` first
    ");
    assert_snapshot!(desk.seen(&["new", "matcher", "a.rhai"]), @r"
    exit 2
    ── err
    error: a script is named without its ending: `a`
    ");
    assert_snapshot!(desk.seen(&["new", "channel", "discord"]), @r"
    exit 2
    ── err
    error: `discord` means the kind of channel `discord` that comes with OES: choose another name
    ");
    assert_snapshot!(desk.seen(&["new", "matcher", "types"]), @r"
    exit 2
    ── err
    error: `types` means the matcher `types` that comes with OES: choose another name
    ");
}
