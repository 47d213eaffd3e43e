//! `auth.oauth2(name)`: bearer tokens by client credentials, kept in the process until they expire.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use tokio::time::Instant;
use url::form_urlencoded;

use super::{Asked, Broker, Errands, Left, Refusal, refused};
use crate::model::json::{self, Json};
use crate::model::secret::Secret;
use crate::script::guard;
use crate::script::source::OAuth2;

/// How long a token is used that does not say when it expires.
const KEEP_UNKNOWN: Duration = Duration::from_mins(5);
/// A token is kept for a day at most.
const KEEP_MAX: Duration = Duration::from_hours(24);
/// A token is not used in its last seconds, since the request takes time.
const SLACK: Duration = Duration::from_secs(30);
/// Tokens that are kept before all are forgotten.
const TOKENS_MAX: usize = 1024;

/// The tokens of all scripts by what they were given for.
#[derive(Default)]
pub(in crate::script) struct Tokens(Mutex<HashMap<String, (Secret, Instant)>>);

impl Tokens {
    fn get(&self, key: &str) -> Option<Secret> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, until) = known.get(key)?;
        (*until > Instant::now()).then(|| token.clone())
    }

    fn keep(&self, key: String, token: Secret, keep: Duration) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TOKENS_MAX {
            known.clear();
        }
        known.insert(key, (token, Instant::now() + keep));
    }
}

impl Broker {
    /// Returns the stand-in for the token of this name, fetched where none is kept.
    pub(super) async fn token(&mut self, name: &str, left: Left) -> Errands<String> {
        let client = self.client(name)?;
        let token = match self.tokens.get(&client.key()) {
            Some(token) => token,
            None => self.fetch(&client, left).await?,
        };
        Ok(self.secrets.token(name, &token))
    }

    /// Fetches the tokens anew that a refused request was made with, once in a run; tells whether there were any.
    pub(super) async fn renewed(&mut self, asked: &Asked, left: Left) -> Errands<bool> {
        let names = self.secrets.take_renewable(asked.texts());
        for name in &names {
            let client = self.client(name)?;
            let token = self.fetch(&client, left).await?;
            self.secrets.token(name, &token);
        }
        Ok(!names.is_empty())
    }

    fn client(&self, name: &str) -> Errands<Client> {
        let declared = &self.source.header.oauth2;
        let Some(settings) = declared.iter().find(|one| *one.name == *name).cloned() else {
            return Err(refused(format!(
                "the header declares no `[oauth2.{name}]` with token_url, client_id and client_secret"
            )));
        };
        let granted = |name: &str| {
            self.rights.grants.secrets.get(name).cloned().ok_or_else(|| {
                refused(format!(
                    "no secret `{name}` is granted to this service; name it in the service's `secrets`"
                ))
            })
        };
        Ok(Client {
            id: granted(&settings.client_id)?,
            secret: granted(&settings.client_secret)?,
            settings,
        })
    }

    /// Asks for a token (RFC 6749 section 4.4.2) and keeps it.
    async fn fetch(&mut self, client: &Client, left: Left) -> Errands<Secret> {
        let url = client.settings.token_url.as_str();
        let answer = self.ask_as_is(&client.request(), left).await?;
        let wrong = |what: String| Refusal::Dependency(answer.origin, what);
        let host = client.settings.token_url.host_str().unwrap_or_default();
        let response = match &*answer.reply {
            Err(failure) => {
                return Err(wrong(format!("{host} did not answer: {}", failure.message)));
            }
            Ok(response) if !(200..300).contains(&response.status) => {
                return Err(wrong(format!(
                    "{host} answered with status {}",
                    response.status
                )));
            }
            Ok(response) => response,
        };
        let said = json::parse(&response.body)
            .map_err(|error| wrong(format!("{host} answered with no JSON: {error}")))?
            .root;
        let Some(token) = said.get("access_token").and_then(Json::as_str) else {
            return Err(wrong(format!("{url} answered without an access_token")));
        };
        let token = Secret::hidden(token);
        let lasts = said.get("expires_in").and_then(Json::as_number);
        let lasts = lasts
            .and_then(|seconds| Duration::try_from_secs_f64(seconds.as_f64()).ok())
            .unwrap_or(KEEP_UNKNOWN)
            .min(KEEP_MAX);
        let keep = lasts.saturating_sub(SLACK.min(lasts / 2));
        // What stays for other runs is nothing that this one leaves behind.
        guard::exempt(|| self.tokens.keep(client.key(), token.clone(), keep));
        Ok(token)
    }
}

/// Who asks for a token, and where.
struct Client {
    settings: OAuth2,
    id: Secret,
    secret: Secret,
}

impl Client {
    fn key(&self) -> String {
        format!(
            "{}\n{}\n{}\n{}",
            self.settings.token_url,
            self.id.expose(),
            self.secret.expose(),
            self.settings.scopes.join(" ")
        )
    }

    fn request(&self) -> Asked {
        let encoded = |secret: &Secret| -> String {
            form_urlencoded::byte_serialize(secret.expose().as_bytes()).collect()
        };
        let credentials = format!("{}:{}", encoded(&self.id), encoded(&self.secret));
        let header = |name: &str, value: String| (name.to_owned(), value);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !self.settings.scopes.is_empty() {
            form.append_pair("scope", &self.settings.scopes.join(" "));
        }
        Asked {
            method: "POST".to_owned(),
            url: self.settings.token_url.to_string(),
            headers: vec![
                header(
                    "content-type",
                    "application/x-www-form-urlencoded".to_owned(),
                ),
                header(
                    "authorization",
                    format!("Basic {}", BASE64_STANDARD.encode(credentials)),
                ),
            ],
            body: Some(form.finish()),
            answer_is_secret: true,
            ..Asked::default()
        }
    }
}
