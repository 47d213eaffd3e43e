//! How the connections of a service are made.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use url::Url;

/// How connections of a service are made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transport {
    /// HTTP versions offered.
    pub http: HttpVersions,
    /// Which addresses are tried.
    pub family: Family,
    /// Fixed addresses for hosts, instead of looking them up.
    pub resolve: BTreeMap<String, IpAddr>,
    /// TLS settings.
    pub tls: TlsProfile,
    /// Redirects that are followed, 0 to 10.
    pub redirects_max: u8,
    /// An HTTP proxy that connections go through.
    pub proxy: Option<Url>,
    /// Bytes of decoded body that are kept.
    pub body_limit_bytes: usize,
    /// What happens to a larger body.
    pub body_overflow: BodyOverflow,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            http: HttpVersions::Auto,
            family: Family::Any,
            resolve: BTreeMap::new(),
            tls: TlsProfile::default(),
            redirects_max: 5,
            proxy: None,
            body_limit_bytes: BODY_LIMIT_BYTES,
            body_overflow: BodyOverflow::Fail,
        }
    }
}

/// Default body limit: 4 MiB.
pub const BODY_LIMIT_BYTES: usize = 4 << 20;

/// HTTP versions that are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HttpVersions {
    /// HTTP/2 where TLS agrees on it, else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; without TLS by prior knowledge.
    Http2,
}

/// Which addresses are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Family {
    /// IPv6 and IPv4 in the resolver's order, the next one 250 ms after the last (RFC 8305).
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// What happens to a body above its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BodyOverflow {
    /// The probe fails with `body_too_large`.
    #[default]
    Fail,
    /// Reading stops and what is there is judged.
    Cut,
}

/// TLS settings. Equal profiles share one connector.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TlsProfile {
    /// Whether the certificate is verified.
    pub verify: bool,
    /// Certificate authorities to trust besides the system's, PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// Client certificate chain and key, PEM.
    pub client: Option<ClientIdentity>,
    /// Name to ask for and to verify instead of the URL's host.
    pub server_name: Option<String>,
}

impl Default for TlsProfile {
    fn default() -> Self {
        Self {
            verify: true,
            ca_pem: None,
            client: None,
            server_name: None,
        }
    }
}

/// A client certificate with its key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientIdentity {
    /// Certificate chain, PEM.
    pub certificate_pem: Vec<u8>,
    /// PKCS #8 key, PEM.
    pub key_pem: Vec<u8>,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(***)")
    }
}
