//! An exchange in a frame. The token that was sent along does not go with it.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::exchange::{Body, Certificate, Exchange, Hop, Response, Sent, Timings};
use crate::model::failure::Failure;

#[derive(Serialize, Deserialize)]
struct Framed {
    started_at: Timestamp,
    method: String,
    url: Arc<str>,
    headers: Vec<(String, Bytes)>,
    body_bytes: usize,
    timings: Timings,
    hops: Vec<Hop>,
    peer: Option<SocketAddr>,
    certificate: Option<Certificate>,
    result: Result<FramedResponse, Failure>,
}

#[derive(Serialize, Deserialize)]
struct FramedResponse {
    status: u16,
    version: u8,
    headers: Vec<(String, Bytes)>,
    body: Bytes,
    wire_bytes: u64,
    truncated: bool,
}

/// The versions of HTTP by their number in a frame.
const VERSIONS: [Version; 5] = [
    Version::HTTP_09,
    Version::HTTP_10,
    Version::HTTP_11,
    Version::HTTP_2,
    Version::HTTP_3,
];

fn framed_headers<'a>(
    headers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
) -> Vec<(String, Bytes)> {
    headers
        .map(|(name, value)| {
            let value = Bytes::copy_from_slice(value.as_bytes());
            (name.as_str().to_owned(), value)
        })
        .collect()
}

fn headers(framed: Vec<(String, Bytes)>) -> Result<Vec<(HeaderName, HeaderValue)>, http::Error> {
    framed
        .into_iter()
        .map(|(name, value)| {
            Ok((
                HeaderName::try_from(name)?,
                HeaderValue::from_maybe_shared(value)?,
            ))
        })
        .collect()
}

impl From<&Exchange> for Framed {
    fn from(exchange: &Exchange) -> Self {
        let response = |response: &Response| FramedResponse {
            status: response.status.as_u16(),
            version: VERSIONS
                .iter()
                .position(|known| *known == response.version)
                .and_then(|position| u8::try_from(position).ok())
                .unwrap_or(2),
            headers: framed_headers(response.headers.iter()),
            body: response.body.bytes.clone(),
            wire_bytes: response.body.wire_bytes,
            truncated: response.body.truncated,
        };
        let sent = &exchange.sent;
        Self {
            started_at: exchange.started_at,
            method: sent.method.clone(),
            url: Arc::clone(&sent.url),
            headers: framed_headers(sent.headers.iter().map(|(name, value)| (name, value))),
            body_bytes: sent.body_bytes,
            timings: exchange.timings,
            hops: exchange.hops.clone(),
            peer: exchange.peer,
            certificate: exchange.certificate.clone(),
            result: exchange.result.as_ref().map(response).map_err(Clone::clone),
        }
    }
}

impl TryFrom<Framed> for Exchange {
    type Error = http::Error;

    fn try_from(framed: Framed) -> Result<Self, http::Error> {
        let response = |response: FramedResponse| -> Result<Response, http::Error> {
            let mut body = Body::new(response.body);
            body.wire_bytes = response.wire_bytes;
            body.truncated = response.truncated;
            let mut fields = HeaderMap::new();
            for (name, value) in headers(response.headers)? {
                fields.append(name, value);
            }
            let version = VERSIONS.get(usize::from(response.version));
            Ok(Response {
                status: StatusCode::from_u16(response.status)?,
                version: version.copied().unwrap_or_default(),
                headers: fields,
                body,
            })
        };
        Ok(Self {
            started_at: framed.started_at,
            sent: Arc::new(Sent {
                method: framed.method,
                url: framed.url,
                headers: headers(framed.headers)?.into(),
                body_bytes: framed.body_bytes,
            }),
            timings: framed.timings,
            bearer: None,
            hops: framed.hops,
            peer: framed.peer,
            certificate: framed.certificate,
            tls: None,
            result: match framed.result {
                Ok(framed) => Ok(response(framed)?),
                Err(failure) => Err(failure),
            },
        })
    }
}

pub(in crate::script) fn serialize<S: Serializer>(
    exchange: &Arc<Exchange>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Framed::from(&**exchange).serialize(serializer)
}

pub(in crate::script) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Arc<Exchange>, D::Error> {
    let exchange = Exchange::try_from(Framed::deserialize(deserializer)?);
    exchange.map(Arc::new).map_err(D::Error::custom)
}

/// The same for an exchange that may be missing.
pub(in crate::script) mod optional {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Serialize as _};

    use super::{Arc, Deserializer, Exchange, Framed, Serializer};

    #[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
    pub(in crate::script) fn serialize<S: Serializer>(
        exchange: &Option<Arc<Exchange>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        exchange.as_deref().map(Framed::from).serialize(serializer)
    }

    pub(in crate::script) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<Exchange>>, D::Error> {
        Option::<Framed>::deserialize(deserializer)?
            .map(|framed| Exchange::try_from(framed).map(Arc::new))
            .transpose()
            .map_err(D::Error::custom)
    }
}
