//! The certificate that OES shows. A new one is shown to the next connection; those that are open go on.

use std::sync::{Arc, PoisonError, RwLock};

use native_tls::{Identity, Protocol};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio_native_tls::TlsAcceptor;

use super::rehearsal;
use crate::web::auth::hex;

/// A certificate with those of its issuers, and its key; both PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate first.
    pub certificate: Arc<[u8]>,
    /// PKCS #8.
    pub key: Arc<[u8]>,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pair")
    }
}

/// Why a certificate and a key cannot be used.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// They cannot be read.
    #[error("{0}")]
    Unreadable(#[from] native_tls::Error),
    /// No handshake succeeds with them.
    #[error("the key is not that of the certificate")]
    Unfit,
}

/// What connections are encrypted with.
pub struct Certificate(RwLock<Shown>);

struct Shown {
    acceptor: TlsAcceptor,
    print: String,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({})", self.print())
    }
}

impl Certificate {
    /// Returns what encrypts with this.
    ///
    /// # Errors
    /// [`CertificateError`] if it cannot be used.
    pub fn new(pair: &Pair) -> Result<Self, CertificateError> {
        Shown::new(pair).map(|shown| Self(RwLock::new(shown)))
    }

    /// Encrypts with this from now on.
    ///
    /// # Errors
    /// [`CertificateError`] if it cannot be used; nothing changes then.
    pub fn renew(&self, pair: &Pair) -> Result<(), CertificateError> {
        let shown = Shown::new(pair)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(())
    }

    /// Returns the SHA-256 of the certificate in hexadecimal.
    pub fn print(&self) -> String {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shown.print.clone()
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shown.acceptor.clone()
    }
}

impl Shown {
    fn new(pair: &Pair) -> Result<Self, CertificateError> {
        let identity = Identity::from_pkcs8(&pair.certificate, &pair.key)?;
        let acceptor = native_tls::TlsAcceptor::builder(identity)
            .min_protocol_version(Some(Protocol::Tlsv12))
            .build()?;
        if !rehearsal::succeeds(&acceptor) {
            return Err(CertificateError::Unfit);
        }
        let leaf = native_tls::Certificate::from_pem(&pair.certificate)?.to_der()?;
        Ok(Self {
            acceptor: acceptor.into(),
            print: print(&leaf),
        })
    }
}

/// Returns the SHA-256 of a certificate in hexadecimal.
pub fn print(certificate: &[u8]) -> String {
    hex(&Sha256::digest(certificate))
}
