//! Events for pages that are open.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Shared;
use crate::web::auth::Caller;
use crate::web::page::live::{ASK_EVERY, Listener, News, TICK_EVERY};
use crate::web::page::present::Audience;
use crate::web::page::{Pages, audience};

/// A client that lost the stream comes back after this.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What somebody has who listens.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Of which moment the page is, in microseconds since 1970; of now if absent.
    at: Option<i64>,
}

/// One open stream.
struct Stream {
    pages: Arc<Pages>,
    audience: Audience,
    listener: Listener,
    clock: Interval,
    quiet: u32,
}

/// Answers with a stream that tells what changes. It ends when the daemon stops.
pub(super) async fn events(
    caller: Caller,
    State(pages): Shared,
    Query(asked): Query<Asked>,
) -> Result<Response, Response> {
    let Some(audience) = audience(&caller) else {
        return Err(StatusCode::UNAUTHORIZED.into_response());
    };
    let busy = || {
        let wait = [(header::RETRY_AFTER, "60")];
        (
            StatusCode::SERVICE_UNAVAILABLE,
            wait,
            "too many listen already\n",
        )
            .into_response()
    };
    let listener = pages.board.join(asked.at).ok_or_else(busy)?;
    let mut clock = interval(ASK_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stream = Stream {
        pages,
        audience,
        listener,
        clock,
        // The first thing that is said: that the stream is there.
        quiet: TICK_EVERY,
    };
    let events = stream::unfold(stream, |mut stream| async move {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    let mut response = Sse::new(events).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    // Proxies that gather an answer before they hand it on would hold events back.
    headers.insert("x-accel-buffering", header::HeaderValue::from_static("no"));
    Ok(response)
}

impl Stream {
    /// Waits until there is something to tell; absent once the daemon stops.
    async fn next(&mut self) -> Option<Event> {
        let stopping = self.pages.source.stopping();
        loop {
            stopping.run_until_cancelled(self.clock.tick()).await?;
            let pages = Arc::clone(&self.pages);
            // What is so is compared with what was.
            let look = move || drop(pages.present());
            tokio::task::spawn_blocking(look).await.ok()?;
            let told = match self.listener.news(self.audience) {
                News::Changed(marks) => {
                    let body = serde_json::json!({ "services": marks });
                    Some(Event::default().event("changed").data(body.to_string()))
                }
                News::Refetch => Some(Event::default().event("refetch").data("{}")),
                News::Nothing => None,
            };
            self.quiet += 1;
            if told.is_none() && self.quiet < TICK_EVERY {
                continue;
            }
            self.quiet = 0;
            let tick = || Event::default().event("tick").data("{}").retry(RETRY_AFTER);
            return Some(told.unwrap_or_else(tick));
        }
    }
}
