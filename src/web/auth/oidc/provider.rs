//! What is said with a provider, and what is known of it.

use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClientAuthMethod, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, RedirectUrl, Scope, SignatureVerificationError, TokenResponse as _,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use url::Url;

use super::OidcSettings;
use super::begun::Login;
use super::claims::{self, Info, Relying};
use super::outside::{AskError, Outside, ask, is_private};
use super::refusal::Refusal;
use super::rules::Person;
use crate::web::site::Pending;

/// What a provider says of itself is believed for so long.
const FRESH: Duration = Duration::from_hours(1);
/// All that a visitor waits for together.
const PATIENCE: Duration = Duration::from_secs(20);

/// One provider.
pub(super) struct Provider {
    settings: OidcSettings,
    outside: Arc<dyn Outside>,
    known: Mutex<Option<Known>>,
}

/// What a provider has said of itself.
#[derive(Clone)]
struct Known {
    at: Instant,
    metadata: Arc<CoreProviderMetadata>,
}

impl Provider {
    pub(super) fn new(settings: OidcSettings, outside: Arc<dyn Outside>) -> Self {
        Self {
            settings,
            outside,
            known: Mutex::default(),
        }
    }

    pub(super) fn settings(&self) -> &OidcSettings {
        &self.settings
    }

    /// Begins a login: returns where to send the browser, the state, and what to remember.
    ///
    /// # Errors
    /// [`Refusal`] if the provider cannot be asked.
    pub(super) async fn begin(&self, next: String) -> Result<(Url, String, Login), Refusal> {
        let known = self.in_time(self.known(FRESH)).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client(&known)?;
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .set_pkce_challenge(challenge);
        for scope in &self.settings.scopes {
            request = request.add_scope(Scope::new(scope.to_string()));
        }
        let (url, state, nonce) = request.url();
        if !is_private(&url) {
            let what = "its page to log in is not https";
            return Err(self.strange(what));
        }
        let login = Login {
            nonce,
            verifier,
            next,
            at: Instant::now(),
        };
        Ok((url, state.into_secret(), login))
    }

    /// Ends a login: returns who it is by the word of the provider, and where they want to be.
    ///
    /// # Errors
    /// [`Refusal`] if the provider cannot be asked, or what it says is not to be trusted.
    pub(super) async fn end(
        &self,
        login: Login,
        code: String,
    ) -> Result<(Person, String), Refusal> {
        let next = login.next.clone();
        let person = self.in_time(Box::pin(self.person(login, code))).await?;
        Ok((person, next))
    }

    async fn person(&self, login: Login, code: String) -> Result<Person, Refusal> {
        let name = &self.settings.name;
        let known = self.known(FRESH).await?;
        let client = self.client(&known)?;
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| self.strange("it has no token endpoint"))?
            .set_pkce_verifier(login.verifier)
            .request_async(&self.asking())
            .await
            .map_err(|error| Refusal::token(name, &error))?;
        let Some(token) = tokens.id_token() else {
            return Err(self.strange("a token without an ID token"));
        };
        let person = match self.read(&known, token, &login.nonce) {
            // The provider may have new keys. How often a login may be begun says how often this is asked.
            Err(error) if is_of_keys(&error) => {
                let known = self.known(Duration::ZERO).await?;
                self.read(&known, token, &login.nonce)
            }
            read => read,
        };
        let person = person.map_err(|error| Refusal::untrusted(name, &error))?;
        let person = person.ok_or_else(|| self.strange("a subject that is not one line"))?;
        self.completed(&client, person, tokens.access_token()).await
    }

    /// Returns who a token is of; an error if it is not to be trusted.
    fn read(
        &self,
        known: &Known,
        token: &claims::Token,
        nonce: &Nonce,
    ) -> Result<Option<Person>, ClaimsVerificationError> {
        let metadata = &known.metadata;
        let client = self
            .client(known)
            .map_err(|refusal| ClaimsVerificationError::Other(refusal.words))?;
        let signed = metadata
            .id_token_signing_alg_values_supported()
            .iter()
            // The others are signed with what both sides know, or not at all.
            .filter(|algorithm| is_of_a_key_pair(algorithm))
            .cloned();
        let now = self.outside.now().as_second();
        let now = Duration::from_secs(u64::try_from(now).unwrap_or_default());
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(signed)
            .set_time_fn(move || after_epoch(now));
        let claims = token.claims(&verifier, nonce)?;
        let settings = &self.settings;
        Ok(claims::of_token(
            claims,
            &settings.issuer,
            &settings.groups_claim,
        ))
    }

    /// Asks for what a rule wants to know and the token does not say.
    async fn completed(
        &self,
        client: &Relying,
        person: Person,
        token: &AccessToken,
    ) -> Result<Person, Refusal> {
        let settings = &self.settings;
        let untold = settings
            .rules
            .iter()
            .any(|rule| rule.whom.is_untold(&person));
        // It goes into a header as it is.
        let sendable = token.secret().bytes().all(|byte| byte.is_ascii_graphic());
        let subject = openidconnect::SubjectIdentifier::new(person.subject.to_string());
        let request = client.user_info(token.clone(), Some(subject));
        let (true, true, Ok(request)) = (untold, sendable, request) else {
            return Ok(person);
        };
        let info: Info = request
            .request_async(&self.asking())
            .await
            .map_err(|error| Refusal::user_info(&settings.name, &error))?;
        Ok(claims::completed(person, &info, &settings.groups_claim))
    }

    /// Returns what the provider says of itself, as of at most so long ago.
    async fn known(&self, age_max: Duration) -> Result<Known, Refusal> {
        let mut known = self.known.lock().await;
        if let Some(known) = &*known
            && known.at.elapsed() < age_max
        {
            return Ok(known.clone());
        }
        let issuer = IssuerUrl::new(self.settings.issuer.to_string())
            .map_err(|error| self.strange(&error.to_string()))?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &self.asking())
            .await
            .map_err(|error| Refusal::discovery(&self.settings.name, &error))?;
        let new = Known {
            at: Instant::now(),
            metadata: Arc::new(metadata),
        };
        *known = Some(new.clone());
        Ok(new)
    }

    fn client(&self, known: &Known) -> Result<Relying, Refusal> {
        let settings = &self.settings;
        let secret = settings.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose().to_owned()));
        let metadata = CoreProviderMetadata::clone(&known.metadata);
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_some_and(|methods| methods.contains(&method));
        let in_body = takes(CoreClientAuthMethod::ClientSecretPost)
            && !takes(CoreClientAuthMethod::ClientSecretBasic);
        let proof = if in_body {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        };
        let callback = RedirectUrl::new(settings.callback.to_string())
            .map_err(|error| self.strange(&error.to_string()))?;
        let id = ClientId::new(settings.client_id.to_string());
        let client = Relying::from_provider_metadata(metadata, id, secret);
        Ok(client.set_redirect_uri(callback).set_auth_type(proof))
    }

    /// Returns what makes the requests.
    fn asking(
        &self,
    ) -> impl Fn(HttpRequest) -> Pending<'static, Result<HttpResponse, AskError>> + Send + Sync + use<>
    {
        let (outside, ca) = (Arc::clone(&self.outside), self.settings.ca.clone());
        move |request| Box::pin(ask(Arc::clone(&outside), ca.clone(), request))
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let late = |_| Err(Refusal::late(&self.settings.name));
        timeout(PATIENCE, work).await.unwrap_or_else(late)
    }

    fn strange(&self, what: &str) -> Refusal {
        let mend = "Check `issuer` in [server.oidc].";
        Refusal::strange(&self.settings.name, what, mend)
    }
}

