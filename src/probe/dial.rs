//! TCP connections to addresses that were judged before.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::model::failure::{Failure, FailureKind};

/// How long an attempt is alone before the next address is tried beside it (RFC 8305).
const STAGGER: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Connects to the first address that takes a connection: one after the other, the next 250 ms after the last or as
/// soon as it failed. `addresses` is never empty.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Failure> {
    let (stream, address) = match addresses {
        [only] => {
            let connected = TcpStream::connect(only).await;
            (connected.map_err(|error| refusal(*only, &error))?, *only)
        }
        several => race(several).await?,
    };
    // A second small write would wait for the peer's delayed acknowledgement otherwise. A socket without the option
    // still carries the probe.
    drop(stream.set_nodelay(true));
    Ok((stream, address))
}

type Attempt<'a> = Pin<Box<dyn Future<Output = (SocketAddr, io::Result<TcpStream>)> + Send + 'a>>;

async fn race(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), Failure> {
    let mut waiting = addresses.iter().copied().take(ADDRESSES_MAX);
    let mut attempts: Vec<Attempt<'_>> = Vec::new();
    let mut refusals: Vec<Failure> = Vec::new();
    loop {
        match waiting.next() {
            Some(address) => attempts.push(Box::pin(async move {
                (address, TcpStream::connect(address).await)
            })),
            None if attempts.is_empty() => return Err(worst(refusals)),
            None => {}
        }
        let next_at = (waiting.len() > 0).then(|| Instant::now() + STAGGER);
        match first(&mut attempts, next_at).await {
            Some((address, Ok(stream))) => return Ok((stream, address)),
            Some((address, Err(error))) => refusals.push(refusal(address, &error)),
            None => {}
        }
    }
}

/// Returns the next attempt that ends, or `None` when it is time for another.
async fn first(
    attempts: &mut Vec<Attempt<'_>>,
    next_at: Option<Instant>,
) -> Option<(SocketAddr, io::Result<TcpStream>)> {
    let any = poll_fn(|cx| {
        for (index, attempt) in attempts.iter_mut().enumerate() {
            if let Poll::Ready(ended) = attempt.as_mut().poll(cx) {
                drop(attempts.swap_remove(index));
                return Poll::Ready(ended);
            }
        }
        Poll::Pending
    });
    match next_at {
        None => Some(any.await),
        Some(at) => tokio::select! {
            ended = any => Some(ended),
            () = sleep_until(at) => None,
        },
    }
}

/// Returns the refusal that says most, naming every address that was tried.
fn worst(refusals: Vec<Failure>) -> Failure {
    // A missing route of our own to one family says nothing when the other family was answered.
    let index = refusals
        .iter()
        .position(|failure| !failure.kind.is_ours())
        .unwrap_or_default();
    let kind = refusals
        .get(index)
        .map_or(FailureKind::Internal, |failure| failure.kind);
    let messages: Vec<String> = refusals
        .into_iter()
        .map(|failure| failure.message)
        .collect();
    Failure {
        kind,
        phase: None,
        message: messages.join("; "),
    }
}

