//! `check`, `probe`, `run`, `status` and `init`.

use std::process::Stdio;
use std::time::Duration;

use insta::assert_snapshot;
use tokio::time::Instant;

use super::{Desk, json, repository};
use crate::support::upstream::{Upstream, ok};

#[test]
fn the_help_of_the_program() {
    assert_snapshot!(Desk::new(&[]).seen(&["--help"]), @r"
    exit 0
    ── out
    Watch HTTP services, judge each response with a matcher, tell people through channels

    Usage: oes [OPTIONS] <COMMAND>

    Commands:
      run          Watch the services of an ops config until told to stop
      check        Check an ops config and its scripts without asking anybody
      dry-run      Try a matcher on a URL, or see what a channel would send; nothing is saved, nobody is
                   told
      test         Run the tests of scripts and of services
      backtest     Judge what was recorded of a service again, by its own rules or by others
      probe        Probe every service of an ops config once and show a table; nothing is saved, nothing
                   is sent
      status       Show which services are wrong, since when and why, and whom the daemon still has to
                   tell
      top          Watch every service on one screen, the worst first: outcome, latency, what is wrong
      history      Show what services were: uptime, latency, phases, and when nobody looked
      incidents    List the incidents that are open and those that have ended lately, or show the story
                   of one
      ack          Take an incident on: everybody who was told of it is told by whom, and there are no
                   more reminders
      silence      Mute messages for a while; probing goes on
      outbox       Show what channels have not been told yet or could not be told, and decide what
                   becomes of it
      channel      Act on a channel
      notify       Show who would be told of a violation and why, or send a test message
      explain      Explain a code: what it means, why it matters, how to mend it
      init         Write a first ops config, a first matcher script and the schema into a folder
      new          Write a new script to begin with, and tests that it passes
      learn        Learn what a URL answers: ask it several times and write the service of an ops config
                   that expects the same
      blindspots   Change a response of a service in every place, and show which changes its matchers do
                   not notice
      demo         Watch a small flaky API inside this process for a minute: needs no network and no
                   set-up
      page         Write the status page as files, for another host or the disk
      token        Make tokens for the API
      schema       Print the JSON Schema of the ops config for editors
      definitions  Write the definitions of what scripts can use for editors
      completions  Print a completion script for a shell
      man          Print the manual page, or that of a command
      help         Print this message or the help of the given subcommand(s)

    Options:
          --color <WHEN>
              When to use colours

              Possible values:
              - auto:   On a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`
              - always: Always
              - never:  Never
              
              [default: auto]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Start with `oes demo`: it needs no network and no set-up.
    Exit codes: 0 pass, 1 fail, 2 usage or config, 3 unknown, 4 script error, 130 interrupted.
    ");
}

#[test]
fn every_command_explains_itself() {
    let desk = Desk::new(&[]);
    for command in [
        "run",
        "check",
        "dry-run",
        "probe",
        "status",
        "incidents",
        "ack",
        "silence",
        "outbox",
        "channel",
        "notify",
        "init",
        "new",
        "learn",
        "blindspots",
        "demo",
        "schema",
        "completions",
        "man",
    ] {
        let output = desk.run(&[command, "--help"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && text.contains(&format!("Usage: oes {command}")),
            "{text}"
        );
    }
}

#[test]
fn a_wrong_command_is_answered_with_a_near_one() {
    assert_snapshot!(Desk::new(&[]).seen(&["chek"]), @r#"
    exit 2
    ── err
    error: unrecognized subcommand 'chek'

      tip: some similar subcommands exist: 'ack', 'schema', 'check'

    Usage: oes [OPTIONS] <COMMAND>

    For more information, try '--help'.
    "#);
}

#[test]
fn the_shipped_configs_are_right() {
    let desk = Desk::new(&[]);
    for (config, services) in [("ops/ergopad.json", 20), ("ops/demo.toml", 6)] {
        let path = repository(config);
        let output = desk.run(&["check", path.to_str().unwrap(), "--json"]);
        let told = json(&output);
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert_eq!(
            (told["ok"].as_bool(), told["services"].as_u64()),
            (Some(true), Some(services))
        );
    }
}

#[test]
fn mistakes_are_shown_with_their_place() {
    let config = "version = \"1.0\"\n[[services]]\nurl = \"http://x.example/\"\nlatncy = 5\nmatch = [\"type\"]\n";
    let desk = Desk::new(&[("oes.toml", config)]);
    assert_snapshot!(desk.seen(&["check", "oes.toml"]), @r#"
    exit 2
    ── out
    not usable oes.toml: 2 mistakes
    ── err
      × unknown key `latncy` in a service [config/unknown-key]
       ╭─[oes.toml:4:1]
     4 │ latncy = 5
       · ──────
       ╰────
      help: did you mean `latency`?

      × there is no matcher `type` [config/unknown-name]
       ╭─[oes.toml:5:10]
     5 │ match = ["type"]
       ·          ──────
       ╰────
      help: did you mean `types`? known: status_code, types, exact, non_empty, node_height, orders_api,
            price_chart_matcher, price_sanity, utxo_executor; your own is a file type.rhai beside the config or
            in scripts/matchers
    "#);
    assert_snapshot!(desk.seen(&["check", "oes.toml", "--format", "short"]), @r#"
    exit 2
    ── out
    not usable oes.toml: 2 mistakes
    ── err
    oes.toml:4:1: error: unknown key `latncy` in a service (did you mean `latency`?) [config/unknown-key]
    oes.toml:5:10: error: there is no matcher `type` (did you mean `types`? known: status_code, types, exact, non_empty, node_height, orders_api, price_chart_matcher, price_sanity, utxo_executor; your own is a file type.rhai beside the config or in scripts/matchers) [config/unknown-name]
    "#);
    assert_snapshot!(desk.seen(&["check", "none.toml"]), @r#"
    exit 2
    ── out
    not usable none.toml: 1 mistake
    ── err
      × none.toml: there is no such file [config/file]
    "#);
    for command in ["probe", "status"] {
        let output = desk.run(&[command, "oes.toml", "--json"]);
        let told = json(&output);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(told["schema"], format!("oes.{command}/1"));
        assert_eq!(told["mistakes"].as_array().map(Vec::len), Some(2), "{told}");
    }
}

#[test]
fn a_first_config_is_written_once_and_is_right() {
    let desk = Desk::new(&[]);
    assert_snapshot!(desk.seen(&["init", "here"]), @r#"
    exit 0
    ── err
    wrote here/oes.toml
    wrote here/scripts/matchers/list_is_fresh.rhai
    wrote here/oes.schema.json
    it watches the API of `oes demo`: run that in another terminal, or edit here/oes.toml, then
      oes check here/oes.toml
      oes probe here/oes.toml
      oes run here/oes.toml
    "#);
    desk.write("here/oes.toml", "# mine");
    assert!(
        desk.seen(&["init", "here"])
            .contains("here/oes.toml is there already")
    );
    assert_eq!(
        std::fs::read_to_string(desk.path("here/oes.toml")).unwrap(),
        "# mine"
    );
    assert!(
        desk.seen(&["init", "a b/c"])
            .contains("oes check 'a b/c/oes.toml'")
    );
    let other = Desk::new(&[]);
    let told = json(&other.run(&["init", "--json"]));
    assert_eq!(
        (&told["schema"], &told["exit"]),
        (&"oes.init/1".into(), &0.into())
    );
    assert_eq!(told["files"][0]["path"], "./oes.toml", "{told}");
    assert_eq!(told["files"][0]["written"], true);
    let told = json(&other.run(&["init", "--json"]));
    assert_eq!(told["files"][2]["written"], false);
    let told = json(&other.run(&["init", "--json", "oes.toml/in"]));
    assert_eq!(told["exit"], 2, "{told}");
    assert!(told["error"].is_string(), "{told}");
    assert_eq!(other.run(&["check", "oes.toml"]).status.code(), Some(0));
}

#[test]
fn a_daemon_has_no_result_and_says_where_json_is() {
    let output = Desk::new(&[]).run(&["run", "oes.toml", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let told = json(&output);
    assert_eq!(told["schema"], "oes.run/1");
    assert!(
        told["error"]
            .as_str()
            .unwrap()
            .contains("--log-format json"),
        "{told}"
    );
}

/// Returns an ops config that probes these paths of a server by their status.
fn config(upstream: &Upstream, names: &[&str]) -> String {
    let head = "version = \"1.0\"\ninterval = \"1s\"\n[server]\nlisten = \"127.0.0.1:0\"\n";
    let url = upstream.url("/");
    let service = |name: &&str| {
        format!("[[services]]\nname = \"{name}\"\nurl = \"{url}\"\nmatch = [\"status_code\"]\n")
    };
    let services: Vec<String> = names.iter().map(service).collect();
    format!("{head}{}", services.concat())
}

const BROKEN: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_shows_a_table_and_the_heaviest_outcome() {
    let good = Upstream::answering(ok("{}")).await;
    let bad = Upstream::answering(BROKEN).await;
    let desk = Desk::new(&[]);
    desk.write("good.toml", &config(&good, &["a", "a longer name"]));
    desk.write("bad.toml", &config(&bad, &["broken"]));
    tokio::task::spawn_blocking(move || {
        assert_snapshot!(desk.seen(&["probe", "good.toml"]), @r#"
        exit 0
        ── out
           service        outcome  latency what was found
        ✓  a              pass     TIME
        ✓  a longer name  pass     TIME
        ── err
        2 services: 2 pass
        "#);
        assert_snapshot!(desk.seen(&["probe", "bad.toml"]), @r#"
        exit 1
        ── out
           service  outcome  latency what was found
        ✗  broken   fail     TIME expected 2xx, got 500 Internal Server Error
        ── err
        1 service: 1 fail
        "#);
        assert_snapshot!(desk.seen(&["probe", "good.toml", "--service", "zzz"]), @r#"
        exit 2
        ── err
        error: no service has `zzz` in its name
        "#);
        let told = json(&desk.run(&["probe", "bad.toml", "--json"]));
        assert_eq!(
            (
                told["exit"].as_u64(),
                told["services"][0]["status"].as_u64()
            ),
            (Some(1), Some(500))
        );
        desk.write("breaks.rhai", "let x = 1;\nlet y = x / (x - 1);\n");
        let text = std::fs::read_to_string(desk.path("good.toml")).unwrap();
        desk.write(
            "breaks.toml",
            &text.replace("\"status_code\"", "\"breaks\""),
        );
        assert_eq!(desk.run(&["probe", "breaks.toml"]).status.code(), Some(4));
        desk.write("unsure.rhai", "skip(\"the reference does not answer\");\n");
        desk.write(
            "unsure.toml",
            &text.replace("\"status_code\"", "\"unsure\""),
        );
        assert_eq!(desk.run(&["probe", "unsure.toml"]).status.code(), Some(3));
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_before_during_and_after_a_run() {
    let bad = Upstream::answering(BROKEN).await;
    let desk = Desk::new(&[]);
    let text = config(&bad, &["broken"]);
    let text = text.replace(
        "match = ",
        "headers = { authorization = \"${env:OES_TEST_TOKEN}\" }\nmatch = ",
    );
    desk.write("oes.toml", &text);
    tokio::task::spawn_blocking(move || {
        assert_snapshot!(desk.seen(&["status", "oes.toml"]), @r#"
        exit 2
        ── err
        error: there is no oes-data/state.json
        it is there once `oes run oes.toml` has run
        "#);
        let mut run = desk.command(&["run", "oes.toml"]);
        let mut run = run
            .env("OES_TEST_TOKEN", "s3cret-token")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        // The daemon writes its state when it has something to say; until then there is nothing to look at.
        while desk.run(&["status", "oes.toml"]).status.code() != Some(1) {
            assert!(Instant::now() < deadline, "no incident was shown");
        }
        let mut second = desk.command(&["run", "oes.toml"]);
        let second = second.env("OES_TEST_TOKEN", "x").output().unwrap();
        assert_eq!(second.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another oes"));
        let told = json(&desk.run(&["status", "oes.toml", "--json"]));
        assert_eq!(told["schema"], "oes.status/1");
        assert_eq!(told["incidents"][0]["violation"], "error");
        let killed = std::process::Command::new("kill")
            .arg(run.id().to_string())
            .status()
            .unwrap();
        assert!(killed.success());
        assert_eq!(run.wait().unwrap().code(), Some(0));
        let output = run.wait_with_output().unwrap();
        let all = [output.stdout, output.stderr].concat();
        assert!(!String::from_utf8_lossy(&all).contains("s3cret"));
        let after = desk.run(&["status", "oes.toml"]);
        assert_eq!(after.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&after.stdout).contains("expected 2xx, got 500"));
    })
    .await
    .unwrap();
}

#[test]
fn colours_come_when_asked_for_and_only_then() {
    let desk = Desk::new(&[("body.json", "{}")]);
    let coloured = |more: &[&str], no_color: bool| {
        let mut command =
            desk.command(&[&["dry-run", "status_code", "--response", "body.json"], more].concat());
        if !no_color {
            command.env_remove("NO_COLOR");
        }
        command.output().unwrap().stdout.contains(&0x1b)
    };
    assert!(coloured(&["--color", "always"], false));
    assert!(
        coloured(&["--color", "always"], true),
        "the flag is nearer than the environment"
    );
    assert!(!coloured(&[], false), "a pipe is no terminal");
    assert!(!coloured(&["--color", "never"], false));
}