fn is_of_keys(error: &ClaimsVerificationError) -> bool {
    use SignatureVerificationError::{CryptoError, NoMatchingKey};
    let ClaimsVerificationError::SignatureVerification(error) = error else {
        return false;
    };
    // A key without a name is tried whatever it is.
    matches!(error, NoMatchingKey | CryptoError(_))
}

fn is_of_a_key_pair(algorithm: &CoreJwsSigningAlgorithm) -> bool {
    use CoreJwsSigningAlgorithm::{HmacSha256, HmacSha384, HmacSha512, None};
    !matches!(algorithm, HmacSha256 | HmacSha384 | HmacSha512 | None)
}

/// Returns a time of whatever kind begins with 1970.
fn after_epoch<T: Default + std::ops::Add<Duration, Output = T>>(since: Duration) -> T {
    T::default() + since
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use futures_util::future::join_all;
    use jiff::Timestamp;
    use tokio::time::sleep;

    use super::*;
    use crate::model::exchange::Phase;
    use crate::model::failure::{Failure, FailureKind};
    use crate::web::auth::oidc::Bounds;

    /// What every provider is that takes a request and says nothing.
    struct Silent {
        /// Whether whoever asks it gives up when they should.
        is_left: bool,
    }

    impl Outside for Silent {
        fn ask(
            &self,
            _: HttpRequest,
            bounds: Bounds,
        ) -> Pending<'static, Result<HttpResponse, Failure>> {
            let is_left = self.is_left;
            Box::pin(async move {
                if !is_left {
                    std::future::pending::<()>().await;
                }
                sleep(bounds.timeout).await;
                Err(Failure {
                    kind: FailureKind::TimeoutWait,
                    phase: Some(Phase::Wait),
                    message: "it said nothing".to_owned(),
                })
            })
        }

        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    fn silent(is_left: bool) -> Provider {
        let settings = OidcSettings {
            issuer: "https://login.example.org".into(),
            client_id: "oes".into(),
            client_secret: None,
            name: "Example".into(),
            scopes: Vec::new(),
            groups_claim: "groups".into(),
            ca: None,
            rules: Vec::new(),
            callback: Url::parse("https://status.example.org/login/oidc/callback").unwrap(),
        };
        Provider::new(settings, Arc::new(Silent { is_left }))
    }

    /// Begins so many logins at once; returns after how many seconds each was refused, and how.
    async fn refused(provider: &Provider, visitors: usize) -> Vec<(u64, StatusCode, String)> {
        let begun = Instant::now();
        let visitor = |_| async {
            let refusal = provider.begin(String::new()).await.unwrap_err();
            (begun.elapsed().as_secs(), refusal.status, refusal.words)
        };
        join_all((0..visitors).map(visitor)).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_answer_is_waited_for_so_long_and_a_visitor_waits_no_longer_than_for_all() {
        let all = refused(&silent(true), 7).await;
        let (first, status, words) = &all[0];
        assert_eq!((*first, *status), (5, StatusCode::BAD_GATEWAY));
        let said = "openid-configuration, in the phase `wait`: it said nothing";
        assert!(words.contains(said), "{words}");
        // They ask one after the other, and whoever has waited long enough is told so.
        let (last, status, words) = &all[6];
        assert_eq!((*last, *status), (20, StatusCode::GATEWAY_TIMEOUT));
        assert!(words.contains("Example took too long to answer"), "{words}");
        assert!(all.iter().all(|(waited, ..)| *waited <= 20), "{all:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_keeps_an_answer_away_a_login_ends() {
        let [(waited, status, _)] = refused(&silent(false), 1).await.try_into().unwrap();
        assert_eq!((waited, status), (20, StatusCode::GATEWAY_TIMEOUT));
    }
}
