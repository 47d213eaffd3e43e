//! Sends one request over a connection of its own.
//!
//! A connection that is kept can be dead without anyone knowing, and then nobody can tell whether a message went out.
//! Messages are rare, so each has a new one, and every failure says whether the receiver may have the message.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_tls::HttpsConnector;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use super::dial::{DialError, dial};
use super::request::Prepared;
use crate::model::causes::once;

/// Bytes of an answer that are read.
const REPLY_BYTES_MAX: usize = 64 << 10;

/// Why there is no complete answer. The text may quote what the receiver sent.
#[derive(Debug, Error)]
pub(super) enum SendError {
    /// No byte of the request left: the receiver certainly does not have it.
    #[error("{0}")]
    NotSent(String),
    /// The request was on its way.
    #[error("{0}")]
    Unknown(String),
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The body, cut after [`REPLY_BYTES_MAX`].
    pub(super) body: Bytes,
}

/// Makes connections. Clones share the TLS settings, which are costly to build.
#[derive(Clone)]
pub(super) struct Client {
    connector: HttpsConnector<Dial>,
}

impl Client {
    /// Returns a client that trusts what `tls` trusts.
    pub(super) fn new(tls: native_tls::TlsConnector) -> Self {
        Self {
            connector: HttpsConnector::from((Dial, tls.into())),
        }
    }

    /// Sends the request and reads its answer, all before the deadline. Redirects are answers like others.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`SendError`] says whether the receiver may have the request.
    pub(super) async fn send(
        &self,
        prepared: Prepared,
        deadline: Instant,
    ) -> Result<Reply, SendError> {
        let on_its_way = AtomicBool::new(false);
        let host = place(&prepared.uri);
        let exchange = self.exchange(prepared, &on_its_way);
        match timeout_at(deadline, exchange).await {
            Ok(result) => result,
            Err(_) if on_its_way.load(Ordering::Relaxed) => Err(SendError::Unknown(format!(
                "{host} took the request and did not answer in time"
            ))),
            Err(_) => Err(SendError::NotSent(format!(
                "no connection to {host} in time"
            ))),
        }
    }

    async fn exchange(
        &self,
        prepared: Prepared,
        on_its_way: &AtomicBool,
    ) -> Result<Reply, SendError> {
        let Prepared { uri, request, .. } = prepared;
        let (host, name) = (place(&uri), uri.host().unwrap_or_default().to_owned());
        // The address is part of the error.
        let not_sent = |error: &(dyn std::error::Error + 'static)| {
            SendError::NotSent(format!("no connection to {name}: {}", once(error)))
        };
        let stream = self
            .connector
            .clone()
            .call(uri)
            .await
            .map_err(|error| not_sent(error.as_ref()))?;
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(REPLY_BYTES_MAX)
            .handshake(stream)
            .await
            .map_err(|error| not_sent(&error))?;
        let mut connection = pin!(connection);
        let mut answer = pin!(async {
            on_its_way.store(true, Ordering::Relaxed);
            match sender.try_send_request(request).await {
                Ok(response) => read(response).await,
                Err(mut error) => {
                    let never_left = error.take_message().is_some();
                    let causes = once(error.error());
                    let text = if error.error().is_parse() {
                        format!("{host} answered with something that is not HTTP: {causes}")
                    } else {
                        format!("{host} gave no answer: {causes}")
                    };
                    Err(if never_left {
                        SendError::NotSent(text)
                    } else {
                        SendError::Unknown(text)
                    })
                }
            }
        });
        // The connection ends by itself when the receiver closes it; what came before is still to be read then.
        tokio::select! {
            biased;
            reply = &mut answer => reply,
            _ = &mut connection => answer.await,
        }
    }
}

/// Returns host and port of a URL as it writes them, without a login.
fn place(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    match uri.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

async fn read(response: http::Response<hyper::body::Incoming>) -> Result<Reply, SendError> {
    let (head, mut body) = response.into_parts();
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            SendError::Unknown(format!(
                "the answer {} broke off: {}",
                head.status.as_u16(),
                once(&error)
            ))
        })?;
        if let Some(part) = frame.data_ref() {
            let room = REPLY_BYTES_MAX - bytes.len();
            bytes.extend_from_slice(part.get(..room).unwrap_or(part));
            if bytes.len() == REPLY_BYTES_MAX {
                break;
            }
        }
    }
    Ok(Reply {
        status: head.status,
        headers: head.headers,
        body: bytes.freeze(),
    })
}

/// Makes TCP connections to the host of a URI.
#[derive(Clone, Copy)]
struct Dial;

impl Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = DialError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let host = uri.host().unwrap_or_default().to_owned();
        let default = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let port = uri.port_u16().unwrap_or(default);
        Box::pin(async move { Ok(TokioIo::new(dial(&host, port).await?)) })
    }
}
