//! Why there is no response head.
//!
//! The errors of hyper and h2 are told apart by their text: h2's are not hyper's to show, and hyper's hide their kind.

use std::error::Error;
use std::io;
use std::net::SocketAddr;

use super::progress::{INTERIM_MAX, Stamps};
use super::talk::{H2_HEAD_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX};
use super::tls;
use crate::model::failure::{Failure, FailureKind};

/// Returns why there is no response head. `beneath` is what ended the connection.
pub(super) fn refusal(
    error: &hyper::Error,
    beneath: Option<&hyper::Error>,
    stamps: &Stamps,
    peer: SocketAddr,
) -> Failure {
    // The request is only told that it was dropped when the connection knows more.
    let error = match beneath {
        Some(beneath) if error.is_canceled() || error.is_closed() => beneath,
        _ => error,
    };
    failure(said(error, stamps), peer)
}

/// Returns the failure of a response head with more than is read.
pub(super) fn head_too_large(peer: SocketAddr) -> Failure {
    failure(too_large(), peer)
}

fn failure((kind, what): (FailureKind, String), peer: SocketAddr) -> Failure {
    Failure {
        kind,
        phase: None,
        message: format!("{peer} {what}"),
    }
}

fn too_large() -> (FailureKind, String) {
    (
        FailureKind::HeaderTooLarge,
        format!(
            "sent a response head of more than {} KiB or {HEADERS_MAX} headers",
            HEAD_BYTES_MAX >> 10
        ),
    )
}

/// Returns what the peer did.
fn said(error: &hyper::Error, stamps: &Stamps) -> (FailureKind, String) {
    let text = error.to_string();
    let cause = innermost(error);
    let is_reset = io_kind(error) == Some(io::ErrorKind::ConnectionReset);
    if stamps.is_flooded() {
        (
            FailureKind::BadHttp,
            format!("sent more than {INTERIM_MAX} interim responses (1xx) and no final one"),
        )
    } else if text.contains("head is too large") {
        too_large()
    } else if error.is_parse() {
        (
            FailureKind::BadHttp,
            format!("sent a response that is not HTTP: {cause}"),
        )
    } else if is_reset && !stamps.has_read() {
        (
            FailureKind::ConnectReset,
            "reset the connection instead of answering".to_owned(),
        )
    } else if let Some(reason) = tls::alert(&cause) {
        (
            FailureKind::TlsHandshake,
            format!("ended TLS after the handshake: {reason}"),
        )
    } else if let Some(refusal) = of_http2(&cause, stamps) {
        refusal
    } else if stamps.closed() {
        (
            FailureKind::ClosedWithoutResponse,
            "closed the connection in the middle of the response head".to_owned(),
        )
    } else {
        (
            FailureKind::ClosedWithoutResponse,
            "closed the connection without a response".to_owned(),
        )
    }
}

/// Returns what the peer did by HTTP/2, `None` if it did nothing of the kind.
fn of_http2(cause: &str, stamps: &Stamps) -> Option<(FailureKind, String)> {
    if let Some(reason) = cause.strip_prefix("connection error received: ") {
        let why = match reason {
            "not a result of an error" => String::new(),
            reason => format!(": {reason}"),
        };
        return Some((
            FailureKind::ClosedWithoutResponse,
            format!("closed the HTTP/2 connection (GOAWAY) before it answered{why}"),
        ));
    }
    if let Some(reason) = cause.strip_prefix("stream error received: ") {
        return Some((
            FailureKind::ClosedWithoutResponse,
            format!("gave the request up without a response (HTTP/2: {reason})"),
        ));
    }
    let is_endless = cause.contains("too_many_continuations") || cause.contains("way_too_large");
    if is_endless {
        return Some(too_large());
    }
    let (_, reason) = cause.split_once(" error detected: ")?;
    // The letters `HTT` of `HTTP/1.1` are the size of a frame.
    let what = if reason.starts_with("frame with invalid size") && stamps.has_read_once() {
        format!("does not speak HTTP/2, and seems to speak HTTP/1.1 ({reason})")
    } else if cause == "stream error detected: unspecific protocol error detected" {
        format!(
            "sent a response that HTTP/2 does not allow, or a head of more than {} KiB",
            H2_HEAD_BYTES_MAX >> 10
        )
    } else {
        format!("broke the rules of HTTP/2: {reason}")
    };
    Some((FailureKind::BadHttp, what))
}

/// Returns the cause at the bottom of an error, which is the part that tells something.
pub(super) fn innermost(error: &hyper::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(beneath) = cause.source() {
        cause = beneath;
    }
    cause.to_string()
}

fn io_kind(error: &hyper::Error) -> Option<io::ErrorKind> {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}
