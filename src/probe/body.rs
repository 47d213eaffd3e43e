//! Reading a response body within its bounds.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::decode::{DecodeFault, Decoder};
use super::talk::{Driven, Talk};
use crate::model::exchange::Body;
use crate::model::failure::{Failure, FailureKind};
use crate::model::service::BodyOverflow;

/// Bytes that an encoded body may have above the limit, which is one for decoded bytes: a small body grows by its encoding.
const ENCODED_SLACK: u64 = 64 << 10;

/// How much of a body is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyBounds {
    pub(super) limit: usize,
    pub(super) overflow: BodyOverflow,
}

/// Tells whether a response can have a body at all.
pub(super) fn can_have_body(method: &Method, status: StatusCode) -> bool {
    method != Method::HEAD
        && !status.is_informational()
        && status != StatusCode::NO_CONTENT
        && status != StatusCode::NOT_MODIFIED
}

/// Reads a body to its end, or to where its bounds end it.
pub(super) async fn read<C: Talk>(
    driven: &mut Driven<C>,
    mut incoming: Incoming,
    headers: &HeaderMap,
    bounds: BodyBounds,
    peer: SocketAddr,
) -> Result<Body, Failure> {
    let declared = incoming.size_hint().exact();
    let mut kept = match Decoder::new(headers, bounds.limit) {
        Ok(Some(decoder)) => Kept::Decoded(decoder),
        Ok(None) => Kept::Nothing,
        Err(fault) => return Err(undecodable(&fault, bounds.limit)),
    };
    if let Some(declared) = declared.filter(|_| bounds.overflow == BodyOverflow::Fail)
        && kept.excess(declared, bounds) > 0
    {
        return Err(too_large(
            &format!("{declared} bytes announced"),
            bounds.limit,
        ));
    }
    let mut wire_bytes = 0_u64;
    let mut truncated = false;
    while let Some(frame) = driven.beside(incoming.frame()).await {
        let frame = frame
            .map_err(|error| incomplete(&error, driven.fault(), wire_bytes, declared, peer))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        wire_bytes += data.len() as u64;
        if kept.push(&data, wire_bytes, bounds)? {
            truncated = true;
            break;
        }
    }
    if !truncated {
        truncated = kept.finish(bounds)?;
    }
    let mut body = Body::new(kept.take());
    body.wire_bytes = wire_bytes;
    body.truncated = truncated;
    Ok(body)
}

/// What was read so far. Most bodies are one piece, which is kept without a copy.
enum Kept {
    Nothing,
    One(Bytes),
    Many(BytesMut),
    Decoded(Decoder),
}

impl Kept {
    /// Returns by how much some bytes on the wire are too many.
    fn excess(&self, wire_bytes: u64, bounds: BodyBounds) -> u64 {
        let slack = match self {
            Self::Decoded(_) => ENCODED_SLACK,
            Self::Nothing | Self::One(_) | Self::Many(_) => 0,
        };
        wire_bytes.saturating_sub(bounds.limit as u64 + slack)
    }

    /// Takes the next bytes, and returns whether the body was cut.
    fn push(&mut self, data: &Bytes, wire_bytes: u64, bounds: BodyBounds) -> Result<bool, Failure> {
        let excess = self.excess(wire_bytes, bounds);
        if excess > 0 && bounds.overflow == BodyOverflow::Fail {
            return Err(too_large(
                &format!("{wire_bytes} bytes so far"),
                bounds.limit,
            ));
        }
        if let Self::Decoded(decoder) = self {
            let pushed = decoder.push(data).map_err(|fault| (fault, bounds));
            return Ok(cut(pushed)? || excess > 0);
        }
        let fitting = data.len()
            - usize::try_from(excess)
                .unwrap_or(usize::MAX)
                .min(data.len());
        let data = data.slice(..fitting);
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Self::One(data),
            Self::One(first) => {
                let mut many = BytesMut::with_capacity((first.len() + data.len()) * 2);
                many.extend_from_slice(&first);
                many.extend_from_slice(&data);
                Self::Many(many)
            }
            Self::Many(mut many) => {
                many.extend_from_slice(&data);
                Self::Many(many)
            }
            Self::Decoded(decoder) => Self::Decoded(decoder),
        };
        Ok(excess > 0)
    }

    /// Checks that the body was complete, and returns whether it was cut.
    fn finish(&mut self, bounds: BodyBounds) -> Result<bool, Failure> {
        match self {
            Self::Decoded(decoder) => cut(decoder.finish().map_err(|fault| (fault, bounds))),
            Self::Nothing | Self::One(_) | Self::Many(_) => Ok(false),
        }
    }

    fn take(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
            Self::Decoded(mut decoder) => decoder.take(),
        }
    }
}

fn cut(decoded: Result<(), (DecodeFault, BodyBounds)>) -> Result<bool, Failure> {
    match decoded {
        Ok(()) => Ok(false),
        Err((DecodeFault::Overflow, bounds)) if bounds.overflow == BodyOverflow::Cut => Ok(true),
        Err((fault, bounds)) => Err(undecodable(&fault, bounds.limit)),
    }
}

fn too_large(what: &str, limit: usize) -> Failure {
    Failure {
        kind: FailureKind::BodyTooLarge,
        phase: None,
        message: format!("the body is larger than the limit of {limit} bytes ({what})"),
    }
}

fn undecodable(fault: &DecodeFault, limit: usize) -> Failure {
    let message = match fault {
        DecodeFault::Overflow => return too_large("after decoding", limit),
        DecodeFault::Ratio => {
            return Failure {
                kind: FailureKind::BodyTooLarge,
                phase: None,
                message: "the body grows to more than 200 times its size when decoded".to_owned(),
            };
        }
        DecodeFault::UnknownEncoding(name) => {
            format!("the body has the content encoding {name:?}, which was not asked for")
        }
        DecodeFault::TooManyLayers => "the body was encoded more than twice".to_owned(),
        DecodeFault::Corrupt(reason) => format!("the encoded body is corrupt: {reason}"),
    };
    Failure {
        kind: FailureKind::DecodeError,
        phase: None,
        message,
    }
}

fn incomplete(
    error: &hyper::Error,
    beneath: Option<&hyper::Error>,
    read: u64,
    declared: Option<u64>,
    peer: SocketAddr,
) -> Failure {
    let of = declared.map_or_else(String::new, |declared| format!(" of {declared}"));
    if error.is_parse() {
        return Failure {
            kind: FailureKind::BadHttp,
            phase: None,
            message: format!("{peer} sent a body that is not HTTP: {error}"),
        };
    }
    let cause = super::refusal::innermost(beneath.unwrap_or(error));
    Failure {
        kind: FailureKind::BodyIncomplete,
        phase: None,
        message: format!("{peer} ended the body after {read}{of} bytes: {cause}"),
    }
}
