//! `/metrics`: written on a thread where nobody waits, and sent as it is written.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body_util::channel::Channel;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::auth::{Caller, Scope};
use super::facts::Facts;
use super::problem::Problem;
use crate::metrics::Format;

/// Pieces that wait for the reader.
const PIECES: usize = 4;
/// A reader that takes longer for all of them is left.
const READ_MAX: Duration = Duration::from_secs(30);
/// Pages that are written at a time; who asks for another waits.
static WRITING: Semaphore = Semaphore::const_new(2);

pub(super) async fn metrics(
    caller: Caller,
    State(facts): State<Arc<dyn Facts>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.needs(Scope::Look)?;
    let format = format_of(&headers);
    let (mut sender, body) = Channel::<Bytes, io::Error>::new(PIECES);
    // The semaphore is never closed.
    let turn = WRITING.acquire().await.ok();
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let (until, runtime) = (Instant::now() + READ_MAX, Handle::current());
        let mut give = |piece: String| {
            let sending = sender.send_data(piece.into());
            let sent = runtime.block_on(async { timeout_at(until, sending).await });
            matches!(sent, Ok(Ok(())))
        };
        if !facts.metrics(format, &mut give) {
            // What came so far must not pass for the whole.
            sender.abort(io::ErrorKind::TimedOut.into());
        }
    });
    let kind = [(header::CONTENT_TYPE, format.content_type())];
    Ok((kind, Body::new(body)).into_response())
}

/// Returns the text of metrics that a reader asks for.
pub(super) fn format_of(headers: &HeaderMap) -> Format {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    Format::accepted(accept.unwrap_or_default())
}
