//! A request prepared once, so that a probe only has to send it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName,
    PROXY_AUTHORIZATION, TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Uri};
use tokio::sync::Semaphore;
use url::Url;

use super::address::AddressPolicy;
use super::body::BodyBounds;
use super::redirect;
use super::target::{Target, TargetError, basic, basic_of};
use super::tls::Connector;
use crate::model::exchange::Sent;
use crate::model::service::{Auth, Family, HttpVersions, Request, Service, Transport};

/// A request that does not come from a service of the ops config: a script's, a channel's.
#[derive(Debug, Clone)]
pub struct RequestParts {
    /// What is sent.
    pub request: Request,
    /// How the connection is made.
    pub transport: Transport,
    /// The deadline over all phases and redirects.
    pub timeout: Duration,
    /// Which addresses it may reach.
    pub addresses: AddressPolicy,
}

impl RequestParts {
    /// Returns a request without headers and body, 10 s to be answered in, to a target that the ops config names.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            request: Request {
                method,
                // The query may be shown; a password never is.
                shown_url: match basic_of(&url) {
                    None => Arc::from(url.as_str()),
                    Some(_) => Arc::from(redirect::shown(&url)),
                },
                url,
                headers: Vec::new(),
                body: None,
                payload: None,
                auth: Auth::None,
            },
            transport: Transport::default(),
            timeout: Duration::from_secs(10),
            addresses: AddressPolicy::Configured,
        }
    }
}

impl From<&Service> for RequestParts {
    fn from(service: &Service) -> Self {
        Self {
            request: service.request.clone(),
            transport: service.transport.as_ref().clone(),
            timeout: service.timeout,
            addresses: AddressPolicy::Configured,
        }
    }
}

/// Why a request cannot be prepared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The URL cannot be asked.
    #[error("bad URL")]
    Url(#[source] TargetError),
    /// The proxy's URL cannot be asked.
    #[error("bad proxy URL; it is of the form http://host:port")]
    Proxy(#[source] TargetError),
    /// The proxy would be asked over TLS.
    #[error("a proxy is reached by http:// only")]
    ProxyScheme,
    /// A header cannot be sent.
    #[error("the value of header {name} holds a character that HTTP does not allow")]
    Header {
        /// Its name.
        name: HeaderName,
    },
    /// The TLS settings do not work.
    #[error("{reason}")]
    Tls {
        /// What is wrong with them.
        reason: String,
    },
}

/// A prepared request. It holds secrets, and shows none.
pub struct Plan {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) target: Target,
    pub(super) headers: HeaderMap,
    /// Headers that another origin must not see.
    pub(super) confidential: Vec<HeaderName>,
    pub(super) body: Bytes,
    pub(super) timeout: Duration,
    pub(super) redirects_max: u8,
    pub(super) bounds: BodyBounds,
    pub(super) versions: HttpVersions,
    pub(super) family: Family,
    pub(super) fixed: Vec<(String, IpAddr)>,
    pub(super) addresses: AddressPolicy,
    pub(super) connector: Arc<Connector>,
    pub(super) has_client_certificate: bool,
    /// `https://name/` where TLS is to ask for another name than the URL's.
    pub(super) server_name: Option<Uri>,
    pub(super) proxy: Option<Proxy>,
    pub(super) token: Option<TokenSource>,
    pub(super) host_permits: Arc<Semaphore>,
    pub(super) sent: Arc<Sent>,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plan({} {})", self.sent.method, self.sent.url)
    }
}

/// An HTTP proxy.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) target: Target,
    pub(super) authorization: Option<HeaderValue>,
}

/// Where a bearer token comes from.
pub(super) struct TokenSource {
    /// The prepared request to the token endpoint.
    pub(super) plan: Box<Plan>,
    /// What tells one token from another: endpoint, client and scopes.
    pub(super) key: String,
}

/// The shared parts that a plan refers to.
pub(super) struct Shared {
    pub(super) connector: Arc<Connector>,
    pub(super) host_permits: Arc<Semaphore>,
    pub(super) token: Option<TokenSource>,
}

impl Plan {
    /// Returns what the request sends, as it may be shown.
    pub fn sent(&self) -> &Sent {
        &self.sent
    }

