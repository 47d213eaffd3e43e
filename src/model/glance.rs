//! What the newest probe of a service showed: small enough to be kept of every service, enough for metrics and pages.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, Version, header};
use jiff::Timestamp;

use super::duration::since;
use super::exchange::{Response, Timings, TlsSession};
use super::failure::FailureKind;
use super::incident::Reason;
use super::judgement::Outcome;
use super::observation::Observation;
use super::violation::{Sample, Violation};

/// What the newest probe of a service showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Glance {
    /// When the probe began.
    pub at: Timestamp,
    /// Its outcome.
    pub outcome: Outcome,
    /// Whether the newest probe that counts failed; `unknown` and `error` leave it as it was.
    pub failing: bool,
    /// When the last good one was, as far as is known.
    pub last_good: Option<Timestamp>,
    /// The latency, where one was measured; see [`Observation::latency`].
    pub latency: Option<Duration>,
    /// Where the time of the exchange went; absent if the service's scripts make their own requests.
    pub timings: Option<Timings>,
    /// The main finding, absent where all is as it should be.
    pub finding: Option<Found>,
    /// Why there was no response.
    pub failure: Option<FailureKind>,
    /// Status of the redirect that was not followed, where that is why there was no response.
    pub refused_redirect: Option<u16>,
    /// The response, where one came.
    pub answer: Option<Answer>,
    /// Redirects that were followed.
    pub redirects: usize,
    /// The address that answered last, or that was tried.
    pub peer: Option<IpAddr>,
    /// The TLS session of the last hop; absent without TLS.
    pub tls: Option<TlsSession>,
    /// When the certificate that was last seen ends; kept while the service cannot be reached, absent without TLS.
    pub certificate_expires: Option<Timestamp>,
    /// The numbers that the service's rules look at.
    pub window: WindowNumbers,
    /// What its open violations say now.
    pub held: Vec<Held>,
}

/// A certificate that ends within this is worth a look.
pub const CERTIFICATE_SOON: Duration = Duration::from_hours(21 * 24);

/// What a finding says on one line. Redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its stable code.
    pub code: Arc<str>,
    /// Where in the body, and what is wrong.
    pub message: Arc<str>,
}

/// A response without its headers and its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Status of the last hop.
    pub status: StatusCode,
    /// HTTP version spoken.
    pub version: Version,
    /// What `Content-Length` said, absent if it was not there.
    pub content_length: Option<u64>,
    /// Bytes of the body as they came over the wire.
    pub wire_bytes: u64,
    /// Bytes of the body after decoding, at most the body limit.
    pub body_bytes: u64,
    /// What `Last-Modified` said, where it is a date.
    pub last_modified: Option<Timestamp>,
}

/// An open violation as it is now; its incident says how it was when its finding was new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The violation.
    pub violation: Violation,
    /// The rule and its numbers; absent where it has none that change.
    pub rule: Option<String>,
    /// What its probes found: of an outage what most of its window did; absent where that is not known.
    pub finding: Option<String>,
    /// When the newest probe began that found it.
    pub seen_at: Option<Timestamp>,
}

/// The numbers that the rules of a service look at.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WindowNumbers {
    /// Probes in the window of the error rule.
    pub counted: usize,
    /// How many of them failed.
    pub failed: usize,
    /// How many of them failed in a row, up to the newest.
    pub failing: usize,
    /// How many probes the full window has.
    pub size: usize,
    /// The share of failed probes that is still accepted.
    pub threshold: f64,
    /// What the latency rule reads, once it can; absent without one.
    pub latency: Option<Duration>,
    /// The limit of the latency rule.
    pub latency_limit: Option<Duration>,
}

impl WindowNumbers {
    /// Tells whether every probe of the window failed; absent while there is none.
    pub fn all_failed(&self) -> Option<bool> {
        (self.counted > 0).then_some(self.failed == self.counted)
    }
}

