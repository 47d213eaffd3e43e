//! The reference: what a probe costs at least. Connect, ask, read the body, parse it with `serde_json`; no schedule, no
//! history, no matcher.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Where a reference probe goes.
#[derive(Clone)]
pub struct Floor {
    /// The target's address.
    pub address: SocketAddr,
    /// Set for HTTPS.
    pub tls: Option<Arc<tokio_native_tls::TlsConnector>>,
    /// How many requests each connection makes: one, except where the bench checks itself.
    pub requests: u32,
}

impl Floor {
    /// Makes one probe on a new connection and returns whether the body is what it should be.
    pub async fn probe(&self) -> bool {
        let Ok(stream) = TcpStream::connect(self.address).await else {
            return false;
        };
        if stream.set_nodelay(true).is_err() {
            return false;
        }
        match &self.tls {
            None => exchange(stream, self.address, self.requests).await,
            Some(connector) => match connector.connect("127.0.0.1", stream).await {
                Ok(stream) => exchange(stream, self.address, self.requests).await,
                Err(_) => false,
            },
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: SocketAddr,
    requests: u32,
) -> bool {
    let Ok((mut sender, connection)) = http1::handshake(TokioIo::new(stream)).await else {
        return false;
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the reference does what a plain program does"
    )]
    let connection = tokio::spawn(connection);
    let mut all_right = true;
    for left in (0..requests).rev() {
        let request = http::Request::get("/price")
            .header("host", address.to_string())
            .header("connection", if left == 0 { "close" } else { "keep-alive" })
            .body(Empty::<Bytes>::new())
            .unwrap();
        let Ok(response) = sender.send_request(request).await else {
            return false;
        };
        let status = response.status();
        let Ok(body) = response.into_body().collect().await else {
            return false;
        };
        let parsed: Result<serde_json::Value, _> = serde_json::from_slice(&body.to_bytes());
        all_right &= status.is_success()
            && parsed.is_ok_and(|value| value.get("name").is_some_and(|name| name == "ergopad"));
    }
    drop(connection.await);
    all_right
}
