//! A service that echoes what it was sent: no secret of it is seen anywhere.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;

use super::Desk;
use crate::support::upstream::{Upstream, ok};

const SECRETS: [(&str, &str); 4] = [
    ("TOKEN", "hunter2-token"),
    ("PASSWORD", "s3cr3t word"),
    ("QUERY", "query-hunter2"),
    ("FIELD", "field-\"hunter2\""),
];

/// Returns everything that the service was sent, as it may come back.
fn echo() -> String {
    let basic = base64::engine::general_purpose::STANDARD.encode("bob:s3cr3t word");
    let all = format!(
        "Bearer hunter2-token; Basic {basic}; /x?k=query-hunter2; {{\"f\":\"field-\\\"hunter2\\\"\"}}; s3cr3t%20word; s3cr3t+word"
    );
    // A message cuts values after 60 characters: within the first secret here.
    let late = format!("{}{all}", "x".repeat(46));
    let encoded = "query%2Dhunter2 field%2d%22hunter2%22 hunter2\\u002dtoken";
    serde_json::json!({ "price": late, "list": [all, { "k": all, "e": encoded }] }).to_string()
}

fn config(upstream: &Upstream) -> String {
    let mut text = "data = \"data\"\nconfirm = false\ninterval = \"200ms\"\nnotify = { gather = 0 }\nserver = { listen = \"127.0.0.1:0\" }\n".to_owned();
    for (name, rest) in [
        (
            "header",
            "headers = { authorization = \"Bearer ${env:TOKEN}\" }\nmatch = [{ types = { price = 1 } }]",
        ),
        (
            "basic",
            "auth = { basic = { user = \"bob\", password = \"${env:PASSWORD}\" } }\nmatch = [{ exact = { price = 1 } }]",
        ),
        (
            "body",
            "method = \"POST\"\npayload = { f = \"${env:FIELD}\" }\nmatch = [{ script = \"shows\" }]",
        ),
    ] {
        writeln!(text, "[[services]]\nname = \"{name}\"\n{rest}").unwrap();
    }
    // Every service is given every secret, since the answer holds them all.
    let url = format!("url = \"{}?k=${{env:QUERY}}\"\n", upstream.url("/x"));
    let all = "secrets = { A = \"${env:TOKEN}\", B = \"${env:PASSWORD}\", C = \"${env:FIELD}\", D = \"Basic ${env:PAIR}\" }\n";
    text.replace("[[services]]\n", &format!("[[services]]\n{url}{all}"))
}

const SCRIPT: &str = r#"
note(body);
print(response.text);
memory.set("kept", body.price);
track("price", body.price);
fail("echo." + body.price, `the answer is ${body.price}`, #{ body: body });
"#;

fn check(what: &str, text: &str) {
    let text = text.to_ascii_lowercase();
    for part in ["hunter2", "s3cr3t", "ym9iOn"] {
        let found = text.find(&part.to_ascii_lowercase());
        let around = found.map(|at| {
            text.chars()
                .skip(text[..at].chars().count().saturating_sub(80))
                .take(160)
                .collect::<String>()
        });
        assert_eq!(around, None, "{what} shows {part}");
    }
}

async fn desk() -> (Desk, Upstream) {
    let upstream = Upstream::answering(ok(&echo())).await;
    let desk = Desk::new(&[
        ("oes.toml", &config(&upstream)),
        ("scripts/matchers/shows.rhai", SCRIPT),
    ]);
    (desk, upstream)
}

fn command(desk: &Desk, arguments: &[&str]) -> std::process::Command {
    let mut command = desk.command(arguments);
    let pair = base64::engine::general_purpose::STANDARD.encode("bob:s3cr3t word");
    command.envs(SECRETS).env("PAIR", pair);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_show_no_secret_that_a_service_echoes() {
    let (desk, _upstream) = desk().await;
    for arguments in [
        &["probe", "oes.toml"][..],
        &["probe", "oes.toml", "--json"],
        &["dry-run", "header", "--config", "oes.toml"],
        &["dry-run", "body", "--config", "oes.toml", "--trace"],
        &["dry-run", "body", "--config", "oes.toml", "--json"],
        &[
            "dry-run", "basic", "--config", "oes.toml", "--record", "recorded",
        ],
    ] {
        let output = command(&desk, arguments).output().unwrap();
        let text = format!("{output:?}");
        assert!(text.contains("***"), "{arguments:?}: {text}");
        check(&format!("{arguments:?}"), &text);
    }
    for file in std::fs::read_dir(desk.path("recorded")).unwrap() {
        let path = file.unwrap().path();
        check(
            &path.display().to_string(),
            &std::fs::read_to_string(&path).unwrap(),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_keeps_and_tells_no_secret_that_a_service_echoes() {
    let (desk, _upstream) = desk().await;
    let mut daemon = command(&desk, &["run", "oes.toml"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let state = desk.path("data/state.json");
    let mut text = String::new();
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        text = std::fs::read_to_string(&state).unwrap_or_default();
        if text.matches("[\"error\"]").count() == 3 {
            break;
        }
    }
    // What was told last is on its way.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let stopped = std::process::Command::new("kill")
        .arg(daemon.id().to_string())
        .status();
    assert!(stopped.unwrap().success());
    daemon.wait().unwrap();
    let mut out = String::new();
    std::io::Read::read_to_string(&mut daemon.stdout.take().unwrap(), &mut out).unwrap();
    let mut log = String::new();
    std::io::Read::read_to_string(&mut daemon.stderr.take().unwrap(), &mut log).unwrap();
    assert!(
        text.contains("***") && out.contains("***") && log.contains("***"),
        "{text}\n{out}\n{log}"
    );
    check("the state file", &text);
    check("a message", &out);
    check("the log", &log);
    let memory = std::fs::read(desk.path("data/oes.db")).unwrap();
    check("the history", &String::from_utf8_lossy(&memory));
}
