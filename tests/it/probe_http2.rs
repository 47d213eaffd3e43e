//! HTTP/2: by prior knowledge and by agreement within TLS, and servers that break it.

use http::Method;
use oes::model::exchange::Phase;
use oes::model::failure::FailureKind;
use oes::model::service::HttpVersions;

use crate::probe::{failed, get, ms, passed, probe, probe_with, prober};
use crate::probe_tls::get_tls;
use crate::support::authority::Authority;
use crate::support::h2_server::H2Server;
use crate::support::upstream::{Upstream, send};

#[tokio::test]
async fn http2_is_spoken_by_prior_knowledge() {
    let server = H2Server::start().await;
    let mut parts = get(&server.url("/h2"));
    parts.transport.http = HttpVersions::Http2;
    parts.request.method = Method::POST;
    parts.request.body = Some(vec![b'a'; 300_000].into());
    let exchange = probe(parts).await;
    let response = passed(&exchange);
    assert_eq!(response.version, http::Version::HTTP_2);
    assert_eq!(&response.body.bytes[..], b"POST /h2 300000");
    assert!(ms(&exchange, Phase::Wait) >= 59, "{:?}", exchange.timings);
}

#[tokio::test]
async fn http2_is_agreed_on_within_tls() {
    let authority = Authority::new();
    let server = H2Server::tls(authority.leaf(2020, 2090)).await;
    let prober = prober();
    // Two services of one host: neither sees anything of the other.
    let mut parts = [
        get_tls(server.address, "good.test", &authority),
        get_tls(server.address, "good.test", &authority),
    ];
    parts[0].request.url.set_path("/a");
    parts[1].request.url.set_path("/b");
    parts[1].request.method = Method::POST;
    parts[1].request.body = Some(vec![b'a'; 300_000].into());
    let [a, b] = parts;
    let (a, b) = tokio::join!(probe_with(&prober, a), probe_with(&prober, b));
    for (exchange, body) in [(&a, "GET /a 0"), (&b, "POST /b 300000")] {
        let response = passed(exchange);
        assert_eq!(response.version, http::Version::HTTP_2);
        assert_eq!(&response.body.bytes[..], body.as_bytes());
        assert_eq!(exchange.certificate.as_ref().unwrap().names[0], "good.test");
        let timings = exchange.timings;
        for phase in [
            Phase::Connect,
            Phase::Tls,
            Phase::Send,
            Phase::Wait,
            Phase::Transfer,
        ] {
            assert!(timings.phase(phase).is_some(), "{phase}: {timings:?}");
        }
        assert!(ms(exchange, Phase::Wait) >= 59, "{timings:?}");
    }
}

#[tokio::test]
async fn http2_only_servers_refuse_http1_within_tls() {
    let authority = Authority::new();
    let server = H2Server::tls(authority.leaf(2020, 2090)).await;
    let mut parts = get_tls(server.address, "good.test", &authority);
    parts.transport.http = HttpVersions::Http1;
    let exchange = probe(parts).await;
    assert!(!failed(&exchange).kind.is_ours(), "{exchange:?}");
}

#[tokio::test]
async fn a_goodbye_within_tls_is_no_answer() {
    let authority = Authority::new();
    // GOAWAY, last stream 0, no error
    let goaway = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let server = H2Server::raw_tls(goaway, authority.leaf(2020, 2090)).await;
    let exchange = probe(get_tls(server.address, "good.test", &authority)).await;
    let failure = failed(&exchange);
    assert_eq!(
        failure.kind,
        FailureKind::ClosedWithoutResponse,
        "{failure:?}"
    );
    assert_eq!(failure.phase, Some(Phase::Wait), "{failure:?}");
    assert_eq!(
        failure.message,
        format!(
            "{} closed the HTTP/2 connection (GOAWAY) before it answered",
            server.address
        )
    );
}

