//! Messages that are owed or were given up.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::control::Carried;
use super::extract::{Asked, Named};
use super::paging::Wanted;
use super::{Answer, Shared, carried, list};
use crate::policy::orders::Order;
use crate::policy::outbox::{self, Entry, State as Owed};
use crate::web::site::Site;

/// Returns the pages for those who may see everything.
pub(super) fn to_read() -> OpenApiRouter<Site> {
    OpenApiRouter::default().routes(routes!(outbox))
}

/// Returns the pages for those who may act.
pub(super) fn to_operate() -> OpenApiRouter<Site> {
    OpenApiRouter::default()
        .routes(routes!(drop_message))
        .routes(routes!(retry))
}

/// A page of what channels have not been told.
#[derive(Serialize, ToSchema)]
struct Outbox {
    entries: Vec<Entry>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which messages are listed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OutboxAsked {
    /// Only those of this channel.
    channel: Option<String>,
    /// At most so many, 1 to 1,000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What is owed, then what was given up
#[utoipa::path(get, path = "/outbox", tag = "outbox", params(OutboxAsked),
    responses((status = 200, description = "A page of it, the oldest first", body = Outbox)))]
async fn outbox(State(control): Shared, Asked(asked): Asked<OutboxAsked>) -> Answer {
    let wanted = Wanted {
        limit: asked.limit,
        cursor: asked.cursor.as_deref(),
    };
    let meant = |one: &Entry| {
        let channel = asked.channel.as_deref();
        channel.is_none_or(|channel| one.channel.as_str() == channel)
    };
    let all = outbox::entries(&control.ledger(), control.now())
        .into_iter()
        .filter(meant);
    let page = wanted.of(all, |one| {
        (
            one.state == Owed::Dead,
            one.since.as_microsecond(),
            one.message_id.clone(),
            one.channel.clone(),
            one.incident.clone(),
        )
    })?;
    Ok(list(&Outbox {
        entries: page.items,
        next: page.next,
    }))
}

/// Sends it after all, or at once
#[utoipa::path(post, path = "/outbox/{message}/retry", tag = "outbox",
    params(("message" = String, Path, description = "`message_id` of an entry")),
    responses(
        (status = 200, description = "It is owed, and that is on disk", body = Carried),
        (status = 202, description = "It is owed, but that is not on disk", body = Carried)))]
async fn retry(State(control): Shared, Named(message): Named) -> Answer {
    carried(&control, Order::Retry(message), StatusCode::OK).await
}

/// Never sends it
#[utoipa::path(delete, path = "/outbox/{message}", tag = "outbox",
    params(("message" = String, Path, description = "`message_id` of an entry")),
    responses(
        (status = 200, description = "It is dropped, and that is on disk", body = Carried),
        (status = 202, description = "It is dropped, but that is not on disk", body = Carried)))]
async fn drop_message(State(control): Shared, Named(message): Named) -> Answer {
    carried(&control, Order::Drop(message), StatusCode::OK).await
}