impl Glance {
    /// Returns what an observation shows, after what the one before it showed.
    pub fn of(observation: &Observation, window: WindowNumbers, before: Option<&Self>) -> Self {
        let exchange = observation.exchange.as_deref();
        let outcome = observation.judgement.outcome;
        let response = exchange.and_then(|exchange| exchange.result.as_ref().ok());
        let certificate = exchange.and_then(|exchange| exchange.certificate.as_ref());
        let expired_before = before.and_then(|before| before.certificate_expires);
        let main = observation.judgement.main_finding();
        let failure = exchange.and_then(|exchange| Some(exchange.result.as_ref().err()?.kind));
        Self {
            at: observation.at,
            outcome,
            failing: if outcome.counts() {
                outcome == Outcome::Fail
            } else {
                before.is_some_and(|before| before.failing)
            },
            last_good: if outcome.is_good() {
                Some(observation.at)
            } else {
                before.and_then(|before| before.last_good)
            },
            latency: observation.latency(),
            timings: exchange.map(|exchange| exchange.timings),
            finding: main.map(|finding| Found {
                code: Arc::clone(&finding.code),
                message: finding.to_string().into(),
            }),
            failure,
            refused_redirect: exchange
                .filter(|_| failure.is_some_and(FailureKind::is_redirect))
                .and_then(|exchange| Some(exchange.hops.last()?.status)),
            answer: response.map(Answer::of),
            redirects: exchange.map_or(0, |exchange| exchange.hops.len()),
            peer: exchange.and_then(|exchange| Some(exchange.peer?.ip())),
            tls: exchange.and_then(|exchange| exchange.tls),
            // A response without a certificate says that the service no longer speaks TLS.
            certificate_expires: match certificate {
                Some(certificate) => Some(certificate.not_after),
                None => expired_before.filter(|_| response.is_none()),
            },
            window,
            held: Vec::new(),
        }
    }

    /// Returns how long the certificate still lasts, where that is so little that somebody should renew it; zero once it
    /// has expired.
    pub fn certificate_left(&self, now: Timestamp) -> Option<Duration> {
        let left = since(now, self.certificate_expires?);
        (left <= CERTIFICATE_SOON).then_some(left)
    }

    /// Returns how long the probe took: the whole exchange, or all requests of the service's scripts.
    pub fn duration(&self) -> Option<Duration> {
        let exchange = self.timings.map(|timings| timings.total);
        exchange.or(self.latency)
    }

    /// Returns what a sample from before a start shows, as far as that was kept: what was found stands in the reason of
    /// an incident that it keeps open.
    pub fn restored<'a>(
        newest: &Sample,
        reasons: impl IntoIterator<Item = &'a Reason>,
        window: WindowNumbers,
        last_good: Option<Timestamp>,
    ) -> Self {
        let reason = newest.code.as_ref().and_then(|code| {
            let mut reasons = reasons.into_iter();
            let said = reasons.find(|reason| reason.code.as_ref() == Some(code))?;
            Some((code, said.finding.as_deref()?))
        });
        Self {
            at: newest.at,
            outcome: newest.outcome,
            failing: newest.outcome == Outcome::Fail,
            last_good,
            latency: newest.latency,
            timings: None,
            finding: reason.map(|(code, message)| Found {
                code: Arc::clone(code),
                message: message.into(),
            }),
            failure: None,
            refused_redirect: None,
            answer: None,
            redirects: 0,
            peer: None,
            tls: None,
            certificate_expires: None,
            window,
            held: Vec::new(),
        }
    }

    /// Returns the same with what the open violations say now.
    #[must_use]
    pub fn with_held(self, held: Vec<Held>) -> Self {
        Self { held, ..self }
    }

    /// Returns an open violation as it is now; absent where the newest probe does not know of it.
    pub fn held(&self, violation: &Violation) -> Option<&Held> {
        self.held.iter().find(|held| held.violation == *violation)
    }
}

