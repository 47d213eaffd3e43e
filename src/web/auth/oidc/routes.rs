//! The two pages of a login: where it begins, and where the provider sends the browser back to.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use serde::Deserialize;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Oidc;
use super::begun::LIFETIME;
use super::refusal::Refusal;
use super::rules::Person;
use crate::web::auth::login::{Then, cookie_of, local, page, see, wait_page};
use crate::web::auth::peer::{Origin, Peer};
use crate::web::auth::sessions::Pass;
use crate::web::auth::{Caller, Gate, forgery};
use crate::web::problem::Problem;
use crate::web::site::Site;

/// The cookie that says which browser has begun a login. The way back comes from another site, so it is `Lax`.
const COOKIE: &str = "oes_login";

/// Returns both pages.
pub(in crate::web::auth) fn router() -> Router<Site> {
    Router::new()
        .route("/login/oidc", get(begin))
        .route("/login/oidc/callback", get(end))
}

/// What the provider gives the browser along.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Back {
    state: String,
    code: String,
    error: String,
    error_description: String,
    iss: Option<String>,
}

impl Back {
    /// Returns the code that a provider gave along.
    fn code_of(self, issuer: &str, name: &str) -> Result<String, Refusal> {
        match self.iss {
            // RFC 9207: a code of another provider is not shown to this one.
            Some(iss) if iss != issuer => Err(Refusal::other_issuer(name, issuer, &iss)),
            _ if !self.error.is_empty() => {
                let (error, more) = (&self.error, &self.error_description);
                Err(Refusal::of_provider(name, error, more))
            }
            _ if self.code.is_empty() => Err(Refusal::of_provider(name, "no reason given", "")),
            _ => Ok(self.code),
        }
    }
}

async fn begin(
    caller: Caller,
    State(site): State<Site>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    then: Result<Query<Then>, QueryRejection>,
) -> Response {
    // Another site makes nobody begin logins.
    if let Err(problem) = forgery::same_site(&headers) {
        return problem.into_response();
    }
    let gate = &site.gate;
    let Some(oidc) = gate.oidc() else {
        return not_here();
    };
    let origin = gate.origin(peer.map(|Extension(peer)| peer), &headers);
    let next = then.map(|Query(then)| then.next).unwrap_or_default();
    if let Err(wait) = gate.failures.may_try(origin.address, Instant::now()) {
        return wait_page(&site, &caller, &next, wait);
    }
    // It has failed until it succeeds.
    gate.failures.count(origin.address, Instant::now());
    match oidc.provider.begin(next.clone()).await {
        Ok((url, state, login)) => {
            oidc.begun.remember(&state, login);
            let age = LIFETIME.as_secs().to_string();
            see(url.as_str(), &[cookie(gate, &state, &age, origin)])
        }
        Err(refusal) => refused(&site, &caller, &next, origin.address, &refusal),
    }
}

async fn end(
    caller: Caller,
    State(site): State<Site>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    back: Result<Query<Back>, QueryRejection>,
) -> Response {
    let gate = &site.gate;
    let Some(oidc) = gate.oidc() else {
        return not_here();
    };
    let origin = gate.origin(peer.map(|Extension(peer)| peer), &headers);
    let back = back.map(|Query(back)| back).unwrap_or_default();
    let login = cookie_of(&headers, COOKIE)
        .filter(|shown| *shown == back.state)
        .and_then(|state| oidc.begun.take(state, Instant::now()));
    let Some(login) = login else {
        if let Err(wait) = gate.failures.may_try(origin.address, Instant::now()) {
            return wait_page(&site, &caller, "", wait);
        }
        gate.failures.count(origin.address, Instant::now());
        return refused(&site, &caller, "", origin.address, &Refusal::unknown());
    };
    let next = login.next.clone();
    let settings = oidc.settings();
    let ended = match back.code_of(&settings.issuer, &settings.name) {
        Ok(code) => oidc.provider.end(login, code).await,
        Err(refusal) => Err(refusal),
    };
    match ended.and_then(|(person, next)| Ok((let_in(gate, &oidc, person)?, next))) {
        Ok((pass, next)) => {
            gate.failures.forgive(origin.address);
            let from = origin.address.map(|address| address.to_string());
            info!(name = %pass.name(), scope = pass.scope().as_str(), by = %settings.issuer, from, "logged in");
            let session = gate.sessions.begin(pass, Instant::now());
            let cookies = [
                gate.cookie(&session, origin.secure),
                cookie(gate, "", "0", origin),
            ];
            let to = local(&next).unwrap_or("/");
            see(&format!("{}{to}", gate.base), &cookies)
        }
        Err(refusal) => refused(&site, &caller, &next, origin.address, &refusal),
    }
}

/// Returns what somebody may by the rules.
fn let_in(gate: &Gate, oidc: &Arc<Oidc>, person: Person) -> Result<Pass, Refusal> {
    // A reload may have changed who is let in.
    let settings = oidc.settings();
    let is_the_one = gate.oidc().is_some_and(|now| Arc::ptr_eq(&now, oidc));
    match settings.scope_of(&person) {
        Some(scope) if is_the_one => Ok(Pass::Person(Arc::new(person), scope)),
        Some(_) => Err(Refusal::unknown()),
        None => Err(Refusal::stranger(&settings.name, &person)),
    }
}

fn refused(
    site: &Site,
    caller: &Caller,
    next: &str,
    from: Option<IpAddr>,
    refusal: &Refusal,
) -> Response {
    let Refusal { status, words } = refusal;
    let from = from.map(|address| address.to_string());
    warn!(from, why = words, "a login by OpenID Connect failed");
    page(site, caller, next, words).answer(*status)
}

fn not_here() -> Response {
    let words =
        "there is no login by OpenID Connect here: [server.oidc] of the ops config sets it up";
    Problem::new(StatusCode::NOT_FOUND, words).into_response()
}

fn cookie(gate: &Gate, value: &str, age: &str, origin: Origin) -> String {
    let secure = if origin.secure { "; Secure" } else { "" };
    let base = &gate.base;
    format!(
        "{COOKIE}={value}; Path={base}/login/oidc; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"
    )
}
