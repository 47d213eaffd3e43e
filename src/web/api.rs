//! How people and other programs act on the notifier over HTTP: silences, acknowledgements, the outbox, channels.
//!
//! Every call shows a token. None takes a URL. What is confirmed is on disk; what could only be done in memory is
//! answered 202.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Pending;
use super::problem::Problem;
use crate::model::incident::{Incident, Ledger};
use crate::model::maintenance::Maintenance;
use crate::model::mute::{Selector, Silence, SilenceId};
use crate::model::service::ChannelName;
use crate::policy::orders::{Done, NewSilence, Order, Refusal};
use crate::policy::outbox::{self, Entry};
use crate::policy::story::Story;

/// No body of a request is larger.
const BODY_BYTES_MAX: usize = 64 << 10;

/// What the API acts on.
pub trait Control: Send + Sync {
    /// Tells whether a caller who shows this token may do what it wants. Takes the same time for every wrong one.
    fn knows(&self, token: &str) -> bool;

    /// Returns the present ledger.
    fn ledger(&self) -> Arc<Ledger>;

    /// Returns the planned mutes of the present config.
    fn maintenance(&self) -> Vec<Maintenance>;

    /// Returns the time.
    fn now(&self) -> Timestamp;

    /// Returns random bytes for a name.
    fn random(&self) -> [u8; 5];

    /// Carries an order out and returns once it is on disk, or cannot be.
    fn carry_out(&self, order: Order) -> Pending<'_, Result<Carried, Refusal>>;

    /// Returns all that is known of an incident, named whole or by its beginning.
    fn story(&self, incident: String) -> Pending<'_, Result<Story, Refusal>>;

    /// Sends a message that says of itself that it is a test; with `over`, its end.
    fn test(&self, channel: ChannelName, over: bool) -> Pending<'_, Result<Tested, Refusal>>;
}

/// An order that was carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// What was done.
    #[serde(flatten)]
    pub done: Done,
    /// Whether it is on disk.
    pub durable: bool,
}

/// How a test message was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// The channel.
    pub channel: ChannelName,
    /// Whether it took the message.
    pub taken: bool,
    /// What kind of answer it was: `taken`, `retry`, `rejected`, …
    pub answer: String,
    /// Why it was not taken.
    pub reason: Option<String>,
}

type Shared = State<Arc<dyn Control>>;
type Answer = Result<Response, Problem>;

/// Returns the API.
pub(super) fn router(control: Arc<dyn Control>) -> Router {
    Router::new()
        .route("/silences", get(silences).post(silence))
        .route("/silences/{id}", delete(end_silence))
        .route("/maintenance", get(maintenance))
        .route("/incidents", get(incidents))
        .route("/incidents/{id}", get(incident))
        .route("/incidents/{id}/ack", post(ack))
        .route("/outbox", get(outbox))
        .route("/outbox/{message}", delete(drop_message))
        .route("/outbox/{message}/retry", post(retry))
        .route("/channels/{name}/resume", post(resume))
        .route("/channels/{name}/test", post(test))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is no such page"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this page does not take that method",
            )
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&control), admit))
        .with_state(control)
}

/// Lets only those pass who show a token.
async fn admit(State(control): Shared, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION);
    let shown = shown.and_then(|value| value.to_str().ok());
    let token = shown.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token {
        Some(token) if control.knows(token) => next.run(request).await,
        Some(_) => {
            Problem::new(StatusCode::UNAUTHORIZED, "the token is another one").into_response()
        }
        None => Problem::new(
            StatusCode::UNAUTHORIZED,
            "show a token: Authorization: Bearer TOKEN; it is in control.json in the data folder",
        )
        .into_response(),
    }
}

async fn silences(State(control): Shared) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        silences: Vec<&'a Silence>,
    }
    let ledger = control.ledger();
    let silences = ledger.silences.values().collect();
    axum::Json(Body { silences }).into_response()
}

/// A silence as a caller asks for it: with `until`, or with `for_s` for seconds from its beginning.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SilenceBody {
    of: Selector,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    for_s: Option<u32>,
    by: String,
    reason: String,
}

