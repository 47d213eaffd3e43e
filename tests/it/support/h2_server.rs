//! HTTP/2 servers on loopback, with and without TLS.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_native_tls::TlsAcceptor;

/// A server of HTTP/2. It stops when it is dropped.
pub(crate) struct H2Server {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl H2Server {
    /// Starts a server that says what it was asked, after 60 ms.
    pub(crate) async fn start() -> Self {
        Self::serve(None, None).await
    }

    /// Starts the same server behind TLS; it offers HTTP/2 only.
    pub(crate) async fn tls(identity: native_tls::Identity) -> Self {
        Self::serve(Some(acceptor(identity)), None).await
    }

    /// Starts a server of raw bytes: settings, then what is given once a request came.
    pub(crate) async fn raw(after: impl Into<Vec<u8>>) -> Self {
        Self::serve(None, Some(after.into())).await
    }

    /// Starts the same server behind TLS.
    pub(crate) async fn raw_tls(after: impl Into<Vec<u8>>, identity: native_tls::Identity) -> Self {
        Self::serve(Some(acceptor(identity)), Some(after.into())).await
    }

    async fn serve(tls: Option<TlsAcceptor>, raw: Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, raw) = (tls.clone(), raw.clone());
                connections.spawn(async move {
                    match (tls, raw) {
                        (None, None) => answer(stream).await,
                        (None, Some(raw)) => blurt(stream, &raw).await,
                        (Some(tls), None) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                answer(stream).await;
                            }
                        }
                        (Some(tls), Some(raw)) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                blurt(stream, &raw).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn acceptor(identity: native_tls::Identity) -> TlsAcceptor {
    let mut builder = native_tls::TlsAcceptor::builder(identity);
    builder.accept_alpn(&["h2"]);
    builder.build().unwrap().into()
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S) {
    let service = hyper::service::service_fn(|request: hyper::Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let length = body.collect().await.unwrap().to_bytes().len();
        tokio::time::sleep(Duration::from_millis(60)).await;
        let text = format!("{} {} {length}", head.method, head.uri.path());
        Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from(text))))
    });
    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    drop(server.serve_connection(TokioIo::new(stream), service).await);
}

async fn blurt<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, after: &[u8]) {
    stream.write_all(b"\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut buffer = [0; 4_096];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    tokio::time::sleep(Duration::from_millis(30)).await;
    stream.write_all(after).await.unwrap();
    stream.flush().await.unwrap();
    // What comes until the end is read: closing with unread bytes would be a reset.
    let rest = async { while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    drop(tokio::time::timeout(Duration::from_millis(50), rest).await);
    drop(stream.shutdown().await);
}
