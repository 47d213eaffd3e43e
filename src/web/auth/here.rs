//! Whether a request comes from this machine.

use std::fmt;

use axum::http::{HeaderMap, header};

/// Characters of a host that are shown.
const HOST_MAX: usize = 255;

/// Why a request counts as one from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// It names another host than this machine.
    Host(String),
    /// It says in this header that it was handed on.
    HandedOn(&'static str),
}

/// Tells why a request counts as one from elsewhere; absent if it names this machine and does not say that it was handed
/// on.
///
/// What came over a proxy came from elsewhere, and so did a page that gave its own name this machine's address.
pub(super) fn elsewhere(headers: &HeaderMap) -> Option<Elsewhere> {
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let host = host.unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    let local = match name.unwrap_or_default() {
        "localhost" => true,
        name => name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
    };
    if !local {
        return Some(Elsewhere::Host(host.chars().take(HOST_MAX).collect()));
    }
    let mut forwarded = forwarded.into_iter();
    let by = forwarded.find(|name| headers.contains_key(*name))?;
    Some(Elsewhere::HandedOn(by))
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) if host.is_empty() => f.write_str("it names no `Host`"),
            Self::Host(host) => write!(f, "it names the host `{host}`"),
            Self::HandedOn(header) => write!(f, "a proxy has handed it on (`{header}`)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_what_names_this_machine_is_from_here() {
        for (host, more, expected) in [
            ("127.0.0.1:9115", None, true),
            ("localhost:9115", None, true),
            ("localhost", None, true),
            ("[::1]:9115", None, true),
            ("status.example.org", None, false),
            ("localhost.example.org:9115", None, false),
            ("127.0.0.1.example.org", None, false),
            ("127.0.0.1:9115", Some("x-forwarded-for"), false),
            ("127.0.0.1:9115", Some("forwarded"), false),
            ("", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            if let Some(name) = more {
                headers.insert(name, HeaderValue::from_static("x"));
            }
            let is_from_here = elsewhere(&headers).is_none();
            assert_eq!(is_from_here, expected, "{host} {more:?}");
        }
    }
}
