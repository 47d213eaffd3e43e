//! TLS servers with good and bad certificates, made for each test.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};

use native_tls::Identity;
use oes::model::exchange::{Exchange, Phase};
use oes::model::failure::FailureKind;
use oes::model::service::ClientIdentity;
use oes::probe::RequestParts;
use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use rcgen::KeyPair;

use crate::probe::{failed, get, passed, probe};
use crate::support::authority::{Authority, identity, params};
use crate::support::upstream::{Step, Upstream, ok, send};

async fn server(identity: Identity) -> Upstream {
    Upstream::tls(vec![Step::Request, send(ok("secure"))], identity).await
}

fn to(server: &Upstream, host: &str, authority: &Authority) -> RequestParts {
    get_tls(server.address, host, authority)
}

/// A request to a host that stands at an address, whose certificate an authority signed.
pub(crate) fn get_tls(address: SocketAddr, host: &str, authority: &Authority) -> RequestParts {
    let mut parts = get(&format!("https://{host}:{}/", address.port()));
    parts.transport.resolve = BTreeMap::from([(host.to_owned(), IpAddr::from([127, 0, 0, 1]))]);
    parts.transport.tls.ca_pem = Some(authority.pem());
    parts
}

fn refused(exchange: &Exchange, kind: FailureKind, message: &str) {
    let failure = failed(exchange);
    assert_eq!(failure.kind, kind, "{failure:?}");
    assert_eq!(failure.phase, Some(Phase::Tls), "{failure:?}");
    assert!(failure.message.contains(message), "{failure:?}");
    assert!(exchange.timings.phase(Phase::Tls).is_some());
    assert!(exchange.timings.phase(Phase::Send).is_none());
}

#[tokio::test]
async fn a_good_certificate_passes_and_shows_its_facts() {
    let authority = Authority::new();
    let server = server(authority.leaf(2020, 2090)).await;
    for host in ["good.test", "127.0.0.1"] {
        let exchange = probe(to(&server, host, &authority)).await;
        assert_eq!(&passed(&exchange).body.bytes[..], b"secure");
        let facts = exchange.certificate.as_ref().unwrap();
        assert_eq!(facts.names, ["good.test", "127.0.0.1"]);
        assert!(!facts.self_signed);
        assert!(exchange.timings.phase(Phase::Tls).is_some());
    }
    let mut renamed = to(&server, "alias.test", &authority);
    renamed.transport.tls.server_name = Some("good.test".to_owned());
    passed(&probe(renamed).await);
}

#[tokio::test]
async fn bad_certificates_are_told_apart_and_nothing_is_sent() {
    let authority = Authority::new();
    let expired = server(authority.leaf(2020, 2024)).await;
    let exchange = probe(to(&expired, "good.test", &authority)).await;
    refused(
        &exchange,
        FailureKind::TlsExpired,
        "days ago (2024-01-01), for: good.test, 127.0.0.1",
    );
    assert!(exchange.certificate.is_some());
    let exchange = probe(to(&expired, "other.test", &authority)).await;
    refused(
        &exchange,
        FailureKind::TlsName,
        "not for other.test, only for: good.test, 127.0.0.1; it also expired",
    );
    let early = server(authority.leaf(2080, 2090)).await;
    let exchange = probe(to(&early, "good.test", &authority)).await;
    refused(&exchange, FailureKind::TlsNotYetValid, "(2080-01-01)");
    let good = server(authority.leaf(2020, 2090)).await;
    let exchange = probe(to(&good, "other.test", &authority)).await;
    refused(
        &exchange,
        FailureKind::TlsName,
        "certificate is not for other.test, only for: good.test, 127.0.0.1",
    );
    let exchange = probe(to(&good, "good.test", &Authority::new())).await;
    refused(
        &exchange,
        FailureKind::TlsUntrusted,
        "which is not trusted here",
    );
    for server in [expired, early, good] {
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_unless_verification_is_off() {
    let key = KeyPair::generate().unwrap();
    let own = params(2020, 2090).self_signed(&key).unwrap();
    let server = server(identity(&own.pem(), &key)).await;
    let mut parts = to(&server, "good.test", &Authority::new());
    let exchange = probe(parts.clone()).await;
    refused(
        &exchange,
        FailureKind::TlsUntrusted,
        "certificate is self-signed",
    );
    assert!(exchange.certificate.as_ref().unwrap().self_signed);
    parts.transport.tls.verify = false;
    let exchange = probe(parts).await;
    passed(&exchange);
    assert!(exchange.certificate.is_some());
}

#[tokio::test]
async fn a_port_without_tls_is_named_as_such() {
    let plain = Upstream::always(vec![send("HTTP/1.1 400 Bad Request\r\n\r\n")]).await;
    let exchange = probe(to(&plain, "good.test", &Authority::new())).await;
    refused(&exchange, FailureKind::TlsHandshake, "does not speak TLS");
    let closing = Upstream::always(Vec::new()).await;
    let exchange = probe(to(&closing, "good.test", &Authority::new())).await;
    assert_eq!(
        failed(&exchange).kind,
        FailureKind::TlsHandshake,
        "{exchange:?}"
    );
    let silent = Upstream::always(vec![Step::Hang]).await;
    let mut parts = to(&silent, "good.test", &Authority::new());
    parts.timeout = std::time::Duration::from_millis(300);
    assert_eq!(failed(&probe(parts).await).kind, FailureKind::TimeoutTls);
}

/// Serves TLS connections that have to show a certificate of an authority, in a thread that ends with the process.
fn demanding(authority: &Authority, is_modern: bool) -> SocketAddr {
    let (certificate, key) = authority.leaf_pem(2020, 2090);
    let method = SslMethod::tls();
    let mut acceptor = if is_modern {
        SslAcceptor::mozilla_intermediate_v5(method).unwrap()
    } else {
        SslAcceptor::mozilla_intermediate(method).unwrap()
    };
    let key = PKey::private_key_from_pem(&key).unwrap();
    acceptor.set_private_key(&key).unwrap();
    let certificate = X509::from_pem(&certificate).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    let root = X509::from_pem(&authority.pem()).unwrap();
    acceptor.cert_store_mut().add_cert(root).unwrap();
    let acceptor = acceptor.build();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Ok(mut stream) = acceptor.accept(stream) else {
                continue;
            };
            let mut request = [0; 4_096];
            if stream.read(&mut request).is_ok_and(|read| read > 0) {
                drop(stream.write_all(ok("known").as_bytes()));
                drop(stream.shutdown());
            }
        }
    });
    address
}

