//! Servers that do everything wrong: each gets its kind, and none a pass.

use std::time::Duration;

use oes::model::exchange::Phase;
use oes::model::failure::FailureKind;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::probe::{failed, get, passed, probe, probe_with, prober};
use crate::support::upstream::{Step, Upstream, ok, send, wait};

struct Row {
    name: &'static str,
    script: Vec<Step>,
    kind: FailureKind,
    message: &'static str,
}

fn row(name: &'static str, script: Vec<Step>, kind: FailureKind, message: &'static str) -> Row {
    Row {
        name,
        script,
        kind,
        message,
    }
}

fn answer(bytes: impl AsRef<[u8]>) -> Vec<Step> {
    vec![Step::Request, send(bytes)]
}

fn broken_heads() -> Vec<Row> {
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(300));
    vec![
        row(
            "closes at once",
            vec![Step::Request],
            FailureKind::ClosedWithoutResponse,
            "closed the connection without a response",
        ),
        row(
            "resets",
            vec![Step::Request, Step::Reset],
            FailureKind::ConnectReset,
            "reset the connection instead of answering",
        ),
        row(
            "half a head",
            answer("HTTP/1.1 200 OK\r\nContent-Le"),
            FailureKind::ClosedWithoutResponse,
            "in the middle of the response head",
        ),
        row(
            "10 MB of header",
            vec![
                Step::Request,
                send("HTTP/1.1 200 OK\r\nX: "),
                send(vec![b'a'; 10 << 20]),
            ],
            FailureKind::HeaderTooLarge,
            "more than 64 KiB or 256 headers",
        ),
        row(
            "too many headers",
            answer(many_headers),
            FailureKind::HeaderTooLarge,
            "more than 64 KiB or 256 headers",
        ),
        row(
            "not HTTP",
            answer("SSH-2.0-OpenSSH_9.6\r\n\r\n"),
            FailureKind::BadHttp,
            "sent a response that is not HTTP",
        ),
        row(
            "HTTP/2 unasked",
            answer(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff"),
            FailureKind::BadHttp,
            "sent a response that is not HTTP",
        ),
    ]
}

fn broken_bodies() -> Vec<Row> {
    vec![
        row(
            "content length too large",
            answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234"),
            FailureKind::BodyIncomplete,
            "ended the body after 4 of 10 bytes",
        ),
        row(
            "two content lengths",
            answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n1234"),
            FailureKind::BadHttp,
            "sent a response that is not HTTP",
        ),
        row(
            "chunks without an end",
            answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n"),
            FailureKind::BodyIncomplete,
            "ended the body after 4 bytes",
        ),
        row(
            "flood of 1xx",
            vec![
                Step::Request,
                Step::Flood("HTTP/1.1 100 Continue\r\n\r\n".repeat(40).into()),
            ],
            FailureKind::BadHttp,
            "more than 32 interim responses",
        ),
        row(
            "endless body",
            vec![
                Step::Request,
                send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                Step::Flood(format!("10000\r\n{}\r\n", "x".repeat(0x10000)).into()),
            ],
            FailureKind::BodyTooLarge,
            "larger than the limit of 4194304 bytes",
        ),
    ]
}

#[tokio::test]
async fn every_hostile_server_gets_its_kind() {
    let prober = prober();
    for row in broken_heads().into_iter().chain(broken_bodies()) {
        let server = Upstream::always(row.script).await;
        let exchange = probe_with(&prober, get(&server.url("/"))).await;
        let failure = failed(&exchange);
        assert_eq!(failure.kind, row.kind, "{}: {failure:?}", row.name);
        assert!(
            failure.message.contains(row.message),
            "{}: {failure:?}",
            row.name
        );
        assert!(failure.phase.is_some(), "{}: {failure:?}", row.name);
        assert!(!failure.kind.is_ours(), "{}: {failure:?}", row.name);
    }
}

#[tokio::test]
async fn a_response_cut_at_any_byte_is_never_a_pass() {
    let prober = prober();
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n0\r\n\r\n";
    for whole in [ok("{\"a\":1}"), chunked.to_owned()] {
        let head = whole.find("\r\n\r\n").unwrap() + 4;
        for end in 0..whole.len() {
            let server = Upstream::answering(&whole[..end]).await;
            let exchange = probe_with(&prober, get(&server.url("/"))).await;
            let expected = if end < head {
                FailureKind::ClosedWithoutResponse
            } else {
                FailureKind::BodyIncomplete
            };
            assert_eq!(
                failed(&exchange).kind,
                expected,
                "cut at {end}: {exchange:?}"
            );
        }
        let server = Upstream::answering(&whole).await;
        passed(&probe_with(&prober, get(&server.url("/"))).await);
    }
}

