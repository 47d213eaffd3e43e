//! What a failed handshake says, and a refused certificate.

use std::error::Error;
use std::net::SocketAddr;

use jiff::Timestamp;

use crate::model::exchange::Certificate;
use crate::model::failure::{Failure, FailureKind};
use crate::probe::certificate::listed;

/// Why a handshake failed, as far as its error tells.
#[derive(Debug)]
pub(in crate::probe) struct Refusal {
    pub(in crate::probe) kind: FailureKind,
    reason: String,
}

impl Refusal {
    /// Reads the reason out of an OpenSSL error: its type shows nothing but its text.
    pub(in crate::probe) fn of(error: &(dyn Error + Send + Sync + 'static)) -> Self {
        let text = error.to_string();
        if text.contains("certificate verify failed") {
            // `…:certificate verify failed:…: (certificate has expired)`
            let reason = text
                .rsplit_once('(')
                .map_or(text.as_str(), |(_, reason)| reason.trim_end_matches(')'));
            let kind = if reason.contains("has expired") {
                FailureKind::TlsExpired
            } else if reason.contains("not yet valid") {
                FailureKind::TlsNotYetValid
            } else if reason.contains("mismatch") {
                FailureKind::TlsName
            } else {
                FailureKind::TlsUntrusted
            };
            return Self {
                kind,
                reason: reason.to_owned(),
            };
        }
        let has = |part: &str| text.contains(part);
        let reason = if has("wrong version number") || has("packet length") || has("http request") {
            "it does not speak TLS on this port".to_owned()
        } else if has("unexpected EOF") || has("unexpected eof") {
            "it closed the connection during the handshake".to_owned()
        } else if has("no application protocol") {
            "it speaks none of the HTTP versions that were offered".to_owned()
        } else if has("onnection reset") {
            "it reset the connection during the handshake".to_owned()
        } else if let Some(reason) = alert(&text) {
            reason
        } else {
            // `error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:…`
            text.split(':')
                .nth(4)
                .map_or_else(|| text.clone(), str::to_owned)
        };
        Self {
            kind: FailureKind::TlsHandshake,
            reason,
        }
    }

    /// Tells whether a second look would show a certificate.
    pub(in crate::probe) fn is_about_certificate(&self) -> bool {
        self.kind != FailureKind::TlsHandshake
    }

    /// Returns the failure for a person, with the facts of the certificate if they are known.
    pub(in crate::probe) fn explain(
        self,
        host: &str,
        peer: SocketAddr,
        facts: Option<&Certificate>,
        now: Timestamp,
    ) -> Failure {
        let message = match (self.kind, facts) {
            (FailureKind::TlsHandshake, _) => {
                format!("TLS handshake with {peer} failed: {}", self.reason)
            }
            (_, None) => format!("certificate of {host} was refused: {}", self.reason),
            (kind, Some(facts)) => explain_certificate(kind, &self.reason, host, facts, now),
        };
        Failure {
            kind: self.kind,
            phase: None,
            message,
        }
    }
}

fn explain_certificate(
    kind: FailureKind,
    reason: &str,
    host: &str,
    facts: &Certificate,
    now: Timestamp,
) -> String {
    let names = listed(facts);
    match kind {
        FailureKind::TlsExpired if facts.not_after < now => format!(
            "certificate expired {} ago ({}), for: {names}",
            span(facts.not_after, now),
            day(facts.not_after),
        ),
        FailureKind::TlsExpired => format!(
            "a certificate above that of {host} has expired; its own is valid until {}",
            day(facts.not_after)
        ),
        FailureKind::TlsNotYetValid => format!(
            "certificate becomes valid in {} ({}), for: {names}",
            span(now, facts.not_before),
            day(facts.not_before),
        ),
        FailureKind::TlsName => format!(
            "certificate is not for {host}, only for: {names}{}",
            also_untimely(facts, now)
        ),
        _ => {
            let what = if facts.self_signed {
                format!("certificate is self-signed ({})", facts.subject)
            } else {
                format!(
                    "certificate was issued by {}, which is not trusted here ({reason})",
                    facts.issuer
                )
            };
            format!("{what}, for: {names}{}", also_untimely(facts, now))
        }
    }
}

/// Returns what else is wrong with a certificate: OpenSSL looks at its time last, and names one reason only.
fn also_untimely(facts: &Certificate, now: Timestamp) -> String {
    if facts.not_after < now {
        let (since, on) = (span(facts.not_after, now), day(facts.not_after));
        format!("; it also expired {since} ago ({on})")
    } else if facts.not_before > now {
        let (until, on) = (span(now, facts.not_before), day(facts.not_before));
        format!("; it also becomes valid only in {until} ({on})")
    } else {
        String::new()
    }
}

/// Returns what the alert says that a peer sent, `None` if an OpenSSL error is no alert.
pub(in crate::probe) fn alert(error: &str) -> Option<String> {
    // `error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:…`
    let part = error
        .contains("SSL routines")
        .then(|| error.split(':').find(|part| part.contains(" alert ")))??;
    let (_, name) = part.split_once(" alert ")?;
    Some(match name {
        "certificate required" => "it demands a client certificate".to_owned(),
        "handshake failure" => {
            "it refused (handshake failure): it takes none of our TLS versions and ciphers, or \
             demands a client certificate"
                .to_owned()
        }
        "unknown ca" | "bad certificate" | "certificate unknown" | "decrypt error" => {
            format!("it does not accept our client certificate, or demands one ({name})")
        }
        name => format!("it refused ({name})"),
    })
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Returns the time between two moments in its largest unit: `3 days`.
fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Certificate {
        Certificate {
            subject: "CN=a.example".to_owned(),
            issuer: "CN=Some CA".to_owned(),
            names: vec!["a.example".to_owned(), "b.example".to_owned()],
            not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2026-11-20T12:00:00Z".parse().unwrap(),
            self_signed: false,
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_certificate() {
        let now = "2026-11-23T13:00:00Z".parse().unwrap();
        let check = |kind, facts: &Certificate, expected: &str| {
            assert_eq!(
                explain_certificate(kind, "why", "x.example", facts, now),
                expected
            );
        };
        let facts = facts();
        check(
            FailureKind::TlsExpired,
            &facts,
            "certificate expired 3 days ago (2026-11-20), for: a.example, b.example",
        );
        check(
            FailureKind::TlsName,
            &facts,
            "certificate is not for x.example, only for: a.example, b.example; it also expired 3 days ago (2026-11-20)",
        );
        check(
            FailureKind::TlsUntrusted,
            &Certificate {
                self_signed: true,
                ..facts.clone()
            },
            "certificate is self-signed (CN=a.example), for: a.example, b.example; it also expired 3 days ago (2026-11-20)",
        );
        let later = Certificate {
            not_before: "2026-11-23T14:30:00Z".parse().unwrap(),
            not_after: "2027-11-23T14:30:00Z".parse().unwrap(),
            ..facts
        };
        check(
            FailureKind::TlsNotYetValid,
            &later,
            "certificate becomes valid in 1 hour (2026-11-23), for: a.example, b.example",
        );
        check(
            FailureKind::TlsUntrusted,
            &later,
            "certificate was issued by CN=Some CA, which is not trusted here (why), for: a.example, b.example; it also becomes valid only in 1 hour (2026-11-23)",
        );
        check(
            FailureKind::TlsExpired,
            &later,
            "a certificate above that of x.example has expired; its own is valid until 2027-11-23",
        );
    }
}