#[tokio::test]
async fn http2_servers_may_give_up_or_speak_nonsense() {
    let rows: [(&'static [u8], FailureKind); 4] = [
        // GOAWAY, last stream 0, no error
        (
            b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0",
            FailureKind::ClosedWithoutResponse,
        ),
        // RST_STREAM on stream 1, REFUSED_STREAM
        (
            b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x07",
            FailureKind::ClosedWithoutResponse,
        ),
        // DATA on a stream that nobody opened
        (b"\0\0\x01\0\0\0\0\0\x09x", FailureKind::BadHttp),
        (b"", FailureKind::ClosedWithoutResponse),
    ];
    for (after, kind) in rows {
        let server = H2Server::raw(after).await;
        let mut parts = get(&server.url("/"));
        parts.transport.http = HttpVersions::Http2;
        let exchange = probe(parts).await;
        let failure = failed(&exchange);
        assert_eq!(failure.kind, kind, "{after:?}: {failure:?}");
    }
}

/// One frame: its type, flags, and payload, on stream 1.
fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend_from_slice(&[kind, flags, 0, 0, 0, 1]);
    frame.extend_from_slice(payload);
    frame
}

/// A response head with some more headers, in as many frames as it needs.
fn head(headers: usize, value_bytes: usize) -> Vec<u8> {
    // :status 200, then literals without indexing
    let mut block = vec![0x88];
    for _ in 0..headers {
        block.extend_from_slice(&[0, 1, b'x']);
        match value_bytes {
            0..127 => block.push(u8::try_from(value_bytes).unwrap()),
            more => {
                block.push(127);
                let mut rest = more - 127;
                while rest >= 128 {
                    block.push(u8::try_from(rest % 128).unwrap() | 0x80);
                    rest /= 128;
                }
                block.push(u8::try_from(rest).unwrap());
            }
        }
        block.resize(block.len() + value_bytes, b'a');
    }
    let pieces = block.chunks(16_000).enumerate();
    let last = pieces.len() - 1;
    pieces
        .flat_map(|(index, piece)| {
            let kind = if index == 0 { 1 } else { 9 };
            frame(kind, if index == last { 4 } else { 0 }, piece)
        })
        .collect()
}

#[tokio::test]
async fn a_head_that_is_too_large_is_named_as_such() {
    for (headers, value_bytes) in [
        (300, 1),
        (70, 1_000),
        (1, 100_000),
        (200, 4_000),
        (5_000, 1_000),
    ] {
        let server = H2Server::raw(head(headers, value_bytes)).await;
        let mut parts = get(&server.url("/"));
        parts.transport.http = HttpVersions::Http2;
        let exchange = probe(parts).await;
        let failure = failed(&exchange);
        assert_eq!(
            failure.kind,
            FailureKind::HeaderTooLarge,
            "{headers} of {value_bytes}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_by_http1_to_http2_is_named_as_such() {
    let server = Upstream::always(vec![send("HTTP/1.1 400 Bad Request\r\n\r\n")]).await;
    let mut parts = get(&server.url("/"));
    parts.transport.http = HttpVersions::Http2;
    let exchange = probe(parts).await;
    let failure = failed(&exchange);
    assert_eq!(failure.kind, FailureKind::BadHttp, "{failure:?}");
    assert_eq!(
        failure.message,
        format!(
            "{} does not speak HTTP/2, and seems to speak HTTP/1.1 (frame with invalid size)",
            server.address
        )
    );
}

#[tokio::test]
async fn interim_responses_over_http2_are_read_up_to_a_number() {
    // :status 103, then 200 with the end of the stream
    let interim = frame(1, 4, b"\x08\x03103");
    let last = frame(1, 5, b"\x88");
    for (count, passes) in [(32, true), (34, false), (5_000, false)] {
        let mut stream = interim.repeat(count);
        if passes {
            stream.extend_from_slice(&last);
        }
        let server = H2Server::raw(stream).await;
        let mut parts = get(&server.url("/"));
        parts.transport.http = HttpVersions::Http2;
        let exchange = probe(parts).await;
        if passes {
            assert_eq!(passed(&exchange).status, 200);
        } else {
            let failure = failed(&exchange);
            assert_eq!(failure.kind, FailureKind::BadHttp, "{failure:?}");
            assert_eq!(
                failure.message,
                format!(
                    "{} sent more than 32 interim responses (1xx) and no final one",
                    server.address
                )
            );
        }
    }
}
