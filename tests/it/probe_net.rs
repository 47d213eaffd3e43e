//! Names, proxies and HTTP/2 servers.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use oes::model::exchange::Phase;
use oes::model::failure::FailureKind;
use oes::model::service::{Family, HttpVersions};
use oes::probe::{HttpProber, ResolverSource, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use crate::probe::{failed, get, passed, probe, probe_with};
use crate::support::upstream::{Upstream, ok};

/// An HTTP/2 server without TLS that answers with what it was asked, after 60 ms.
pub(crate) struct H2Server {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl H2Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = hyper::service::service_fn(
                    |request: hyper::Request<hyper::body::Incoming>| async move {
                        let (head, body) = request.into_parts();
                        let length = body.collect().await.unwrap().to_bytes().len();
                        tokio::time::sleep(Duration::from_millis(60)).await;
                        let text = format!("{} {} {length}", head.method, head.uri.path());
                        Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from(text))))
                    },
                );
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let connection = server.serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { drop(connection.await) });
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

/// A name server: one answer to everything, and a count of questions.
struct NameServer {
    address: SocketAddr,
    questions: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

#[derive(Clone, Copy)]
enum Says {
    Address([u8; 4]),
    Code(u8),
    Nothing,
}

impl NameServer {
    async fn start(says: Says) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let questions = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&questions);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut buffer = [0; 1_500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                count.fetch_add(1, Ordering::SeqCst);
                if let Some(reply) = reply(&buffer[..length], says) {
                    socket.send_to(&reply, from).await.unwrap();
                }
            }
        });
        Self {
            address,
            questions,
            _tasks: tasks,
        }
    }

    fn prober(&self) -> HttpProber {
        HttpProber::new(Settings {
            resolver: ResolverSource::Servers(vec![self.address]),
            ..Settings::default()
        })
        .unwrap()
    }
}

fn reply(question: &[u8], says: Says) -> Option<Vec<u8>> {
    let mut end = 12;
    while question[end] != 0 {
        end += usize::from(question[end]) + 1;
    }
    let is_a = question[end + 1..end + 3] == [0, 1];
    let (code, address) = match says {
        Says::Nothing => return None,
        Says::Code(code) => (code, None),
        Says::Address(address) => (0, Some(address).filter(|_| is_a)),
    };
    let mut reply = question[..2].to_vec();
    reply.extend_from_slice(&[
        0x81,
        0x80 | code,
        0,
        1,
        0,
        u8::from(address.is_some()),
        0,
        0,
        0,
        0,
    ]);
    reply.extend_from_slice(&question[12..end + 5]);
    if let Some(address) = address {
        reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend_from_slice(&address);
    }
    Some(reply)
}

#[tokio::test]
async fn names_are_looked_up_once_for_all_and_kept() {
    let server = Upstream::answering(ok("x")).await;
    let names = NameServer::start(Says::Address([127, 0, 0, 1])).await;
    let prober = names.prober();
    let url = format!("http://some.test:{}/", server.address.port());
    let (a, b) = tokio::join!(
        probe_with(&prober, get(&url)),
        probe_with(&prober, get(&url))
    );
    passed(&a);
    passed(&b);
    assert!(a.timings.phase(Phase::Resolve).is_some());
    assert_eq!(a.peer, Some(server.address));
    let asked = names.questions.load(Ordering::SeqCst);
    assert!(asked <= 2, "one question a family, not {asked}");
    let c = probe_with(&prober, get(&url)).await;
    passed(&c);
    assert_eq!(c.timings.phase(Phase::Resolve), None, "the answer was kept");
    assert_eq!(names.questions.load(Ordering::SeqCst), asked);
    let mut v6 = get(&url);
    v6.transport.family = Family::V6;
    let none = probe_with(&prober, v6).await;
    assert_eq!(failed(&none).message, "some.test has no IPv6 address");
}

#[tokio::test]
async fn name_servers_fail_in_their_own_ways() {
    let rows = [
        (
            Says::Code(3),
            FailureKind::DnsNxdomain,
            "the name gone.test does not exist",
        ),
        (Says::Code(2), FailureKind::DnsServfail, "for gone.test"),
        (
            Says::Nothing,
            FailureKind::TimeoutResolve,
            "the look-up of gone.test was not answered",
        ),
        (
            Says::Address([169, 254, 169, 254]),
            FailureKind::PolicyDenied,
            "169.254.169.254, the address of gone.test",
        ),
    ];
    for (says, kind, message) in rows {
        let names = NameServer::start(says).await;
        let mut parts = get("http://gone.test/");
        parts.timeout = Duration::from_millis(500);
        let exchange = probe_with(&names.prober(), parts).await;
        let failure = failed(&exchange);
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert_eq!(failure.phase, Some(Phase::Resolve), "{failure:?}");
        assert!(failure.message.contains(message), "{failure:?}");
    }
}

