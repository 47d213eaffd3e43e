//! What each token may: of every operation that the OpenAPI document has, through the real binary.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use super::caller::Caller;
use super::process::Process;
use super::rig::Rig;

/// Returns what a command of the real binary prints.
pub(super) fn printed(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_oes"))
        .args(arguments)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A token, and its entry in an ops config.
pub(super) fn token(name: &str, scope: &str) -> (String, String) {
    let made = printed(&["token", "new", "--json", "--name", name, "--scope", scope]);
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    let entry = format!(
        "{{ name = \"{name}\", scope = \"{scope}\", hash = \"{}\" }}",
        text("hash")
    );
    (text("token"), entry)
}

/// Method, path and scope of every operation.
fn operations() -> Vec<(String, String, String)> {
    let document = printed(&["schema", "--openapi"]);
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]["token"][0].as_str().unwrap();
            operations.push((method.to_uppercase(), path.clone(), scope.to_owned()));
        }
    }
    assert!(operations.len() > 10, "{operations:?}");
    operations
}

/// A body that an operation takes.
fn body(method: &str, path: &str) -> Option<Value> {
    match (method, path) {
        ("POST", "/silences") => Some(json!({
            "of": { "services": ["price"] }, "for_s": 1, "by": "ada", "reason": "a test"
        })),
        ("POST", "/history/check") => Some(json!({ "services": ["price"] })),
        ("POST", "/services/{name}/dry-run") => Some(json!({ "script": "stop();" })),
        ("POST", "/incidents/{id}/ack") => Some(json!({ "by": "ada" })),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_what_its_scope_says_and_nothing_else() {
    const ORDER: [&str; 3] = ["read", "operate", "admin"];
    let rig = Rig::new();
    let made: BTreeMap<&str, (String, String)> = ORDER
        .into_iter()
        .map(|scope| (scope, token(&format!("of-{scope}"), scope)))
        .collect();
    let entries: Vec<&str> = made.values().map(|(_, entry)| entry.as_str()).collect();
    let server = format!("[server]\ntokens = [{}]\n", entries.join(", "));
    let config = rig.config(&["price"]).replace("[server]\n", &server);
    rig.write("oes.toml", &config);
    let process = Process::start(&rig, "log");
    process.address().await;
    let mut caller = Caller::of(&rig);
    for (method, path, needed) in operations() {
        let body = body(&method, &path);
        let path = path
            .split('/')
            .map(|part| if part.starts_with('{') { "none" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        caller.token = None;
        let answer = caller.asks(&method, &path, body.as_ref()).await;
        assert_eq!(answer.status, 401, "{method} {path}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        let least = ORDER.iter().position(|scope| *scope == needed).unwrap();
        for (place, scope) in ORDER.iter().enumerate() {
            caller.token = Some(made[scope].0.clone());
            let answer = caller.asks(&method, &path, body.as_ref()).await;
            if place >= least {
                assert!(
                    ![401, 403].contains(&answer.status),
                    "{method} {path} with {scope}: {answer:?}"
                );
                continue;
            }
            assert_eq!(answer.status, 403, "{method} {path} with {scope}");
            let words =
                format!("this needs the scope `{needed}`; the token `of-{scope}` has `{scope}`");
            assert_eq!(answer.body["detail"], words.as_str());
        }
    }
}

/// The table of docs/api.md has every operation with its scope, and no other.
#[test]
fn the_documentation_has_every_operation() {
    let text = include_str!("../../../docs/api.md");
    let documented = text.lines().filter_map(|line| {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let call = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        let (method, path) = call
            .split_once(' ')
            .filter(|(_, path)| path.starts_with('/'))?;
        let scope = cells.next()?.trim_matches('`').to_owned();
        Some((format!("{method} {path}"), scope))
    });
    let mut documented: Vec<(String, String)> = documented.collect();
    let of = |(method, path, scope): (String, String, String)| {
        let path = path.split('/').map(|part| match part.strip_prefix('{') {
            Some(name) => name.trim_end_matches('}').to_uppercase(),
            None => part.to_owned(),
        });
        let path = path.collect::<Vec<_>>().join("/");
        (format!("{method} {path}"), scope)
    };
    let mut known: Vec<(String, String)> = operations().into_iter().map(of).collect();
    documented.sort();
    known.sort();
    assert_eq!(documented, known);
}

/// A token that is gone from the config is gone with the next reload, and a new one is known.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_change_with_a_reload() {
    let rig = Rig::new();
    let ((old, before), (new, after)) = (token("old", "read"), token("new", "read"));
    let config = rig.config(&["price"]);
    let with =
        |entry: &str| config.replace("[server]\n", &format!("[server]\ntokens = [{entry}]\n"));
    rig.write("oes.toml", &with(&before));
    let process = Process::start(&rig, "log");
    process.address().await;
    let mut caller = Caller::of(&rig);
    let own = caller.token.clone();
    rig.write("oes.toml", &with(&after));
    let reloaded = caller.asks("POST", "/reload", None).await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    for (token, status) in [(Some(old), 401), (Some(new), 200), (own, 200)] {
        caller.token = token;
        assert_eq!(caller.asks("GET", "/services", None).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tokens_wait_and_a_right_one_never_does() {
    let rig = Rig::new();
    let (text, entry) = token("ci", "read");
    let server = format!("[server]\ntokens = [{entry}]\nproxies = [\"127.0.0.1\"]\n");
    rig.write(
        "oes.toml",
        &rig.config(&["price"]).replace("[server]\n", &server),
    );
    let process = Process::start(&rig, "log");
    process.address().await;
    let mut caller = Caller::of(&rig);
    let from = |address: &str| format!("x-forwarded-for: {address}\r\n");
    caller.token = Some("oes_guess".to_owned());
    for _ in 0..10 {
        let wrong = caller
            .asks_with("GET", "/services", &from("203.0.113.9"), None)
            .await;
        assert_eq!(wrong.status, 401, "{wrong:?}");
        assert_eq!(wrong.body["detail"], "the token is another one");
    }
    let wrong = caller
        .asks_with("GET", "/services", &from("203.0.113.9"), None)
        .await;
    assert_eq!(
        (wrong.status, wrong.kind.as_str()),
        (429, "application/problem+json")
    );
    let after: u64 = wrong.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&after), "{after}");
    let words = "too many wrong tokens came from here; a right one is answered at once";
    assert_eq!(wrong.body["detail"], words);
    let other = caller
        .asks_with("GET", "/services", &from("198.51.100.7"), None)
        .await;
    assert_eq!(other.status, 401, "another address");
    caller.token = Some(text);
    for _ in 0..20 {
        let right = caller
            .asks_with("GET", "/services", &from("203.0.113.9"), None)
            .await;
        assert_eq!(right.status, 200, "{right:?}");
    }
    caller.token = None;
    let nobody = caller
        .asks_with("GET", "/services", &from("203.0.113.9"), None)
        .await;
    assert_eq!(nobody.status, 401, "who shows none does not guess");
    assert_eq!(
        process
            .said()
            .matches("a token was shown that is not known")
            .count(),
        11
    );
}
