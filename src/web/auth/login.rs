//! Logging in with a browser: a token is the password, or a provider says who somebody is ([`super::oidc`]).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use serde::Deserialize;
use tracing::{info, warn};

use super::peer::Peer;
use super::sessions::Pass;
use super::{Caller, Gate, Who, forgery, oidc};
use crate::web::page::{Door, Inside};
use crate::web::site::Site;

/// The cookie of a session.
pub(super) const COOKIE: &str = "oes_session";
/// No form is larger.
const FORM_BYTES_MAX: usize = 16 << 10;

/// Returns the pages to log in and out.
pub(in crate::web) fn router() -> Router<Site> {
    Router::new()
        .route("/login", get(form).post(log_in))
        .route("/logout", post(log_out))
        .merge(oidc::router())
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// Where the visitor wants to be after it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Then {
    #[serde(default)]
    pub(super) next: String,
}

#[derive(Debug, Deserialize)]
struct Shown {
    token: String,
    #[serde(default)]
    next: String,
}

async fn form(
    caller: Caller,
    State(site): State<Site>,
    then: Result<Query<Then>, QueryRejection>,
) -> Response {
    let next = then.map(|Query(then)| then.next).unwrap_or_default();
    page(&site, &caller, &next, "").answer(StatusCode::OK)
}

async fn log_in(
    caller: Caller,
    State(site): State<Site>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    shown: Result<Form<Shown>, FormRejection>,
) -> Response {
    if let Err(problem) = forgery::same_site(&headers) {
        return problem.into_response();
    }
    let Ok(Form(Shown { token, next })) = shown else {
        let words = "Write the token into the field.";
        return page(&site, &caller, "", words).answer(StatusCode::BAD_REQUEST);
    };
    let gate = &site.gate;
    let origin = gate.origin(peer.map(|Extension(peer)| peer), &headers);
    let from = origin.address.map(|address| address.to_string());
    match gate.log_in(token.trim(), origin.address) {
        Ok((name, session)) => {
            info!(token = %name, from, "logged in");
            let to = local(&next).unwrap_or("/");
            let cookie = gate.cookie(&session, origin.secure);
            see(&format!("{}{to}", gate.base), &[cookie])
        }
        Err(None) => {
            warn!(from, "a login failed: the token is not known");
            let words = "This token is not known.";
            page(&site, &caller, &next, words).answer(StatusCode::UNAUTHORIZED)
        }
        Err(Some(wait)) => wait_page(&site, &caller, &next, wait),
    }
}

/// Returns the page for who has to wait.
pub(super) fn wait_page(site: &Site, caller: &Caller, next: &str, wait: Duration) -> Response {
    let seconds = wait.as_secs().max(1);
    let words = format!("Too many logins have failed. Try again in {seconds} s.");
    let mut response = page(site, caller, next, &words).answer(StatusCode::TOO_MANY_REQUESTS);
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, seconds.into());
    response
}

async fn log_out(caller: Caller, State(gate): State<Arc<Gate>>, headers: HeaderMap) -> Response {
    if let (Who::Session { pass, .. }, Some(session)) = (&caller.who, session_of(&headers)) {
        gate.sessions.end(session);
        info!(name = %pass.name(), "logged out");
    }
    let cookie = format!("{COOKIE}=; {}; Max-Age=0", gate.scope_of_cookie());
    see(&format!("{}/", gate.base), &[cookie])
}

/// Sends a browser on, with cookies.
pub(super) fn see(to: &str, cookies: &[String]) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let cookies = cookies
        .iter()
        .map(|cookie| (header::SET_COOKIE, cookie.as_str()));
    for (name, value) in cookies.chain([(header::LOCATION, to)]) {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Returns a path of this site below its base; another site is none.
pub(super) fn local(next: &str) -> Option<&str> {
    let sane = next.starts_with('/')
        && !next.starts_with("//")
        && next
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    sane.then_some(next)
}

/// Returns the session that a browser shows.
pub(super) fn session_of(headers: &HeaderMap) -> Option<&str> {
    cookie_of(headers, COOKIE)
}

/// Returns what a browser shows under a name.
pub(super) fn cookie_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

impl Gate {
    /// Begins a session for whoever shows a token. Without one: how long to wait before the next try, where so many
    /// have failed that the token was not even looked at.
    fn log_in(
        &self,
        token: &str,
        from: Option<std::net::IpAddr>,
    ) -> Result<(Arc<str>, String), Option<Duration>> {
        let now = tokio::time::Instant::now();
        self.failures.may_try(from, now).map_err(Some)?;
        let Some(token) = self.find(token) else {
            self.failures.count(from, now);
            return Err(None);
        };
        let name = Arc::clone(&token.name);
        Ok((name, self.sessions.begin(Pass::Token(token), now)))
    }

    pub(super) fn cookie(&self, session: &str, secure: bool) -> String {
        let secure = if secure { "; Secure" } else { "" };
        format!("{COOKIE}={session}; {}{secure}", self.scope_of_cookie())
    }

    fn scope_of_cookie(&self) -> String {
        let path = if self.base.is_empty() {
            "/"
        } else {
            &self.base
        };
        format!("Path={path}; HttpOnly; SameSite=Lax")
    }
}

/// Returns the page, with a form to log in, or out.
pub(super) fn page(site: &Site, caller: &Caller, next: &str, words: &str) -> Door {
    let inside = match &caller.who {
        Who::Session { pass, csrf } => Inside::Logout {
            how: match pass {
                Pass::Token(_) => "with the token",
                Pass::Person(..) => "as",
            },
            name: Arc::clone(pass.name()),
            csrf: Arc::clone(csrf),
        },
        _ => Inside::Login {
            provider: site
                .gate
                .oidc()
                .map(|oidc| Arc::clone(&oidc.settings().name)),
            next: next.to_owned(),
        },
    };
    Door {
        title: site.pages.title(),
        base: Arc::clone(&site.gate.base),
        words: words.to_owned(),
        inside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_no_other_site() {
        for (next, to) in [
            ("/services/a%2Fb?c=1", Some("/services/a%2Fb?c=1")),
            ("", None),
            ("services", None),
            ("//evil.example/", None),
            ("/\\evil.example/", None),
            ("/a\r\nset-cookie: b", None),
            ("https://evil.example/", None),
        ] {
            assert_eq!(local(next), to, "{next}");
        }
    }
}