#[tokio::test]
async fn a_server_that_demands_a_certificate_gets_it() {
    let authority = Authority::new();
    let stranger = Authority::new();
    for is_modern in [false, true] {
        let address = demanding(&authority, is_modern);
        let with = |authority_of_client: &Authority| {
            let (certificate_pem, key_pem) = authority_of_client.leaf_pem(2020, 2090);
            let mut parts = get_tls(address, "good.test", &authority);
            parts.transport.tls.client = Some(ClientIdentity {
                certificate_pem,
                key_pem,
            });
            parts
        };
        let exchange = probe(with(&authority)).await;
        assert_eq!(&passed(&exchange).body.bytes[..], b"known");
        let session = exchange.tls.unwrap();
        let (version, cipher) = (session.version_name(), session.cipher_name());
        if is_modern {
            assert_eq!(version, "TLS 1.3");
            assert!(
                cipher.ends_with("_SHA384") && cipher.starts_with("TLS_AES"),
                "{cipher}"
            );
        } else {
            assert_eq!(version, "TLS 1.2");
            assert!(cipher.starts_with("TLS_ECDHE_ECDSA_WITH_"), "{cipher}");
        }
        // TLS 1.3 refuses a client only after the handshake.
        let rows = [
            (
                get_tls(address, "good.test", &authority),
                if is_modern {
                    "ended TLS after the handshake: it demands a client certificate"
                } else {
                    "or demands a client certificate"
                },
            ),
            (
                with(&stranger),
                "it does not accept our client certificate, or demands one (decrypt error)",
            ),
        ];
        for (parts, message) in rows {
            let exchange = probe(parts).await;
            let failure = failed(&exchange);
            assert_eq!(failure.kind, FailureKind::TlsHandshake, "{failure:?}");
            assert!(failure.message.contains(message), "{failure:?}");
        }
    }
}

#[tokio::test]
async fn the_end_of_the_connection_ends_no_body_without_the_goodbye_of_tls() {
    let authority = Authority::new();
    let open = "HTTP/1.1 200 OK\r\n\r\n{\"price\":";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let vanishing = |answer: &str| vec![Step::Request, send(answer), Step::Vanish];
    let cut = Upstream::tls(vanishing(open), authority.leaf(2020, 2090)).await;
    let exchange = probe(to(&cut, "good.test", &authority)).await;
    let failure = failed(&exchange);
    assert_eq!(failure.kind, FailureKind::BodyIncomplete, "{failure:?}");
    assert_eq!(
        failure.message,
        format!(
            "{} ended the body after 9 bytes: the connection ended without the close_notify of TLS",
            cut.address
        )
    );
    let nothing = Upstream::tls(vanishing(""), authority.leaf(2020, 2090)).await;
    let exchange = probe(to(&nothing, "good.test", &authority)).await;
    let failure = failed(&exchange);
    assert_eq!(
        failure.kind,
        FailureKind::ClosedWithoutResponse,
        "{failure:?}"
    );
    assert_eq!(failure.phase, Some(Phase::Wait), "{failure:?}");
    // A body that says where it ends needs no goodbye, and an end with one is an end.
    let good = [
        vanishing(&ok("hi")),
        vanishing(chunked),
        vec![Step::Request, send("HTTP/1.1 200 OK\r\n\r\nhi")],
    ];
    for script in good {
        let server = Upstream::tls(script, authority.leaf(2020, 2090)).await;
        let exchange = probe(to(&server, "good.test", &authority)).await;
        assert_eq!(&passed(&exchange).body.bytes[..], b"hi");
    }
}
