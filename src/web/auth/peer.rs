//! Where a request comes from, also behind a proxy.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct Peer {
    /// Its address; absent on a unix socket.
    pub(in crate::web) address: Option<IpAddr>,
    /// Whether the connection is encrypted.
    pub(in crate::web) tls: bool,
}

/// Who has sent a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// The address, by the word of a proxy that is believed; absent where nobody has said it.
    pub(super) address: Option<IpAddr>,
    /// Whether it came encrypted all the way to OES or to the proxy.
    pub(super) secure: bool,
}

impl Origin {
    /// Returns who has sent these headers; those of a proxy count only from one that is believed. On a unix socket only
    /// who may open it speaks.
    pub(super) fn of(peer: Option<Peer>, headers: &HeaderMap, proxies: &[IpNet]) -> Self {
        let Some(peer) = peer else {
            return Self {
                address: None,
                secure: false,
            };
        };
        let believed = |address: &IpAddr| {
            let address = address.to_canonical();
            proxies.iter().any(|network| network.contains(&address))
        };
        if !peer.address.as_ref().is_none_or(believed) {
            return Self {
                address: peer.address,
                secure: peer.tls,
            };
        }
        let text = |name: &str| {
            headers
                .get_all(name)
                .iter()
                .filter_map(|value| value.to_str().ok())
        };
        let hops = text("x-forwarded-for").flat_map(|value| value.split(','));
        let hops: Vec<IpAddr> = hops.filter_map(|hop| hop.trim().parse().ok()).collect();
        let forwarded = hops.iter().rev().find(|hop| !believed(hop)).copied();
        let https = text("x-forwarded-proto").next_back().is_some_and(|proto| {
            let last = proto.rsplit(',').next().unwrap_or_default();
            last.trim().eq_ignore_ascii_case("https")
        });
        Self {
            address: forwarded.or(peer.address),
            secure: peer.tls || https,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proxy_that_is_believed_speaks_for_others() {
        let mut headers = HeaderMap::new();
        headers.append(
            "x-forwarded-for",
            "203.0.113.9, 198.51.100.7".parse().unwrap(),
        );
        headers.append("x-forwarded-for", "10.0.0.2".parse().unwrap());
        headers.insert("x-forwarded-proto", "https".parse().unwrap());
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        let of = |address: Option<&str>| {
            let address = address.map(|address| address.parse().unwrap());
            let peer = Peer {
                address,
                tls: false,
            };
            let origin = Origin::of(Some(peer), &headers, &proxies);
            (
                origin.address.map(|address| address.to_string()),
                origin.secure,
            )
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(Some("10.0.0.1")), (some("198.51.100.7"), true));
        assert_eq!(of(Some("::ffff:10.0.0.1")), (some("198.51.100.7"), true));
        assert_eq!(of(Some("192.0.2.1")), (some("192.0.2.1"), false));
        assert_eq!(of(None), (some("198.51.100.7"), true));
    }
}
