//! The families of Prometheus' `blackbox_exporter`, as its dashboards and alert rules read them: on `/metrics` with the
//! service as label, on `/probe` without any.
//!
//! Names and meanings are theirs. Where they tell a zero of something that did not happen, here is no sample.

use std::net::IpAddr;
use std::time::Duration;

use http::Version;
use jiff::Timestamp;

use super::services::{Family, One, Samples, Shown};
use super::text::{Format, Kind, Text, Value, whole};
use crate::model::exchange::Phase;
use crate::model::glance::Glance;
use crate::model::judgement::Outcome;

/// The code of a finding that is about the status alone.
const STATUS: &str = "status";

/// Their phases, and ours that each is.
const PHASES: [(&str, &[Phase]); 5] = [
    ("resolve", &[Phase::Resolve]),
    ("connect", &[Phase::Connect]),
    ("tls", &[Phase::Tls]),
    ("processing", &[Phase::Send, Phase::Wait]),
    ("transfer", &[Phase::Transfer]),
];

/// Returns what one probe of a service showed, as `/probe` tells it.
pub fn probe_page(format: Format, shown: &Shown) -> String {
    let (service, glance) = shown;
    let one = One {
        service,
        glance: glance.as_deref(),
        counters: None,
        labels: "",
    };
    whole(format, |text| {
        for family in FAMILIES {
            family.write(text, std::slice::from_ref(&one));
        }
    })
}

/// What is known of a service that took longer than the reader waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// How long the reader waits.
    pub waited: Duration,
    /// Whether OES asks the service itself; its scripts do otherwise.
    pub is_asked: bool,
    /// When the certificate that was last seen ends.
    pub certificate_expires: Option<Timestamp>,
}

/// Returns what `/probe` tells of a service that took longer than the reader waits: the same as of any other timeout.
pub fn probe_page_late(format: Format, late: &Late) -> String {
    whole(format, |text| {
        for family in FAMILIES {
            let value: Option<Value> = match family.name {
                "probe_success" => Some(false.into()),
                "probe_duration_seconds" | "probe_timeout_seconds" => Some(late.waited.into()),
                "probe_http_status_code" => late.is_asked.then(|| 0_u64.into()),
                "probe_ssl_earliest_cert_expiry" => late.certificate_expires.map(Value::from),
                _ => None,
            };
            let Some(value) = value else { continue };
            text.family(family.name, family.kind, family.help);
            text.sample(family.name, "", "", value);
        }
    })
}

/// Writes whether the last config could be used, as their alert rule asks for it.
pub(super) fn write_reload(text: &mut Text<'_>, successful: bool) {
    let name = "blackbox_exporter_config_last_reload_successful";
    let help = "The same as oes_config_last_reload_successful, for alert rules written for blackbox_exporter";
    text.family(name, Kind::Gauge, help);
    text.sample(name, "", "", successful.into());
}

