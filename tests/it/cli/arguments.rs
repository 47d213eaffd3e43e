//! `oes dry-run`: arguments that are refused, and what becomes of those that are not.

use insta::assert_snapshot;

use super::{Desk, json};
use crate::support::upstream::{Upstream, ok};

/// Checks that dry runs with these arguments are refused, and what is said.
fn check(rows: &[(&[&str], &str)]) {
    let desk = Desk::new(&[("body.json", "{}"), ("oes.toml", SERVICE)]);
    for (arguments, said) in rows {
        let output = desk.run(&[&["dry-run"], *arguments].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[test]
fn arguments_that_would_be_ignored_are_refused() {
    check(&[
        (
            &["types", "--response", "body.json"],
            "compares with a sample",
        ),
        (&["pric"], "oes.toml has no service `pric`"),
        (
            &["price", "-X", "POST", "--param", "a=1"],
            "`price` is a service of oes.toml, which says what is sent and how it is judged: -X, --param would change",
        ),
        (
            &["price", "--response", "body.json", "--expected", "{}"],
            "--expected would change nothing",
        ),
        (
            &["status_code", "--response", "body.json", "--param", "a=1"],
            "`status_code` takes no parameters",
        ),
        (
            &["non_empty", "--response", "body.json", "--expected", "1"],
            "`non_empty` compares with no sample",
        ),
        (
            &[
                "status_code",
                "http://a.example/",
                "--from-curl",
                "curl http://b.example/",
            ],
            "leave out `http://a.example/`",
        ),
    ]);
}

#[test]
fn arguments_that_make_no_sense_are_named() {
    check(&[
        (
            &["types", "--response", "body.json", "--expected", "{"],
            "not JSON",
        ),
        (
            &["types", "--response", "none.json", "--expected", "{}"],
            "could not read none.json",
        ),
        (
            &["status_code", "--response", "body.json", "--http", "x"],
            "one of `live`",
        ),
        (
            &["status_code", "--response", "body.json", "--memory", "x"],
            "one of `empty`",
        ),
        (
            &["status_code", "--response", "-", "--watch"],
            "standard input cannot be read again",
        ),
        (
            &[
                "status_code",
                "--response",
                "body.json",
                "--now",
                "yesterday",
            ],
            "write 2026-01-31T12:00:00Z",
        ),
        (
            &["status_code", "--response", "body.json", "--times", "0"],
            "write a number from 1 to 10000",
        ),
        (
            &["status_code", "--response", "body.json", "--every", "5x"],
            "write \"500ms\"",
        ),
        (
            &[
                "status_code",
                "--response",
                "body.json",
                "--secret",
                "A=OES_NO_SUCH_VARIABLE",
            ],
            "write OES_NO_SUCH_VARIABLE=… oes dry-run …",
        ),
        (
            &["status_code", "--from-curl", "wget x"],
            "begin with `curl`",
        ),
    ]);
}

const SERVICE: &str = "version = \"1.0\"\n[[services]]\nname = \"price\"\nurl = \"http://127.0.0.1:9/\"\n\
                       match = [\"status_code\"]\n";

#[test]
fn what_a_script_lacks_is_given_on_the_command_line() {
    let script = "//! Needs.\n//! ---\n//! secrets = [\"KEY\"]\n//! [params.reference]\n//! kind = \"url\"\nexpect(body.x == param(\"reference\"));\n";
    let desk = Desk::new(&[("needs.rhai", script), ("body.json", "{}")]);
    assert_snapshot!(desk.seen(&["dry-run", "needs", "--response", "body.json"]), @r#"
    exit 2
    ── err
    error: the script needs needs the secret KEY (give it with --secret KEY=VARIABLE, which names an environment variable)
    error: `needs` needs the parameter `reference` (give it with --param reference=VALUE: set `reference` to a URL such as "https://api.example.io/price")
    "#);
}

#[test]
fn a_bad_config_is_the_only_thing_that_is_said() {
    let desk = Desk::new(&[("bad.toml", "x\n"), ("body.json", "{}")]);
    for arguments in [
        vec!["price", "--config", "bad.toml"],
        vec![
            "status_code",
            "http://127.0.0.1:9/",
            "--config",
            "none.toml",
        ],
        vec!["price", "--config", "none.toml"],
        vec!["price", "--config", "none.toml", "--response", "body.json"],
        vec![
            "status_code",
            "http://127.0.0.1:9/",
            "--config",
            "bad.toml",
            "--memory",
            "live",
        ],
    ] {
        let command = [&["dry-run"], arguments.as_slice()].concat();
        let output = desk.run(&command);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert_eq!(error.matches('×').count(), 1, "{arguments:?}: {error}");
        assert!(!error.contains("error:"), "{arguments:?}: {error}");
        let told = json(&desk.run(&[command.as_slice(), &["--json"]].concat()));
        assert_eq!(told["mistakes"].as_array().map(Vec::len), Some(1), "{told}");
    }
}

#[test]
fn a_config_that_lies_about_does_not_stand_in_the_way() {
    let desk = Desk::new(&[("oes.toml", "x\n"), ("body.json", "{\"a\":1}")]);
    let code = |arguments: &[&str]| desk.run(arguments).status.code();
    let types = [
        "dry-run",
        "types",
        "--response",
        "body.json",
        "--expected",
        "{\"a\":2}",
    ];
    assert_eq!(code(&types), Some(0));
    let service = SERVICE.replace("\"price\"", "\"types\"");
    desk.write("oes.toml", &service);
    assert_eq!(code(&types), Some(0));
}

/// Returns what a server saw of a dry run of the status.
async fn asked(arguments: &[&str]) -> String {
    let upstream = Upstream::answering(ok("{}")).await;
    let url = upstream.url("/");
    let desk = Desk::new(&[]);
    let arguments = arguments
        .iter()
        .map(|argument| argument.replace("URL", &url));
    let mut command = desk.command(&["dry-run", "status_code"]);
    command.args(arguments).env("HOME", "/home/somebody");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    upstream.requests().concat()
}

#[tokio::test]
async fn a_body_is_sent_as_it_is_typed() {
    for body in [
        "{\"n\":\"${amount}\"}",
        "x=${env:HOME}",
        "a $${b} ${",
        "{\"${k}\":[1,2]}",
        "{ \"b\": 1.50, \"a\": 100000000000000000000001 }",
    ] {
        let asked = asked(&["URL", "-d", body]).await;
        assert!(asked.ends_with(&format!("\r\n\r\n{body}")), "{asked}");
        let is_json = asked.contains("content-type: application/json");
        assert_eq!(is_json, body.starts_with('{'), "{asked}");
    }
}

#[tokio::test]
async fn a_curl_command_is_sent_as_a_browser_copied_it() {
    let command = r"curl $'URL' -H $'x-note: it\'s \u00e9' -u me:pw --data-raw $'{\n\t\u0021}'";
    let asked = asked(&["--from-curl", command]).await;
    for part in [
        "POST / ",
        "x-note: it's é",
        "authorization: Basic bWU6cHc=",
        "\r\n\r\n{\n\t!}",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
}

/// Whoever reads JSON gets JSON, whatever is wrong.
#[test]
fn mistakes_are_json_where_json_is_wanted() {
    let desk = Desk::new(&[("bad.toml", "x = 1\n")]);
    let commands = [
        "check bad.toml",
        "dry-run --config bad.toml price",
        "test bad.toml",
        "backtest bad.toml price",
        "probe bad.toml",
        "status bad.toml",
        "blindspots bad.toml price",
        "learn ftp://a.example/",
        "init bad.toml",
        "new matcher ../x",
        "explain no-such",
        "demo --seconds 0",
        "run bad.toml",
    ];
    for command in commands {
        let words: Vec<&str> = command.split(' ').collect();
        let schema = format!("oes.{}/1", words[0]);
        for more in [
            &["--json"][..],
            &["--json", "--nonsense"],
            &["--color", "no", "--json"],
        ] {
            let output = desk.run(&[&words[..], more].concat());
            let said = json(&output);
            assert_eq!(said["schema"], *schema, "{command} {more:?}: {said:#}");
            assert_eq!(said["exit"], 2, "{command} {more:?}: {said:#}");
            assert_eq!(output.status.code(), Some(2), "{command} {more:?}");
            let mistakes = said["mistakes"].as_array();
            let mistake = mistakes.and_then(|mistakes| mistakes.first());
            let message = mistake.and_then(|mistake| mistake["message"].as_str());
            assert!(message.is_some(), "{command} {more:?}: {said:#}");
            assert_eq!(output.stderr, b"", "{command} {more:?}");
        }
    }
    for (words, schema) in [
        (&["--json"][..], "oes/1"),
        (&["chek", "--json"], "oes/1"),
        (&["man", "--json"], "oes/1"),
        (&["backtest", "--json"], "oes.backtest/1"),
    ] {
        assert_eq!(json(&desk.run(words))["schema"], schema);
    }
    let said = |words: &[&str]| {
        let said = json(&desk.run(words));
        format!("{}\n{}", said["error"], said["mistakes"][0]["help"])
    };
    let rows: [&[&str]; 4] = [
        &["chek", "--json"],
        &["check", "--json"],
        &["check", "a.toml", "--json", "--fromat", "short"],
        &["backtest", "a", "b", "c", "--json"],
    ];
    assert_snapshot!(rows.map(said).join("\n"), @r#"
    "unrecognized subcommand 'chek'"
    "some similar subcommands exist: 'ack', 'schema', 'check'; Usage: oes [OPTIONS] <COMMAND>"
    "the following required arguments were not provided: <CONFIG>"
    "Usage: oes check --json <CONFIG>"
    "unexpected argument '--fromat' found"
    "a similar argument exists: '--format'; Usage: oes check --json --format <FORMAT> <CONFIG>"
    "unexpected value 'c' for '<SERVICE>...' found; no more were expected"
    "Usage: oes backtest [OPTIONS] [CONFIG] <SERVICE>"
    "#);
}
