//! The server that both sides ask: a process of its own that counts connections and requests.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// The body of 1 KB that is asked for.
pub fn body() -> String {
    let filler = "x".repeat(820);
    format!(
        r#"{{"status":"ok","name":"ergopad","price":1.28,"volume":183.5,"change":-0.021,"supply":400000000,"tags":["a","b","c"],"market":{{"rank":7,"pairs":12,"open":true}},"filler":"{filler}"}}"#
    )
}

/// The same with a price that is no number: what `/wrong` answers to one request in a hundred.
fn wrong_body() -> String {
    body().replace("1.28", r#""1.28""#)
}

/// A running target.
pub struct Target {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<std::process::ChildStdout>,
    /// Where plain HTTP is served.
    pub http: SocketAddr,
    /// Where HTTPS is served.
    pub https: SocketAddr,
    /// What its certificate is signed by, PEM.
    pub authority_pem: String,
}

impl Target {
    /// Starts this program again as the target.
    pub fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("--target")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line.trim().to_owned()
        };
        let http = line().parse().unwrap();
        let https = line().parse().unwrap();
        let authority_pem = line().replace('|', "\n");
        Self {
            child,
            stdin,
            stdout,
            http,
            https,
            authority_pem,
        }
    }

    /// Returns connections accepted and requests answered since the last call.
    pub fn counts(&mut self) -> (u64, u64) {
        self.stdin.as_mut().unwrap().write_all(b"count\n").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let mut numbers = line
            .split_whitespace()
            .map(|number| number.parse().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.child.wait().unwrap();
    }
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    requests: AtomicU64,
}

/// Serves until standard input closes.
pub fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let counts = Arc::new(Counts::default());
    runtime.block_on(async {
        let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let https = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (authority_pem, acceptor) = identity();
        println!(
            "{}\n{}",
            http.local_addr().unwrap(),
            https.local_addr().unwrap()
        );
        println!("{}", authority_pem.replace('\n', "|"));
        spawn(accept(http, None, Arc::clone(&counts)));
        spawn(accept(https, Some(acceptor), Arc::clone(&counts)));
    });
    for line in std::io::stdin().lock().lines() {
        if line.is_err() {
            break;
        }
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::SeqCst);
        println!("{} {}", take(&counts.connections), take(&counts.requests));
    }
    runtime.shutdown_background();
}

fn identity() -> (String, tokio_native_tls::TlsAcceptor) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "bench authority");
    let authority_pem = params.self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let pem = leaf.signed_by(&key, &issuer).unwrap().pem();
    let identity =
        native_tls::Identity::from_pkcs8(pem.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    (
        authority_pem,
        native_tls::TlsAcceptor::new(identity).unwrap().into(),
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "the target is no part of the daemon"
)]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}

async fn accept(
    listener: TcpListener,
    acceptor: Option<tokio_native_tls::TlsAcceptor>,
    counts: Arc<Counts>,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        counts.connections.fetch_add(1, Ordering::SeqCst);
        let (acceptor, counts) = (acceptor.clone(), Arc::clone(&counts));
        spawn(async move {
            match acceptor {
                None => answer(stream, counts).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer(stream, counts).await;
                    }
                }
            }
        });
    }
}

async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, counts: Arc<Counts>) {
    let (right, wrong) = (Bytes::from(body()), Bytes::from(wrong_body()));
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let number = counts.requests.fetch_add(1, Ordering::SeqCst);
        let is_wrong = number.is_multiple_of(100) && request.uri().path() == "/wrong";
        let text = if is_wrong {
            wrong.clone()
        } else {
            right.clone()
        };
        async move {
            http::Response::builder()
                .header("content-type", "application/json")
                .body(Full::new(text))
        }
    });
    // A prober that goes away early is counted by what it did not ask.
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}
