//! Redirects: what is followed, what goes along, where nothing goes.

use http::{HeaderName, Method};
use oes::model::exchange::Phase;
use oes::model::failure::FailureKind;
use oes::model::secret::Secret;
use oes::probe::{AddressPolicy, RequestParts};

use crate::probe::{failed, get, passed, probe};
use crate::support::upstream::{Step, Upstream, ok, send};

fn redirect(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} Go\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

fn with_secrets(url: &str) -> RequestParts {
    let mut parts = get(url);
    for (name, value) in [
        ("authorization", Secret::plain("Bearer hunter2")),
        ("cookie", Secret::plain("s=hunter2")),
        ("x-key", Secret::hidden("hunter2")),
        ("x-plain", Secret::plain("seen")),
    ] {
        parts
            .request
            .headers
            .push((HeaderName::from_static(name), value));
    }
    parts
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let other = Upstream::answering(ok("there")).await;
    let first = Upstream::answering(redirect(302, &other.url("/there?t=1"))).await;
    let exchange = probe(with_secrets(&first.url("/here"))).await;
    assert_eq!(&passed(&exchange).body.bytes[..], b"there");
    assert_eq!(exchange.hops.len(), 1);
    assert_eq!(exchange.hops[0].url, first.url("/here"));
    assert_eq!(exchange.hops[0].status, 302);
    assert_eq!(exchange.hops[0].peer, Some(first.address));
    assert_eq!(exchange.peer, Some(other.address));
    assert!(first.requests()[0].contains("hunter2"));
    let there = other.requests().remove(0);
    assert!(
        !there.contains("hunter2") && there.contains("x-plain: seen"),
        "{there}"
    );
    assert!(
        there.contains(&format!("host: {}", other.address)),
        "{there}"
    );
}

#[tokio::test]
async fn the_same_origin_gets_everything_and_phases_add_up() {
    let server = Upstream::start(vec![
        vec![Step::Request, send(redirect(307, "/b"))],
        vec![Step::Request, send(ok("done"))],
    ])
    .await;
    let mut parts = with_secrets(&server.url("/a"));
    parts.request.method = Method::POST;
    parts.request.body = Some("payload".into());
    let exchange = probe(parts).await;
    passed(&exchange);
    let second = server.requests().remove(1);
    assert!(
        second.starts_with("POST /b ") && second.ends_with("payload"),
        "{second}"
    );
    assert!(second.contains("Bearer hunter2"), "{second}");
    let sum: std::time::Duration = exchange.timings.present().map(|(_, spent)| spent).sum();
    assert!(sum <= exchange.timings.total && exchange.timings.phase(Phase::Wait).is_some());
}

#[tokio::test]
async fn a_post_becomes_a_get() {
    let server = Upstream::start(vec![
        vec![Step::Request, send(redirect(303, "/b"))],
        vec![Step::Request, send(ok("done"))],
    ])
    .await;
    let mut parts = get(&server.url("/a"));
    parts.request.method = Method::POST;
    parts.request.body = Some("payload".into());
    passed(&probe(parts).await);
    let second = server.requests().remove(1);
    assert!(
        second.starts_with("GET /b ") && !second.contains("payload"),
        "{second}"
    );
}

#[tokio::test]
async fn circles_and_long_ways_end() {
    let server = Upstream::answering(redirect(302, "/a")).await;
    let exchange = probe(get(&server.url("/a"))).await;
    assert_eq!(failed(&exchange).kind, FailureKind::RedirectLoop);
    assert!(
        failed(&exchange).message.contains("in a circle"),
        "{exchange:?}"
    );
    assert_eq!(server.requests().len(), 1);
    let scripts = (0..9).map(|i| vec![Step::Request, send(redirect(302, &format!("/{i}")))]);
    let server = Upstream::start(scripts.collect()).await;
    let exchange = probe(get(&server.url("/a"))).await;
    assert_eq!(failed(&exchange).kind, FailureKind::RedirectLoop);
    assert_eq!(failed(&exchange).message, "redirected more than 5 times");
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn a_redirect_that_is_not_followed_is_a_response() {
    let server =
        Upstream::answering("HTTP/1.1 302 Go\r\nLocation: /b\r\nContent-Length: 4\r\n\r\nhere")
            .await;
    let mut parts = get(&server.url("/a"));
    parts.transport.redirects_max = 0;
    let exchange = probe(parts).await;
    assert_eq!(passed(&exchange).status, 302);
    assert_eq!(&passed(&exchange).body.bytes[..], b"here");
    let server = Upstream::answering("HTTP/1.1 304 Same\r\nLocation: /b\r\n\r\n").await;
    assert_eq!(passed(&probe(get(&server.url("/a"))).await).status, 304);
}

#[tokio::test]
async fn metadata_addresses_are_never_asked() {
    for place in [
        "169.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "0.0.0.0",
        "[64:ff9b::a9fe:a9fe]",
    ] {
        let server = Upstream::answering(redirect(302, &format!("http://{place}/latest"))).await;
        let exchange = probe(get(&server.url("/a"))).await;
        let failure = failed(&exchange);
        assert_eq!(
            failure.kind,
            FailureKind::PolicyDenied,
            "{place}: {failure:?}"
        );
        assert!(failure.message.contains("never asked"), "{failure:?}");
        let direct = probe(get(&format!("http://{place}/"))).await;
        assert_eq!(failed(&direct).kind, FailureKind::PolicyDenied, "{place}");
        assert_eq!(failed(&direct).phase, None);
    }
}

#[tokio::test]
async fn a_request_with_listed_hosts_goes_nowhere_else() {
    let other = Upstream::answering(ok("x")).await;
    let server = Upstream::answering(redirect(302, &other.url("/b"))).await;
    let listed = |hosts: &[&Upstream]| {
        let mut parts = get(&server.url("/a"));
        let hosts = hosts.iter().map(|host| host.address.to_string()).collect();
        parts.addresses = AddressPolicy::Listed { hosts };
        parts
    };
    let refused = probe(listed(&[])).await;
    assert_eq!(failed(&refused).kind, FailureKind::PolicyDenied);
    assert!(server.requests().is_empty());
    let refused = probe(listed(&[&server])).await;
    assert_eq!(failed(&refused).kind, FailureKind::RedirectPolicy);
    insta::assert_snapshot!(
        failed(&refused).message.replace(&other.address.to_string(), "other:1"),
        @"redirected to other:1, which the script may not ask: grant the host to it"
    );
    assert!(other.requests().is_empty());
    passed(&probe(listed(&[&server, &other])).await);
}

#[tokio::test]
async fn a_body_with_a_secret_is_not_sent_on() {
    let other = Upstream::answering(ok("x")).await;
    let server = Upstream::answering(redirect(307, &other.url("/b"))).await;
    let mut parts = get(&server.url("/a"));
    parts.request.method = Method::POST;
    parts.request.body = Some("k=hunter2".into());
    passed(&probe(parts).await);
    let mut parts = get(&server.url("/a"));
    parts.request.method = Method::POST;
    parts.request.body = Some("k=hunter2".into());
    parts.request.body_is_secret = true;
    let exchange = probe(parts).await;
    assert_eq!(failed(&exchange).kind, FailureKind::RedirectPolicy);
    assert_eq!(other.requests().len(), 1);
}
