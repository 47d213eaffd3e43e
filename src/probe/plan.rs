//! A request prepared once, so that a probe only has to send it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName,
    PROXY_AUTHORIZATION, TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderValue, Method, Uri};
use tokio::sync::Semaphore;
use url::Url;

use super::address::AddressPolicy;
use super::body::BodyBounds;
use super::redirect;
use super::target::{Target, TargetError, basic, basic_of};
use super::tls::Connector;
use crate::model::exchange::{Headers, Sent};
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
                body_is_secret: false,
                secrets: Vec::new(),
                payload: None,
                auth: Auth::None,
            },
            transport: Transport::default(),
            timeout: Duration::from_secs(10),
            addresses: AddressPolicy::default(),
        }
    }
}

impl From<&Service> for RequestParts {
    fn from(service: &Service) -> Self {
        Self {
            request: service.request.clone(),
            transport: service.transport.as_ref().clone(),
            timeout: service.timeout,
            addresses: AddressPolicy::Configured {
                hosts: service.grants.hosts.clone(),
            },
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
    pub(super) headers: Headers,
    /// Headers that another origin must not see.
    pub(super) confidential: Vec<HeaderName>,
    pub(super) body: Bytes,
    /// Whether another origin must not see the body.
    pub(super) body_is_secret: bool,
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
    pub(super) server_name: Option<Box<Uri>>,
    pub(super) proxy: Option<Box<Proxy>>,
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
            Auth::ClientCredentials { .. } => {
                let shown = HeaderValue::from_static("Bearer ***");
                written.shown().push((AUTHORIZATION, shown));
            }
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
        let headers: Headers = written.real.into();
        Ok(Self {
            sent: Arc::new(Sent {
                method: request.method.to_string(),
                url: Arc::clone(&request.shown_url),
                headers: written
                    .shown
                    .map_or_else(|| Arc::clone(&headers), Arc::from),
                body_bytes: body.len(),
            }),
            method: request.method,
            url: request.url,
            target,
            headers,
            body_is_secret: request.body_is_secret,
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
                .transpose()?
                .map(Box::new),
            proxy: proxy.map(Box::new),
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
    real: Vec<(HeaderName, HeaderValue)>,
    /// Absent while nothing is to be hidden.
    shown: Option<Vec<(HeaderName, HeaderValue)>>,
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
        let parsed = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| PlanError::Header { name: name.clone() })
        };
        let mut real = parsed(value)?;
        real.set_sensitive(is_secret);
        if is_secret || [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name) {
            self.confidential.push(name.clone());
        }
        if [HOST, CONNECTION].contains(name) {
            // These have one value: the config's own replaces ours.
            self.real.retain(|(known, _)| known != name);
            if let Some(list) = &mut self.shown {
                list.retain(|(known, _)| known != name);
            }
        }
        if is_secret || self.shown.is_some() {
            let value = if is_secret {
                parsed(shown)?
            } else {
                real.clone()
            };
            self.shown().push((name.clone(), value));
        }
        self.real.push((name.clone(), real));
        Ok(())
    }

    fn authorize(&mut self, value: &str, shown: &str) -> Result<(), PlanError> {
        self.add(&AUTHORIZATION, value, shown, true)
    }

    /// Returns the list that is shown, which from now on differs from what is sent.
    fn shown(&mut self) -> &mut Vec<(HeaderName, HeaderValue)> {
        self.shown.get_or_insert_with(|| self.real.clone())
    }

    fn put(&mut self, name: HeaderName, value: HeaderValue) {
        if let Some(list) = &mut self.shown {
            list.push((name.clone(), value.clone()));
        }
        self.real.push((name, value));
    }

    fn put_unless_there(&mut self, name: HeaderName, value: HeaderValue) {
        if !self.real.iter().any(|(known, _)| *known == name) {
            self.put(name, value);
        }
    }
}
