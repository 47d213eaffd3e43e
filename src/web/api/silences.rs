//! Silences: what is muted by people, and until when.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::control::Carried;
use super::extract::{Asked, Body, Named};
use super::paging::Wanted;
use super::read::{moment, object};
use super::{Answer, Shared, answer, carried, list};
use crate::model::mute::{Selector, Silence, SilenceId};
use crate::policy::orders::{Done, NewSilence, Order, Refusal};
use crate::web::site::Site;

/// Returns the pages for those who may see everything.
pub(super) fn to_read() -> OpenApiRouter<Site> {
    OpenApiRouter::default().routes(routes!(silences))
}

/// Returns the pages for those who may act.
pub(super) fn to_operate() -> OpenApiRouter<Site> {
    OpenApiRouter::default()
        .routes(routes!(silence))
        .routes(routes!(end_silence))
}

/// A page of silences.
#[derive(Serialize, ToSchema)]
struct Silences {
    silences: Vec<Silence>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which silences are listed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SilencesAsked {
    /// At most so many, 1 to 1,000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// The silences, those to come as well
#[utoipa::path(get, path = "/silences", tag = "silences", params(SilencesAsked),
    responses((status = 200, description = "A page of them, in the order of their names", body = Silences)))]
async fn silences(State(control): Shared, Asked(asked): Asked<SilencesAsked>) -> Answer {
    let ledger = control.ledger();
    let wanted = Wanted {
        limit: asked.limit,
        cursor: asked.cursor.as_deref(),
    };
    let page = wanted.of(ledger.silences.values(), |one| one.id.clone())?;
    Ok(list(&Silences {
        silences: page.items.into_iter().cloned().collect(),
        next: page.next,
    }))
}

/// A silence as a caller asks for it: with `until`, or with `for_s` for seconds from its beginning.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SilenceBody {
    #[serde(deserialize_with = "object")]
    of: SelectorBody,
    /// When it begins; now if absent.
    #[serde(default, deserialize_with = "moment")]
    from: Option<Timestamp>,
    /// When it ends.
    #[serde(default, deserialize_with = "moment")]
    until: Option<Timestamp>,
    /// For how many seconds.
    #[schema(minimum = 1)]
    for_s: Option<u32>,
    /// Who wants it.
    #[schema(min_length = 1)]
    by: String,
    /// Why.
    reason: String,
}

/// Which incidents are meant: those that every list names; an empty list names all. `{}` is everything.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct SelectorBody {
    /// Names of services; a `*` stands for any text.
    services: BTreeSet<String>,
    /// Tags, of which a service has at least one.
    tags: BTreeSet<String>,
    /// Groups.
    groups: BTreeSet<String>,
    /// Severities.
    severities: BTreeSet<String>,
    /// Violations.
    violations: BTreeSet<String>,
}

impl From<SelectorBody> for Selector {
    fn from(body: SelectorBody) -> Self {
        Self {
            services: body.services,
            tags: body.tags,
            groups: body.groups,
            severities: body.severities,
            violations: body.violations,
        }
    }
}

/// Makes a silence: `of`, `until` or `for_s`, `from`, `by`, `reason`
#[utoipa::path(post, path = "/silences", tag = "silences", request_body = SilenceBody,
    responses(
        (status = 200, description = "The same was there already", body = Carried),
        (status = 201, description = "It is made, and on disk", body = Carried),
        (status = 202, description = "It is in force, but not on disk", body = Carried)))]
async fn silence(State(control): Shared, Body(body): Body<SilenceBody>) -> Answer {
    let begins = body.from.unwrap_or_else(|| control.now());
    let until = match (body.until, body.for_s) {
        (Some(until), None) => until,
        (None, Some(seconds)) => begins
            .saturating_add(jiff::SignedDuration::from_secs(seconds.into()))
            .unwrap_or(Timestamp::MAX),
        _ => return Err(Refusal::invalid("write either `until` or `for_s`").into()),
    };
    let wanted = NewSilence {
        of: body.of.into(),
        from: body.from,
        until,
        lasts: body
            .for_s
            .map(|seconds| Duration::from_secs(seconds.into())),
        by: body.by,
        reason: body.reason,
    };
    let order = Order::Silence(wanted, control.random());
    let carried = control.carry_out(order).await?;
    let status = match &carried.done {
        Done::Silenced { existed: true, .. } => StatusCode::OK,
        _ => StatusCode::CREATED,
    };
    Ok(answer(carried, status))
}

/// Ends a silence before its time
#[utoipa::path(delete, path = "/silences/{id}", tag = "silences", params(("id" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "It is over, and that is on disk", body = Carried),
        (status = 202, description = "It is over, but that is not on disk", body = Carried)))]
async fn end_silence(State(control): Shared, Named(id): Named) -> Answer {
    let order = Order::EndSilence(SilenceId(id.into()));
    carried(&control, order, StatusCode::OK).await
}
