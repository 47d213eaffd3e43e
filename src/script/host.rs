//! What a script may ask of the world, as a seam: the sandbox decides which hosts, the host makes the request.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::service::{TlsProfile, Transport};

/// Makes requests for scripts.
pub trait Host: Send + Sync {
    /// Makes one request. Dropping the future must be enough to abandon it.
    fn http(&self, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>>;

    /// Asks something else than HTTP of the host and port in the URL. The answer is the body, the status 0.
    fn ask(
        &self,
        what: Ask,
        request: HostRequest,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>>;
}

/// What a script asks otherwise than by HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Sends the request's body over TCP. The answer is what comes, up to a text or the first bytes.
    Bytes {
        /// The answer ends where this was read.
        until: Option<Vec<u8>>,
    },
    /// Looks the host up. The answer is a JSON array of strings.
    Records {
        /// Their kind, `MX`.
        kind: String,
    },
    /// Looks at the certificate that is shown, valid or not. The answer is a JSON object.
    Certificate,
}

/// One request of a script, secrets filled in.
#[derive(Clone)]
pub struct HostRequest {
    /// The method, in upper case.
    pub method: String,
    /// Where to.
    pub url: Url,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Bytes>,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether a secret of the service is in the body.
    pub body_is_secret: bool,
    /// Bytes of body that are read at most.
    pub body_limit_bytes: usize,
    /// Whose host it is.
    pub allowed: Allowed,
    /// Every host that the script may ask, `host` or `host:port`; redirects lead nowhere else.
    pub hosts: Vec<String>,
    /// What the script wants otherwise of TLS.
    pub tls: TlsWish,
    /// Whether the answer is a secret as a whole: a token.
    pub answer_is_secret: bool,
    /// How the service's own connections are made, where it asks its own origin.
    pub transport: Option<Arc<Transport>>,
}

/// What a script wants otherwise of TLS for one request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TlsWish {
    /// Whether any certificate will do.
    pub unverified: bool,
    /// Name to ask for and to verify instead of the URL's host.
    pub server_name: Option<String>,
}

impl TlsWish {
    /// Returns the profile as the script wants it.
    #[must_use]
    pub fn applied(self, profile: TlsProfile) -> TlsProfile {
        TlsProfile {
            verify: profile.verify && !self.unverified,
            server_name: self.server_name.or(profile.server_name),
            ..profile
        }
    }
}

/// Why a script may ask a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// It is the origin of the service's own URL: what the probe may reach the script may reach.
    OwnOrigin,
    /// The config or the script's header names it.
    Granted,
}

/// Shows no header, no body and no part of the URL that may hold a secret.
impl std::fmt::Debug for HostRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostRequest")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

/// What came of a request.
pub type HostReply = Result<HostResponse, HostFailure>;

/// A response to a script's request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct HostResponse {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// Its body, decoded.
    pub body: Bytes,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why there is no response to a script's request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFailure {
    /// Stable name, as of a probe: `connect_refused`.
    pub kind: String,
    /// What happened, for a person.
    pub message: String,
}