async fn silence(
    State(control): Shared,
    body: Result<axum::Json<SilenceBody>, JsonRejection>,
) -> Answer {
    let axum::Json(body) = body?;
    let begins = body.from.unwrap_or_else(|| control.now());
    let until = match (body.until, body.for_s) {
        (Some(until), None) => until,
        (None, Some(seconds)) => begins
            .saturating_add(jiff::SignedDuration::from_secs(seconds.into()))
            .unwrap_or(Timestamp::MAX),
        _ => return Err(Refusal::invalid("write either `until` or `for_s`").into()),
    };
    let wanted = NewSilence {
        of: body.of,
        from: body.from,
        until,
        by: body.by,
        reason: body.reason,
    };
    let order = Order::Silence(wanted, control.random());
    carried(&control, order, StatusCode::CREATED).await
}

async fn end_silence(State(control): Shared, Path(id): Path<String>) -> Answer {
    let order = Order::EndSilence(SilenceId(id.into()));
    carried(&control, order, StatusCode::OK).await
}

async fn maintenance(State(control): Shared) -> Response {
    #[derive(Serialize)]
    struct One {
        name: String,
        of: Selector,
        when: String,
        on_until: Option<Timestamp>,
        next: Option<Timestamp>,
    }
    let now = control.now();
    let one = |one: Maintenance| One {
        when: one.when.to_string(),
        on_until: one.is_on(now),
        next: one.next(now),
        name: one.name,
        of: one.of,
    };
    let all: Vec<One> = control.maintenance().into_iter().map(one).collect();
    axum::Json(serde_json::json!({ "maintenance": all })).into_response()
}

async fn incidents(State(control): Shared) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        incidents: Vec<&'a Incident>,
    }
    let ledger = control.ledger();
    let mut incidents: Vec<&Incident> = ledger.incidents.values().collect();
    incidents.sort_by_key(|one| (!one.is_open(), std::cmp::Reverse(one.opened_at)));
    axum::Json(Body { incidents }).into_response()
}

async fn incident(State(control): Shared, Path(id): Path<String>) -> Answer {
    Ok(axum::Json(control.story(id).await?).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AckBody {
    by: String,
    #[serde(default)]
    reason: String,
}

async fn ack(
    State(control): Shared,
    Path(incident): Path<String>,
    body: Result<axum::Json<AckBody>, JsonRejection>,
) -> Answer {
    let axum::Json(AckBody { by, reason }) = body?;
    let order = Order::Acknowledge {
        incident,
        by,
        reason,
    };
    carried(&control, order, StatusCode::OK).await
}

async fn outbox(State(control): Shared) -> Response {
    #[derive(Serialize)]
    struct Body {
        entries: Vec<Entry>,
    }
    let entries = outbox::entries(&control.ledger());
    axum::Json(Body { entries }).into_response()
}

async fn retry(State(control): Shared, Path(message): Path<String>) -> Answer {
    carried(&control, Order::Retry(message), StatusCode::OK).await
}

async fn drop_message(State(control): Shared, Path(message): Path<String>) -> Answer {
    carried(&control, Order::Drop(message), StatusCode::OK).await
}

async fn resume(State(control): Shared, Path(name): Path<String>) -> Answer {
    carried(
        &control,
        Order::Resume(ChannelName::new(name)),
        StatusCode::OK,
    )
    .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestBody {
    #[serde(default)]
    over: bool,
}

async fn test(
    State(control): Shared,
    Path(name): Path<String>,
    body: Result<Option<axum::Json<TestBody>>, JsonRejection>,
) -> Answer {
    let body = body?.map(|axum::Json(body)| body).unwrap_or_default();
    let tested = control.test(ChannelName::new(name), body.over).await?;
    Ok(axum::Json(tested).into_response())
}

/// Carries an order out; what is not on disk is answered 202, whatever `done` says.
async fn carried(control: &Arc<dyn Control>, order: Order, done: StatusCode) -> Answer {
    let carried = control.carry_out(order).await?;
    let status = if carried.durable {
        done
    } else {
        StatusCode::ACCEPTED
    };
    Ok((status, axum::Json(carried)).into_response())
}
