//! One request and its response head over a connected stream, by HTTP/1.1 or HTTP/2.
//!
//! hyper's connection is polled beside the request in the probe's own task: nothing is spawned, so a probe that is
//! dropped leaves nothing behind and costs no wake-up of another task.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;

use super::progress::Stamps;
use super::refusal::{head_too_large, refusal};
use super::stream::{SentBody, Stamped, Stream};
use crate::model::failure::Failure;

/// Response headers that are read.
pub(super) const HEADERS_MAX: usize = 256;
/// Bytes of response head that are read.
pub(super) const HEAD_BYTES_MAX: usize = 64 << 10;
/// Bytes of response head that HTTP/2 decodes. It says of a larger one only that it is wrong, so that this leaves room
/// above what is read.
pub(super) const H2_HEAD_BYTES_MAX: usize = 1 << 20;
/// Windows of HTTP/2: enough for a body limit's worth in a few round trips, small enough for many probes at once.
const H2_WINDOW_BYTES: u32 = 256 << 10;

/// What is asked on one hop.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    /// What goes on the request line of HTTP/1.1.
    pub(super) line: &'a Uri,
    /// The whole URL, for HTTP/2.
    pub(super) absolute: &'a Uri,
    pub(super) host: &'a HeaderValue,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A hyper connection, which has to be polled for anything to move.
pub(super) trait Talk {
    /// Moves on. Not called again after it returned `Ready`.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>>;
}

/// A connection that is polled beside whatever is waited for.
pub(super) struct Driven<C> {
    connection: Option<C>,
    fault: Option<hyper::Error>,
}

impl<C: Talk> Driven<C> {
    fn new(connection: C) -> Self {
        Self {
            connection: Some(connection),
            fault: None,
        }
    }

    /// Waits for `future` while the connection moves on.
    pub(super) async fn beside<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            self.poll(cx);
            future.as_mut().poll(cx)
        })
        .await
    }

    /// Gives the connection one chance to say goodbye, without waiting.
    pub(super) async fn part(mut self) {
        poll_fn(|cx| {
            self.poll(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Returns what ended the connection, where it was an error.
    pub(super) fn fault(&self) -> Option<&hyper::Error> {
        self.fault.as_ref()
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && let Poll::Ready(ended) = connection.poll(cx)
        {
            self.connection = None;
            self.fault = ended.err();
        }
    }
}

/// The connection of HTTP/1.1.
pub(super) type Http1 = http1::Connection<Stamped, SentBody>;

impl Talk for Http1 {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        Future::poll(Pin::new(self), cx)
    }
}

/// The connection of HTTP/2 with the futures that hyper wants to run beside it.
pub(super) struct Http2 {
    /// Takes requests; ends when the sender is dropped, long before the response is read.
    connection: Option<http2::Connection<Stamped, SentBody, Beside>>,
    beside: Beside,
    futures: Vec<BoxedFuture>,
}

type BoxedFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes hyper's futures, to be polled by [`Http2`] instead of being spawned.
#[derive(Clone, Default)]
pub(super) struct Beside(Arc<Mutex<Vec<BoxedFuture>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Beside {
    fn execute(&self, future: F) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::pin(future));
    }
}

impl Talk for Http2 {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        if let Some(connection) = &mut self.connection
            && let Poll::Ready(ended) = Future::poll(Pin::new(connection), cx)
        {
            self.connection = None;
            ended?;
        }
        loop {
            let mut new = {
                let mut taken = self.beside.0.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *taken)
            };
            let had_new = !new.is_empty();
            self.futures.append(&mut new);
            self.futures
                .retain_mut(|future| future.as_mut().poll(cx).is_pending());
            if self.connection.is_none() && self.futures.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if !had_new {
                return Poll::Pending;
            }
        }
    }
}

/// Sends a request by HTTP/1.1, and returns the response head.
pub(super) async fn http1(
    stream: Stream,
    asked: Asked<'_>,
    stamps: &Arc<Stamps>,
    peer: SocketAddr,
) -> Result<(Response<Incoming>, Driven<Http1>), Failure> {
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(Stamped::new(stream, Arc::clone(stamps)))
        .await
        .map_err(|error| refusal(&error, None, stamps, peer))?;
    let mut driven = Driven::new(connection);
    let mut headers = asked.headers;
    headers.insert(HOST, asked.host.clone());
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let mut request = request(asked.method, asked.line, headers, asked.body, stamps);
    let counted = Arc::clone(stamps);
    hyper::ext::on_informational(&mut request, move |_| counted.interim());
    let answered = driven.beside(sender.send_request(request)).await;
    settle(answered, driven, stamps, peer)
}

/// Sends a request by HTTP/2, and returns the response head.
pub(super) async fn http2(
    stream: Stream,
    asked: Asked<'_>,
    stamps: &Arc<Stamps>,
    peer: SocketAddr,
) -> Result<(Response<Incoming>, Driven<Http2>), Failure> {
    let beside = Beside::default();
    let (mut sender, connection) = http2::Builder::new(beside.clone())
        .initial_stream_window_size(H2_WINDOW_BYTES)
        .initial_connection_window_size(H2_WINDOW_BYTES)
        .max_header_list_size(u32::try_from(H2_HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .handshake(Stamped::counting(stream, Arc::clone(stamps)))
        .await
        .map_err(|error| refusal(&error, None, stamps, peer))?;
    let mut driven = Driven::new(Http2 {
        connection: Some(connection),
        beside,
        futures: Vec::new(),
    });
    let mut headers = asked.headers;
    headers.remove(HOST);
    headers.remove(CONNECTION);
    let request = request(asked.method, asked.absolute, headers, asked.body, stamps);
    let answered = driven.beside(sender.send_request(request)).await;
    settle(answered, driven, stamps, peer)
}

fn request(
    method: &Method,
    uri: &Uri,
    headers: HeaderMap,
    body: Bytes,
    stamps: &Arc<Stamps>,
) -> Request<SentBody> {
    let mut request = Request::new(SentBody::new(body, Arc::clone(stamps)));
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = headers;
    request
}

fn settle<C: Talk>(
    answered: Result<Response<Incoming>, hyper::Error>,
    driven: Driven<C>,
    stamps: &Stamps,
    peer: SocketAddr,
) -> Result<(Response<Incoming>, Driven<C>), Failure> {
    match answered {
        Ok(response) => {
            stamps.head_complete();
            if is_too_large(response.headers()) {
                return Err(head_too_large(peer));
            }
            Ok((response, driven))
        }
        Err(error) => Err(refusal(&error, driven.fault(), stamps, peer)),
    }
}

/// Tells whether there are more headers than are read. Of HTTP/1.1 hyper itself reads no more.
fn is_too_large(headers: &HeaderMap) -> bool {
    // `name: value` and the end of the line
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    headers.len() > HEADERS_MAX || bytes > HEAD_BYTES_MAX
}
