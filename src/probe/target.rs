//! Where one hop goes.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use url::{Host, Url};

/// A URL taken apart into what connecting and asking need.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) is_https: bool,
    /// The host as in the URL, IPv6 addresses without brackets.
    pub(super) host: Arc<str>,
    /// The host where it is an address.
    pub(super) ip: Option<IpAddr>,
    pub(super) port: u16,
    /// The `Host` header: the port only where it is not the scheme's own.
    pub(super) host_header: HeaderValue,
    /// `https://host:443/x?y`, for HTTP/2 and for proxies.
    pub(super) absolute: Uri,
    /// `/x?y`
    pub(super) path: Uri,
}

/// Why a URL cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Neither http nor https.
    #[error("the scheme {scheme:?} is not http or https")]
    Scheme {
        /// What it is.
        scheme: String,
    },
    /// It names no host.
    #[error("the URL names no host")]
    NoHost,
    /// It cannot be put on a request line.
    #[error("the URL cannot be sent: {reason}")]
    Unsendable {
        /// Why not.
        reason: String,
    },
}

impl Target {
    pub(super) fn new(url: &Url) -> Result<Self, TargetError> {
        let is_https = match url.scheme() {
            "https" => true,
            "http" => false,
            other => {
                return Err(TargetError::Scheme {
                    scheme: other.to_owned(),
                });
            }
        };
        let host = url.host().ok_or(TargetError::NoHost)?;
        let (name, ip) = match host {
            Host::Domain(name) => (Arc::from(name), None),
            Host::Ipv4(ip) => (Arc::from(ip.to_string()), Some(IpAddr::V4(ip))),
            Host::Ipv6(ip) => (Arc::from(ip.to_string()), Some(IpAddr::V6(ip))),
        };
        let port = url.port_or_known_default().ok_or(TargetError::NoHost)?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let unsendable = |reason: String| TargetError::Unsendable { reason };
        let path: PathAndQuery = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        }
        .parse()
        .map_err(|error: http::uri::InvalidUri| unsendable(error.to_string()))?;
        let absolute = Uri::builder()
            .scheme(url.scheme())
            .authority(authority.as_str())
            .path_and_query(path.clone())
            .build()
            .map_err(|error| unsendable(error.to_string()))?;
        Ok(Self {
            is_https,
            host: name,
            ip,
            port,
            host_header: HeaderValue::from_str(&authority)
                .map_err(|error| unsendable(error.to_string()))?,
            absolute,
            path: Uri::from(path),
        })
    }

    /// Returns `host:port` for `CONNECT` and messages, IPv6 addresses in brackets.
    pub(super) fn host_and_port(&self) -> String {
        match self.ip {
            Some(IpAddr::V6(ip)) => format!("[{ip}]:{}", self.port),
            Some(IpAddr::V4(_)) | None => format!("{}:{}", self.host, self.port),
        }
    }

    /// Tells whether two targets are the same origin: scheme, name and port, never address.
    pub(super) fn is_same_origin(&self, other: &Self) -> bool {
        self.is_https == other.is_https
            && self.port == other.port
            && self.host.eq_ignore_ascii_case(&other.host)
    }
}

/// Returns the credentials of a URL's user part as a `Basic` value, absent if it has none.
pub(super) fn basic_of(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    Some(basic(
        &percent_decoded(url.username()),
        &percent_decoded(url.password().unwrap_or_default()),
    ))
}

/// Returns the value of a `Basic` authorization.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digits = (ahead.next().and_then(hex), ahead.next().and_then(hex));
        match (byte, digits) {
            (b'%', (Some(high), Some(low))) => {
                bytes.push(high * 16 + low);
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::new(&Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn takes_urls_apart() {
        let plain = target("http://a.example/x?y=1#z");
        assert_eq!(plain.path.to_string(), "/x?y=1");
        assert_eq!(plain.absolute.to_string(), "http://a.example/x?y=1");
        assert_eq!(
            (plain.port, plain.host_header.to_str().unwrap()),
            (80, "a.example")
        );
        let v6 = target("https://[::1]:8443/");
        assert_eq!(&*v6.host, "::1");
        assert_eq!(v6.host_header.to_str().unwrap(), "[::1]:8443");
        assert_eq!(v6.host_and_port(), "[::1]:8443");
        // The forms of an address that a browser takes are addresses here too, and judged as such.
        for odd in ["http://0x7f.1/", "http://2130706433/", "http://0177.0.0.1/"] {
            assert_eq!(target(odd).ip, Some("127.0.0.1".parse().unwrap()), "{odd}");
        }
        assert!(Target::new(&Url::parse("ftp://a/").unwrap()).is_err());
    }

    #[test]
    fn origins_are_scheme_name_and_port() {
        let a = target("http://a.example/");
        assert!(a.is_same_origin(&target("http://A.example:80/other")));
        assert!(!a.is_same_origin(&target("https://a.example/")));
        assert!(!a.is_same_origin(&target("http://a.example:81/")));
        assert!(!a.is_same_origin(&target("http://b.example/")));
    }

    #[test]
    fn credentials_of_a_url_are_decoded() {
        let url = Url::parse("http://us%40er:p%3Ass@a/").unwrap();
        assert_eq!(basic_of(&url), Some(basic("us@er", "p:ss")));
        assert_eq!(basic_of(&Url::parse("http://a/").unwrap()), None);
    }
}
