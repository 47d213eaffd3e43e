//! How long a caller may take to send a body, or to read an answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A body comes within this.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);
/// Whoever takes nothing of an answer for so long gets nothing more.
const STANDSTILL_MAX: Duration = Duration::from_secs(30);

/// A time that begins with the first wait.
#[derive(Debug, Default)]
struct Limit(Option<Pin<Box<Sleep>>>);

impl Limit {
    /// Waits for the end of the time.
    fn poll_over(&mut self, length: Duration, context: &mut Context<'_>) -> Poll<()> {
        let waits = self.0.get_or_insert_with(|| Box::pin(sleep(length)));
        waits.as_mut().poll(context)
    }
}

/// A body that must come in time.
#[derive(Debug)]
pub(super) struct Timely<B> {
    body: B,
    limit: Limit,
}

impl<B> Timely<B> {
    pub(super) fn new(body: B) -> Self {
        Self {
            body,
            limit: Limit::default(),
        }
    }
}

impl<B: Body<Error: Into<BoxError>> + Unpin> Body for Timely<B> {
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(self.limit.poll_over(BODY_TIME_MAX, context));
        Poll::Ready(Some(Err("the body did not come in time".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that holds something until it is sent.
#[derive(Debug)]
pub(super) struct Held<B, T> {
    body: B,
    _held: T,
}

impl<B, T> Held<B, T> {
    pub(super) fn new(body: B, held: T) -> Self {
        Self { body, _held: held }
    }
}

impl<B: Body + Unpin, T: Unpin> Body for Held<B, T> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection on which an answer must be taken.
#[derive(Debug)]
pub(super) struct Moving<S> {
    stream: S,
    limit: Limit,
}

impl<S: Unpin> Moving<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            limit: Limit::default(),
        }
    }

    /// Does something with the stream that may wait only so long.
    fn poll_moving<T>(
        &mut self,
        context: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(done) = poll(Pin::new(&mut self.stream), context) {
            self.limit = Limit::default();
            return Poll::Ready(done);
        }
        ready!(self.limit.poll_over(STANDSTILL_MAX, context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Moving<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Moving<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_moving(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_moving(context, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_moving(context, AsyncWrite::poll_shutdown)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;

    struct Never;

    impl Body for Never {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_an_error_in_time() {
        let began = Instant::now();
        let read = Timely::new(Never).collect().await;
        assert!(read.is_err());
        assert_eq!(began.elapsed().as_secs(), BODY_TIME_MAX.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_gets_nothing_more_and_who_is_slow_gets_all() {
        let (near, mut far) = tokio::io::duplex(10);
        let mut near = Moving::new(near);
        let slow = async {
            let mut buffer = [0; 10];
            for _ in 0..10 {
                sleep(STANDSTILL_MAX / 2).await;
                far.read_exact(&mut buffer).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(near.write_all(&[0; 100]), slow);
        written.unwrap();
        let stuck = near.write_all(&[0; 100]).await;
        assert_eq!(stuck.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
