//! What is watched and how, as validated plain data.

mod transport;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

pub use self::transport::{
    BODY_LIMIT_BYTES, BodyOverflow, ClientIdentity, Family, HttpVersions, TlsProfile, Transport,
};
use super::heartbeat::{Heartbeat, Rhythm};
use super::json::Json;
use super::redaction::Redaction;
use super::secret::Secret;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Returns the name of this text.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

name! {
    /// The key of a service: not empty, at most 200 characters, no control characters, unique in a config.
    ServiceName
}
name! {
    /// The key of a channel: not empty, unique in a config.
    ChannelName
}

/// One thing that is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its key.
    pub name: ServiceName,
    /// What is sent.
    pub request: Request,
    /// How the connection is made; services that say the same share it.
    pub transport: Arc<Transport>,
    /// The deadline of one probe over all phases and redirects.
    pub timeout: Duration,
    /// Time between the beginnings of two probes.
    pub interval: Duration,
    /// When to look again after an outcome that disagrees with the present state: delays after that outcome, in order.
    /// Empty turns it off.
    pub confirm: Vec<Duration>,
    /// When failed probes become a violation.
    pub error: ErrorRule,
    /// When slowness becomes a violation; absent for never.
    pub latency: Option<LatencyRule>,
    /// How long a service may be unjudgeable before that is a violation.
    pub unknown_after: Duration,
    /// What scripts of this service may use.
    pub grants: Arc<Grants>,
    /// Channels it tells, in order; never empty.
    pub channels: Vec<ChannelName>,
    /// Least time between two announcements of the same violation.
    pub notify_cool_down: Duration,
    /// Free words for routing and views.
    pub tags: Vec<String>,
    /// The group it is shown in.
    pub group: Option<String>,
    /// How bad a violation of it is.
    pub severity: ServiceSeverity,
    /// Link to instructions for the person who is woken.
    pub runbook: Option<Url>,
    /// Services whose outage explains this one's.
    pub depends_on: Vec<ServiceName>,
    /// Whether a public page shows it.
    pub public: bool,
    /// What is expected of it where it is not asked but reports; absent of a service that is asked.
    pub heartbeat: Option<Arc<Heartbeat>>,
}

impl Service {
    /// Returns the request that is made; absent of a service that is not asked but reports.
    pub fn asked(&self) -> Option<&Request> {
        self.heartbeat.is_none().then_some(&self.request)
    }

    /// Returns the time between two regular probes, or two beats; absent where a cron expression says when.
    pub fn period(&self) -> Option<Duration> {
        match self.heartbeat.as_ref().map(|job| &job.rhythm) {
            None => Some(self.interval),
            Some(Rhythm::Every(period)) => Some(*period),
            Some(Rhythm::Cron(_)) => None,
        }
    }

    /// Returns what must not be seen of its exchanges, even if it echoes them: every secret that it is sent, and those
    /// that its scripts may use.
    pub fn redaction(&self) -> Redaction {
        let mut hidden = Redaction::default();
        let request = &self.request;
        for (_, value) in &request.headers {
            hidden.add(value);
        }
        match &request.auth {
            Auth::None => {}
            Auth::Basic { user, password } => {
                hidden.add(password);
                hidden.add(user);
                hidden.add_text(&format!("{}:{}", user.expose(), password.expose()));
            }
            Auth::Bearer(token) => hidden.add(token),
            Auth::ClientCredentials {
                client_id,
                client_secret,
                ..
            } => {
                hidden.add(client_secret);
                hidden.add(client_id);
            }
        }
        if let Some(heartbeat) = &self.heartbeat {
            hidden.add(&heartbeat.token);
        }
        for secret in request.secrets.iter().chain(self.grants.secrets.values()) {
            hidden.add(secret);
        }
        hidden
    }
}

/// How long and how much of a service's exchanges is kept for a backtest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRule {
    /// What is older goes.
    pub keep: Duration,
    /// Bytes on the disk, compressed; the oldest go first.
    pub bytes: u64,
}

impl Default for RecordRule {
    fn default() -> Self {
        Self {
            keep: Duration::from_hours(7 * 24),
            bytes: 100_000_000,
        }
    }
}

/// How bad a violation of a service is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ServiceSeverity {
    /// Good to know.
    Info,
    /// Look during the day.
    Warning,
    /// Wake someone.
    #[default]
    Critical,
}

impl ServiceSeverity {
    /// Every severity, the lightest first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];
}

