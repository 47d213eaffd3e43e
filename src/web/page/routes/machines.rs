//! What programs and other sites ask for.

use axum::Router;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde::Deserialize;
use url::Url;

use super::{Asked, Shared, Turned, all_incidents, of_kind, with_query};
use crate::model::duration::{Shown, before};
use crate::model::tally::Tally;
use crate::web::page::answer::{Kind, Made};
use crate::web::page::badge::Badge;
use crate::web::page::embed::Embed;
use crate::web::page::feed::Feed;
use crate::web::page::links::{Links, segment};
use crate::web::page::missing::missing;
use crate::web::page::present::{Audience, Present, Stood};
use crate::web::page::record::SPANS;
use crate::web::page::window::Window;
use crate::web::page::{Pages, assets, calendar, summary};
use crate::web::site::Site;

pub(super) fn router() -> Router<Site> {
    Router::new()
        .route("/page.js", get(script))
        .route("/status.json", get(json))
        .route("/status.txt", get(text))
        .route("/feed.atom", get(feed))
        .route("/maintenance.ics", get(ical))
        .route("/badge/{*name}", get(badge))
        .route("/embed", get(embed))
}

async fn script(State(pages): Shared, headers: HeaderMap) -> Response {
    let make = || Made::new(Kind::Script, assets::SCRIPT.to_owned());
    pages
        .answers
        .answer(&headers, Audience::Public, "/page.js".to_owned(), make)
        .await
}

async fn json(asked: Asked) -> Response {
    asked
        .answer(|_, present, audience, _| {
            let (text, same) = summary::to_json(present, audience);
            Made {
                sameness: Some(same),
                ..Made::new(Kind::Json, text)
            }
        })
        .await
}

async fn text(asked: Asked) -> Response {
    let make = |_: &Pages, present: &Present, audience, _| {
        Made::new(Kind::Text, summary::to_text(present, audience))
    };
    asked.answer(make).await
}

async fn feed(
    State(site): State<Site>,
    headers: HeaderMap,
    asked: Result<Asked, Turned>,
) -> Result<Response, Turned> {
    let Some(url) = own_url(&site, &headers) else {
        return Err(Turned(Box::new(StatusCode::BAD_REQUEST.into_response())));
    };
    let mut asked = asked?;
    asked.address = format!("{} of {url}", asked.address);
    Ok(asked
        .answer(move |pages, present, audience, _| {
            let all = all_incidents(pages, present, audience);
            of_kind(
                Kind::Atom,
                &Feed::new(&all, audience, &pages.source.title(), &url),
            )
        })
        .await)
}

/// Returns the address of the first page: as the config says it, else as the client says it.
pub(super) fn own_url(site: &Site, headers: &HeaderMap) -> Option<Url> {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let (host, base) = (host.unwrap_or("localhost"), &site.base);
    let of_client = || Url::parse(&format!("http://{host}{base}/")).ok();
    site.pages.source.url().or_else(of_client)
}

async fn ical(asked: Asked) -> Response {
    asked
        .answer(|pages, present, audience, _| {
            Made::new(
                Kind::Calendar,
                calendar::to_ical(present, audience, &pages.source.title()),
            )
        })
        .await
}

async fn embed(mut asked: Asked) -> Response {
    // Another site may show it to somebody who may see more than that site should learn.
    asked.audience = Audience::Public;
    asked
        .answer(|pages, present, _, _| {
            of_kind(Kind::Embed, &Embed::new(present, &pages.source.title()))
        })
        .await
}

/// What a badge is to show.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    window: String,
    p: String,
    label: String,
}

/// Which badge a path names.
#[derive(Debug, PartialEq, Eq)]
enum Shows {
    State,
    Uptime,
    Latency,
}

async fn badge(
    Path(path): Path<String>,
    Query(wish): Query<Wish>,
    RawQuery(query): RawQuery,
    asked: Asked,
) -> Response {
    asked
        .answer(move |pages, present, audience, links| {
            let Some((path, kind)) = kind(&path) else {
                let title = pages.source.title();
                return missing(present, audience, &title, links, "such badge");
            };
            if let Some(to) = renamed(present, audience, (path, kind), &links) {
                return Made::moved(with_query(to, query.as_deref()));
            }
            let (status, badge) = match read(present, audience, path) {
                None => (
                    StatusCode::NOT_FOUND,
                    Badge::of_mistake(wish.label(path), "unknown"),
                ),
                Some((stood, shows)) => match draw(pages, present, &stood, (&shows, &wish)) {
                    Ok(badge) => (StatusCode::OK, badge),
                    Err(mistake) => {
                        let label = wish.label(stood.service.name.as_str());
                        let badge = Badge::of_mistake(label, mistake.words());
                        (StatusCode::BAD_REQUEST, badge)
                    }
                },
            };
            let made = match kind {
                Kind::Json => Made::new(kind, badge.to_json()),
                _ => of_kind(kind, &badge),
            };
            Made { status, ..made }
        })
        .await
}

