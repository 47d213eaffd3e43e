//! `oes dry-run --record`: the command it prints gives the same verdict without a network.

use super::{Desk, json};
use crate::support::upstream::{Upstream, ok};

/// Records a dry run on a server that is then gone, and returns both outputs of `--json` with their exit codes.
async fn twice(
    desk: &Desk,
    upstream: Upstream,
    arguments: &[&str],
) -> [(Option<i32>, serde_json::Value); 2] {
    let run = |words: Vec<String>| {
        let mut command = desk.command(&[]);
        command.args(words).env("OES_TEST_KEY", "s3 cret/key");
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let url = upstream.url("/price");
    let words = arguments.iter().map(|word| word.replace("URL", &url));
    let words = words.chain([
        "--record".to_owned(),
        "the record".to_owned(),
        "--json".to_owned(),
    ]);
    let live = run(words.collect()).await.unwrap();
    drop(upstream);
    let printed = String::from_utf8(live.stderr.clone()).unwrap();
    let again = printed.lines().last().unwrap().trim();
    let mut words = shlex(again);
    assert_eq!(words.remove(0), "oes", "{printed}");
    words.push("--json".to_owned());
    let again = run(words).await.unwrap();
    [live, again].map(|output| (output.status.code(), json(&output)))
}

/// Splits a command line whose quotes are all single ones.
fn shlex(command: &str) -> Vec<String> {
    let parts = command.split('\'').enumerate();
    let spaced = parts.map(|(n, part)| match n % 2 {
        0 => part.replace(' ', "\n"),
        _ => part.to_owned(),
    });
    spaced
        .collect::<String>()
        .split('\n')
        .map(str::to_owned)
        .collect()
}

async fn check(desk: &Desk, answer: impl AsRef<str>, arguments: &[&str], code: i32) {
    let upstream = Upstream::answering(answer.as_ref()).await;
    let [live, again] = twice(desk, upstream, arguments).await;
    assert_eq!(live.0, Some(code), "{}", live.1);
    assert_eq!(again.0, Some(code), "{}", again.1);
    for path in [
        "/at",
        "/request",
        "/response",
        "/result/outcome",
        "/result/findings",
    ] {
        assert_eq!(live.1.pointer(path), again.1.pointer(path), "{path}");
    }
}

#[tokio::test]
async fn status_type_and_headers_are_those_of_the_recording() {
    let desk = Desk::new(&[(
        "strict.rhai",
        "//! Looks at everything.\n//! ---\n//! status = \"any\"\n\
         expect(response.status == 503);\n\
         expect(response.headers[\"content-type\"] == \"text/plain\");\n\
         expect(response.elapsed_ms == 0, `${response.elapsed_ms}`);\n\
         expect(age(\"2020-01-01T00:00:00Z\") == 0, `${now()}`);\n",
    )]);
    let answer = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\nset-cookie: a=1\r\n\
                  set-cookie: b=2\r\ncontent-length: 2\r\n\r\nno";
    check(&desk, answer, &["dry-run", "status_code", "URL"], 1).await;
    check(&desk, answer, &["dry-run", "strict", "URL"], 1).await;
}

#[tokio::test]
async fn a_script_asks_its_own_origin_again() {
    let script = "let other = http.get(service.url);\nexpect(other.json.price == body.price);\n\
                  expect(param(\"least\") < body.price);\n";
    let desk = Desk::new(&[("same.rhai", script)]);
    let arguments = ["dry-run", "same", "URL", "--param", "least=1.5"];
    check(&desk, ok(r#"{"price":2}"#), &arguments, 0).await;
}

#[tokio::test]
async fn no_secret_of_a_url_is_written_down() {
    let script = "//! Asks with a key.\n//! ---\n//! secrets = [\"KEY\"]\n\
                  let other = http.get(service.url, #{ query: #{ key: secret(\"KEY\") } });\nexpect(other.ok);\n";
    let desk = Desk::new(&[("keyed.rhai", script)]);
    let arguments = ["dry-run", "keyed", "URL", "--secret", "KEY=OES_TEST_KEY"];
    check(&desk, ok("{}"), &arguments, 0).await;
    let recorded = std::fs::read_to_string(desk.path("the record/http.json")).unwrap();
    assert!(recorded.contains("/price?key=***"), "{recorded}");
}

#[tokio::test]
async fn what_a_script_remembered_is_recorded_with_it() {
    let script = "let seen = track(\"price\", body.price);\nexpect(seen.unchanged_for < 60, `same for ${seen.unchanged_for}`);\n";
    let desk = Desk::new(&[("moves.rhai", script)]);
    let arguments = ["dry-run", "moves", "URL", "--times", "3", "--every", "40s"];
    let upstream = Upstream::answering(ok(r#"{"price":2}"#)).await;
    let url = upstream.url("/");
    let words = arguments.map(|word| word.replace("URL", &url));
    let mut command = desk.command(&[]);
    command.args(words).args(["--record", "seen"]);
    let live = tokio::task::spawn_blocking(move || command.output().unwrap());
    assert_eq!(live.await.unwrap().status.code(), Some(1));
    drop(upstream);
    let again = [
        "dry-run",
        "moves",
        "--response",
        "seen",
        "--memory",
        "@seen/memory.json",
    ];
    let seen = desk.seen(&again);
    assert!(
        seen.starts_with("exit 1\n") && seen.contains("same for 80"),
        "{seen}"
    );
}

#[tokio::test]
async fn a_failure_is_recorded_as_well() {
    let desk = Desk::new(&[]);
    let upstream = Upstream::answering("").await;
    let [live, again] = twice(&desk, upstream, &["dry-run", "status_code", "URL"]).await;
    assert_eq!(
        live.1["response"]["failure"]["kind"], "closed_without_response",
        "{}",
        live.1
    );
    assert_eq!(
        live.1["response"]["failure"],
        again.1["response"]["failure"]
    );
    assert_eq!((live.0, again.0), (Some(1), Some(1)));
}

#[test]
fn a_status_may_be_put_in_place_of_the_recorded_one() {
    let head = r#"{"at":"2026-01-31T12:00:00Z","method":"GET","url":"http://x.example/","request_headers":[],
        "request_bytes":0,"elapsed_ns":1,"phases_ns":[],"certificate":null,"status":200,"headers":[],"truncated":false,"wire_bytes":2}"#;
    let desk = Desk::new(&[("seen/response.json", head), ("seen/response.body", "{}")]);
    let code = |more: &[&str]| {
        let arguments = [&["dry-run", "status_code", "--response", "seen"], more].concat();
        desk.run(&arguments).status.code()
    };
    assert_eq!((code(&[]), code(&["--status", "500"])), (Some(0), Some(1)));
    desk.write("seen/response.json", "{}");
    let seen = desk.seen(&["dry-run", "status_code", "--response", "seen"]);
    assert!(
        seen.contains("could not read seen: response.json: missing field"),
        "{seen}"
    );
}

#[tokio::test]
async fn what_a_script_asks_otherwise_than_by_http_is_recorded_as_well() {
    let upstream = Upstream::answering(ok(r#"{"price":1}"#)).await;
    let other = Upstream::answering("+PONG\r\n").await;
    let port = other.address.port();
    let desk = Desk::new(&[(
        "pings.rhai",
        &format!(
            "//! ---\n//! hosts = [\"127.0.0.1:{port}\"]\nlet r = tcp.exchange(\"127.0.0.1\", {port}, \"GET / HTTP/1.1\\r\\n\\r\\n\");\n\
             fail(\"pong\", r.text);\n"
        ),
    )]);
    let [live, again] = twice(&desk, upstream, &["dry-run", "pings", "URL"]).await;
    drop(other);
    assert_eq!(
        live.1["result"]["findings"][0]["message"], "+PONG\r\n",
        "{}",
        live.1
    );
    assert_eq!(live.1["result"]["findings"], again.1["result"]["findings"]);
}

/// What a service gives to whoever asks, and what it was shown, is for nobody who is sent the folder.
#[tokio::test(flavor = "multi_thread")]
async fn no_credential_of_a_header_is_saved_or_shown() {
    let script = "//! Looks.\n//! ---\n//! hosts = [\"127.0.0.1\"]\n\nlet other = http.get(service.url);\n\
                  expect(other.status == 200);\n";
    let desk = Desk::new(&[("look.rhai", script)]);
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nset-cookie: sid=hunter2\r\n\
                  x-csrf-token: hunter2\r\ncontent-length: 2\r\n\r\nok";
    let upstream = Upstream::answering(answer).await;
    let url = upstream.url("/");
    let headers = [
        "-H",
        "cookie: sid=hunter2",
        "-H",
        "authorization: Bearer hunter2",
    ];
    for output in ["--json", "--trace"] {
        let arguments = ["dry-run", "look", &url, "--record", "saved", output];
        let seen = desk.seen(&[&arguments[..], &headers].concat());
        assert!(seen.starts_with("exit 0"), "{seen}");
        assert!(seen.contains("***"), "{seen}");
        assert!(!seen.contains("hunter2"), "{seen}");
    }
    for file in ["response.json", "http.json"] {
        let saved = std::fs::read_to_string(desk.path("saved").join(file)).unwrap();
        assert!(saved.contains("\"set-cookie\""), "{saved}");
        assert!(!saved.contains("hunter2"), "{saved}");
    }
}
