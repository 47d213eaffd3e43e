//! `oes learn`: samples to the service that expects the same.

use insta::assert_snapshot;

use super::{Desk, json, seen};
use crate::support::upstream::{Step, Upstream, ok, send};

/// A server that answers with one body after the other; the last one repeats.
async fn answering(bodies: &[&str]) -> Upstream {
    let script = |body: &&str| vec![Step::Request, send(ok(body))];
    Upstream::start(bodies.iter().map(script).collect()).await
}

/// Runs `oes learn` with no wait between samples, and returns what a user sees, without what is measured.
fn learn(desk: &Desk, url: &str, samples: usize, more: &[&str]) -> String {
    let samples = samples.to_string();
    let arguments = ["learn", url, "--every", "0", "--samples", &samples];
    let text = seen(&desk.run(&[&arguments, more].concat()));
    let measured = regex::Regex::new("Latency: .* slowest TIME").unwrap();
    let limit = regex::Regex::new("limit = \"[0-9]+ms\"").unwrap();
    let text = measured.replace_all(&text, "Latency: MEASURED");
    limit
        .replace_all(&text, "limit = \"MEASURED\"")
        .into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn optional_and_nullable_fields_arrays_and_maps_are_learnt() {
    let bodies = [
        r#"{"price":1.28,"note":null,"items":[],"by_day":{"2026-01-01":1,"2026-01-02":2},"fee":{"x":1}}"#,
        r#"{"price":1,"note":"x","items":[{"id":1},{"id":2,"tag":"a"}],"by_day":{"2026-01-03":1,"2026-01-04":2}}"#,
        r#"{"price":2,"note":"y","items":[{"id":3}],"by_day":{},"odd?":true}"#,
    ];
    let upstream = answering(&bodies).await;
    let desk = Desk::new(&[]);
    let text = learn(&desk, &upstream.url("/p"), 3, &["--name", "prices"]);
    assert_snapshot!(text, @r###"
    exit 0
    ── out
    # Learnt from 3 samples of GET http://127.0.0.1:PORT/p.
    # With 95 % certainty they show what at least 64 % of responses do; rarer things may be missing here, fewer with more --samples.
    # Latency: MEASURED. The limit is 3 times the 95th percentile, rounded up, at least TIME.
    # $.by_day: a map, whose keys are free: 4 in 3
    # $.fee: missing in 2 of 3
    # $.items[*].tag: missing in 2 of 3
    # $.note: null in 1 of 3
    # $['odd?']: missing in 2 of 3
    [[services]]
    name = "prices"
    url = "http://127.0.0.1:PORT/p"
    latency = { limit = "MEASURED", trigger = "median" }

    [[services.match]]

    [services.match.types]
    by_day = { "*" = "#number" }
    "fee?" = { x = "#number" }
    items = [{ id = "#number", "tag?" = "#string" }]
    note = "##string"
    "odd\\?" = "##boolean"
    price = "#number"
    "###);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_a_config_that_passes() {
    let body = r#"[{"id":"00000000-0000-4000-8000-000000000000","a rather long name of a key":{"another long name of a key":1},
        "more":[{"a rather long name":1,"another long name":2,"and a third long name of a key":"x"}]}]"#;
    let upstream = answering(&[body]).await;
    let desk = Desk::new(&[]);
    let url = upstream.url("/");
    for format in ["toml", "json"] {
        let arguments = ["learn", &url, "--every", "0", "--samples", "2", "--format"];
        let headers = ["-H", "X-Key: ${env:KEY}", "-d", "{\"a\":null}", "-X", "put"];
        let mut command = desk.command(&[&arguments[..], &[format], &headers].concat());
        let output = command.env("KEY", "geheim-geheim").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(!text.contains("geheim"), "{text}");
        let name = format!("oes.{format}");
        desk.write(&name, &text);
        let mut command = desk.command(&["probe", &name, "--json"]);
        let probed = json(&command.env("KEY", "geheim-geheim").output().unwrap());
        assert_eq!(probed["services"][0]["outcome"], "pass", "{text}\n{probed}");
    }
    let last = upstream.requests().pop().unwrap();
    assert!(
        last.starts_with("PUT / ") && last.ends_with("{\"a\":null}") && last.contains("geheim"),
        "{last}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_that_fail_are_said_and_left_out() {
    let broken =
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let good = ok(r#"{"a":1}"#);
    let scripts = [broken.into(), good.clone(), broken.into(), ok("pong"), good]
        .map(|answer: String| vec![Step::Request, send(answer)]);
    let upstream = Upstream::start(scripts.to_vec()).await;
    let desk = Desk::new(&[]);
    assert_snapshot!(learn(&desk, &upstream.url("/"), 6, &[]), @r###"
    exit 1
    ── out
    # Learnt from 3 samples of GET http://127.0.0.1:PORT/.
    # With 95 % certainty they show what at least 64 % of responses do, but all are the same: take them for longer (--every) to see what changes.
    # Latency: MEASURED. The limit is 3 times the 95th percentile, rounded up, at least TIME.
    [[services]]
    url = "http://127.0.0.1:PORT/"
    latency = { limit = "MEASURED", trigger = "median" }
    match = [{ types = { a = "#number" } }]
    ── err
    ! 1 sample left out: $: expected JSON, got no content type, 4 bytes starting "pong"
    ! 2 samples left out: expected 2xx, got 500 Internal Server Error
    "###);
    let all = Upstream::answering(broken).await;
    assert_snapshot!(learn(&desk, &all.url("/"), 2, &[]), @r"
    exit 1
    ── err
    ! 2 samples left out: expected 2xx, got 500 Internal Server Error
    nothing was learnt: no sample is a good response of JSON
    ");
    let told = json(&desk.run(&[
        "learn",
        &all.url("/"),
        "--every",
        "0",
        "--samples",
        "2",
        "--json",
    ]));
    assert_eq!(
        told,
        serde_json::json!({
            "schema": "oes.learn/1", "exit": 1, "samples": 2, "good": 0,
            "failures": [{ "samples": 2, "finding": "expected 2xx, got 500 Internal Server Error" }],
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learnt_is_told_as_json() {
    let upstream = answering(&[r#"{"a":1}"#, r#"{"a":null}"#]).await;
    let desk = Desk::new(&[]);
    let output = desk.run(&[
        "learn",
        &upstream.url("/"),
        "--every",
        "0",
        "--samples",
        "4",
        "--json",
    ]);
    let told = json(&output);
    assert_eq!(
        told["remarks"],
        serde_json::json!([{ "path": "$.a", "text": "null in 3 of 4" }])
    );
    let service = &told["config"]["services"][0];
    assert_eq!(
        service["match"],
        serde_json::json!([{ "types": { "a": "##number" } }])
    );
    assert_eq!(
        (&told["good"], &told["all_equal"]),
        (&4.into(), &false.into())
    );
    assert!(
        told["latency_ms"]["limit"].as_f64().unwrap() >= 100.0,
        "{told}"
    );
}

#[test]
fn arguments_that_make_no_request_are_refused() {
    let desk = Desk::new(&[]);
    assert_snapshot!(desk.seen(&["learn"]), @r"
    exit 2
    ── err
    error: there is nothing to learn from without a URL; give one, or a curl command with --from-curl
    ");
    assert_snapshot!(desk.seen(&["learn", "ftp://x"]), @r"
    exit 2
    ── err
    error: `ftp://x` is neither http nor https (it begins with https:// or http://)
    ");
    let told = json(&desk.run(&["learn", "ftp://x", "--json"]));
    assert_eq!(
        (&told["schema"], &told["exit"]),
        (&"oes.learn/1".into(), &2.into())
    );
}
