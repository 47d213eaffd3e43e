//! Which address is which page.

mod machines;
mod playground;
mod stream;

use std::sync::Arc;

use askama::Template;
use axum::extract::{
    DefaultBodyLimit, FromRef as _, FromRequestParts, Path, Query, RawQuery, State,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::answer::{Answers, Kind, Made};
use super::calendar::Calendar;
use super::door::takes_html;
use super::incidents::{self, Month, Shown};
use super::links::{Links, segment};
use super::missing::missing;
use super::present::{Audience, Present};
use super::window::Window;
use super::{Pages, audience, detail, health, incident, overview, page};
use crate::model::incident::Incident;
use crate::policy::orders::{Order, RefusalKind};
use crate::web::SCRIPT_BODY_BYTES_MAX;
use crate::web::auth::{Caller, Scope};
use crate::web::problem::Problem;
use crate::web::site::Site;

/// Returns all pages of the status page.
pub(in crate::web) fn router() -> Router<Site> {
    Router::new()
        .route("/", get(first))
        .route("/fragment", get(fragment))
        .route("/services/{*name}", get(service))
        .route("/incidents", get(newest_month))
        .route("/incidents/{key}", get(one_incident))
        .route("/incidents/{key}/ack", post(take_on))
        .route("/maintenance", get(calendar))
        .route("/health", get(own_health))
        .route(
            "/playground",
            get(playground::form)
                .post(playground::try_out)
                .layer(DefaultBodyLimit::max(SCRIPT_BODY_BYTES_MAX)),
        )
        .route("/events", get(stream::events))
        .merge(machines::router())
        .fallback(nothing)
}

type Shared = State<Arc<Pages>>;

/// The answer to whoever is shown nothing.
struct Turned(Box<Response>);

impl IntoResponse for Turned {
    fn into_response(self) -> Response {
        *self.0
    }
}

/// A request of somebody who may see something; whoever may not is turned away.
struct Asked {
    pages: Arc<Pages>,
    headers: HeaderMap,
    audience: Audience,
    links: Links,
    /// The path with its query, under which its answer is kept.
    address: String,
}

impl FromRequestParts<Site> for Asked {
    type Rejection = Turned;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Turned> {
        let pages = Arc::<Pages>::from_ref(site);
        let Ok(caller) = Caller::from_request_parts(parts, site).await;
        let Some(audience) = audience(&caller) else {
            return Err(Turned(Box::new(log_in(&parts.uri))));
        };
        let login = caller.session();
        let mut address = parts.uri.to_string();
        // The page says it, and so is kept for nobody else. No address of a request holds a space.
        address.extend(login.iter().map(|token| format!(" of {token}")));
        Ok(Self {
            pages,
            headers: parts.headers.clone(),
            audience,
            links: Links::served(depth(&parts.uri)).of(login),
            address,
        })
    }
}

impl Asked {
    /// Answers with what is made of the present.
    async fn answer(
        self,
        make: impl FnOnce(&Pages, &Present, Audience, Links) -> Made + Send + 'static,
    ) -> Response {
        let (pages, audience, links) = (self.pages, self.audience, self.links);
        let work = {
            let pages = Arc::clone(&pages);
            move || {
                let present = pages.present();
                make(&pages, &present, audience, links)
            }
        };
        pages
            .answers
            .answer(&self.headers, audience, self.address, work)
            .await
    }

    /// Answers with what is made of the present for this caller alone.
    async fn answer_alone(
        self,
        make: impl FnOnce(&Pages, &Present, Links) -> Made + Send + 'static,
    ) -> Response {
        let (pages, links) = (self.pages, self.links);
        let work = move || make(&pages, &pages.present(), links);
        Answers::only_for(&self.headers, self.audience, work).await
    }
}

/// Sends a browser to the login, from where it comes back.
fn log_in(uri: &Uri) -> Response {
    let mut to = "../".repeat(depth(uri)) + "login?";
    let next = uri.path_and_query().map_or("/", |next| next.as_str());
    to = Serializer::for_suffix(to.clone(), to.len())
        .append_pair("next", next)
        .finish();
    Redirect::to(&to).into_response()
}

/// Returns an address with the query of another.
fn with_query(address: String, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{address}?{query}"),
        None => address,
    }
}

/// Returns how many folders below the root a path is.
fn depth(uri: &Uri) -> usize {
    uri.path().matches('/').count().saturating_sub(1)
}

