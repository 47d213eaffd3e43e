//! Asks the provider by which people log in, with the daemon's prober: its resolver, caps and words for what fails.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use tokio::time::Instant;
use url::Url;

use super::watching::Parts;
use crate::clock::Clock;
use crate::model::causes::Causes;
use crate::model::exchange::Exchange;
use crate::model::failure::{Failure, FailureKind};
use crate::model::secret::Secret;
use crate::model::service::{TlsProfile, Transport};
use crate::probe::{HttpProber, Prober as _, RequestParts};
use crate::web::Pending;
use crate::web::auth::{Bounds, Outside};

/// Asks with a prober.
struct Asking {
    prober: Arc<HttpProber>,
    clock: Clock,
}

/// Returns what asks with the prober of a daemon.
pub(super) fn asking(shared: &Parts) -> Arc<dyn Outside> {
    Arc::new(Asking {
        prober: Arc::clone(&shared.tools.plans),
        clock: shared.clock,
    })
}

impl Outside for Asking {
    fn ask(
        &self,
        request: Request<Vec<u8>>,
        bounds: Bounds,
    ) -> Pending<'static, Result<Response<Vec<u8>>, Failure>> {
        let (prober, now) = (Arc::clone(&self.prober), self.clock.now());
        Box::pin(async move {
            let parts = parts(request, bounds)?;
            let plan = prober
                .plan_for(parts)
                .map_err(|error| bad(&Causes(&error)))?;
            answer(prober.probe(&plan, Instant::now(), now).await)
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Returns what the prober must know of a request.
fn parts(request: Request<Vec<u8>>, bounds: Bounds) -> Result<RequestParts, Failure> {
    let (head, body) = request.into_parts();
    let url = Url::parse(&head.uri.to_string()).map_err(|error| bad(&error))?;
    let mut parts = RequestParts::new(head.method, url);
    for (name, value) in &head.headers {
        let value = value.to_str().map_err(|error| bad(&error))?;
        parts
            .request
            .headers
            .push((name.clone(), Secret::hidden(value)));
    }
    parts.request.body = (!body.is_empty()).then(|| Bytes::from(body));
    parts.request.body_is_secret = true;
    parts.timeout = bounds.timeout;
    parts.transport = Transport {
        redirects_max: 0,
        body_limit_bytes: bounds.answer_bytes,
        tls: TlsProfile {
            ca_pem: bounds.ca.map(|ca| ca.to_vec()),
            ..TlsProfile::default()
        },
        ..Transport::default()
    };
    Ok(parts)
}

fn answer(exchange: Exchange) -> Result<Response<Vec<u8>>, Failure> {
    let response = exchange.result?;
    let mut answer = Response::new(response.body.bytes.to_vec());
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    Ok(answer)
}

fn bad(why: &dyn std::fmt::Display) -> Failure {
    Failure {
        kind: FailureKind::Internal,
        phase: None,
        message: why.to_string(),
    }
}
