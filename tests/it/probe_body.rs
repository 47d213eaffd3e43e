//! How much of a body is read.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use oes::model::failure::FailureKind;
use oes::model::service::BodyOverflow;

use crate::probe::{failed, get, passed, probe_with, prober};
use crate::support::upstream::{Upstream, ok};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    response.extend_from_slice(body);
    response
}

fn chunked(body: &str) -> String {
    let (a, b) = body.split_at(body.len() / 2);
    format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n",
        a.len(),
        b.len()
    )
}

#[tokio::test]
async fn the_limit_is_exact_with_and_without_a_length() {
    let prober = prober();
    let body = "x".repeat(1_000);
    for response in [ok(&body), chunked(&body)] {
        for (limit, fits) in [(1_001, true), (1_000, true), (999, false)] {
            let server = Upstream::answering(&response).await;
            let mut parts = get(&server.url("/"));
            parts.transport.body_limit_bytes = limit;
            let exchange = probe_with(&prober, parts.clone()).await;
            if fits {
                assert_eq!(passed(&exchange).body.bytes.len(), 1_000);
                assert!(!passed(&exchange).body.truncated);
            } else {
                assert_eq!(failed(&exchange).kind, FailureKind::BodyTooLarge);
            }
            parts.transport.body_overflow = BodyOverflow::Cut;
            let exchange = probe_with(&prober, parts).await;
            let got = &passed(&exchange).body;
            assert_eq!(got.bytes.len(), limit.min(1_000));
            assert_eq!(got.truncated, !fits);
        }
    }
}

#[tokio::test]
async fn encoded_bodies_are_decoded_and_measured_on_the_wire() {
    let text = "{\"price\": 1.28}".repeat(50);
    let wire = gzip(text.as_bytes());
    let server = Upstream::answering(encoded("gzip", &wire)).await;
    let exchange = probe_with(&prober(), get(&server.url("/"))).await;
    let body = &passed(&exchange).body;
    assert_eq!(&body.bytes[..], text.as_bytes());
    assert_eq!(body.wire_bytes, wire.len() as u64);
}

#[tokio::test]
async fn bombs_and_broken_encodings_are_failures() {
    let bomb = gzip(&vec![0; 3 << 20]);
    let text = gzip(b"hello, world");
    let rows = [
        (
            "gzip",
            bomb,
            FailureKind::BodyTooLarge,
            "more than 200 times",
        ),
        (
            "gzip",
            text[..text.len() - 3].to_vec(),
            FailureKind::DecodeError,
            "corrupt",
        ),
        (
            "gzip",
            b"plain text".to_vec(),
            FailureKind::DecodeError,
            "corrupt",
        ),
        (
            "br",
            b"\xff\xff\xff\xff".to_vec(),
            FailureKind::DecodeError,
            "corrupt",
        ),
        (
            "snappy",
            b"x".to_vec(),
            FailureKind::DecodeError,
            "\"snappy\", which was not asked for",
        ),
        (
            "gzip, gzip, gzip",
            b"x".to_vec(),
            FailureKind::DecodeError,
            "more than twice",
        ),
    ];
    let prober = prober();
    for (encoding, body, kind, message) in rows {
        let server = Upstream::answering(encoded(encoding, &body)).await;
        let exchange = probe_with(&prober, get(&server.url("/"))).await;
        let failure = failed(&exchange);
        assert_eq!(failure.kind, kind, "{encoding}: {failure:?}");
        assert!(failure.message.contains(message), "{encoding}: {failure:?}");
    }
}

#[tokio::test]
async fn the_limit_is_one_for_decoded_bytes() {
    let prober = prober();
    let text = b"{\"price\": 1.28}";
    let wire = gzip(text);
    assert!(wire.len() > text.len());
    let announced = encoded("gzip", &wire);
    let open = String::from("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
    let open = [open.as_bytes(), &wire].concat();
    for response in [announced, open] {
        let server = Upstream::answering(response).await;
        for overflow in [BodyOverflow::Fail, BodyOverflow::Cut] {
            let mut parts = get(&server.url("/"));
            parts.transport.body_limit_bytes = text.len();
            parts.transport.body_overflow = overflow;
            let exchange = probe_with(&prober, parts.clone()).await;
            let body = &passed(&exchange).body;
            assert_eq!((&body.bytes[..], body.truncated), (&text[..], false));
            parts.transport.body_limit_bytes = text.len() - 1;
            let exchange = probe_with(&prober, parts).await;
            match overflow {
                BodyOverflow::Fail => {
                    assert_eq!(
                        failed(&exchange).message,
                        "the body is larger than the limit of 14 bytes (after decoding)"
                    );
                }
                BodyOverflow::Cut => assert!(passed(&exchange).body.truncated),
            }
        }
    }
    // Encoded bytes that say nothing have an end too.
    let empty = gzip(b"").repeat(5_000);
    let server = Upstream::answering(encoded("gzip", &empty)).await;
    let mut parts = get(&server.url("/"));
    parts.transport.body_limit_bytes = 100;
    let exchange = probe_with(&prober, parts).await;
    assert_eq!(
        failed(&exchange).message,
        "the body is larger than the limit of 100 bytes (100000 bytes announced)"
    );
}

#[tokio::test]
async fn a_decoded_body_is_cut_at_its_limit() {
    let server = Upstream::answering(encoded("gzip", &gzip(&b"0123456789".repeat(10)))).await;
    let mut parts = get(&server.url("/"));
    parts.transport.body_limit_bytes = 42;
    parts.transport.body_overflow = BodyOverflow::Cut;
    let exchange = probe_with(&prober(), parts).await;
    let body = &passed(&exchange).body;
    assert_eq!((body.bytes.len(), body.truncated), (42, true));
}
