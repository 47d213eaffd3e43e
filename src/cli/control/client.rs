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
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::daemon::control_file::ControlFile;

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
    let stream = TcpStream::connect(daemon.address).await?;
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
    let mut path = "/api/v1".to_owned();
    if let Ok(mut url) = Url::parse("http://127.0.0.1/api/v1") {
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.extend(asked.path);
        }
        url.path().clone_into(&mut path);
    }
    if let Some(query) = asked.query {
        path = format!("{path}?{query}");
    }
    let request = Request::builder()
        .method(asked.method)
        .uri(path)
        .header(header::HOST, daemon.address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {}", daemon.token));
    match asked.body {
        Some(body) => request
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.to_string())),
        None => request.body(Full::default()),
    }
}
