//! Whether a request comes from this machine.

use axum::http::{HeaderMap, header};

/// Tells whether a request names this machine and does not say that it was handed on.
///
/// What came over a proxy came from elsewhere, and so did a page that gave its own name this machine's address.
pub(super) fn is_from_here(headers: &HeaderMap) -> bool {
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
    local && !forwarded.iter().any(|name| headers.contains_key(*name))
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
            assert_eq!(is_from_here(&headers), expected, "{host} {more:?}");
        }
    }
}