/// What a probe sends.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Request method.
    pub method: http::Method,
    /// Where to; the shown form hides secrets and keeps only names of the query where they are secret.
    pub url: Url,
    /// The URL as it may be shown.
    pub shown_url: Arc<str>,
    /// Headers in the order written.
    pub headers: Vec<(http::HeaderName, Secret)>,
    /// The body; its content type is among the headers.
    pub body: Option<Bytes>,
    /// Whether any part of the body is secret.
    pub body_is_secret: bool,
    /// The secrets within the URL and the body.
    pub secrets: Vec<Secret>,
    /// The `payload` of the config as scripts see it.
    pub payload: Option<Json>,
    /// How the probe says who it is.
    pub auth: Auth,
}

impl Request {
    /// Returns the request of a service that is not asked: its URL, `heartbeat:NAME`, only names it.
    ///
    /// # Errors
    /// If no URL can hold the name.
    pub fn of_heartbeat(name: &str) -> Result<Self, url::ParseError> {
        let url = Url::parse(&format!("heartbeat:{name}"))?;
        Ok(Self {
            method: http::Method::POST,
            shown_url: url.as_str().into(),
            url,
            headers: Vec::new(),
            body: None,
            body_is_secret: false,
            secrets: Vec::new(),
            payload: None,
            auth: Auth::None,
        })
    }
}

/// How a probe says who it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Auth {
    /// It does not.
    #[default]
    None,
    /// `Authorization: Basic`
    Basic {
        /// User name.
        user: Secret,
        /// Password.
        password: Secret,
    },
    /// `Authorization: Bearer`
    Bearer(Secret),
    /// A token from an OAuth 2.0 token endpoint by client credentials (RFC 6749 section 4.4), kept until it expires.
    ClientCredentials {
        /// Token endpoint.
        token_url: Url,
        /// Client identifier.
        client_id: Secret,
        /// Client secret.
        client_secret: Secret,
        /// Scopes asked for.
        scopes: Vec<String>,
    },
}

/// When failed probes become the violation `error`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorRule {
    /// Share of failed probes that is still accepted, 0 to 1.
    pub threshold: f64,
    /// How many counted probes are looked at.
    pub window: usize,
}

/// Default size of a window, as in the predecessor.
pub const WINDOW: usize = 7;

impl Default for ErrorRule {
    fn default() -> Self {
        Self {
            threshold: 0.5,
            window: WINDOW,
        }
    }
}

/// When slowness becomes the violation `latency`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatencyRule {
    /// The limit.
    pub limit: Duration,
    /// How the window is held against it.
    pub trigger: LatencyTrigger,
    /// How many measured probes are looked at.
    pub window: usize,
}

/// How a window of latencies is held against its limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum LatencyTrigger {
    /// The moving average.
    #[default]
    Mean,
    /// The median.
    Median,
    /// At least `k` of the window.
    KOfN {
        /// How many, 1 to the window's size.
        k: usize,
    },
    /// The percentile by nearest rank.
    Percentile {
        /// 1 to 100.
        percentile: u8,
    },
}

/// What scripts of a service may use.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grants {
    /// Hosts besides the service's own that a script may ask, and redirects may reach in a private network: `host` or
    /// `host:port`.
    pub hosts: Vec<String>,
    /// Those of `hosts` that the config names itself, not only a script's header or a parameter.
    pub named: Vec<String>,
    /// Secrets by name.
    pub secrets: BTreeMap<String, Secret>,
}

impl Grants {
    /// Checks that a text is `host` or `host:port`.
    ///
    /// # Errors
    /// How to write one.
    pub fn check_host(text: &str) -> Result<(), &'static str> {
        let help = "write `host` or `host:port`, without https:// and without a path";
        let only_host = |url: &Url| {
            let nothing_else = url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none();
            nothing_else && url.has_host()
        };
        let strange = |letter: char| letter.is_whitespace() || matches!(letter, '/' | '\\');
        match Url::parse(&format!("http://{text}")) {
            Ok(url) if only_host(&url) && !text.contains(strange) => Ok(()),
            _ => Err(help),
        }
    }

    /// Tells whether the host of a URL is any of these, `host` or `host:port`; a port counts unless any will do.
    pub fn cover(hosts: &[String], url: &Url, any_port: bool) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return false;
        };
        let with_port = format!("{host}:{port}");
        hosts.iter().any(|granted| {
            let name = match granted.rsplit_once(':') {
                Some((name, _)) if any_port => name,
                _ => granted,
            };
            name.eq_ignore_ascii_case(host) || granted.eq_ignore_ascii_case(&with_port)
        })
    }
}
