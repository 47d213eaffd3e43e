//! TLS servers with good and bad certificates, made for each test.

use std::collections::BTreeMap;
use std::net::IpAddr;

use native_tls::Identity;
use oes::model::exchange::{Exchange, Phase};
use oes::model::failure::FailureKind;
use oes::probe::RequestParts;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

use crate::probe::{failed, get, passed, probe};
use crate::support::upstream::{Step, Upstream, ok, send};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Test CA");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    fn leaf(&self, from: i32, until: i32) -> Identity {
        let mut params = params(from, until);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "leaf");
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.0).unwrap();
        identity(&leaf.pem(), &key)
    }
}

fn params(from: i32, until: i32) -> CertificateParams {
    let mut params =
        CertificateParams::new(vec!["good.test".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

fn identity(pem: &str, key: &KeyPair) -> Identity {
    Identity::from_pkcs8(pem.as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

async fn server(identity: Identity) -> Upstream {
    Upstream::tls(vec![Step::Request, send(ok("secure"))], identity).await
}

fn to(server: &Upstream, host: &str, authority: &Authority) -> RequestParts {
    let mut parts = get(&format!("https://{host}:{}/", server.address.port()));
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
