//! The exchange that a probe of a test stands for.

use std::sync::Arc;

use http::{HeaderValue, Version};
use jiff::Timestamp;

use crate::config::suite::{Answer, Response};
use crate::model::exchange::{self, Body, Exchange, Phase, Sent, Timings};
use crate::model::failure::Failure;
use crate::model::service::Service;

/// Returns what a service is seen to send.
pub(super) fn sent(service: &Service) -> Arc<Sent> {
    let request = &service.request;
    let headers = request.headers.iter().filter_map(|(name, value)| {
        let shown = HeaderValue::from_str(value.shown()).ok()?;
        Some((name.clone(), shown))
    });
    Arc::new(Sent {
        method: request.method.to_string(),
        url: Arc::clone(&request.shown_url),
        headers: headers.collect(),
        body_bytes: request.body.as_ref().map_or(0, bytes::Bytes::len),
    })
}

/// Returns the exchange of a probe that was answered so.
pub(super) fn of(answer: &Answer, sent: &Arc<Sent>, now: Timestamp) -> Exchange {
    let mut timings = Timings::default();
    timings.total = answer.elapsed;
    timings.add(Phase::Wait, answer.elapsed);
    Exchange {
        started_at: now,
        sent: Arc::clone(sent),
        timings,
        bearer: None,
        hops: Vec::new(),
        peer: None,
        certificate: None,
        tls: None,
        result: match &answer.result {
            Ok(response) => Ok(of_response(response)),
            Err(kind) => Err(Failure {
                kind: *kind,
                phase: None,
                message: format!("{} (the test says so)", kind.as_str()),
            }),
        },
    }
}

fn of_response(response: &Response) -> exchange::Response {
    exchange::Response {
        status: response.status,
        version: Version::HTTP_11,
        headers: response.headers.clone(),
        body: Body::new(response.body.clone()),
    }
}
