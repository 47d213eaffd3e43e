//! The keys of where metrics are sent.

use super::connection::TLS;
use super::{DAY, Kind, MINUTE, Place, SECOND, key, seconds};

pub(in crate::config) static OTLP: Place = Place {
    title: "`otlp`",
    keys: &[
        key(
            "endpoint",
            Kind::Url,
            "",
            "Where a collector takes metrics over HTTP; a URL without a path gets `/v1/metrics`.",
        ),
        key(
            "headers",
            Kind::Map(&Kind::Text),
            "",
            "Headers of each request, such as a token of the collector.",
        ),
        key(
            "interval",
            seconds(SECOND, DAY),
            "1m",
            "Time between the beginnings of two exports.",
        ),
        key(
            "timeout",
            seconds(100, 10 * MINUTE),
            "10s",
            "Deadline of one request; an export of many services takes several.",
        ),
        key(
            "attributes",
            Kind::Map(&Kind::Word),
            "",
            "What is told of this OES besides `service.name`, `service.version` and `service.instance.id`, or instead of them.",
        ),
        key(
            "tls",
            Kind::Table(&TLS),
            "",
            "Certificates, as `tls` of a service.",
        ),
        key(
            "proxy",
            Kind::Url,
            "",
            "An HTTP proxy to reach the collector by: http://host:port.",
        ),
    ],
    required: &["endpoint"],
    open: false,
};
