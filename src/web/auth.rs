//! Who is calling, and what that caller may see and do.
//!
//! Every request passes [`identify`], which looks at what it shows; a page takes a [`Caller`] and asks it. Nobody in
//! particular may see what the public may, where OES is open to it; whoever is at this machine, where nobody else reaches
//! OES, may look at everything, as they could read its files.

mod failures;
mod forgery;
mod here;
mod login;
mod peer;
mod sessions;
mod tokens;

use std::convert::Infallible;
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

use super::problem::Problem;
use failures::Failures;
pub(super) use login::router as login;
use peer::Origin;
pub(super) use peer::Peer;
use sessions::Sessions;
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
}

#[derive(Debug, Clone)]
enum Who {
    /// Nobody in particular.
    Anybody,
    /// Who shows a token that is not known.
    Stranger,
    /// Who shows the token of this name.
    Holder(Arc<str>),
    /// Who has logged in with the token of this name.
    Session { token: Arc<str>, csrf: Arc<str> },
}

impl Caller {
    /// Tells whether the caller may do what needs this scope.
    pub fn may(&self, scope: Scope) -> bool {
        self.scope >= Some(scope)
    }

    /// Returns the name of the token that the caller has shown; absent for anybody.
    pub fn name(&self) -> Option<&str> {
        match &self.who {
            Who::Anybody | Who::Stranger => None,
            Who::Holder(name) | Who::Session { token: name, .. } => Some(name),
        }
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
            (Who::Holder(name) | Who::Session { token: name, .. }, Some(has)) => Problem::new(
                StatusCode::FORBIDDEN,
                format!(
                    "this needs the scope `{}`; the token `{name}` has `{}`",
                    scope.as_str(),
                    has.as_str()
                ),
            ),
            _ => Problem::new(
                StatusCode::UNAUTHORIZED,
                "show a token: Authorization: Bearer TOKEN; one is in control.json in the data folder",
            ),
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().cloned();
        // Whoever was not looked at may nothing.
        Ok(known.unwrap_or(Self {
            who: Who::Anybody,
            scope: None,
        }))
    }
}

/// Who may see and do what.
#[derive(Debug)]
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
    sessions: Sessions,
    failures: Failures,
}

/// How a gate is set up.
#[derive(Debug, Clone)]
pub struct GateSettings {
    /// Whether anybody may see what the public may.
    pub open: bool,
    /// What every path begins with: nothing, or such as `/oes`.
    pub base: Arc<str>,
    /// Proxies whose word about others is believed.
    pub proxies: Vec<IpNet>,
}

impl Gate {
    /// Returns a gate that knows one token.
    pub fn new(own: Token, settings: GateSettings) -> Self {
        let GateSettings {
            open,
            base,
            proxies,
        } = settings;
        Self {
            open,
            local: AtomicBool::new(false),
            tokens: RwLock::new(Tokens::new([own.clone()])),
            own,
            base,
            proxies,
            sessions: Sessions::default(),
            failures: Failures::default(),
        }
    }

    /// Knows these tokens from now on besides its own, and no others; sessions of others end. Where only this machine
    /// reaches OES, whoever is at it may look.
    pub fn renew(&self, tokens: impl IntoIterator<Item = Token>, local: bool) {
        self.local.store(local, Ordering::Relaxed);
        let tokens: Vec<Token> = tokens.into_iter().chain([self.own.clone()]).collect();
        self.sessions.keep(&tokens);
        let tokens = Tokens::new(tokens);
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = tokens;
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
        let here = self.local.load(Ordering::Relaxed) && here::is_from_here(headers);
        let scope = if here { Scope::Look } else { Scope::View };
        let anybody = |who| Caller {
            who,
            scope: self.open.then_some(scope),
        };
        if let Some(shown) = bearer(headers) {
            return match self.find(shown) {
                Some(token) => Caller {
                    who: Who::Holder(token.name),
                    scope: Some(token.scope),
                },
                None => anybody(Who::Stranger),
            };
        }
        let session = login::session_of(headers);
        match session.and_then(|text| self.sessions.find(text, Instant::now())) {
            Some(session) => Caller {
                who: Who::Session {
                    token: session.token.name,
                    csrf: session.csrf,
                },
                scope: Some(session.token.scope),
            },
            None => anybody(Who::Anybody),
        }
    }
}

/// Returns the token that a request shows.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Notes in a request who sends it, for [`Caller`]. Who has logged in changes something only from a page of OES.
pub(super) async fn identify(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = gate.caller(request.headers());
    if let (Some(text), false) = (caller.csrf(), request.method().is_safe()) {
        request = match forgery::with_text(request, text).await {
            Ok(request) => request,
            Err(problem) => return problem.into_response(),
        };
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}
