//! What matcher scripts may ask of the daemon: requests.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, Method};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::model::causes::Causes;
use crate::model::exchange::{Certificate, Exchange};
use crate::model::failure::Failure;
use crate::model::json::Json;
use crate::model::secret::Secret;
use crate::model::service::{Auth, BodyOverflow, Request, Transport};
use crate::probe::{AddressPolicy, Exchanged, HttpProber, Prober as _, RequestParts};
use crate::script::host::{Ask, Host, HostFailure, HostReply, HostRequest, HostResponse};

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

    fn ask(
        &self,
        what: Ask,
        request: HostRequest,
    ) -> Pin<Box<dyn Future<Output = HostReply> + Send>> {
        let (prober, now) = (Arc::clone(&self.prober), self.clock.now());
        Box::pin(async move {
            let begun = Instant::now();
            let body = asked(&prober, &what, request, now).await?;
            Ok(HostResponse {
                body,
                elapsed: begun.elapsed(),
                ..HostResponse::default()
            })
        })
    }
}

/// Asks something else than HTTP.
async fn asked(
    prober: &HttpProber,
    what: &Ask,
    request: HostRequest,
    now: Timestamp,
) -> Result<Bytes, HostFailure> {
    let (limit, send) = (request.body_limit_bytes, request.body.clone());
    let host = request.url.host_str().unwrap_or_default().to_owned();
    if let Ask::Records { kind } = what {
        let records = prober.records(&host, kind, request.timeout).await;
        let records: Json = records
            .map_err(failed)?
            .into_iter()
            .map(Json::from)
            .collect();
        return Ok(records.to_string().into());
    }
    let plan = prober
        .plan_for(parts(request)?)
        .map_err(|error| refused(Causes(&error).to_string()))?;
    let Ask::Bytes { until } = what else {
        let certificate = prober.certificate(&plan, now).await.map_err(failed)?;
        return Ok(facts(&certificate).to_string().into());
    };
    let exchanged = Exchanged {
        send: send.as_deref().unwrap_or_default(),
        until: until.as_deref(),
        limit,
    };
    let answer = prober.exchange(&plan, exchanged, now).await;
    answer.map(Bytes::from).map_err(failed)
}

fn facts(certificate: &Certificate) -> Json {
    let names = certificate
        .names
        .iter()
        .map(|name| Json::from(name.as_str()));
    Json::object([
        ("subject", Json::from(certificate.subject.as_str())),
        ("issuer", certificate.issuer.as_str().into()),
        ("names", names.collect()),
        ("not_before", certificate.not_before.as_second().into()),
        ("not_after", certificate.not_after.as_second().into()),
        ("self_signed", certificate.self_signed.into()),
    ])
}

fn failed(failure: Failure) -> HostFailure {
    HostFailure {
        kind: failure.kind.as_str().to_owned(),
        message: failure.message,
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
    let response = exchange.result.map_err(failed)?;
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
