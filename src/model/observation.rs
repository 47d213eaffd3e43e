//! One probe, judged.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::duration::Shown;
use super::exchange::{Exchange, Phase};
use super::failure::{Failure, FailureKind};
use super::heartbeat::Beat;
use super::judgement::{HttpCall, Judgement};
use super::violation::Sample;

/// One probe, judged.
#[derive(Debug)]
pub struct Observation {
    /// When it began.
    pub at: Timestamp,
    /// What the probe saw; absent if the service's scripts make their own requests.
    pub exchange: Option<Arc<Exchange>>,
    /// What a job reported, or that it did not; absent of a service that is asked.
    pub beat: Option<Beat>,
    /// What the matchers said.
    pub judgement: Judgement,
}

impl Observation {
    /// Returns what a window remembers of it.
    pub fn sample(&self) -> Sample {
        Sample {
            at: self.at,
            outcome: self.judgement.outcome,
            latency: self.latency(),
            code: self
                .judgement
                .main_finding()
                .map(|finding| Arc::clone(&finding.code)),
        }
    }

    /// Returns the time of the exchange, or of the scripts' own requests together.
    ///
    /// It is there if a response came, if the request was on its way when the probe failed, and of a timeout in any
    /// phase but the look-up, where it is the time until the probe was given up. Of a job it is the time of its run.
    pub fn latency(&self) -> Option<Duration> {
        if let Some(beat) = &self.beat {
            return beat.took;
        }
        let Some(exchange) = &self.exchange else {
            self.calls().next()?;
            return Some(Duration::from_millis(
                self.calls().map(|call| call.elapsed_ms).sum(),
            ));
        };
        match &exchange.result {
            Err(failure) if !was_on_its_way(failure) => None,
            _ => Some(exchange.timings.total),
        }
    }

    /// Returns the address that answered, or that a connection was tried to; absent where none was reached.
    pub fn address(&self) -> Option<String> {
        let peer = self.exchange.as_ref()?.peer?;
        Some(peer.to_string())
    }

    fn calls(&self) -> impl Iterator<Item = &HttpCall> {
        self.judgement.runs.iter().flat_map(|run| &run.http)
    }
}

fn was_on_its_way(failure: &Failure) -> bool {
    let timeout = matches!(
        failure.kind,
        FailureKind::ConnectTimeout
            | FailureKind::TimeoutConnect
            | FailureKind::TimeoutTls
            | FailureKind::TimeoutSend
            | FailureKind::TimeoutWait
            | FailureKind::TimeoutTransfer
    );
    let asked = matches!(
        failure.phase,
        Some(Phase::Send | Phase::Wait | Phase::Transfer)
    );
    !failure.kind.is_ours() && (timeout || asked)
}

/// Writes one line: `GET https://api.example.io/x → 200 in 214 ms`; of scripts that ask themselves their last request.
impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(exchange) = &self.exchange else {
            return match (&self.beat, self.calls().last()) {
                (Some(beat), _) => f.write_str(&beat.words),
                (None, Some(call)) => write_call(f, call),
                (None, None) => f.write_str("no request was made"),
            };
        };
        let Exchange { sent, timings, .. } = &**exchange;
        write!(f, "{} {} → ", sent.method, sent.url)?;
        let total = Shown(timings.total);
        match &exchange.result {
            Ok(response) => write!(f, "{} in {total}", response.status.as_u16()),
            Err(failure) if failure.kind.is_deadline() => f.write_str(&failure.message),
            Err(failure) => write!(f, "{} after {total}", failure.message),
        }
    }
}

fn write_call(f: &mut fmt::Formatter<'_>, call: &HttpCall) -> fmt::Result {
    write!(f, "{} {} → ", call.method, call.url)?;
    match (call.status, &call.error) {
        (Some(status), _) => write!(f, "{status}")?,
        (None, error) => f.write_str(error.as_deref().unwrap_or("no answer"))?,
    }
    write!(f, " in {}", Shown(Duration::from_millis(call.elapsed_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::exchange::{Body, Response, Sent, Timings};
    use crate::model::judgement::Finding;

    fn observation(result: Result<Response, Failure>, findings: Vec<Finding>) -> Observation {
        let mut timings = Timings::default();
        timings.total = Duration::from_millis(214);
        Observation {
            at: Timestamp::UNIX_EPOCH,
            exchange: Some(Arc::new(Exchange {
                started_at: Timestamp::UNIX_EPOCH,
                sent: Arc::new(Sent {
                    method: "GET".to_owned(),
                    url: "https://x.example/a".into(),
                    ..Sent::default()
                }),
                timings,
                bearer: None,
                hops: Vec::new(),
                peer: None,
                certificate: None,
                tls: None,
                result,
            })),
            beat: None,
            judgement: Judgement::of(findings),
        }
    }

    fn failure(kind: FailureKind, phase: Phase) -> Result<Response, Failure> {
        Err(Failure {
            kind,
            phase: Some(phase),
            message: "connection refused by 127.0.0.1:81".to_owned(),
        })
    }

    #[test]
    fn measures_what_the_service_had_a_part_in() {
        let rows = [
            (FailureKind::ConnectRefused, Phase::Connect, false),
            (FailureKind::TimeoutConnect, Phase::Connect, true),
            (FailureKind::TimeoutResolve, Phase::Resolve, false),
            (FailureKind::ClosedWithoutResponse, Phase::Wait, true),
            (FailureKind::LocalPorts, Phase::Connect, false),
            (FailureKind::TlsExpired, Phase::Tls, false),
        ];
        for (kind, phase, expected) in rows {
            let sample = observation(failure(kind, phase), Vec::new()).sample();
            assert_eq!(sample.latency.is_some(), expected, "{kind} in {phase}");
        }
    }

    #[test]
    fn shows_an_exchange_in_one_line() {
        let refused = observation(failure(FailureKind::ConnectRefused, Phase::Connect), vec![]);
        assert_eq!(
            refused.to_string(),
            "GET https://x.example/a → connection refused by 127.0.0.1:81 after 214 ms"
        );
        let answered = observation(
            Ok(Response {
                status: http::StatusCode::OK,
                version: http::Version::HTTP_11,
                headers: http::HeaderMap::new(),
                body: Body::default(),
            }),
            vec![],
        );
        assert_eq!(
            answered.to_string(),
            "GET https://x.example/a → 200 in 214 ms"
        );
    }

    #[test]
    fn a_deadline_is_said_once() {
        let mut late = failure(FailureKind::TimeoutWait, Phase::Wait);
        if let Err(failure) = &mut late {
            failure.message = "127.0.0.1:81 did not begin to answer within 2 s".to_owned();
        }
        assert_eq!(
            observation(late, Vec::new()).to_string(),
            "GET https://x.example/a → 127.0.0.1:81 did not begin to answer within 2 s"
        );
    }
}
