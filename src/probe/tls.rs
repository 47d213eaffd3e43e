//! TLS: connectors shared by equal profiles, the handshake through hyper-tls, and what a refused certificate says.

use std::collections::HashMap;
use std::error::Error;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use http::Uri;
use hyper_tls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio_native_tls::TlsConnector;
use tower_service::Service;

use super::certificate::listed;
use super::stream::{Stream, Wire};
use crate::model::exchange::Certificate;
use crate::model::failure::{Failure, FailureKind};
use crate::model::service::{ClientIdentity, HttpVersions, TlsProfile};

/// What makes two connectors the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    verify: bool,
    ca_pem: Option<Vec<u8>>,
    client: Option<ClientIdentity>,
    offers: &'static [&'static str],
}

/// The connectors by profile. Building one loads the system's roots, 100–200 ms, so equal profiles share it.
#[derive(Debug, Default)]
pub(super) struct Connectors {
    slots: Mutex<HashMap<Key, Arc<Connector>>>,
}

impl Connectors {
    /// Returns the connector of a profile, not yet built if it is new. Forgets those that no plan uses.
    pub(super) fn of(&self, profile: &TlsProfile, versions: HttpVersions) -> Arc<Connector> {
        let offers: &[&str] = match versions {
            HttpVersions::Auto => &["h2", "http/1.1"],
            HttpVersions::Http1 => &["http/1.1"],
            HttpVersions::Http2 => &["h2"],
        };
        self.slot(Key {
            verify: profile.verify,
            ca_pem: profile.ca_pem.clone(),
            client: profile.client.clone(),
            offers,
        })
    }

    /// Returns the same connector without its client certificate, for places that it is not meant for.
    pub(super) fn without_client(&self, connector: &Connector) -> Arc<Connector> {
        let key = Key {
            client: None,
            ..connector.key.clone()
        };
        self.slot(key)
    }

    /// Returns the same connector without verification, to look at a certificate that was refused.
    pub(super) fn without_verification(&self, connector: &Connector) -> Arc<Connector> {
        let key = Key {
            verify: false,
            ca_pem: None,
            ..connector.key.clone()
        };
        self.slot(key)
    }

    fn slot(&self, key: Key) -> Arc<Connector> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = slots.get(&key) {
            return Arc::clone(known);
        }
        // The look at refused certificates is kept: no plan holds it.
        slots.retain(|key, slot| !key.verify || Arc::strong_count(slot) > 1);
        let slot = Arc::new(Connector {
            key: key.clone(),
            built: OnceLock::new(),
        });
        slots.insert(key, Arc::clone(&slot));
        slot
    }
}

/// A TLS connector that is built when first needed.
#[derive(Debug)]
pub(super) struct Connector {
    key: Key,
    built: OnceLock<Result<TlsConnector, String>>,
}

impl Connector {
    /// Returns the connector, building it if need be, which takes 100–200 ms.
    pub(super) fn build(&self) -> Result<&TlsConnector, &str> {
        self.built
            .get_or_init(|| build(&self.key))
            .as_ref()
            .map_err(String::as_str)
    }

    /// Returns the connector without blocking the thread on building it.
    pub(super) async fn get(self: &Arc<Self>) -> Result<&TlsConnector, Failure> {
        if self.built.get().is_none() {
            let slot = Arc::clone(self);
            // A panic in there leaves the connector unbuilt; it is then built below.
            drop(tokio::task::spawn_blocking(move || slot.build().is_ok()).await);
        }
        self.build().map_err(|message| Failure {
            kind: FailureKind::Internal,
            phase: None,
            message: message.to_owned(),
        })
    }
}

fn build(key: &Key) -> Result<TlsConnector, String> {
    let mut builder = native_tls::TlsConnector::builder();
    builder
        .danger_accept_invalid_certs(!key.verify)
        .danger_accept_invalid_hostnames(!key.verify)
        .request_alpns(key.offers);
    if let Some(pem) = &key.ca_pem {
        let authorities = native_tls::Certificate::stack_from_pem(pem)
            .map_err(|error| format!("the certificate authorities are not PEM: {error}"))?;
        if authorities.is_empty() {
            return Err("no certificate is in the file of certificate authorities".to_owned());
        }
        for authority in authorities {
            builder.add_root_certificate(authority);
        }
    }
    if let Some(client) = &key.client {
        let identity =
            native_tls::Identity::from_pkcs8(&client.certificate_pem, &client.key_pem)
                .map_err(|error| format!("the client certificate or its key is bad: {error}"))?;
        builder.identity(identity);
    }
    builder
        .build()
        .map(TlsConnector::from)
        .map_err(|error| format!("TLS could not be set up: {error}"))
}

/// The inner connector of hyper-tls: yields the one stream that was connected, and stamped, before.
struct Connected(Option<TokioIo<Wire>>);

