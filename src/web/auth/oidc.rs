//! Logging in with a browser by OpenID Connect: the authorization code flow with PKCE, state and nonce.
//!
//! The provider is asked only when somebody logs in, so that OES starts and works without it. What a token of it says is
//! believed once `openidconnect` has verified its signature, issuer, audience, time and nonce; who may do what with that
//! is said by [`Rule`]s of the ops config alone.

mod begun;
mod claims;
mod outside;
mod provider;
mod refusal;
mod routes;
mod rules;

use std::sync::Arc;

use url::Url;

use super::Scope;
use crate::model::secret::Secret;
use begun::Begun;
pub use outside::{Bounds, Outside, is_loopback, is_private};
use provider::Provider;
pub(super) use routes::router;
use rules::scope_of;
pub use rules::{Person, Rule, Whom};

/// Where the provider sends the browser back to, below the address of the status page.
pub const CALLBACK: &str = "login/oidc/callback";

/// A provider, and who of those it knows is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// Who it is, as written: one character more is another one.
    pub issuer: Arc<str>,
    /// What OES is called there.
    pub client_id: Arc<str>,
    /// What OES proves that with; absent for a public client.
    pub client_secret: Option<Secret>,
    /// What people call the provider.
    pub name: Arc<str>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<Arc<str>>,
    /// The claim that lists groups.
    pub groups_claim: Arc<str>,
    /// Certificate authorities to trust besides the system's, PEM.
    pub ca: Option<Arc<[u8]>>,
    /// Who is let in.
    pub rules: Vec<Rule>,
    /// Where the browser comes back to.
    pub callback: Url,
}

impl OidcSettings {
    /// Returns what somebody may; absent if nothing.
    pub(super) fn scope_of(&self, person: &Person) -> Option<Scope> {
        let is_from_here = person.issuer == self.issuer;
        is_from_here.then(|| scope_of(&self.rules, person))?
    }
}

/// The way in by one provider.
pub(super) struct Oidc {
    provider: Provider,
    begun: Begun,
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Oidc({})", self.settings().issuer)
    }
}

impl Oidc {
    pub(super) fn new(settings: OidcSettings, outside: Arc<dyn Outside>) -> Self {
        Self {
            provider: Provider::new(settings, outside),
            begun: Begun::default(),
        }
    }

    pub(super) fn settings(&self) -> &OidcSettings {
        self.provider.settings()
    }
}
