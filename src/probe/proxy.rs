//! A tunnel through an HTTP proxy.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::plan::Proxy;
use super::target::Target;
use crate::model::failure::{Failure, FailureKind};

/// Bytes of the proxy's answer that are read.
const ANSWER_BYTES_MAX: usize = 8 << 10;

/// Opens a tunnel to `target` on a stream that is connected to the proxy.
pub(super) async fn tunnel(
    stream: &mut TcpStream,
    proxy: &Proxy,
    target: &Target,
) -> Result<(), Failure> {
    let to = target.host_and_port();
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    match ask(stream, &request).await {
        Ok(status) if (200..300).contains(&status) => Ok(()),
        Ok(status @ (502..=504)) => Err(Failure {
            kind: FailureKind::ConnectUnreachable,
            phase: None,
            message: format!("the proxy could not reach {to}: it answered {status}"),
        }),
        Ok(407) => Err(broken(proxy, "it wants other credentials (407)")),
        Ok(status) => Err(broken(
            proxy,
            &format!("it answered {status} to CONNECT {to}"),
        )),
        Err(error) => Err(broken(proxy, &error.to_string())),
    }
}

/// Turns a failure to reach the proxy into one that names it. The proxy is part of our network: what is wrong with it
/// says nothing about the service.
pub(super) fn unreachable(proxy: &Proxy, failure: &Failure) -> Failure {
    let kind = if failure.kind.is_ours() {
        failure.kind
    } else {
        FailureKind::LocalNetwork
    };
    Failure {
        kind,
        message: format!(
            "the proxy {}: {}",
            proxy.target.host_and_port(),
            failure.message
        ),
        phase: failure.phase,
    }
}

fn broken(proxy: &Proxy, reason: &str) -> Failure {
    Failure {
        kind: FailureKind::LocalNetwork,
        phase: None,
        message: format!(
            "the proxy {} gave no tunnel: {reason}",
            proxy.target.host_and_port()
        ),
    }
}

async fn ask(stream: &mut TcpStream, request: &[u8]) -> io::Result<u16> {
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    // Nobody speaks on a new tunnel before we do, so nothing after the head can be swallowed.
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        if answer.len() >= ANSWER_BYTES_MAX {
            return Err(io::Error::other("its answer is too long"));
        }
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::Error::other(
                "it closed the connection without an answer",
            ));
        }
    }
    let head = String::from_utf8_lossy(&answer);
    head.strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1)?.trim().get(..3)?.parse().ok())
        .ok_or_else(|| io::Error::other("its answer is not HTTP"))
}