async fn first(Query(query): Query<overview::Query>, asked: Asked) -> Response {
    asked
        .answer(move |pages, present, audience, links| {
            let draft = overview::Draft::new(present, audience, &query);
            let history = pages.source.history();
            let records = pages.archive.records(&history, present, &draft.needs());
            page(&draft.finish(&pages.source.title(), links, &records))
        })
        .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Marks {
    of: String,
}

/// Answers what is to be replaced of a first page that somebody has open.
async fn fragment(Query(marks): Query<Marks>, asked: Asked) -> Response {
    asked
        .answer(move |pages, present, audience, _| {
            let marks: Vec<&str> = marks.of.split(',').take(overview::ROWS_MAX).collect();
            let names = overview::Fragment::needs(present, audience, &marks);
            let history = pages.source.history();
            let records = pages.archive.records(&history, present, &names);
            page(&overview::Fragment::new(
                present,
                audience,
                &pages.source.title(),
                &records,
            ))
        })
        .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Span {
    window: String,
}

async fn service(
    State(site): State<Site>,
    Path(name): Path<String>,
    Query(span): Query<Span>,
    RawQuery(query): RawQuery,
    mut asked: Asked,
) -> Response {
    let window = Window::named(&span.window).unwrap_or(Window::Day);
    let root = machines::own_url(&site, &asked.headers).filter(|_| asked.audience.is_private());
    // The page names it, and so is kept for nobody who calls OES otherwise.
    asked
        .address
        .extend(root.iter().map(|root| format!(" at {root}")));
    asked
        .answer(move |pages, present, audience, links| {
            let title = pages.source.title();
            let Some(stood) = present.standing(audience, &name) else {
                if let Some(new) = present.renamed(audience, &name) {
                    return Made::moved(with_query(links.service(new), query.as_deref()));
                }
                return missing(present, audience, &title, links, "such service");
            };
            let history = pages.source.history();
            let mut past = pages.archive.past(&history, present, stood.service, window);
            let known = pages.archive.incidents(&history);
            past.has_unread_incidents = known.is_unreadable;
            past.incidents = incidents::visible(present, &known.incidents, audience);
            past.incidents
                .retain(|one| one.service == stood.service.name);
            let shown = detail::Page::new(present, audience, &title, links, (&stood, window, past));
            page(&shown.with_badges_below(root.as_ref()))
        })
        .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Numbered {
    page: String,
}

impl Numbered {
    /// Returns which incidents of a month are asked for.
    fn of(&self, month: Option<Month>) -> Shown {
        let number = self.page.parse().unwrap_or(1);
        Shown { month, number }
    }
}

async fn newest_month(Query(numbered): Query<Numbered>, asked: Asked) -> Response {
    let shown = numbered.of(None);
    asked
        .answer(move |pages, present, audience, links| {
            month(pages, present, audience, links, shown)
        })
        .await
}

fn month(pages: &Pages, present: &Present, audience: Audience, links: Links, shown: Shown) -> Made {
    let known = pages.archive.incidents(&pages.source.history());
    let all = incidents::visible(present, &known.incidents, audience);
    let title = pages.source.title();
    let shown = incidents::Page::new(present, audience, &title, links, (&all, shown));
    page(&shown.with_others_unread(known.is_unreadable))
}

fn all_incidents(pages: &Pages, present: &Present, audience: Audience) -> Vec<Incident> {
    let known = pages.archive.incidents(&pages.source.history());
    incidents::visible(present, &known.incidents, audience)
}

/// Answers a month, `2026-11`, or one incident by its name.
async fn one_incident(
    caller: Caller,
    State(site): State<Site>,
    Path(key): Path<String>,
    Query(numbered): Query<Numbered>,
    mut asked: Asked,
) -> Response {
    if let Some(named) = Month::named(&key) {
        let shown = numbered.of(Some(named));
        return asked
            .answer(move |pages, present, audience, links| {
                month(pages, present, audience, links, shown)
            })
            .await;
    }
    let story = match site.control.story(key).await {
        Ok(story) => Some(story),
        Err(refusal) if refusal.kind == RefusalKind::NotFound => None,
        // It may be there, and cannot be read.
        Err(refusal) => return Problem::from(refusal).into_response(),
    };
    let form = caller
        .csrf()
        .filter(|_| caller.may(Scope::Operate))
        .map(|csrf| incident::Form {
            csrf: csrf.to_owned(),
            by: caller.name().unwrap_or_default().to_owned(),
        });
    // A page with a form is of one session, and kept for nobody else.
    asked
        .address
        .extend(form.iter().map(|form| form.csrf.as_str()));
    asked
        .answer(move |pages, present, audience, links| {
            let title = pages.source.title();
            let shown = story.and_then(|story| {
                incident::Page::new(present, audience, &title, links.clone(), (&story, form))
            });
            match shown {
                Some(shown) => page(&shown),
                None => missing(present, audience, &title, links, "such incident"),
            }
        })
        .await
}

#[derive(Debug, Deserialize)]
struct Taken {
    by: String,
    #[serde(default)]
    reason: String,
}

/// Takes an incident on for whoever has logged in, and shows its page again.
async fn take_on(
    caller: Caller,
    State(site): State<Site>,
    Path(key): Path<String>,
    Form(taken): Form<Taken>,
) -> Result<Redirect, Problem> {
    caller.needs(Scope::Operate)?;
    let back = format!("../{}", segment(&key));
    site.control
        .carry_out(Order::Acknowledge {
            incident: key,
            by: taken.by,
            reason: taken.reason,
        })
        .await?;
    site.pages.forget();
    Ok(Redirect::to(&back))
}

async fn calendar(asked: Asked) -> Response {
    asked
        .answer(|pages, present, audience, links| {
            page(&Calendar::new(
                present,
                audience,
                &pages.source.title(),
                links,
            ))
        })
        .await
}

async fn own_health(asked: Asked) -> Response {
    asked
        .answer(|pages, present, audience, links| {
            let title = pages.source.title();
            match audience {
                Audience::Private => page(&health::Page::new(present, &title, links)),
                Audience::Public => missing(present, audience, &title, links, "such page"),
            }
        })
        .await
}

/// Answers whoever asks for what is nowhere: a browser with a page.
async fn nothing(headers: HeaderMap, asked: Result<Asked, Turned>) -> Response {
    if !takes_html(&headers) {
        return (StatusCode::NOT_FOUND, "There is no such page here.\n").into_response();
    }
    match asked {
        Err(turned) => turned.into_response(),
        Ok(asked) => {
            asked
                .answer(|pages, present, audience, links| {
                    let title = pages.source.title();
                    missing(present, audience, &title, links, "such page")
                })
                .await
        }
    }
}

/// Returns a text of a kind that a template makes.
fn of_kind(kind: Kind, template: &impl Template) -> Made {
    Made::new(kind, super::written(template))
}