impl Service<Uri> for Connected {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = Ready<io::Result<TokioIo<Wire>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        ready(
            self.0
                .take()
                .ok_or_else(|| io::ErrorKind::NotConnected.into()),
        )
    }
}

/// Shakes hands on a connected stream, for the host of `uri`, whose scheme is `https`.
pub(super) async fn handshake(
    connector: &TlsConnector,
    uri: Uri,
    tcp: TcpStream,
) -> Result<Stream, Box<dyn Error + Send + Sync>> {
    let inner = Connected(Some(TokioIo::new(Wire::new(tcp))));
    HttpsConnector::from((inner, connector.clone()))
        .call(uri)
        .await
}

/// Tells whether both sides agreed on HTTP/2.
pub(super) fn agreed_h2(stream: &Stream) -> bool {
    match stream {
        MaybeHttpsStream::Https(tls) => matches!(
            tls.inner().get_ref().negotiated_alpn(),
            Ok(Some(protocol)) if protocol == b"h2"
        ),
        MaybeHttpsStream::Http(_) => false,
    }
}

/// Returns the peer's own certificate as DER.
pub(super) fn peer_certificate(stream: &Stream) -> Option<Vec<u8>> {
    match stream {
        MaybeHttpsStream::Https(tls) => {
            let certificate = tls.inner().get_ref().peer_certificate().ok()??;
            certificate.to_der().ok()
        }
        MaybeHttpsStream::Http(_) => None,
    }
}

/// Why a handshake failed, as far as its error tells.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) kind: FailureKind,
    reason: String,
}