#[tokio::test]
async fn the_deadline_holds_in_every_phase() {
    let slow_head = std::iter::once(Step::Request)
        .chain(
            "HTTP/1.1 200 OK\r\nX-Slow"
                .chars()
                .flat_map(|c| [send(c.to_string()), wait(40)]),
        )
        .chain([Step::Hang]);
    let rows = [
        (
            "never answers",
            vec![Step::Request, Step::Hang],
            FailureKind::TimeoutWait,
            Phase::Wait,
        ),
        (
            "drips headers",
            slow_head.collect(),
            FailureKind::TimeoutTransfer,
            Phase::Transfer,
        ),
        (
            "stops in the body",
            vec![
                Step::Request,
                send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
                Step::Hang,
            ],
            FailureKind::TimeoutTransfer,
            Phase::Transfer,
        ),
    ];
    let prober = prober();
    for (name, script, kind, phase) in rows {
        let server = Upstream::always(script).await;
        let mut parts = get(&server.url("/"));
        parts.timeout = Duration::from_millis(150);
        let begun = Instant::now();
        let exchange = probe_with(&prober, parts).await;
        let took = begun.elapsed();
        let failure = failed(&exchange);
        assert_eq!(
            (failure.kind, failure.phase),
            (kind, Some(phase)),
            "{name}: {failure:?}"
        );
        assert!(
            failure.message.ends_with("within 150 ms"),
            "{name}: {failure:?}"
        );
        assert!(took < Duration::from_millis(350), "{name}: {took:?}");
        assert!(
            exchange.timings.total >= Duration::from_millis(149),
            "{name}"
        );
        assert!(
            exchange.timings.phase(phase).is_some(),
            "{name}: {:?}",
            exchange.timings
        );
    }
}

#[tokio::test]
async fn a_server_that_never_reads_is_a_timeout_of_sending() {
    let server = Upstream::always(vec![wait(2_000)]).await;
    let mut parts = get(&server.url("/"));
    parts.request.method = http::Method::POST;
    parts.request.body = Some(vec![0; 32 << 20].into());
    parts.timeout = Duration::from_millis(300);
    let exchange = probe(parts).await;
    assert_eq!(
        failed(&exchange).kind,
        FailureKind::TimeoutSend,
        "{:?}",
        failed(&exchange)
    );
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let exchange = probe(get(&format!("http://{address}/"))).await;
    let failure = failed(&exchange);
    assert_eq!(failure.kind, FailureKind::ConnectRefused);
    assert_eq!(failure.phase, Some(Phase::Connect));
    assert_eq!(failure.message, format!("connection refused by {address}"));
    assert!(exchange.timings.phase(Phase::Connect).is_some());
    assert!(exchange.timings.phase(Phase::Send).is_none());
}

#[tokio::test]
async fn odd_but_legal_responses_pass() {
    let rows = [
        ("HTTP/1.0 200 OK\r\n\r\nold", 200, "old"),
        (
            "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
            204,
            "",
        ),
        (
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            304,
            "",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef",
            200,
            "abc",
        ),
        (
            "HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\n<html>",
            500,
            "<html>",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Encoding: gzip\r\n\r\n",
            200,
            "",
        ),
    ];
    for (response, status, body) in rows {
        let server = Upstream::answering(response).await;
        let exchange = probe(get(&server.url("/"))).await;
        let got = passed(&exchange);
        assert_eq!(got.status, status, "{response}");
        assert_eq!(&got.body.bytes[..], body.as_bytes(), "{response}");
    }
    let mut head = get("http://127.0.0.1/");
    let server = Upstream::answering("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n").await;
    head.request.url = server.url("/").parse().unwrap();
    head.request.method = http::Method::HEAD;
    assert!(passed(&probe(head).await).body.bytes.is_empty());
}

#[tokio::test]
async fn bodies_that_are_not_json_or_not_utf8_are_responses() {
    let server =
        Upstream::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe{}").await;
    let exchange = probe(get(&server.url("/"))).await;
    assert!(passed(&exchange).body.json().is_err());
    let server = Upstream::answering(ok("<html><body>Sorry</body></html>")).await;
    let exchange = probe(get(&server.url("/"))).await;
    assert!(passed(&exchange).body.json().is_err());
}
