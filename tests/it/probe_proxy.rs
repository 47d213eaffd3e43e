//! Probes through an HTTP proxy.

use oes::model::exchange::Phase;
use oes::model::failure::FailureKind;
use oes::probe::AddressPolicy;
use tokio::net::TcpListener;

use crate::probe::{failed, get, passed, probe};
use crate::probe_tls::get_tls;
use crate::support::authority::Authority;
use crate::support::tunnel::Tunnel;
use crate::support::upstream::{Step, Upstream, ok, send};

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_url() {
    let proxy = Upstream::answering(ok("through")).await;
    let mut parts = get("http://anywhere.test/x?y");
    let url = proxy.url("/").replace("http://", "http://me:secret@");
    parts.transport.proxy = Some(url.parse().unwrap());
    let exchange = probe(parts).await;
    assert_eq!(&passed(&exchange).body.bytes[..], b"through");
    let asked = proxy.requests().remove(0);
    assert!(
        asked.starts_with("GET http://anywhere.test/x?y HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("proxy-authorization: Basic bWU6c2VjcmV0"),
        "{asked}"
    );
    assert!(!format!("{exchange:?}").contains("bWU6"));
}

#[tokio::test]
async fn a_broken_proxy_says_nothing_about_the_service() {
    let proxy = Upstream::answering("HTTP/1.1 407 No\r\n\r\n").await;
    let mut parts = get("https://anywhere.test/");
    parts.transport.proxy = Some(proxy.url("/").parse().unwrap());
    let exchange = probe(parts.clone()).await;
    assert_eq!(
        failed(&exchange).kind,
        FailureKind::LocalNetwork,
        "{exchange:?}"
    );
    assert!(proxy.requests()[0].starts_with("CONNECT anywhere.test:443 HTTP/1.1\r\n"));
    let address = proxy.address;
    drop(proxy);
    tokio::task::yield_now().await;
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = refused.local_addr().unwrap();
    drop(refused);
    assert_ne!(address, gone);
    parts.transport.proxy = Some(format!("http://{gone}/").parse().unwrap());
    assert_eq!(failed(&probe(parts).await).kind, FailureKind::LocalNetwork);
    let unreachable = Upstream::answering("HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
    let mut parts = get("https://anywhere.test/");
    parts.transport.proxy = Some(unreachable.url("/").parse().unwrap());
    assert_eq!(
        failed(&probe(parts).await).kind,
        FailureKind::ConnectUnreachable
    );
}

#[tokio::test]
async fn an_https_service_is_asked_through_a_tunnel() {
    let authority = Authority::new();
    let script = vec![Step::Request, send(ok("secure"))];
    let server = Upstream::tls(script, authority.leaf(2020, 2090)).await;
    let proxy = Tunnel::to(server.address).await;
    let mut parts = get_tls(server.address, "good.test", &authority);
    // The proxy looks the name up, and nobody else.
    parts.transport.resolve.clear();
    parts.transport.proxy = Some(
        format!("http://me:secret@{}/", proxy.address)
            .parse()
            .unwrap(),
    );
    let exchange = probe(parts).await;
    assert_eq!(&passed(&exchange).body.bytes[..], b"secure");
    let port = server.address.port();
    assert_eq!(
        proxy.asked(),
        [format!(
            "CONNECT good.test:{port} HTTP/1.1\r\nHost: good.test:{port}\r\n\
             Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
        )]
    );
    let seen = server.requests().remove(0);
    assert!(seen.starts_with("GET / HTTP/1.1\r\n"), "{seen}");
    assert!(
        !seen.contains("bWU6"),
        "the proxy's password is not the service's: {seen}"
    );
    assert_eq!(exchange.certificate.as_ref().unwrap().names[0], "good.test");
    assert_eq!(exchange.peer, Some(proxy.address));
    assert!(exchange.timings.phase(Phase::Resolve).is_none());
    for phase in [Phase::Connect, Phase::Tls, Phase::Send, Phase::Wait] {
        assert!(exchange.timings.phase(phase).is_some(), "{phase}");
    }
}

#[tokio::test]
async fn a_bad_certificate_behind_a_tunnel_is_the_service_s_fault() {
    let authority = Authority::new();
    let server = Upstream::tls(vec![Step::Request], authority.leaf(2020, 2090)).await;
    let proxy = Tunnel::to(server.address).await;
    let mut parts = get_tls(server.address, "other.test", &authority);
    parts.transport.proxy = Some(format!("http://{}/", proxy.address).parse().unwrap());
    let exchange = probe(parts).await;
    let failure = failed(&exchange);
    assert_eq!(failure.kind, FailureKind::TlsName, "{failure:?}");
    assert_eq!(failure.phase, Some(Phase::Tls));
    assert!(failure.message.contains("other.test"), "{failure:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_to_a_private_address_has_to_be_listed() {
    let inside = Upstream::answering(ok("inside")).await;
    let to = inside.url("/");
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let first = vec![Step::Request, send(moved)];
    let then = vec![Step::Request, send(ok("inside"))];
    // Behind a proxy nobody knows where a host is, so it counts as public.
    for (hosts, passes) in [
        (Vec::new(), false),
        (vec!["127.0.0.1:1".to_owned()], false),
        (vec![inside.address.to_string()], true),
    ] {
        let proxy = Upstream::start(vec![first.clone(), then.clone()]).await;
        let mut parts = get("http://public.test/");
        parts.transport.proxy = Some(proxy.url("/").parse().unwrap());
        parts.addresses = AddressPolicy::Configured { hosts };
        let exchange = probe(parts).await;
        if passes {
            assert_eq!(&passed(&exchange).body.bytes[..], b"inside");
        } else {
            let failure = failed(&exchange);
            assert_eq!(failure.kind, FailureKind::PolicyDenied, "{failure:?}");
            assert_eq!(
                failure.message,
                "127.0.0.1 was not connected to: a redirect may not lead from a public to a private address; \
                 if it should, list the host in `hosts` of the service"
            );
        }
    }
}
