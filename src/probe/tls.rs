//! TLS: connectors shared by equal profiles, the handshake through hyper-tls, and what a refused certificate says.

mod refusal;

use std::collections::HashMap;
use std::error::Error;
use std::future::{Ready, ready};
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use http::Uri;
use hyper_tls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_native_tls::TlsConnector;
use tower_service::Service;

pub(super) use self::refusal::{Refusal, alert};
use super::stream::{Stream, Wire};
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
    let inner = Connected(Some(TokioIo::new(Wire::secured(tcp))));
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

#[cfg(test)]
mod tests {
    use super::*;

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
