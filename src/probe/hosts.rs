//! Names as a URL and `/etc/hosts` may hold them: DNS takes any bytes, the look-up library's own reading does not take
//! the `_` of names like `my_service`.

use std::net::IpAddr;

use hickory_resolver::lookup::Lookup;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{Hosts, MAX_TTL};

/// Returns a name to look up, `None` if a part of it is empty or longer than 63 characters, or all of it than 255.
pub(super) fn name(text: &str) -> Option<Name> {
    let (text, is_whole) = match text.strip_suffix('.') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let mut name = Name::from_labels(text.split('.').map(str::as_bytes)).ok()?;
    name.set_fqdn(is_whole);
    Some(name)
}

/// Reads lines of the form `address name name…`; whatever is no such line is skipped.
pub(super) fn read(text: &str) -> Hosts {
    let mut hosts = Hosts::default();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.split_once('#').map_or(line, |(line, _)| line);
        let mut words = line.split_whitespace();
        let Some(ip) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else {
            continue;
        };
        let kind = match ip {
            IpAddr::V4(_) => RecordType::A,
            IpAddr::V6(_) => RecordType::AAAA,
        };
        for mut name in words.filter_map(name) {
            name.set_fqdn(true);
            let record = Record::from_rdata(name.clone(), MAX_TTL, RData::from(ip));
            let lookup = Lookup::new_with_max_ttl(Query::query(name.clone(), kind), [record]);
            hosts.insert(name, kind, lookup);
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_with_all_their_names() {
        let hosts = read(
            "\u{feff}127.0.0.1 localhost # not.this\n# 10.0.0.9 nor.this\n\nnonsense x\n\
             10.0.0.1\tmy_service My-Other.test\n10.0.0.2 my_service\nfd00::1 my_service\n",
        );
        let found = |text: &str, kind| {
            let query = Query::query(name(text).unwrap(), kind);
            hosts
                .lookup_static_host(&query)
                .map_or_else(Vec::new, |found| {
                    let ips = found
                        .answers()
                        .iter()
                        .filter_map(|record| record.data.ip_addr());
                    ips.map(|ip| ip.to_string()).collect::<Vec<_>>()
                })
        };
        assert_eq!(found("localhost", RecordType::A), ["127.0.0.1"]);
        assert_eq!(found("my_service", RecordType::A), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(found("MY_SERVICE.", RecordType::AAAA), ["fd00::1"]);
        assert_eq!(found("my-other.test", RecordType::A), ["10.0.0.1"]);
        for absent in ["not.this", "nor.this", "x"] {
            assert!(found(absent, RecordType::A).is_empty(), "{absent}");
        }
    }

    #[test]
    fn names_may_hold_what_urls_hold() {
        for odd in [
            "my_service",
            "_dmarc.a_b.test",
            "-x-.test",
            "a.b.",
            "xn--bcher-kva.test",
        ] {
            assert!(name(odd).is_some(), "{odd}");
        }
        for bad in ["", ".", "a..b", &"x".repeat(64), &"abc.".repeat(80)] {
            assert!(name(bad).is_none(), "{bad}");
        }
    }
}