/// Returns why one address could not be connected to.
pub(super) fn refusal(address: SocketAddr, error: &io::Error) -> Failure {
    let (kind, message) = match Errno::from_io_error(error) {
        Some(Errno::CONNREFUSED) => (
            FailureKind::ConnectRefused,
            format!("connection refused by {address}"),
        ),
        Some(Errno::TIMEDOUT) => (
            FailureKind::ConnectTimeout,
            format!("{address} did not answer; the system gave up"),
        ),
        Some(Errno::CONNRESET | Errno::CONNABORTED) => (
            FailureKind::ConnectReset,
            format!("connection reset by {address}"),
        ),
        Some(Errno::HOSTUNREACH | Errno::HOSTDOWN) => (
            FailureKind::ConnectUnreachable,
            format!("{address} is unreachable: {error}"),
        ),
        Some(Errno::NETUNREACH | Errno::NETDOWN | Errno::AFNOSUPPORT) => (
            FailureKind::LocalNetwork,
            format!("this machine has no route to {address}"),
        ),
        Some(Errno::PERM | Errno::ACCESS) => (
            FailureKind::LocalNetwork,
            format!("this machine does not let us connect to {address} (a local firewall?)"),
        ),
        Some(Errno::MFILE | Errno::NFILE) => (
            FailureKind::LocalDescriptors,
            "no file descriptor is left for a connection; raise the limit (ulimit -n, LimitNOFILE=)"
                .to_owned(),
        ),
        Some(Errno::ADDRNOTAVAIL | Errno::NOBUFS | Errno::NOMEM) => (
            FailureKind::LocalPorts,
            format!("no local port or buffer is left for a connection to {address}: {error}"),
        ),
        _ => (
            FailureKind::ConnectUnreachable,
            format!("no connection to {address}: {error}"),
        ),
    };
    Failure {
        kind,
        phase: None,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_this_machine_are_told_from_faults_of_the_service() {
        let address = "192.0.2.1:80".parse().unwrap();
        let rows = [
            (Errno::CONNREFUSED, FailureKind::ConnectRefused, false),
            (Errno::TIMEDOUT, FailureKind::ConnectTimeout, false),
            (Errno::CONNRESET, FailureKind::ConnectReset, false),
            (Errno::HOSTUNREACH, FailureKind::ConnectUnreachable, false),
            (Errno::NETUNREACH, FailureKind::LocalNetwork, true),
            (Errno::MFILE, FailureKind::LocalDescriptors, true),
            (Errno::NFILE, FailureKind::LocalDescriptors, true),
            (Errno::ADDRNOTAVAIL, FailureKind::LocalPorts, true),
            (Errno::NOBUFS, FailureKind::LocalPorts, true),
        ];
        for (errno, kind, ours) in rows {
            let failure = refusal(address, &io::Error::from_raw_os_error(errno.raw_os_error()));
            assert_eq!(failure.kind, kind, "{errno:?}");
            assert_eq!(failure.kind.is_ours(), ours, "{errno:?}");
        }
    }

    #[test]
    fn an_answer_says_more_than_a_missing_route() {
        let a = "[2001:db8::1]:80".parse().unwrap();
        let b = "192.0.2.1:80".parse().unwrap();
        let failure = worst(vec![
            refusal(
                a,
                &io::Error::from_raw_os_error(Errno::NETUNREACH.raw_os_error()),
            ),
            refusal(
                b,
                &io::Error::from_raw_os_error(Errno::CONNREFUSED.raw_os_error()),
            ),
        ]);
        assert_eq!(failure.kind, FailureKind::ConnectRefused);
        assert_eq!(
            failure.message,
            "this machine has no route to [2001:db8::1]:80; connection refused by 192.0.2.1:80"
        );
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bad = closed.local_addr().unwrap();
        drop(closed);
        let (_stream, address) = connect(&[bad, good]).await.unwrap();
        assert_eq!(address, good);
        let failure = connect(&[bad, bad]).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::ConnectRefused);
    }

    /// An address that drops whoever knocks: its queue holds one connection and is full.
    async fn black_hole() -> (SocketAddr, tokio::net::TcpListener, Vec<TcpStream>) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        let brief = Duration::from_millis(100);
        while let Ok(stream) = tokio::time::timeout(brief, TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
        }
        (address, listener, queued)
    }

    #[tokio::test]
    async fn the_next_address_is_tried_beside_one_that_does_not_answer() {
        let (silent, _listener, _queued) = black_hole().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        let begun = Instant::now();
        let (_stream, address) = connect(&[silent, good]).await.unwrap();
        assert_eq!(address, good);
        assert!(begun.elapsed() >= STAGGER, "{:?}", begun.elapsed());
        // One that refuses costs no time of its own.
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bad = closed.local_addr().unwrap();
        drop(closed);
        let begun = Instant::now();
        let (_stream, address) = connect(&[silent, bad, good]).await.unwrap();
        assert_eq!(address, good);
        let elapsed = begun.elapsed();
        assert!((STAGGER..STAGGER * 2).contains(&elapsed), "{elapsed:?}");
        // The first is not given up for it: it is taken when its queue has room, by the system's second knock.
        let (late, listener, _queued) = black_hole().await;
        let accepting = async {
            tokio::time::sleep(STAGGER * 2).await;
            let mut accepted = Vec::new();
            loop {
                accepted.push(listener.accept().await.unwrap());
            }
        };
        let addresses = [late, silent];
        let (_stream, address) = tokio::select! {
            connected = connect(&addresses) => connected.unwrap(),
            () = accepting => unreachable!(),
        };
        assert_eq!(address, late);
    }
}