#[tokio::test]
async fn localhost_and_fixed_addresses_need_no_name_server() {
    let server = Upstream::answering(ok("x")).await;
    let names = NameServer::start(Says::Nothing).await;
    let prober = names.prober();
    let port = server.address.port();
    passed(&probe_with(&prober, get(&format!("http://localhost:{port}/"))).await);
    let mut fixed = get(&format!("http://fixed.test:{port}/"));
    fixed
        .transport
        .resolve
        .insert("fixed.test".to_owned(), IpAddr::from([127, 0, 0, 1]));
    let exchange = probe_with(&prober, fixed).await;
    passed(&exchange);
    assert_eq!(exchange.timings.phase(Phase::Resolve), None);
    assert!(server.requests()[1].contains(&format!("host: fixed.test:{port}")));
    assert_eq!(names.questions.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_url() {
    let proxy = Upstream::answering(ok("through")).await;
    let mut parts = get("http://anywhere.test/x?y");
    let url = proxy.url("/").replace("http://", "http://me:secret@");
    parts.transport.proxy = Some(url.parse().unwrap());
    let exchange = probe(parts).await;
    assert_eq!(&passed(&exchange).body.bytes[..], b"through");
    let asked = proxy.requests().remove(0);
    assert!(
        asked.starts_with("GET http://anywhere.test/x?y HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(
        asked.contains("proxy-authorization: Basic bWU6c2VjcmV0"),
        "{asked}"
    );
    assert!(!format!("{exchange:?}").contains("bWU6"));
}

#[tokio::test]
async fn a_broken_proxy_says_nothing_about_the_service() {
    let proxy = Upstream::answering("HTTP/1.1 407 No\r\n\r\n").await;
    let mut parts = get("https://anywhere.test/");
    parts.transport.proxy = Some(proxy.url("/").parse().unwrap());
    let exchange = probe(parts.clone()).await;
    assert_eq!(
        failed(&exchange).kind,
        FailureKind::LocalNetwork,
        "{exchange:?}"
    );
    assert!(proxy.requests()[0].starts_with("CONNECT anywhere.test:443 HTTP/1.1\r\n"));
    let address = proxy.address;
    drop(proxy);
    tokio::task::yield_now().await;
    let refused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = refused.local_addr().unwrap();
    drop(refused);
    assert_ne!(address, gone);
    parts.transport.proxy = Some(format!("http://{gone}/").parse().unwrap());
    assert_eq!(failed(&probe(parts).await).kind, FailureKind::LocalNetwork);
    let unreachable = Upstream::answering("HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
    let mut parts = get("https://anywhere.test/");
    parts.transport.proxy = Some(unreachable.url("/").parse().unwrap());
    assert_eq!(
        failed(&probe(parts).await).kind,
        FailureKind::ConnectUnreachable
    );
}

/// Serves one HTTP/2 connection by raw bytes: settings, then what is given once a request came.
async fn raw_h2(after: &'static [u8]) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"\0\0\0\x04\0\0\0\0\0").await.unwrap();
        let mut buffer = [0; 4_096];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        tokio::time::sleep(Duration::from_millis(30)).await;
        stream.write_all(after).await.unwrap();
        // What comes until the end is read: closing with unread bytes would be a reset.
        let rest = async { while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
        drop(tokio::time::timeout(Duration::from_millis(50), rest).await);
    });
    (address, tasks)
}

#[tokio::test]
async fn http2_servers_may_give_up_or_speak_nonsense() {
    let rows: [(&'static [u8], FailureKind); 4] = [
        // GOAWAY, last stream 0, no error
        (
            b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0",
            FailureKind::ClosedWithoutResponse,
        ),
        // RST_STREAM on stream 1, REFUSED_STREAM
        (
            b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x07",
            FailureKind::ClosedWithoutResponse,
        ),
        // DATA on a stream that nobody opened
        (b"\0\0\x01\0\0\0\0\0\x09x", FailureKind::BadHttp),
        (b"", FailureKind::ClosedWithoutResponse),
    ];
    for (after, kind) in rows {
        let (address, _tasks) = raw_h2(after).await;
        let mut parts = get(&format!("http://{address}/"));
        parts.transport.http = HttpVersions::Http2;
        let exchange = probe(parts).await;
        let failure = failed(&exchange);
        assert_eq!(failure.kind, kind, "{after:?}: {failure:?}");
    }
}
