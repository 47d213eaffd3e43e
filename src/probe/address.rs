//! Which addresses may be connected to.
//!
//! Every address is judged after it was resolved, and only a judged address is connected to, so that neither a name
//! that changes its mind nor a redirect leads to a place that nobody allowed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who chose the target of a request, which decides where redirects may lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressPolicy {
    /// The ops config names it: private and loopback addresses are fine. Redirects may not lead from a public place to a
    /// private one, except to these hosts, `host` or `host:port`.
    Configured {
        /// Hosts that redirects may reach wherever they are.
        hosts: Vec<String>,
    },
    /// A script chose it: every hop is to one of these hosts.
    Listed {
        /// `host` or `host:port`.
        hosts: Vec<String>,
    },
}

impl Default for AddressPolicy {
    fn default() -> Self {
        Self::Configured { hosts: Vec::new() }
    }
}

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Anyone can reach it.
    Public,
    /// Loopback or a private network.
    Private,
    /// Nothing may connect to it; says which rule forbids it.
    Forbidden(&'static str),
}

/// Returns what kind of place an address is, looking through the IPv6 forms that carry an IPv4 address.
pub(super) fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => match embedded_v4(ip) {
            Some(inner) => reach_v4(inner),
            None => reach_v6(ip),
        },
    }
}

/// Tells why nothing may ever connect to an address, absent if something may.
pub fn forbidden(ip: IpAddr) -> Option<&'static str> {
    match reach(ip) {
        Reach::Forbidden(rule) => Some(rule),
        Reach::Public | Reach::Private => None,
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    let [a, b, c, _] = ip.octets();
    if a == 169 && b == 254 {
        Reach::Forbidden("link-local and cloud metadata addresses are never asked")
    } else if a == 0 {
        Reach::Forbidden("the unspecified address is never asked")
    } else if ip.is_multicast() {
        Reach::Forbidden("multicast addresses are never asked")
    } else if ip.is_broadcast() {
        Reach::Forbidden("the broadcast address is never asked")
    } else if ip.is_private()
        || ip.is_loopback()
        || (a == 100 && b & 0xc0 == 64)
        || (a == 198 && b & 0xfe == 18)
        || (a == 192 && b == 0 && c == 0)
        || a >= 240
    {
        Reach::Private
    } else {
        Reach::Public
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    let [a, b, ..] = ip.segments();
    if a & 0xffc0 == 0xfe80 {
        Reach::Forbidden("link-local addresses are never asked")
    } else if ip == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) {
        Reach::Forbidden("cloud metadata addresses are never asked")
    } else if ip.is_unspecified() {
        Reach::Forbidden("the unspecified address is never asked")
    } else if ip.is_multicast() {
        Reach::Forbidden("multicast addresses are never asked")
    } else if ip.is_loopback()
        || a & 0xfe00 == 0xfc00
        || a & 0xffc0 == 0xfec0
        || (a == 0x64 && b == 0xff9b)
    {
        Reach::Private
    } else {
        Reach::Public
    }
}

/// Returns the IPv4 address inside a mapped, compatible, NAT64 or 6to4 address.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    // The IPv4 address whose four bytes begin at this byte.
    let at = |begin: usize| {
        let bytes = ip.octets();
        let four = bytes.get(begin..begin + 4)?;
        Some(Ipv4Addr::from(<[u8; 4]>::try_from(four).ok()?))
    };
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => at(12),
        // `::` and `::1` are addresses of their own, everything else below 2^32 is an old form of IPv4.
        [0, 0, 0, 0, 0, 0, ..] if !ip.is_unspecified() && !ip.is_loopback() => at(12),
        [0x2002, ..] => at(2),
        _ => None,
    }
}

/// Tells whether `host` is one of `allowed`, each `host` or `host:port`; case does not matter.
pub(super) fn is_allowed_host(allowed: &[String], host: &str, port: u16) -> bool {
    allowed.iter().any(|entry| {
        if entry.eq_ignore_ascii_case(host) {
            return true;
        }
        match entry.rsplit_once(':') {
            Some((name, entry_port)) => {
                let name = name.trim_start_matches('[').trim_end_matches(']');
                name.eq_ignore_ascii_case(host) && entry_port.parse() == Ok(port)
            }
            None => false,
        }
    })
}