/// What is wrong with what a badge is to show.
#[derive(Debug, PartialEq, Eq)]
enum Mistake {
    Window,
    Percentile,
}

impl Mistake {
    fn words(&self) -> &'static str {
        match self {
            Self::Window => "unknown window",
            Self::Percentile => "unknown percentile",
        }
    }
}

impl Wish {
    fn label<'a>(&'a self, otherwise: &'a str) -> &'a str {
        if self.label.is_empty() {
            otherwise
        } else {
            &self.label
        }
    }

    /// Returns the window of a latency.
    fn window(&self) -> Result<Window, Mistake> {
        match &*self.window {
            "" => Ok(Window::Day),
            name => Window::named(name).ok_or(Mistake::Window),
        }
    }

    fn percent(&self) -> Result<u32, Mistake> {
        match &*self.p {
            "" => Ok(90),
            p => p
                .parse()
                .ok()
                .filter(|p| (1..=100).contains(p))
                .ok_or(Mistake::Percentile),
        }
    }
}

/// Reads as what a badge is asked for, and the rest of its path.
fn kind(path: &str) -> Option<(&str, Kind)> {
    match path.rsplit_once('.')? {
        (path, "svg") => Some((path, Kind::Svg)),
        (path, "json") => Some((path, Kind::Json)),
        _ => None,
    }
}

/// Reads `NAME`, `NAME/uptime`, `NAME/latency`.
fn read<'a>(present: &'a Present, audience: Audience, path: &str) -> Option<(Stood<'a>, Shows)> {
    if let Some(stood) = present.standing(audience, path) {
        return Some((stood, Shows::State));
    }
    let (name, shows) = of_number(path)?;
    Some((present.standing(audience, name)?, shows))
}

/// Reads `NAME/uptime`, `NAME/latency`.
fn of_number(path: &str) -> Option<(&str, Shows)> {
    match path.rsplit_once('/')? {
        (name, "uptime") => Some((name, Shows::Uptime)),
        (name, "latency") => Some((name, Shows::Latency)),
        _ => None,
    }
}

/// Returns where the badge of a service is now that had the name in this path.
fn renamed(
    present: &Present,
    audience: Audience,
    (path, kind): (&str, Kind),
    links: &Links,
) -> Option<String> {
    if read(present, audience, path).is_some() {
        return None;
    }
    let end = if kind == Kind::Json { ".json" } else { ".svg" };
    let of_state = present.renamed(audience, path).map(|new| (new, ""));
    let of_number = || {
        let (old, _) = of_number(path)?;
        let rest = path.strip_prefix(old)?;
        Some((present.renamed(audience, old)?, rest))
    };
    let (new, rest) = of_state.or_else(of_number)?;
    let new = segment(new.as_str());
    Some(links.file(&format!("badge/{new}{rest}{end}")))
}

fn draw(
    pages: &Pages,
    present: &Present,
    stood: &Stood<'_>,
    (shows, wish): (&Shows, &Wish),
) -> Result<Badge, Mistake> {
    let label = wish.label(stood.service.name.as_str());
    let history = pages.source.history();
    Ok(match shows {
        Shows::State => Badge::of_state(label, stood.state()),
        Shows::Uptime => {
            let names = [stood.service.name.clone()];
            let records = pages.archive.records(&history, present, &names);
            let wanted = if wish.window.is_empty() {
                "30d"
            } else {
                &wish.window
            };
            let wanted = wanted.replace("365d", "1y");
            let span = SPANS.iter().map(|(span, _)| *span);
            let mut span = span.filter(|span| span.replace(' ', "") == wanted);
            let span = span.next().ok_or(Mistake::Window)?;
            let record = records.get(&stood.service.name);
            if record.is_some_and(|record| record.is_unreadable) {
                return Ok(Badge::unreadable(label, &format!("uptime {span}")));
            }
            let uptimes = record.map(|record| record.uptimes.as_slice());
            let mut uptimes = uptimes.unwrap_or_default().iter();
            let tally = uptimes.find(|(known, _)| *known == span);
            let tally = tally.map_or_else(Tally::default, |(_, tally)| *tally);
            Badge::of_uptime(label, span, &tally)
        }
        Shows::Latency => {
            let (window, percent) = (wish.window()?, wish.percent()?);
            let past = pages.archive.past(&history, present, stood.service, window);
            let what = format!("p{percent} {}", window.words());
            if past.is_unreadable {
                return Ok(Badge::unreadable(label, &what));
            }
            let from = before(present.at, window.length());
            let latency = past.latency(from, f64::from(percent) / 100.0);
            let limit = stood.service.latency.as_ref().map(|rule| rule.limit);
            let is_high = latency
                .zip(limit)
                .is_some_and(|(latency, limit)| latency > limit);
            Badge::of_latency(
                label,
                &what,
                latency.map(|at| Shown(at).to_string()),
                is_high,
            )
        }
    })
}