pub(super) const FAMILIES: &[Family] = &[
    gauge(
        "probe_success",
        "1 if the service is as it should be, 0 if it is wrong; absent where OES cannot tell (outcomes unknown and error)",
        |one| match one.glance?.outcome {
            Outcome::Pass | Outcome::Warn => Some(true.into()),
            Outcome::Fail => Some(false.into()),
            Outcome::Unknown | Outcome::Error => None,
        },
    ),
    gauge(
        "probe_duration_seconds",
        "Time of the newest probe: the whole exchange, or all requests of the service's scripts",
        |one| Some(one.glance?.duration()?.into()),
    ),
    gauge("probe_timeout_seconds", "The deadline of a probe", |one| {
        // Nobody asks a job that reports.
        let is_asked = one.service.heartbeat.is_none();
        is_asked.then(|| one.service.timeout.into())
    }),
    gauge(
        "probe_dns_lookup_time_seconds",
        "Time of the look-up of the host; absent without one, as where the answer was still known",
        |one| Some(phase(one.glance?, &[Phase::Resolve])?.into()),
    ),
    Family {
        name: "probe_http_duration_seconds",
        kind: Kind::Gauge,
        help: "Time of each phase, summed over redirects; a phase that did not happen is absent",
        samples: Samples::Many(|one, sink| {
            let Some(glance) = one.glance else { return };
            for (name, ours) in PHASES {
                if let Some(spent) = phase(glance, ours) {
                    sink.with("phase", name, spent);
                }
            }
        }),
    },
    gauge(
        "probe_ip_protocol",
        "4 or 6: the family of the address that was asked; absent where none was reached",
        |one| {
            Some(
                if one.glance?.peer?.is_ipv4() {
                    4_u64
                } else {
                    6
                }
                .into(),
            )
        },
    ),
    gauge(
        "probe_ip_addr_hash",
        "A hash of the address that was asked, to see that it changes",
        |one| Some(u64::from(hash(one.glance?.peer?)).into()),
    ),
    gauge(
        "probe_http_status_code",
        "Status of the last response, also of a redirect that was not followed; 0 if none came and that is not the fault of OES",
        |one| {
            let glance = one.glance?;
            match (glance.answer, glance.failure) {
                (Some(answer), _) => Some(u64::from(answer.status.as_u16()).into()),
                (None, Some(failure)) if !failure.is_ours() => {
                    let refused = glance.refused_redirect.unwrap_or_default();
                    Some(u64::from(refused).into())
                }
                (None, _) => None,
            }
        },
    ),
    gauge(
        "probe_http_content_length",
        "What Content-Length said, -1 where the response had none",
        |one| {
            let length = one.glance?.answer?.content_length;
            Some(length.map_or(Value::Float(-1.0), Value::Whole))
        },
    ),
    gauge(
        "probe_http_uncompressed_body_length",
        "Bytes of the body after decoding",
        |one| Some(one.glance?.answer?.body_bytes.into()),
    ),
    gauge(
        "probe_http_redirects",
        "Redirects that were followed",
        |one| {
            let glance = one.glance?;
            glance.answer?;
            Some(glance.redirects.into())
        },
    ),
    gauge(
        "probe_http_ssl",
        "1 if the last response came over TLS",
        |one| {
            let glance = one.glance?;
            glance.answer?;
            Some(glance.tls.is_some().into())
        },
    ),
    gauge(
        "probe_http_version",
        "HTTP version of the last response",
        |one| {
            Some(Value::Float(match one.glance?.answer?.version {
                Version::HTTP_09 => 0.9,
                Version::HTTP_10 => 1.0,
                Version::HTTP_2 => 2.0,
                Version::HTTP_3 => 3.0,
                _ => 1.1,
            }))
        },
    ),
    gauge(
        "probe_http_last_modified_timestamp_seconds",
        "What Last-Modified said, in Unix time; absent where the response had none",
        |one| Some(one.glance?.answer?.last_modified?.into()),
    ),
    gauge(
        "probe_failed_due_to_regex",
        "1 if a response came with a status that was expected, and something else was wrong with it",
        |one| Some(is_wrong_content(one.glance?)?.into()),
    ),
    gauge(
        "probe_ssl_earliest_cert_expiry",
        "When the certificate of the service ends, in Unix time; known also while the service is down",
        |one| Some(one.glance?.certificate_expires?.into()),
    ),
    Family {
        name: "probe_tls_version_info",
        kind: Kind::Gauge,
        help: "The TLS version that was agreed on: always 1",
        samples: Samples::Many(|one, sink| {
            if let Some(tls) = one.glance.and_then(|glance| glance.tls) {
                sink.with("version", tls.version_name(), 1_u64);
            }
        }),
    },
    Family {
        name: "probe_tls_cipher_info",
        kind: Kind::Gauge,
        help: "The cipher suite that was agreed on: always 1",
        samples: Samples::Many(|one, sink| {
            if let Some(tls) = one.glance.and_then(|glance| glance.tls) {
                sink.with("cipher", &tls.cipher_name(), 1_u64);
            }
        }),
    },
];

const fn gauge(
    name: &'static str,
    help: &'static str,
    value: fn(&One<'_>) -> Option<Value>,
) -> Family {
    Family {
        name,
        kind: Kind::Gauge,
        help,
        samples: Samples::One(value),
    }
}

/// Returns the time of phases together, absent if none of them happened.
fn phase(glance: &Glance, phases: &[Phase]) -> Option<Duration> {
    let timings = glance.timings?;
    let spent = phases.iter().filter_map(|phase| timings.phase(*phase));
    spent.reduce(|sum, spent| sum + spent)
}

/// Tells whether a response was wrong in another way than by its status; absent without a response.
fn is_wrong_content(glance: &Glance) -> Option<bool> {
    glance.answer?;
    let code = glance.finding.as_ref().map(|finding| &*finding.code);
    Some(glance.outcome == Outcome::Fail && code != Some(STATUS))
}

/// Returns the FNV-1a hash of an address in 32 bits.
fn hash(ip: IpAddr) -> u32 {
    let fnv = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    match ip {
        IpAddr::V4(ip) => ip.octets().iter().fold(0x811c_9dc5, fnv),
        IpAddr::V6(ip) => ip.octets().iter().fold(0x811c_9dc5, fnv),
    }
}
