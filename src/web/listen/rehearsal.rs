//! A TLS handshake with oneself: a certificate and a key that do not fit are found before a caller finds them.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use native_tls::{HandshakeError, TlsAcceptor, TlsConnector, TlsStream};

/// A handshake takes fewer turns.
const TURNS_MAX: usize = 16;

/// Tells whether a handshake with this succeeds.
pub(super) fn succeeds(acceptor: &TlsAcceptor) -> bool {
    let connector = TlsConnector::builder()
        .danger_accept_invalid_certs(true)
        .danger_accept_invalid_hostnames(true)
        .build();
    let Ok(connector) = connector else {
        return false;
    };
    let (one, other) = (Bytes::default(), Bytes::default());
    let mut client = connector.connect("localhost", Pipe::new(&one, &other));
    let mut server = acceptor.accept(Pipe::new(&other, &one));
    for _ in 0..TURNS_MAX {
        if matches!((&client, &server), (Ok(_), Ok(_))) {
            return true;
        }
        let (Some(next), Some(answer)) = (on(client), on(server)) else {
            return false;
        };
        (client, server) = (next, answer);
    }
    false
}

type Handshake = Result<TlsStream<Pipe>, HandshakeError<Pipe>>;

/// Goes on with one side; absent if it has failed.
fn on(side: Handshake) -> Option<Handshake> {
    match side {
        Err(HandshakeError::WouldBlock(waiting)) => Some(waiting.handshake()),
        Err(HandshakeError::Failure(_)) => None,
        done => Some(done),
    }
}

type Bytes = Arc<Mutex<VecDeque<u8>>>;

/// One end of a connection within this process.
#[derive(Debug)]
struct Pipe {
    reads: Bytes,
    writes: Bytes,
}

impl Pipe {
    fn new(reads: &Bytes, writes: &Bytes) -> Self {
        Self {
            reads: Arc::clone(reads),
            writes: Arc::clone(writes),
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        bytes.read(buffer)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
