//! The connection below the dialogue: it remembers whether a write failed, and lets nobody speak before TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The command after whose answer TLS begins.
const STARTTLS: &[u8] = b"STARTTLS\r\n";

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Line<S> {
    stream: S,
    peer: SocketAddr,
    /// Whether a write failed: what it should have written certainly did not arrive.
    broken: Arc<AtomicBool>,
    /// Whether nothing may follow the next answer: it would be taken for an answer that came over TLS.
    last_word: bool,
}

impl<S> Line<S> {
    pub(super) fn new(stream: S, peer: SocketAddr) -> Self {
        Self {
            stream,
            peer,
            broken: Arc::default(),
            last_word: false,
        }
    }

    /// Returns what tells whether a write failed.
    pub(super) fn broken(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.broken)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        if self.last_word && says_more(new) {
            return Poll::Ready(Err(io::Error::other(
                "somebody in between added to the answer to STARTTLS",
            )));
        }
        read
    }
}

/// Tells whether more follows the last line of an answer.
fn says_more(bytes: &[u8]) -> bool {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let last = lines.find(|line| line.get(3) != Some(&b'-'));
    last.is_some() && lines.next().is_some()
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.last_word = bytes == STARTTLS;
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if matches!(written, Poll::Ready(Err(_) | Ok(0))) {
            self.broken.store(true, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> AsyncTokioStream for Line<S>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::says_more;

    #[test]
    fn notices_what_follows_an_answer() {
        for (bytes, more) in [
            ("220 go ahead\r\n", false),
            ("220-go\r\n220 ahead\r\n", false),
            ("220 go a", false),
            ("", false),
            ("220 go ahead\r\n250 me too\r\n", true),
            ("220-go\r\n220 ahead\r\n2", true),
        ] {
            assert_eq!(says_more(bytes.as_bytes()), more, "{bytes:?}");
        }
    }
}
