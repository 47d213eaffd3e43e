//! The certificate that OES shows. A new one is shown to the next connection; those that are open go on.

use std::sync::{Arc, PoisonError, RwLock};

use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{AlpnError, Ssl, SslAcceptor, SslMethod, select_next_proto};
use openssl::x509::X509;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::web::auth::hex;

/// What is spoken, as a list of RFC 7301.
const PROTOCOLS: &[u8] = b"\x08http/1.1";

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
    Unreadable(#[from] ErrorStack),
    /// There is none in the file of the certificate.
    #[error("there is no certificate in the file")]
    Missing,
    /// They are of different certificates.
    #[error("the key is not that of the certificate")]
    Unfit,
}

/// What connections are encrypted with.
pub struct Certificate(RwLock<Shown>);

struct Shown {
    acceptor: SslAcceptor,
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

    /// Returns the server's side of a new connection.
    pub(super) fn side(&self) -> Result<Ssl, ErrorStack> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ssl::new(shown.acceptor.context())
    }
}

impl Shown {
    fn new(pair: &Pair) -> Result<Self, CertificateError> {
        let mut chain = X509::stack_from_pem(&pair.certificate)?.into_iter();
        let leaf = chain.next().ok_or(CertificateError::Missing)?;
        let key = PKey::private_key_from_pem(&pair.key)?;
        // TLS 1.2 and 1.3, with what Mozilla calls intermediate: https://wiki.mozilla.org/Security/Server_Side_TLS
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
        acceptor.set_certificate(&leaf)?;
        for issuer in chain {
            acceptor.add_extra_chain_cert(issuer)?;
        }
        acceptor
            .set_private_key(&key)
            .and_then(|()| acceptor.check_private_key())
            .map_err(|_| CertificateError::Unfit)?;
        acceptor.set_alpn_select_callback(|_, offered| {
            select_next_proto(PROTOCOLS, offered).ok_or(AlpnError::ALERT_FATAL)
        });
        Ok(Self {
            acceptor: acceptor.build(),
            print: print(&leaf.to_der()?),
        })
    }
}

/// Returns the SHA-256 of a certificate in hexadecimal.
pub fn print(certificate: &[u8]) -> String {
    hex(&Sha256::digest(certificate))
}
