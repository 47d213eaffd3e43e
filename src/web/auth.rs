//! Who is calling, and what that caller may see and do.
//!
//! Every request passes [`identify`], which looks at what it shows; a page takes a [`Caller`] and asks it. Nobody in
//! particular may see what the public may, where OES is open to it; whoever is at this machine, where nobody else reaches
//! OES, may look at everything, as they could read its files.

mod failures;
mod forgery;
mod here;
mod login;
mod oidc;
mod peer;
mod sessions;
mod tokens;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::warn;

use super::problem::Problem;
use failures::Failures;
use here::Elsewhere;
pub(super) use login::router as login;
use oidc::Oidc;
pub use oidc::{
    Bounds, CALLBACK, OidcSettings, Outside, Person, Rule, Whom, is_loopback, is_private,
};
use peer::Origin;
pub(super) use peer::Peer;
use sessions::{Pass, Sessions};
use tokens::Tokens;
pub(super) use tokens::hex;
pub use tokens::{Token, new_token, tag};

/// What a caller may do. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See what the public may see.
    View,
    /// See everything that pages and metrics show.
    Look,
    /// See everything, over the API as well.
    Read,
    /// Act on incidents, messages and probes.
    Operate,
    /// Act on the daemon itself.
    Admin,
}

impl Scope {
    /// The scopes that a token may have.
    pub const OF_TOKENS: [Self; 3] = [Self::Read, Self::Operate, Self::Admin];

    /// Returns its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Look => "look",
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

/// Who is calling.
#[derive(Debug, Clone)]
pub struct Caller {
    who: Who,
    scope: Option<Scope>,
    /// Why who calls a machine that nobody else reaches is not taken to be at it.
    elsewhere: Option<Elsewhere>,
}

#[derive(Debug, Clone)]
enum Who {
    /// Nobody in particular.
    Anybody,
    /// Who shows a token that is not known.
    Stranger,
    /// Who shows the token of this name.
    Holder(Arc<str>),
    /// Who has logged in.
    Session { pass: Pass, csrf: Arc<str> },
}

impl Caller {
    /// Tells whether the caller may do what needs this scope.
    pub fn may(&self, scope: Scope) -> bool {
        self.scope >= Some(scope)
    }

    /// Returns the name of the token that the caller has shown, or of the person; absent for anybody.
    pub fn name(&self) -> Option<&str> {
        match &self.who {
            Who::Anybody | Who::Stranger => None,
            Who::Holder(name) => Some(name),
            Who::Session { pass, .. } => Some(pass.name()),
        }
    }

    /// Returns the name with which the caller has logged in; absent for whoever has not.
    pub(super) fn session(&self) -> Option<Arc<str>> {
        self.csrf().and(self.name()).map(Arc::from)
    }

    /// Returns what a form that changes something brings as its field `csrf`, or a script in the header `X-CSRF-Token`;
    /// absent unless the caller has logged in.
    pub fn csrf(&self) -> Option<&str> {
        match &self.who {
            Who::Session { csrf, .. } => Some(csrf),
            _ => None,
        }
    }

    /// Refuses what needs a scope that the caller does not have.
    pub(super) fn needs(&self, scope: Scope) -> Result<(), Problem> {
        if self.may(scope) {
            return Ok(());
        }
        Err(match (&self.who, self.scope) {
            (Who::Stranger, _) => {
                Problem::new(StatusCode::UNAUTHORIZED, "the token is another one")
            }
            (Who::Holder(name), Some(has)) => {
                too_little(scope, &format!("the token `{name}`"), has)
            }
            (Who::Session { pass, .. }, Some(has)) => {
                let name = pass.name();
                let who = match pass {
                    Pass::Token(_) => format!("the token `{name}`"),
                    Pass::Person(..) => format!("`{name}`"),
                };
                too_little(scope, &who, has)
            }
            _ => Problem::new(StatusCode::UNAUTHORIZED, self.unknown(scope)),
        })
    }

    /// Returns what whoever shows nothing can do to be let in.
    fn unknown(&self, needed: Scope) -> String {
        let token = "show a token: Authorization: Bearer TOKEN";
        if needed > Scope::Look {
            return format!("{token}; one is in control.json in the data folder");
        }
        let made = format!("{token}, such as `oes token new --scope read` makes");
        match &self.elsewhere {
            Some(why) => format!(
                "this request counts as one from elsewhere: {why}. Ask 127.0.0.1 or localhost on the machine of OES itself, \
                 or {made}"
            ),
            None => format!(
                "by its config (`server.listen`, `server.url`, `server.public`) this OES is open to others, so what shows every \
                 service wants a token: {made}"
            ),
        }
    }
}

fn too_little(needed: Scope, who: &str, has: Scope) -> Problem {
    let (needed, has) = (needed.as_str(), has.as_str());
    let words = format!("this needs the scope `{needed}`; {who} has `{has}`");
    Problem::new(StatusCode::FORBIDDEN, words)
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().cloned();
        // Whoever was not looked at may nothing.
        Ok(known.unwrap_or(Self {
            who: Who::Anybody,
            scope: None,
            elsewhere: None,
        }))
    }
}

