//! Where jobs report: `POST /beat/TOKEN` when a run ended well, `…/start` when it begins, `…/fail` when it failed, or
//! `…/STATUS` with the exit status of the job.
//!
//! The token is all that a job knows and may do. `?rid=` tells runs apart that are under way at the same time. The last line of a body is shown where a run failed; however long a body
//! is, the beat counts.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde::Serialize;
use url::form_urlencoded;

use super::problem::Problem;
use super::site::{Pending, Site};
use crate::model::heartbeat::{Report, RunId, Said};
use crate::model::service::ServiceName;

/// The end of a body is kept to find its last line.
const TAIL_BYTES: usize = 4 << 10;
/// No more of a body is read.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Characters of a line that are shown.
const LINE_CHARS_MAX: usize = 300;
/// A job that is asked to say it again may do so after this.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// What hears beats.
pub trait Listener: Send + Sync {
    /// Takes a report in, and returns once it is on disk, or cannot be.
    fn hear(&self, token: String, report: Report) -> Pending<'_, Result<Taken, Refused>>;
}

/// A report that was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Whose it is.
    pub service: ServiceName,
    /// When it is late if nothing more is reported.
    pub late_at: Timestamp,
    /// Whether it is on disk.
    pub durable: bool,
}

/// Why a report was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No service has this token.
    Unknown,
    /// Too much at once, or the daemon is stopping: to be said again.
    Busy,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unknown => Self::new(
                StatusCode::NOT_FOUND,
                "no heartbeat has this token; it stands in the ops config, as `token` of a service with kind = \"heartbeat\"",
            ),
            Refused::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the beat was not taken in: say it again",
            ),
        }
    }
}

type Shared = State<Arc<dyn Listener>>;

/// Returns the pages for jobs.
pub(super) fn router() -> Router<Site> {
    Router::new()
        .route("/{token}", post(done))
        .route("/{token}/{word}", post(said))
        .fallback(incomplete)
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "a beat is a POST, so that no preview of a link counts as one: curl -fsS -X POST …",
            )
        })
}

/// Says what is wrong with a path that is no beat: a variable of a shell that is not set leaves a part of it empty.
pub(super) async fn incomplete() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "a beat is POST /beat/TOKEN, or /beat/TOKEN/ and `start`, `fail` or an exit status; a part of that is missing or too \
         much: is a variable empty?",
    )
}

/// Which run a report is of, where it says that.
struct Run(Option<RunId>);

impl<S: Send + Sync> FromRequestParts<S> for Run {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let Some((_, word)) = pairs.find(|(key, _)| key == "rid") else {
            return Ok(Self(None));
        };
        let run = RunId::new(&word).map(Some).map(Self);
        run.ok_or_else(|| {
            let detail = format!(
                "`rid`, which tells runs of a job apart, is 1 to {} characters of ASCII without spaces, such as a UUID: is a \
                 variable empty? In an address `+` is written %2B",
                RunId::CHARS_MAX
            );
            Problem::new(StatusCode::BAD_REQUEST, detail)
        })
    }
}

async fn done(
    State(listener): Shared,
    Path(token): Path<String>,
    Run(run): Run,
    body: Body,
) -> Response {
    last_line(body).await;
    let said = Said::Done;
    hear(&*listener, token, Report { run, said }).await
}

async fn said(
    State(listener): Shared,
    Path((token, word)): Path<(String, String)>,
    Run(run): Run,
    body: Body,
) -> Response {
    let text = last_line(body).await;
    let said = match (&*word, word.parse::<u8>()) {
        ("start", _) => Said::Begun,
        ("fail", _) => Said::Failed { exit: None, text },
        (_, Ok(0)) => Said::Done,
        (_, Ok(status)) => Said::Failed {
            exit: Some(status),
            text,
        },
        _ => {
            let detail =
                "after the token comes nothing, `start`, `fail`, or an exit status from 0 to 255";
            return Problem::new(StatusCode::NOT_FOUND, detail).into_response();
        }
    };
    hear(&*listener, token, Report { run, said }).await
}

async fn hear(listener: &dyn Listener, token: String, report: Report) -> Response {
    if token.is_empty() {
        return incomplete().await.into_response();
    }
    match listener.hear(token, report).await {
        Ok(beat) => {
            let status = if beat.durable {
                StatusCode::OK
            } else {
                StatusCode::ACCEPTED
            };
            (status, axum::Json(beat)).into_response()
        }
        Err(Refused::Busy) => {
            let busy = Problem::from(Refused::Busy);
            busy.again_after(AGAIN_AFTER).into_response()
        }
        Err(refused) => Problem::from(refused).into_response(),
    }
}

/// Returns the last line of a body that says something, cut, without control characters. A body that breaks off or is too
/// long is as good as far as it goes.
async fn last_line(mut body: Body) -> String {
    let (mut tail, mut read) = (Vec::new(), 0);
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else {
            continue;
        };
        tail.extend_from_slice(data);
        let surplus = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..surplus);
        read += data.len();
        if read > BODY_BYTES_MAX {
            break;
        }
    }
    let text = String::from_utf8_lossy(&tail);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    let shown = line.unwrap_or_default().chars();
    shown
        .filter(|character| !character.is_control())
        .take(LINE_CHARS_MAX)
        .collect()
}