    /// Returns the deadline of one probe.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn new(
        parts: RequestParts,
        target: Target,
        shared: Shared,
        user_agent: &HeaderValue,
    ) -> Result<Self, PlanError> {
        let RequestParts {
            request,
            transport,
            timeout,
            addresses,
        } = parts;
        let mut written = Written::default();
        written.put(HOST, target.host_header.clone());
        for (name, secret) in &request.headers {
            written.add(name, secret.expose(), secret.shown(), secret.is_secret())?;
        }
        match &request.auth {
            Auth::None => {
                if let Some(value) = basic_of(&request.url) {
                    written.authorize(&value, "Basic ***")?;
                }
            }
            Auth::Basic { user, password } => {
                written.authorize(&basic(user.expose(), password.expose()), "Basic ***")?;
            }
            Auth::Bearer(token) => {
                written.authorize(&format!("Bearer {}", token.expose()), "Bearer ***")?;
            }
            Auth::ClientCredentials { .. } => written
                .shown
                .push((AUTHORIZATION.as_str().to_owned(), "Bearer ***".to_owned())),
        }
        written.put_unless_there(USER_AGENT, user_agent.clone());
        written.put_unless_there(ACCEPT, HeaderValue::from_static("*/*"));
        written.put_unless_there(
            ACCEPT_ENCODING,
            HeaderValue::from_static("gzip, deflate, br, zstd"),
        );
        written.put_unless_there(CONNECTION, HeaderValue::from_static("close"));
        let body = request.body.unwrap_or_default();
        let proxy = transport.proxy.as_ref().map(Proxy::new).transpose()?;
        Ok(Self {
            sent: Arc::new(Sent {
                method: request.method.to_string(),
                url: request.shown_url.as_ref().to_owned(),
                headers: written.shown,
                body_bytes: body.len(),
            }),
            method: request.method,
            url: request.url,
            target,
            headers: written.headers,
            confidential: written.confidential,
            body,
            timeout: timeout.min(TIMEOUT_MAX),
            redirects_max: transport.redirects_max.min(REDIRECTS_MAX),
            bounds: BodyBounds {
                limit: transport.body_limit_bytes,
                overflow: transport.body_overflow,
            },
            versions: transport.http,
            family: transport.family,
            fixed: transport.resolve.into_iter().collect(),
            addresses,
            has_client_certificate: transport.tls.client.is_some(),
            connector: shared.connector,
            server_name: transport
                .tls
                .server_name
                .as_deref()
                .map(server_uri)
                .transpose()?,
            proxy,
            token: shared.token,
            host_permits: shared.host_permits,
        })
    }

    /// Tells whether the request carries anything that must not leave its origin or TLS.
    pub(super) fn has_credentials(&self) -> bool {
        !self.confidential.is_empty() || self.token.is_some() || self.has_client_certificate
    }
}

fn server_uri(name: &str) -> Result<Uri, PlanError> {
    let host = if name.contains(':') {
        format!("[{name}]")
    } else {
        name.to_owned()
    };
    format!("https://{host}/")
        .parse()
        .map_err(|_| PlanError::Tls {
            reason: format!("{name:?} is not a server name"),
        })
}

/// The longest deadline; a moment further away could be past what the clock can count.
const TIMEOUT_MAX: Duration = Duration::from_hours(24);
/// Redirects that are followed whatever the config says.
const REDIRECTS_MAX: u8 = 10;

impl Proxy {
    fn new(url: &Url) -> Result<Self, PlanError> {
        let target = Target::new(url).map_err(PlanError::Proxy)?;
        if target.is_https {
            return Err(PlanError::ProxyScheme);
        }
        let authorization = match basic_of(url) {
            Some(value) => {
                let mut value = HeaderValue::from_str(&value).map_err(|_| PlanError::Header {
                    name: PROXY_AUTHORIZATION,
                })?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        Ok(Self {
            target,
            authorization,
        })
    }
}

/// Headers in the order they are sent, with the form that is shown.
#[derive(Default)]
struct Written {
    headers: HeaderMap,
    shown: Vec<(String, String)>,
    confidential: Vec<HeaderName>,
}

impl Written {
    fn add(
        &mut self,
        name: &HeaderName,
        value: &str,
        shown: &str,
        is_secret: bool,
    ) -> Result<(), PlanError> {
        if [CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
            // The body that is sent decides these.
            return Ok(());
        }
        let mut value =
            HeaderValue::from_str(value).map_err(|_| PlanError::Header { name: name.clone() })?;
        value.set_sensitive(is_secret);
        if is_secret || [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name) {
            self.confidential.push(name.clone());
        }
        if [HOST, CONNECTION].contains(name) {
            // These have one value: the config's own replaces ours.
            self.shown.retain(|(known, _)| known != name.as_str());
            self.headers.insert(name.clone(), value);
        } else {
            self.headers.append(name.clone(), value);
        }
        self.shown
            .push((name.as_str().to_owned(), shown.to_owned()));
        Ok(())
    }

    fn authorize(&mut self, value: &str, shown: &str) -> Result<(), PlanError> {
        self.add(&AUTHORIZATION, value, shown, true)
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        let shown = String::from_utf8_lossy(value.as_bytes()).into_owned();
        self.shown.push((name.as_str().to_owned(), shown));
        self.headers.insert(name, value);
    }

    fn put_unless_there(&mut self, name: HeaderName, value: HeaderValue) {
        if !self.headers.contains_key(&name) {
            self.put(name, value);
        }
    }
}