/// Who may see and do what.
pub struct Gate {
    /// Whether anybody may see what the public may.
    open: bool,
    /// Whether only this machine reaches OES, as far as the config says.
    local: AtomicBool,
    /// The token of this run.
    own: Token,
    /// What every path begins with; see [`Site::base`](super::Site).
    base: Arc<str>,
    /// Whose word about others is believed.
    proxies: Vec<IpNet>,
    tokens: RwLock<Tokens>,
    oidc: RwLock<Option<Arc<Oidc>>>,
    /// How a provider is asked.
    outside: Arc<dyn Outside>,
    sessions: Sessions,
    /// Logins that failed.
    failures: Failures,
    /// Tokens that were shown and are not known. Who fails to log in is counted apart: a program with an old token
    /// keeps no neighbour from logging in.
    guesses: Failures,
}

/// How a gate is set up.
#[derive(Clone)]
pub struct GateSettings {
    /// Whether anybody may see what the public may.
    pub open: bool,
    /// What every path begins with: nothing, or such as `/oes`.
    pub base: Arc<str>,
    /// Proxies whose word about others is believed.
    pub proxies: Vec<IpNet>,
    /// How a provider is asked who logs in.
    pub outside: Arc<dyn Outside>,
}

impl Gate {
    /// Returns a gate that knows one token.
    pub fn new(own: Token, settings: GateSettings) -> Self {
        let GateSettings {
            open,
            base,
            proxies,
            outside,
        } = settings;
        Self {
            open,
            local: AtomicBool::new(false),
            tokens: RwLock::new(Tokens::new([own.clone()])),
            own,
            base,
            proxies,
            oidc: RwLock::default(),
            outside,
            sessions: Sessions::default(),
            failures: Failures::default(),
            guesses: Failures::default(),
        }
    }

    /// Knows these tokens from now on besides its own, and no others, and whom a provider lets in; sessions of others end.
    /// Where only this machine reaches OES, whoever is at it may look.
    pub fn renew(
        &self,
        tokens: impl IntoIterator<Item = Token>,
        oidc: Option<&OidcSettings>,
        local: bool,
    ) {
        self.local.store(local, Ordering::Relaxed);
        let tokens: Vec<Token> = tokens.into_iter().chain([self.own.clone()]).collect();
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Tokens::new(tokens.clone());
        if self.oidc().as_deref().map(Oidc::settings) != oidc {
            let new = |settings: &OidcSettings| {
                Arc::new(Oidc::new(settings.clone(), Arc::clone(&self.outside)))
            };
            *self.oidc.write().unwrap_or_else(PoisonError::into_inner) = oidc.map(new);
        }
        self.sessions.keep(|pass| match pass {
            Pass::Token(token) => tokens.contains(token),
            Pass::Person(person, scope) => {
                oidc.is_some_and(|oidc| oidc.scope_of(person) == Some(*scope))
            }
        });
    }

    /// Returns the way in by a provider, where there is one.
    fn oidc(&self) -> Option<Arc<Oidc>> {
        let oidc = self.oidc.read().unwrap_or_else(PoisonError::into_inner);
        oidc.clone()
    }

    /// Returns the token of a text.
    fn find(&self, text: &str) -> Option<Token> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.find(text).cloned()
    }

    fn origin(&self, peer: Option<Peer>, headers: &HeaderMap) -> Origin {
        Origin::of(peer, headers, &self.proxies)
    }

    /// Returns who sends these headers.
    fn caller(&self, headers: &HeaderMap) -> Caller {
        let local = self.local.load(Ordering::Relaxed);
        let elsewhere = here::elsewhere(headers).filter(|_| local);
        let here = local && elsewhere.is_none();
        let scope = if here { Scope::Look } else { Scope::View };
        let anybody = |who| Caller {
            who,
            scope: self.open.then_some(scope),
            elsewhere,
        };
        if let Some(shown) = bearer(headers) {
            return match self.find(shown) {
                Some(token) => Caller {
                    who: Who::Holder(token.name),
                    scope: Some(token.scope),
                    elsewhere: None,
                },
                None => anybody(Who::Stranger),
            };
        }
        let session = login::session_of(headers);
        match session.and_then(|text| self.sessions.find(text, Instant::now())) {
            Some(session) => Caller {
                scope: Some(session.pass.scope()),
                who: Who::Session {
                    pass: session.pass,
                    csrf: session.csrf,
                },
                elsewhere: None,
            },
            None => anybody(Who::Anybody),
        }
    }

    /// Counts a token that is not known, and refuses it once there were too many. A right one never comes here.
    fn guessed(&self, from: Option<IpAddr>) -> Result<(), Problem> {
        let now = Instant::now();
        self.guesses.may_try(from, now).map_err(|wait| {
            let words = "too many wrong tokens came from here; a right one is answered at once";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, words).again_after(wait)
        })?;
        self.guesses.count(from, now);
        warn!(
            from = from.map(|address| address.to_string()),
            "a token was shown that is not known"
        );
        Ok(())
    }
}

/// Returns the token that a request shows.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Notes in a request who sends it, for [`Caller`]. Who has logged in changes something only from a page of OES; who
/// shows wrong tokens again and again is not heard.
pub(super) async fn identify(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = gate.caller(request.headers());
    if matches!(caller.who, Who::Stranger) {
        let peer = request.extensions().get::<Peer>().copied();
        let from = gate.origin(peer, request.headers()).address;
        if let Err(problem) = gate.guessed(from) {
            return problem.into_response();
        }
    }
    if let (Some(text), false) = (caller.csrf(), request.method().is_safe()) {
        request = match forgery::with_text(request, text).await {
            Ok(request) => request,
            Err(problem) => return problem.into_response(),
        };
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}
