//! Where a script is tried: the form, and the form again with what came of it. Nothing of it is kept for anybody.

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;

use super::{Asked, log_in};
use crate::model::service::ServiceName;
use crate::web::auth::{Caller, Scope};
use crate::web::page::answer::Made;
use crate::web::page::missing::denied;
use crate::web::page::page;
use crate::web::page::playground::{self, Came, Page};
use crate::web::problem::Problem;
use crate::web::site::Site;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    service: String,
}

/// Answers the form, with the script that judges the service that is asked for.
pub(super) async fn form(
    caller: Caller,
    State(site): State<Site>,
    Query(wanted): Query<Wanted>,
    uri: Uri,
    asked: Asked,
) -> Response {
    match caller.needs(Scope::Admin) {
        Ok(()) => {}
        // What it would be is not told to whoever sees no more than the public.
        Err(_) if caller.name().is_none() => return log_in(&uri),
        Err(problem) => return turn_away(asked, problem).await,
    }
    let script = site.control.script(&ServiceName::new(&*wanted.service));
    let form = playground::Form {
        csrf: caller.csrf().map(str::to_owned),
        script: script.as_deref().unwrap_or_default().to_owned(),
        service: wanted.service,
    };
    answer(asked, form, StatusCode::OK, Came::Nothing).await
}

#[derive(Debug, Deserialize)]
pub(super) struct Written {
    service: String,
    script: String,
}

/// Tries a script, and answers the form with what came of it.
pub(super) async fn try_out(
    caller: Caller,
    State(site): State<Site>,
    asked: Asked,
    Form(written): Form<Written>,
) -> Result<Response, Problem> {
    caller.needs(Scope::Admin)?;
    // Browsers write the ends of lines in forms with two characters.
    let script = written.script.replace("\r\n", "\n");
    let service = ServiceName::new(&*written.service);
    let (status, came) = match site.control.dry_run(service, script.clone()).await {
        Ok(tried) => (StatusCode::OK, Came::Tried(tried)),
        Err(refusal) => {
            let problem = Problem::from(refusal);
            (problem.status(), Came::Not(problem.detail().to_owned()))
        }
    };
    let form = playground::Form {
        csrf: caller.csrf().map(str::to_owned),
        service: written.service,
        script,
    };
    Ok(answer(asked, form, status, came).await)
}

async fn answer(asked: Asked, form: playground::Form, status: StatusCode, came: Came) -> Response {
    asked
        .answer_alone(move |pages, present, links| Made {
            status,
            ..page(&Page::new(
                present,
                &pages.source.title(),
                links,
                form,
                &came,
            ))
        })
        .await
}

async fn turn_away(asked: Asked, problem: Problem) -> Response {
    asked
        .answer_alone(move |pages, present, links| {
            denied(present, &pages.source.title(), links, problem.detail())
        })
        .await
}
