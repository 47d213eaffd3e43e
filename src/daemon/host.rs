//! What matcher scripts may ask of the daemon: requests.

use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderName, Method};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::model::causes::Causes;
use crate::model::exchange::Exchange;
use crate::model::secret::Secret;
use crate::model::service::{Auth, BodyOverflow, Request, Transport};
use crate::probe::{AddressPolicy, HttpProber, Prober as _, RequestParts};
use crate::script::host::{Host, HostFailure, HostReply, HostRequest, HostResponse};

/// Makes the requests of matcher scripts with the daemon's prober: its address policy, caps and resolver.
pub(super) struct ScriptHost {
    prober: Arc<HttpProber>,
    clock: Clock,
}

impl ScriptHost {
    /// Returns the host that asks through `prober`.
    pub(super) fn new(prober: Arc<HttpProber>, clock: Clock) -> Self {
        Self { prober, clock }
    }
}

/// Redirects that a script's request follows, as docs/scripts.md says.
const REDIRECTS_MAX: u8 = 5;

impl Host for ScriptHost {
    fn http(&self, request: HostRequest) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        let (prober, now) = (Arc::clone(&self.prober), self.clock.now());
        Box::pin(async move {
            let parts = parts(request)?;
            let plan = prober
                .plan_for(parts)
                .map_err(|error| refused(Causes(&error).to_string()))?;
            reply(prober.probe(&plan, Instant::now(), now).await)
        })
    }
}

/// Returns what the prober must know of a script's request.
fn parts(request: HostRequest) -> Result<RequestParts, HostFailure> {
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| refused(format!("`{}` is no request method", request.method)))?;
    let header = |(name, value): &(String, String)| {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refused(format!("`{name}` is no header name")))?;
        // Whatever a script sends may hold a secret, so no value may cross to another origin.
        Ok((name, Secret::hidden(value.as_str())))
    };
    let addresses = AddressPolicy::Listed {
        hosts: request.hosts,
    };
    let transport = request
        .transport
        .map_or_else(Transport::default, |own| Transport::clone(&own));
    Ok(RequestParts {
        request: Request {
            method,
            shown_url: request.url.as_str().into(),
            headers: request
                .headers
                .iter()
                .map(header)
                .collect::<Result<_, HostFailure>>()?,
            url: request.url,
            body: request.body,
            body_is_secret: request.body_is_secret,
            secrets: Vec::new(),
            payload: None,
            auth: Auth::None,
        },
        // A request to the service's own origin travels as its probes do: same TLS, same addresses, same proxy.
        transport: Transport {
            redirects_max: REDIRECTS_MAX,
            body_limit_bytes: request.body_limit_bytes,
            body_overflow: BodyOverflow::Fail,
            tls: request.tls.applied(transport.tls),
            ..transport
        },
        timeout: request.timeout,
        addresses,
    })
}

fn refused(message: String) -> HostFailure {
    HostFailure {
        kind: "bad_request".to_owned(),
        message,
    }
}

fn reply(exchange: Exchange) -> HostReply {
    let elapsed = exchange.timings.total;
    let response = exchange.result.map_err(|failure| HostFailure {
        kind: failure.kind.as_str().to_owned(),
        message: failure.message,
    })?;
    let headers = response.headers.iter().map(|(name, value)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    });
    Ok(HostResponse {
        status: response.status.as_u16(),
        headers: headers.collect(),
        body: response.body.bytes,
        elapsed,
    })
}
