//! One request to the API of a running daemon.

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_native_tls::{TlsConnector, TlsStream};
use url::Url;

use crate::daemon::control_file::ControlFile;
use crate::web::{self, api};

/// A daemon answers within this: a test of a channel takes up to 15 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked of the API.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    /// The parts of the path below `/api/v1`.
    pub(super) path: Vec<&'a str>,
    /// What comes behind it, quoted.
    pub(super) query: Option<String>,
    pub(super) body: Option<Value>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(in crate::cli) enum ClientError {
    #[error("no connection")]
    Connect(#[from] io::Error),
    #[error("no answer")]
    Http(#[from] hyper::Error),
    #[error("no answer in time")]
    Late,
    #[error("the request cannot be made")]
    Request(#[from] http::Error),
    #[error("the connection cannot be encrypted")]
    Tls(#[from] native_tls::Error),
    #[error("whoever answers has another certificate")]
    Stranger,
    #[error("control.json names no address and no socket")]
    Nowhere,
}

/// Asks the daemon that wrote this file.
///
/// # Errors
/// [`ClientError`] if it does not answer.
pub(super) async fn ask(
    daemon: &ControlFile,
    asked: Asked<'_>,
) -> Result<(StatusCode, Bytes), ClientError> {
    let exchange = exchange(daemon, asked);
    timeout(PATIENCE, exchange)
        .await
        .map_err(|_| ClientError::Late)?
}

async fn exchange(
    daemon: &ControlFile,
    asked: Asked<'_>,
) -> Result<(StatusCode, Bytes), ClientError> {
    let request = request(daemon, asked)?;
    let print = daemon.certificate.as_deref();
    match (daemon.address, &daemon.socket) {
        (Some(address), _) => over(TcpStream::connect(address).await?, print, request).await,
        #[cfg(unix)]
        (None, Some(socket)) => over(UnixStream::connect(socket).await?, print, request).await,
        (None, _) => Err(ClientError::Nowhere),
    }
}

/// Sends a request over a connection, encrypted where the daemon has a certificate.
async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    print: Option<&str>,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), ClientError> {
    match print {
        None => send(stream, request).await,
        Some(print) => send(encrypted(stream, print).await?, request).await,
    }
}

/// Encrypts a connection to whoever has the certificate of this SHA-256: the daemon itself has written it down, whatever
/// names it bears.
async fn encrypted<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    print: &str,
) -> Result<TlsStream<S>, ClientError> {
    let connector = native_tls::TlsConnector::builder()
        .danger_accept_invalid_certs(true)
        .danger_accept_invalid_hostnames(true)
        .build()?;
    let connector = TlsConnector::from(connector);
    let stream = connector.connect("localhost", stream).await?;
    let shown = stream.get_ref().peer_certificate()?;
    let shown = shown.map(|certificate| certificate.to_der()).transpose()?;
    match shown {
        Some(shown) if web::print(&shown) == print => Ok(stream),
        _ => Err(ClientError::Stranger),
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), ClientError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = pin!(connection);
    let mut answer = pin!(async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, body))
    });
    // The connection ends by itself when the daemon closes it; what came before is still to be read then.
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}

fn request(daemon: &ControlFile, asked: Asked<'_>) -> Result<Request<Full<Bytes>>, http::Error> {
    // Names are people's own: a URL's parts are what quotes them.
    let mut path = format!("{}{}", daemon.base_path, api::PATH);
    if let Ok(mut url) = Url::parse(&format!("http://127.0.0.1{path}")) {
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.extend(asked.path);
        }
        url.path().clone_into(&mut path);
    }
    if let Some(query) = asked.query {
        path = format!("{path}?{query}");
    }
    let host = daemon.address.map(|address| address.to_string());
    let request = Request::builder()
        .method(asked.method)
        .uri(path)
        .header(header::HOST, host.as_deref().unwrap_or("localhost"))
        .header(header::AUTHORIZATION, format!("Bearer {}", daemon.token));
    match asked.body {
        Some(body) => request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string())),
        None => request.body(Full::default()),
    }
}
