//! Planned mutes of the ops config.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::Asked;
use super::paging::Wanted;
use super::{Answer, Shared, list};
use crate::model::maintenance::Maintenance;
use crate::model::mute::Selector;
use crate::web::site::Site;

/// Returns the pages for those who may see everything.
pub(super) fn to_read() -> OpenApiRouter<Site> {
    OpenApiRouter::default().routes(routes!(maintenance))
}

/// A page of planned mutes.
#[derive(Serialize, ToSchema)]
struct Plans {
    maintenance: Vec<Plan>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A planned mute.
#[derive(Serialize, ToSchema)]
struct Plan {
    /// What people call it.
    name: String,
    /// What it concerns.
    of: Selector,
    /// When, for people.
    when: String,
    /// When it ends, while it is on.
    on_until: Option<Timestamp>,
    /// When it begins next.
    next: Option<Timestamp>,
}

/// Which planned mutes are listed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PlansAsked {
    /// At most so many, 1 to 1,000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// The planned mutes of the ops config, with `on_until` and `next`
#[utoipa::path(get, path = "/maintenance", tag = "maintenance", params(PlansAsked),
    responses((status = 200, description = "A page of them, in the order of the config", body = Plans)))]
async fn maintenance(State(control): Shared, Asked(asked): Asked<PlansAsked>) -> Answer {
    let now = control.now();
    let wanted = Wanted {
        limit: asked.limit,
        cursor: asked.cursor.as_deref(),
    };
    let all = control.maintenance().into_iter().enumerate();
    let page = wanted.of(all, |(number, _)| *number)?;
    let plan = |(_, one): (usize, Maintenance)| Plan {
        when: one.when.to_string(),
        on_until: one.is_on(now),
        next: one.next(now),
        name: one.name,
        of: match one.own {
            Some(own) => Selector {
                services: own.iter().map(ToString::to_string).collect(),
                ..one.of
            },
            None => one.of,
        },
    };
    Ok(list(&Plans {
        maintenance: page.items.into_iter().map(plan).collect(),
        next: page.next,
    }))
}
