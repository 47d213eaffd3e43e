//! The connection under a request: plain or TLS, stamping what passes.
//!
//! The stamps sit above TLS, since a server sends session tickets right after the handshake that are no answer.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_tls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf as TokioReadBuf};
use tokio::net::TcpStream;

use super::frames::Frames;
use super::hello::Hello;
use super::progress::Stamps;
use crate::model::exchange::TlsSession;

/// A connected stream as hyper-tls has it.
pub(super) type Stream = MaybeHttpsStream<TokioIo<Wire>>;

/// The bytes on the wire. Notes their end, which TLS does not tell from its own.
#[derive(Debug)]
pub(super) struct Wire {
    tcp: TcpStream,
    has_ended: bool,
    /// What a TLS server says first; absent without TLS.
    hello: Option<Hello>,
}

impl Wire {
    pub(super) fn new(tcp: TcpStream) -> Self {
        Self {
            tcp,
            has_ended: false,
            hello: None,
        }
    }

    /// Returns a wire on which TLS is spoken.
    pub(super) fn secured(tcp: TcpStream) -> Self {
        Self {
            hello: Some(Hello::default()),
            ..Self::new(tcp)
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut TokioReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buf.filled().len(), buf.remaining());
        let polled = Pin::new(&mut self.tcp).poll_read(cx, buf);
        if matches!(polled, Poll::Ready(Ok(()))) && room > 0 {
            match (buf.filled().get(before..), &mut self.hello) {
                (None | Some([]), _) => self.has_ended = true,
                (Some(read), Some(hello)) => hello.take(read),
                (Some(_), None) => {}
            }
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// Returns the wire under TLS.
fn under_tls(stream: &Stream) -> Option<&Wire> {
    match stream {
        MaybeHttpsStream::Https(tls) => {
            let under_tls = tls.inner().get_ref().get_ref().get_ref();
            Some(under_tls.inner().inner())
        }
        MaybeHttpsStream::Http(_) => None,
    }
}

/// Tells whether TLS met the end of the wire instead of the peer's `close_notify`: it reads no further than that.
fn is_cut(stream: &Stream) -> bool {
    under_tls(stream).is_some_and(|wire| wire.has_ended)
}

/// Returns what both sides of TLS agreed on.
pub(super) fn session(stream: &Stream) -> Option<TlsSession> {
    under_tls(stream)?.hello.as_ref()?.session()
}

/// A stream that stamps when bytes pass.
pub(super) struct Stamped {
    inner: Stream,
    stamps: Arc<Stamps>,
    /// Present until the response head of HTTP/2 is there.
    frames: Option<Frames>,
}

/// Bytes that are read at once while interim responses are counted.
const COUNTED_BYTES: usize = 4 << 10;

impl Stamped {
    pub(super) fn new(inner: Stream, stamps: Arc<Stamps>) -> Self {
        Self {
            inner,
            stamps,
            frames: None,
        }
    }

    /// Returns a stream of HTTP/2, of which interim responses are counted here.
    pub(super) fn counting(inner: Stream, stamps: Arc<Stamps>) -> Self {
        Self {
            frames: Some(Frames::default()),
            ..Self::new(inner, stamps)
        }
    }

    fn poll_inner(
        &mut self,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.stamps.is_head_complete() {
            self.frames = None;
        }
        let Some(frames) = &mut self.frames else {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        };
        let mut bytes = [MaybeUninit::uninit(); COUNTED_BYTES];
        let room = buf.remaining().min(COUNTED_BYTES);
        let mut piece = ReadBuf::uninit(bytes.get_mut(..room).unwrap_or_default());
        let polled = Pin::new(&mut self.inner).poll_read(cx, piece.unfilled());
        for _ in 0..frames.take(piece.filled()) {
            self.stamps.head_begun();
        }
        buf.put_slice(piece.filled());
        polled
    }
}

impl Read for Stamped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.stamps.is_flooded() {
            return Poll::Ready(Err(io::Error::other("too many interim responses")));
        }
        let polled = self.poll_inner(cx, buf);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.stamps.read();
            if is_cut(&self.inner) {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the connection ended without the close_notify of TLS",
                )));
            }
        }
        polled
    }
}

impl Write for Stamped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        if matches!(polled, Poll::Ready(Ok(_))) {
            self.stamps.wrote();
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        if matches!(polled, Poll::Ready(Ok(_))) {
            self.stamps.wrote();
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(cx);
        if matches!(polled, Poll::Ready(Ok(()))) {
            self.stamps.flushed();
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A request body of known bytes, which stamps when it was handed over.
pub(super) struct SentBody {
    bytes: Option<Bytes>,
    stamps: Arc<Stamps>,
}

impl SentBody {
    pub(super) fn new(bytes: Bytes, stamps: Arc<Stamps>) -> Self {
        Self {
            bytes: Some(bytes).filter(|bytes| !bytes.is_empty()),
            stamps,
        }
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = self.bytes.take();
        self.stamps.body_taken();
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