impl Refusal {
    /// Reads the reason out of an OpenSSL error: its type shows nothing but its text.
    pub(super) fn of(error: &(dyn Error + Send + Sync + 'static)) -> Self {
        let text = error.to_string();
        if text.contains("certificate verify failed") {
            // `…:certificate verify failed:…: (certificate has expired)`
            let reason = text
                .rsplit_once('(')
                .map_or(text.as_str(), |(_, reason)| reason.trim_end_matches(')'));
            let kind = if reason.contains("has expired") {
                FailureKind::TlsExpired
            } else if reason.contains("not yet valid") {
                FailureKind::TlsNotYetValid
            } else if reason.contains("mismatch") {
                FailureKind::TlsName
            } else {
                FailureKind::TlsUntrusted
            };
            return Self {
                kind,
                reason: reason.to_owned(),
            };
        }
        let has = |part: &str| text.contains(part);
        let reason = if has("wrong version number") || has("packet length") || has("http request") {
            "it does not speak TLS on this port".to_owned()
        } else if has("unexpected EOF") || has("unexpected eof") {
            "it closed the connection during the handshake".to_owned()
        } else if has("no application protocol") {
            "it speaks none of the HTTP versions that were offered".to_owned()
        } else if has("onnection reset") {
            "it reset the connection during the handshake".to_owned()
        } else if let Some(reason) = alert(&text) {
            reason
        } else {
            // `error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:…`
            text.split(':')
                .nth(4)
                .map_or_else(|| text.clone(), str::to_owned)
        };
        Self {
            kind: FailureKind::TlsHandshake,
            reason,
        }
    }

    /// Tells whether a second look would show a certificate.
    pub(super) fn is_about_certificate(&self) -> bool {
        self.kind != FailureKind::TlsHandshake
    }

    /// Returns the failure for a person, with the facts of the certificate if they are known.
    pub(super) fn explain(
        self,
        host: &str,
        peer: SocketAddr,
        facts: Option<&Certificate>,
        now: Timestamp,
    ) -> Failure {
        let message = match (self.kind, facts) {
            (FailureKind::TlsHandshake, _) => {
                format!("TLS handshake with {peer} failed: {}", self.reason)
            }
            (_, None) => format!("certificate of {host} was refused: {}", self.reason),
            (kind, Some(facts)) => explain_certificate(kind, &self.reason, host, facts, now),
        };
        Failure {
            kind: self.kind,
            phase: None,
            message,
        }
    }
}

fn explain_certificate(
    kind: FailureKind,
    reason: &str,
    host: &str,
    facts: &Certificate,
    now: Timestamp,
) -> String {
    let names = listed(facts);
    match kind {
        FailureKind::TlsExpired if facts.not_after < now => format!(
            "certificate expired {} ago ({}), for: {names}",
            span(facts.not_after, now),
            day(facts.not_after),
        ),
        FailureKind::TlsExpired => format!(
            "a certificate above that of {host} has expired; its own is valid until {}",
            day(facts.not_after)
        ),
        FailureKind::TlsNotYetValid => format!(
            "certificate becomes valid in {} ({}), for: {names}",
            span(now, facts.not_before),
            day(facts.not_before),
        ),
        FailureKind::TlsName => format!(
            "certificate is not for {host}, only for: {names}{}",
            also_untimely(facts, now)
        ),
        _ => {
            let what = if facts.self_signed {
                format!("certificate is self-signed ({})", facts.subject)
            } else {
                format!(
                    "certificate was issued by {}, which is not trusted here ({reason})",
                    facts.issuer
                )
            };
            format!("{what}, for: {names}{}", also_untimely(facts, now))
        }
    }
}

/// Returns what else is wrong with a certificate: OpenSSL looks at its time last, and names one reason only.
fn also_untimely(facts: &Certificate, now: Timestamp) -> String {
    if facts.not_after < now {
        let (since, on) = (span(facts.not_after, now), day(facts.not_after));
        format!("; it also expired {since} ago ({on})")
    } else if facts.not_before > now {
        let (until, on) = (span(now, facts.not_before), day(facts.not_before));
        format!("; it also becomes valid only in {until} ({on})")
    } else {
        String::new()
    }
}

/// Returns what the alert says that a peer sent, `None` if an OpenSSL error is no alert.
pub(super) fn alert(error: &str) -> Option<String> {
    // `error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:…`
    let part = error
        .contains("SSL routines")
        .then(|| error.split(':').find(|part| part.contains(" alert ")))??;
    let (_, name) = part.split_once(" alert ")?;
    Some(match name {
        "certificate required" => "it demands a client certificate".to_owned(),
        "handshake failure" => {
            "it refused (handshake failure): it takes none of our TLS versions and ciphers, or \
             demands a client certificate"
                .to_owned()
        }
        "unknown ca" | "bad certificate" | "certificate unknown" | "decrypt error" => {
            format!("it does not accept our client certificate, or demands one ({name})")
        }
        name => format!("it refused ({name})"),
    })
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Returns the time between two moments in its largest unit: `3 days`.
fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Certificate {
        Certificate {
            subject: "CN=a.example".to_owned(),
            issuer: "CN=Some CA".to_owned(),
            names: vec!["a.example".to_owned(), "b.example".to_owned()],
            not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2026-11-20T12:00:00Z".parse().unwrap(),
            self_signed: false,
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_certificate() {
        let now = "2026-11-23T13:00:00Z".parse().unwrap();
        let check = |kind, facts: &Certificate, expected: &str| {
            assert_eq!(
                explain_certificate(kind, "why", "x.example", facts, now),
                expected
            );
        };
        let facts = facts();
        check(
            FailureKind::TlsExpired,
            &facts,
            "certificate expired 3 days ago (2026-11-20), for: a.example, b.example",
        );
        check(
            FailureKind::TlsName,
            &facts,
            "certificate is not for x.example, only for: a.example, b.example; it also expired 3 days ago (2026-11-20)",
        );
        check(
            FailureKind::TlsUntrusted,
            &Certificate {
                self_signed: true,
                ..facts.clone()
            },
            "certificate is self-signed (CN=a.example), for: a.example, b.example; it also expired 3 days ago (2026-11-20)",
        );
        let later = Certificate {
            not_before: "2026-11-23T14:30:00Z".parse().unwrap(),
            not_after: "2027-11-23T14:30:00Z".parse().unwrap(),
            ..facts
        };
        check(
            FailureKind::TlsNotYetValid,
            &later,
            "certificate becomes valid in 1 hour (2026-11-23), for: a.example, b.example",
        );
        check(
            FailureKind::TlsUntrusted,
            &later,
            "certificate was issued by CN=Some CA, which is not trusted here (why), for: a.example, b.example; it also becomes valid only in 1 hour (2026-11-23)",
        );
        check(
            FailureKind::TlsExpired,
            &later,
            "a certificate above that of x.example has expired; its own is valid until 2027-11-23",
        );
    }

    #[test]
    fn equal_profiles_share_a_connector() {
        let connectors = Connectors::default();
        let profile = TlsProfile::default();
        let first = connectors.of(&profile, HttpVersions::Auto);
        let named = TlsProfile {
            server_name: Some("x".to_owned()),
            ..profile.clone()
        };
        assert!(Arc::ptr_eq(
            &first,
            &connectors.of(&named, HttpVersions::Auto)
        ));
        assert!(!Arc::ptr_eq(
            &first,
            &connectors.of(&profile, HttpVersions::Http1)
        ));
    }

    #[test]
    fn a_bad_authority_is_a_mistake() {
        let profile = TlsProfile {
            ca_pem: Some(b"nonsense".to_vec()),
            ..TlsProfile::default()
        };
        let connector = Connectors::default().of(&profile, HttpVersions::Auto);
        assert_eq!(
            connector.build().unwrap_err(),
            "no certificate is in the file of certificate authorities"
        );
    }
}