/// What one hop may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    /// Public and private addresses.
    Private,
    /// Public addresses only.
    PublicOnly,
}

/// Judges one address, and returns the rule that forbids it.
pub(super) fn judge(ip: IpAddr, permission: Permission) -> Result<(), &'static str> {
    match (reach(ip), permission) {
        (Reach::Forbidden(rule), _) => Err(rule),
        (Reach::Private, Permission::PublicOnly) => Err(
            "a redirect may not lead from a public to a private address; if it should, list the host in `hosts` of the service",
        ),
        (Reach::Private | Reach::Public, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_public_private_and_forbidden_addresses_apart() {
        let rows = [
            ("93.184.216.34", "public"),
            ("2606:4700::1", "public"),
            ("127.0.0.1", "private"),
            ("127.8.9.1", "private"),
            ("10.0.0.1", "private"),
            ("172.16.0.1", "private"),
            ("172.32.0.1", "public"),
            ("192.168.1.1", "private"),
            ("192.0.0.8", "private"),
            ("100.64.0.1", "private"),
            ("100.128.0.1", "public"),
            ("198.18.0.1", "private"),
            ("240.0.0.1", "private"),
            ("::1", "private"),
            ("fd12::1", "private"),
            ("fc00::1", "private"),
            ("64:ff9b:1::1", "private"),
            ("169.254.169.254", "forbidden"),
            ("169.254.0.1", "forbidden"),
            ("0.0.0.0", "forbidden"),
            ("0.1.2.3", "forbidden"),
            ("224.0.0.1", "forbidden"),
            ("255.255.255.255", "forbidden"),
            ("::", "forbidden"),
            ("fe80::1", "forbidden"),
            ("febf::1", "forbidden"),
            ("ff02::1", "forbidden"),
            ("fd00:ec2::254", "forbidden"),
            ("::ffff:169.254.169.254", "forbidden"),
            ("::ffff:127.0.0.1", "private"),
            ("::ffff:93.184.216.34", "public"),
            ("::169.254.169.254", "forbidden"),
            ("64:ff9b::169.254.169.254", "forbidden"),
            ("64:ff9b::a00:1", "private"),
            ("64:ff9b::5db8:d822", "public"),
            ("2002:a9fe:a9fe::1", "forbidden"),
            ("2002:7f00:1::", "private"),
            ("2002:5db8:d822::", "public"),
        ];
        for (ip, expected) in rows {
            let actual = match reach(ip.parse().unwrap()) {
                Reach::Public => "public",
                Reach::Private => "private",
                Reach::Forbidden(_) => "forbidden",
            };
            assert_eq!(actual, expected, "{ip}");
        }
    }

    #[test]
    fn private_addresses_need_a_permission_and_forbidden_ones_have_none() {
        let loopback = "127.0.0.1".parse().unwrap();
        let metadata = "169.254.169.254".parse().unwrap();
        let public = "93.184.216.34".parse().unwrap();
        assert!(judge(loopback, Permission::Private).is_ok());
        assert!(judge(loopback, Permission::PublicOnly).is_err());
        assert!(judge(metadata, Permission::Private).is_err());
        assert!(judge(metadata, Permission::PublicOnly).is_err());
        assert!(judge(public, Permission::PublicOnly).is_ok());
    }

    #[test]
    fn hosts_are_allowed_by_name_or_by_name_and_port() {
        let allowed = ["a.example".to_owned(), "b.example:8080".to_owned()];
        assert!(is_allowed_host(&allowed, "A.example", 1));
        assert!(is_allowed_host(&allowed, "b.example", 8080));
        assert!(!is_allowed_host(&allowed, "b.example", 80));
        assert!(!is_allowed_host(&allowed, "evil-a.example", 1));
        assert!(!is_allowed_host(&allowed, "x", 1));
    }
}
