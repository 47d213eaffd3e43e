//! The pages for whoever is not let in: to log in and out, and what became of a form whose session has ended. They say
//! nothing of any service.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse as _, Response};
use url::form_urlencoded::byte_serialize;

use super::{assets, written};
use crate::web::problem::Detail;
use crate::web::site::Site;

/// A page for whoever is not let in.
#[derive(Template)]
#[template(path = "door.html")]
pub(in crate::web) struct Door {
    /// What the pages are called as a whole.
    pub(in crate::web) title: String,
    /// What every path begins with.
    pub(in crate::web) base: Arc<str>,
    /// What went wrong; empty where nothing did.
    pub(in crate::web) words: String,
    /// What can be done here.
    pub(in crate::web) inside: Inside,
}

/// What can be done at the door.
pub(in crate::web) enum Inside {
    /// To log in.
    Login {
        /// The name of the provider that says who somebody is, where there is one.
        provider: Option<Arc<str>>,
        /// Where the visitor wants to be after it.
        next: String,
    },
    /// To log out.
    Logout {
        /// How the visitor has logged in: `with the token`.
        how: &'static str,
        /// With which token, or as whom.
        name: Arc<str>,
        /// What the form brings along.
        csrf: Arc<str>,
    },
    /// To log in and do it again.
    Again {
        /// Where the form was.
        back: String,
    },
}

impl Door {
    fn heading(&self) -> &'static str {
        match self.inside {
            Inside::Login { .. } => "Log in",
            Inside::Logout { .. } => "You are logged in",
            Inside::Again { .. } => "This was not done",
        }
    }

    /// Returns why a login is wanted, where not every login will do.
    fn wants(&self) -> Option<&'static str> {
        let Inside::Login { next, .. } = &self.inside else {
            return None;
        };
        next.starts_with("/playground").then_some(
            "The playground runs scripts in the monitor, so it wants a login with a token of scope admin, also on this \
             machine.",
        )
    }

    fn encoded(text: &str) -> String {
        byte_serialize(text.as_bytes()).collect()
    }

    /// Returns the answer.
    pub(in crate::web) fn answer(&self, status: StatusCode) -> Response {
        let mut response = (status, Html(written(self))).into_response();
        let policy = assets::policy("'none'");
        let headers: [(HeaderName, &str); 4] = [
            (header::CONTENT_SECURITY_POLICY, &policy),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "same-origin"),
        ];
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Says to whoever sent a form of a page why nothing came of it, as a page and not as a program is told.
pub(in crate::web) async fn for_people(
    State(site): State<Site>,
    request: Request,
    next: Next,
) -> Response {
    let back = form(&request);
    let response = next.run(request).await;
    let Some((back, Detail(detail))) = back.zip(response.extensions().get::<Detail>()) else {
        return response;
    };
    let words = match response.status() {
        StatusCode::UNAUTHORIZED => "You are not logged in any more.".to_owned(),
        _ => sentence(detail),
    };
    let door = Door {
        title: site.pages.title(),
        base: Arc::clone(&site.base),
        words,
        inside: Inside::Again { back },
    };
    door.answer(response.status())
}

/// Returns where the form is that a browser sends; absent of other requests.
fn form(request: &Request) -> Option<String> {
    let is_sent = !request.method().is_safe() && takes_html(request.headers());
    let path = request.uri().path();
    let of_page = path
        .strip_suffix("/ack")
        .filter(|path| path.starts_with("/incidents/"));
    let of_page = of_page.or((path == "/playground").then_some(path));
    of_page.filter(|_| is_sent).map(str::to_owned)
}

/// Tells whether a page is asked for.
pub(super) fn takes_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    accepted.any(|accepted| accepted.contains("text/html"))
}

fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
