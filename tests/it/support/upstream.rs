//! A server on loopback that follows a script byte by byte, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One thing that the server does on a connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Reads one request: its head, and as much body as its content length says.
    Request,
    /// Writes bytes.
    Send(Vec<u8>),
    /// Does nothing for a while.
    Wait(Duration),
    /// Writes the bytes again and again until the client is gone.
    Flood(Vec<u8>),
    /// Keeps the connection open and does nothing until the client is gone.
    Hang,
    /// Ends the connection without the goodbye of TLS.
    Vanish,
    /// Ends the connection by RST instead of FIN.
    Reset,
}

/// Sends text.
pub(crate) fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

/// Waits milliseconds.
pub(crate) fn wait(millis: u64) -> Step {
    Step::Wait(Duration::from_millis(millis))
}

/// A response with this body.
pub(crate) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A server. It stops when it is dropped.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    /// Starts a server that follows the first script on its first connection, and so on; the last one repeats.
    pub(crate) async fn start(scripts: Vec<Vec<Step>>) -> Self {
        Self::start_with(scripts, None).await
    }

    /// Starts a server that follows one script on every connection.
    pub(crate) async fn always(script: Vec<Step>) -> Self {
        Self::start(vec![script]).await
    }

    /// Starts a server that answers every request with the same bytes and closes.
    pub(crate) async fn answering(response: impl AsRef<[u8]>) -> Self {
        Self::always(vec![Step::Request, send(response)]).await
    }

    /// Starts a server behind TLS.
    pub(crate) async fn tls(script: Vec<Step>, identity: native_tls::Identity) -> Self {
        let acceptor = native_tls::TlsAcceptor::new(identity).unwrap();
        Self::start_with(vec![script], Some(acceptor.into())).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no supervisor; the task ends with it"
    )]
    async fn start_with(
        scripts: Vec<Vec<Step>>,
        tls: Option<tokio_native_tls::TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for index in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    return;
                };
                stream.set_nodelay(true).unwrap();
                let script = scripts[index.min(scripts.len() - 1)].clone();
                let (seen, tls) = (Arc::clone(&seen), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None if script.iter().any(|step| matches!(step, Step::Reset)) => {
                            reset_at_end(stream, &script, &seen).await;
                        }
                        None => play(stream, &script, &seen).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                play(stream, &script, &seen).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            requests,
            task,
        }
    }

    /// Returns a URL of this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the requests so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn reset_at_end(mut stream: TcpStream, script: &[Step], seen: &Mutex<Vec<String>>) {
    play(&mut stream, script, seen).await;
    stream.set_zero_linger().unwrap();
}

async fn play<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    script: &[Step],
    seen: &Mutex<Vec<String>>,
) {
    for step in script {
        match step {
            Step::Request => match read_request(&mut stream).await {
                Some(request) => seen.lock().unwrap().push(request),
                None => return,
            },
            Step::Send(bytes) => {
                if stream.write_all(bytes).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
            Step::Wait(time) => tokio::time::sleep(*time).await,
            Step::Flood(bytes) => while stream.write_all(bytes).await.is_ok() {},
            Step::Hang => {
                let mut ignored = [0; 1_024];
                while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
            }
            Step::Reset | Step::Vanish => return,
        }
    }
    drop(stream.shutdown().await);
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .map_or(0, |length| length.trim().parse::<usize>().unwrap());
            if bytes.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
