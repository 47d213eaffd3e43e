//! `auth.oauth2(name)`: bearer tokens by client credentials, kept in the process until they expire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rhai::Engine;
use tokio::time::Instant;
use url::form_urlencoded;

use super::answers::get_json;
use super::{Asked, asked};
use crate::model::json::Json;
use crate::model::secret::Secret;
use crate::script::api::data::tree;
use crate::script::guard::{self, Fallible};
use crate::script::run::{self, Matcher};
use crate::script::source::OAuth2;
use crate::script::value::{dependency, problem};

/// How long a token is used that does not say when it expires.
const KEEP_UNKNOWN: Duration = Duration::from_mins(5);
/// A token is kept for a day at most.
const KEEP_MAX: Duration = Duration::from_hours(24);
/// A token is not used in its last seconds, since the request takes time.
const SLACK: Duration = Duration::from_secs(30);
/// Tokens that are kept before all are forgotten.
const TOKENS_MAX: usize = 1024;

/// The handle `auth`.
#[derive(Debug, Clone)]
pub(in crate::script::api) struct AuthHandle;

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

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<AuthHandle>("auth")
        .register_fn(
            "oauth2",
            |_: &mut AuthHandle, name: &str| -> Fallible<String> {
                let (known, client) = run::matcher(|matcher, _| {
                    let client = Client::of(matcher, name)?;
                    Ok((matcher.network.tokens.get(&client.key()), client))
                })?;
                let token = match known {
                    Some(token) => token,
                    None => client.fetch()?,
                };
                run::matcher(|matcher, _| Ok(matcher.secrets.token(name, &token)))
            },
        );
}

/// Fetches the tokens anew that a refused request was made with, once in a run; tells whether there were any.
pub(super) fn renewed(asked: &Asked) -> Fallible<bool> {
    let clients = run::matcher(|matcher, _| {
        matcher
            .secrets
            .take_renewable(asked.texts())
            .into_iter()
            .map(|name| Ok((Client::of(matcher, &name)?, name)))
            .collect::<Fallible<Vec<_>>>()
    })?;
    let any = !clients.is_empty();
    for (client, name) in clients {
        let token = client.fetch()?;
        run::matcher(|matcher, _| Ok(matcher.secrets.token(&name, &token)))?;
    }
    Ok(any)
}

/// Who asks for a token, and where.
struct Client {
    settings: OAuth2,
    id: Secret,
    secret: Secret,
}

impl Client {
    fn of(matcher: &Matcher, name: &str) -> Fallible<Self> {
        let declared = &matcher.source.header.oauth2;
        let Some(settings) = declared.iter().find(|one| *one.name == *name).cloned() else {
            return Err(problem(format!(
                "the header declares no `[oauth2.{name}]` with token_url, client_id and client_secret"
            )));
        };
        let granted = |name: &str| {
            matcher.input.grants.secrets.get(name).cloned().ok_or_else(|| {
                problem(format!(
                    "no secret `{name}` is granted to this service; name it in the service's `secrets`"
                ))
            })
        };
        Ok(Self {
            id: granted(&settings.client_id)?,
            secret: granted(&settings.client_secret)?,
            settings,
        })
    }

    fn key(&self) -> String {
        format!(
            "{}\n{}\n{}\n{}",
            self.settings.token_url,
            self.id.expose(),
            self.secret.expose(),
            self.settings.scopes.join(" ")
        )
    }

    /// Asks for a token (RFC 6749 section 4.4.2) and keeps it.
    fn fetch(&self) -> Fallible<Secret> {
        let url = self.settings.token_url.as_str();
        let mut request = asked("POST", url, &rhai::Map::new())?;
        let encoded = |secret: &Secret| -> String {
            form_urlencoded::byte_serialize(secret.expose().as_bytes()).collect()
        };
        let credentials = format!("{}:{}", encoded(&self.id), encoded(&self.secret));
        request.headers = vec![
            (
                "content-type".to_owned(),
                "application/x-www-form-urlencoded".to_owned(),
            ),
            (
                "authorization".to_owned(),
                format!("Basic {}", BASE64_STANDARD.encode(credentials)),
            ),
        ];
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if !self.settings.scopes.is_empty() {
            form.append_pair("scope", &self.settings.scopes.join(" "));
        }
        request.body = Some(form.finish());
        request.answer_is_secret = true;
        let (answer, origin) = tree(&get_json(&request)?)?;
        let Some(token) = answer.get("access_token").and_then(Json::as_str) else {
            return Err(dependency(
                origin,
                format!("{url} answered without an access_token"),
            ));
        };
        let token = Secret::hidden(token);
        let lasts = answer.get("expires_in").and_then(Json::as_number);
        let lasts = lasts
            .and_then(|seconds| Duration::try_from_secs_f64(seconds.as_f64()).ok())
            .unwrap_or(KEEP_UNKNOWN)
            .min(KEEP_MAX);
        let tokens = run::matcher(|matcher, _| Ok(Arc::clone(&matcher.network.tokens)))?;
        let keep = lasts.saturating_sub(SLACK.min(lasts / 2));
        // What stays for other runs is nothing that this one leaves behind.
        guard::exempt(|| tokens.keep(self.key(), token.clone(), keep));
        Ok(token)
    }
}
