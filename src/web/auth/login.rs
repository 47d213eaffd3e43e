//! Logging in with a browser: a token is the password.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use serde::Deserialize;
use tracing::{info, warn};

use super::peer::Peer;
use super::{Caller, Gate, Who, forgery};
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
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// Where the visitor wants to be after it.
#[derive(Debug, Default, Deserialize)]
struct Then {
    #[serde(default)]
    next: String,
}

#[derive(Debug, Deserialize)]
struct Shown {
    token: String,
    #[serde(default)]
    next: String,
}

async fn form(
    caller: Caller,
    State(gate): State<Arc<Gate>>,
    then: Result<Query<Then>, QueryRejection>,
) -> Response {
    let next = then.map(|Query(then)| then.next).unwrap_or_default();
    page(&gate, &caller, &next, "").into_response()
}

async fn log_in(
    caller: Caller,
    State(gate): State<Arc<Gate>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    shown: Result<Form<Shown>, FormRejection>,
) -> Response {
    if let Err(problem) = forgery::same_site(&headers) {
        return problem.into_response();
    }
    let Ok(Form(Shown { token, next })) = shown else {
        let words = "Write the token into the field.";
        return (StatusCode::BAD_REQUEST, page(&gate, &caller, "", words)).into_response();
    };
    let origin = gate.origin(peer.map(|Extension(peer)| peer), &headers);
    let from = origin.address.map(|address| address.to_string());
    match gate.log_in(token.trim(), origin.address) {
        Ok((name, session)) => {
            info!(token = %name, from, "logged in");
            let to = local(&next).unwrap_or("/");
            let cookie = gate.cookie(&session, origin.secure);
            see(&format!("{}{to}", gate.base), &cookie)
        }
        Err(None) => {
            warn!(from, "a login failed: the token is not known");
            let words = "This token is not known.";
            (StatusCode::UNAUTHORIZED, page(&gate, &caller, &next, words)).into_response()
        }
        Err(Some(wait)) => {
            let seconds = wait.as_secs().max(1);
            let words = format!("Too many logins have failed. Try again in {seconds} s.");
            let body = page(&gate, &caller, &next, &words);
            let after = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, after, body).into_response()
        }
    }
}

async fn log_out(caller: Caller, State(gate): State<Arc<Gate>>, headers: HeaderMap) -> Response {
    if let (Who::Session { token, .. }, Some(session)) = (&caller.who, session_of(&headers)) {
        gate.sessions.end(session);
        info!(token = %token, "logged out");
    }
    let cookie = format!("{COOKIE}=; {}; Max-Age=0", gate.scope_of_cookie());
    see(&format!("{}/", gate.base), &cookie)
}

/// Sends a browser on, with a cookie.
fn see(to: &str, cookie: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    for (name, value) in [(header::LOCATION, to), (header::SET_COOKIE, cookie)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Returns a path of this site below its base; another site is none.
fn local(next: &str) -> Option<&str> {
    let sane = next.starts_with('/')
        && !next.starts_with("//")
        && next
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    sane.then_some(next)
}

/// Returns the session that a browser shows.
pub(super) fn session_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == COOKIE)
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
        Ok((name, self.sessions.begin(token, now)))
    }

    fn cookie(&self, session: &str, secure: bool) -> String {
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
fn page(gate: &Gate, caller: &Caller, next: &str, words: &str) -> Html<String> {
    let base = &gate.base;
    let (next, words) = (escaped(next), escaped(words));
    let inside = match (&caller.who, caller.csrf()) {
        (Who::Session { token, .. }, Some(csrf)) => format!(
            "<p>You are logged in with the token <b>{}</b>.</p>\n\
             <form method=\"post\" action=\"{base}/logout\"><input type=\"hidden\" name=\"{}\" value=\"{csrf}\">\
             <button>Log out</button></form>\n<p><a href=\"{base}/\">To the page</a></p>",
            escaped(token),
            forgery::FIELD
        ),
        _ => format!(
            "<form method=\"post\" action=\"{base}/login\">\n<input type=\"hidden\" name=\"next\" value=\"{next}\">\n\
             <p><label for=\"token\">Token</label></p>\n<p><input id=\"token\" name=\"token\" type=\"password\" \
             autocomplete=\"current-password\" required autofocus></p>\n<p role=\"alert\">{words}</p>\n\
             <p><button>Log in</button></p>\n</form>"
        ),
    };
    Html(format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Log in · OES</title>\n\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}}\
         input[type=password]{{font:inherit;width:100%;box-sizing:border-box;padding:.6rem}}\
         button{{font:inherit;padding:.6rem 1.2rem}}</style>\n<main>\n<h1>OES</h1>\n{inside}\n</main>\n</html>\n"
    ))
}

/// Returns a text as it stands in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
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
