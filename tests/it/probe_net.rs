//! Names and name servers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oes::model::exchange::Phase;
use oes::model::failure::FailureKind;
use oes::model::service::Family;
use oes::probe::{HttpProber, ResolverSource, Settings};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::probe::{failed, get, passed, probe_with};
use crate::support::upstream::{Upstream, ok};

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
async fn names_with_an_underscore_are_asked_for_like_any() {
    let server = Upstream::answering(ok("x")).await;
    let names = NameServer::start(Says::Address([127, 0, 0, 1])).await;
    let prober = names.prober();
    let port = server.address.port();
    for host in ["my_service", "a_b.my_service.test"] {
        let exchange = probe_with(&prober, get(&format!("http://{host}:{port}/"))).await;
        passed(&exchange);
        assert!(exchange.timings.phase(Phase::Resolve).is_some());
    }
    let silent = NameServer::start(Says::Nothing).await;
    let mut fixed = get(&format!("http://my_service:{port}/"));
    let loopback = IpAddr::from([127, 0, 0, 1]);
    fixed
        .transport
        .resolve
        .insert("my_service".to_owned(), loopback);
    passed(&probe_with(&silent.prober(), fixed).await);
    let gone = NameServer::start(Says::Code(3)).await;
    let exchange = probe_with(&gone.prober(), get("http://my_service/")).await;
    let failure = failed(&exchange);
    assert_eq!(failure.kind, FailureKind::DnsNxdomain);
    assert_eq!(failure.message, "the name my_service does not exist");
    let long = format!("http://{}/", "x".repeat(64));
    let exchange = probe_with(&gone.prober(), get(&long)).await;
    let message = &failed(&exchange).message;
    assert!(message.contains("longer than 63 characters"), "{message}");
}
