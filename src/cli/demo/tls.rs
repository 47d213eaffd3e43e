//! An HTTPS server whose certificate expires while one watches.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::routing::get;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio_native_tls::{TlsAcceptor, TlsStream};

/// Why the demo's certificates could not be made.
#[derive(Debug, Error)]
pub(super) enum TlsError {
    /// The certificate could not be made.
    #[error("could not make the demo's certificate")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused it.
    #[error("the TLS library refused the demo's certificate")]
    Acceptor(#[from] native_tls::Error),
}

/// The certificates of the demo: an authority, a good leaf and an expired one.
pub(super) struct Certificates {
    /// The authority, PEM: what the demo's config trusts.
    pub(super) authority_pem: String,
    good: TlsAcceptor,
    expired: TlsAcceptor,
}

impl Certificates {
    /// Makes new certificates for `127.0.0.1`.
    ///
    /// # Errors
    /// [`TlsError`] if the libraries refuse.
    pub(super) fn new() -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "OES demo authority");
        let authority_pem = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);
        Ok(Self {
            good: acceptor(&issuer, 4096)?,
            expired: acceptor(&issuer, 2020)?,
            authority_pem,
        })
    }
}

/// Returns an acceptor with a new leaf that is valid until the end of 1 February of `year`.
fn acceptor(issuer: &Issuer<'_, KeyPair>, year: i32) -> Result<TlsAcceptor, TlsError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    params
        .distinguished_name
        .push(DnType::CommonName, "OES demo");
    params.not_before = rcgen::date_time_ymd(2019, 1, 1);
    params.not_after = rcgen::date_time_ymd(year, 2, 1);
    let leaf = params.signed_by(&key, issuer)?.pem();
    let identity =
        native_tls::Identity::from_pkcs8(leaf.as_bytes(), key.serialize_pem().as_bytes())?;
    Ok(native_tls::TlsAcceptor::new(identity)?.into())
}

/// A listener whose certificate can be exchanged.
pub(super) struct TlsListener {
    inner: TcpListener,
    acceptor: Arc<RwLock<TlsAcceptor>>,
}

/// Exchanges the certificate of a [`TlsListener`].
#[derive(Clone)]
pub(super) struct Expire {
    acceptor: Arc<RwLock<TlsAcceptor>>,
    good: TlsAcceptor,
    expired: TlsAcceptor,
}

impl Expire {
    /// Serves the expired certificate, or the good one again.
    pub(super) fn set(&self, expired: bool) {
        let next = if expired { &self.expired } else { &self.good };
        *self
            .acceptor
            .write()
            .unwrap_or_else(PoisonError::into_inner) = next.clone();
    }
}

impl TlsListener {
    /// Returns the listener with the good certificate, and what exchanges it.
    pub(super) fn new(inner: TcpListener, certificates: &Certificates) -> (Self, Expire) {
        let acceptor = Arc::new(RwLock::new(certificates.good.clone()));
        let expire = Expire {
            acceptor: Arc::clone(&acceptor),
            good: certificates.good.clone(),
            expired: certificates.expired.clone(),
        };
        (Self { inner, acceptor }, expire)
    }

    /// Serves one small JSON answer until the future is dropped.
    ///
    /// # Errors
    /// If the listener breaks.
    pub(super) async fn serve(self) -> io::Result<()> {
        let body = r#"{"status":"ok","over":"tls"}"#;
        let headers = [("content-type", "application/json")];
        axum::serve(
            self,
            Router::new().route("/status", get(move || async move { (headers, body) })),
        )
        .await
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let Ok((stream, peer)) = self.inner.accept().await else {
                continue;
            };
            let acceptor = self
                .acceptor
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            // A client that refuses the certificate is part of the show.
            if let Ok(secured) = acceptor.accept(stream).await {
                return (secured, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}