impl Answer {
    fn of(response: &Response) -> Self {
        let length = response.header(header::CONTENT_LENGTH.as_str());
        let modified = response.header(header::LAST_MODIFIED.as_str());
        Self {
            status: response.status,
            version: response.version,
            content_length: length.and_then(|length| length.trim().parse().ok()),
            wire_bytes: response.body.wire_bytes,
            body_bytes: response.body.bytes.len() as u64,
            last_modified: modified.and_then(|text| {
                let time = httpdate::parse_http_date(text).ok()?;
                Timestamp::try_from(time).ok()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{Body, Certificate, Exchange, Hop, Sent};
    use crate::model::failure::Failure;
    use crate::model::judgement::{Finding, Judgement};

    fn observation(
        result: Result<Response, Failure>,
        certificate: Option<Timestamp>,
    ) -> Observation {
        let found = result.as_ref().err().map(|failure| {
            let finding = Finding::error(failure.kind.as_str(), failure.message.as_str());
            vec![finding.at_path("$")]
        });
        let certificate = certificate.map(|not_after| Certificate {
            subject: String::new(),
            issuer: String::new(),
            names: Vec::new(),
            not_before: Timestamp::UNIX_EPOCH,
            not_after,
            self_signed: false,
        });
        Observation {
            at: Timestamp::UNIX_EPOCH,
            exchange: Some(Arc::new(Exchange {
                started_at: Timestamp::UNIX_EPOCH,
                sent: Arc::new(Sent::default()),
                timings: Timings::default(),
                bearer: None,
                hops: Vec::new(),
                peer: None,
                certificate,
                tls: None,
                result,
            })),
            beat: None,
            judgement: Judgement::of(found.unwrap_or_default()),
        }
    }

    fn response(headers: &[(&'static str, &'static str)]) -> Response {
        let pairs = headers.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, http::HeaderValue::from_static(value))
        });
        Response {
            status: StatusCode::OK,
            version: Version::HTTP_11,
            headers: pairs.collect(),
            body: Body::new("four"),
        }
    }

    fn refused() -> Failure {
        Failure {
            kind: FailureKind::ConnectRefused,
            phase: None,
            message: "connection refused".to_owned(),
        }
    }

    #[test]
    fn shows_of_a_response_what_metrics_and_pages_tell() {
        let headers = [
            ("content-length", "11"),
            ("last-modified", "Thu, 01 Jan 1970 00:01:00 GMT"),
        ];
        let seen = observation(Ok(response(&headers)), None);
        let glance = Glance::of(&seen, WindowNumbers::default(), None);
        let answer = glance.answer.unwrap();
        assert_eq!(answer.content_length, Some(11));
        assert_eq!(answer.body_bytes, 4);
        assert_eq!(answer.last_modified.unwrap().as_second(), 60);
        assert!(!glance.failing && glance.finding.is_none());
    }

    #[test]
    fn a_redirect_that_is_not_followed_has_a_status() {
        let mut seen = observation(Err(refused()), None);
        let mut redirected = |kind| {
            let exchange = Arc::get_mut(seen.exchange.as_mut().unwrap()).unwrap();
            exchange.hops = vec![Hop {
                url: "http://a.example/".to_owned(),
                status: 302,
                peer: None,
            }];
            exchange.result = Err(Failure { kind, ..refused() });
            Glance::of(&seen, WindowNumbers::default(), None).refused_redirect
        };
        assert_eq!(redirected(FailureKind::RedirectLoop), Some(302));
        assert_eq!(redirected(FailureKind::RedirectPolicy), Some(302));
        assert_eq!(redirected(FailureKind::ConnectRefused), None);
    }

    #[test]
    fn the_end_of_a_certificate_is_known_while_the_service_is_down() {
        let window = WindowNumbers::default();
        let end = Timestamp::from_second(1_900_000_000).unwrap();
        let up = Glance::of(&observation(Ok(response(&[])), Some(end)), window, None);
        let down = Glance::of(&observation(Err(refused()), None), window, Some(&up));
        assert!(down.failing);
        assert_eq!(down.certificate_expires, Some(end));
        assert_eq!(&*down.finding.unwrap().message, "$: connection refused");
        let plain = Glance::of(&observation(Ok(response(&[])), None), window, Some(&up));
        assert_eq!(plain.certificate_expires, None);
    }
}
