//! Bearer tokens by OAuth 2.0 client credentials, fetched once and kept until they expire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::Instant;
use url::Url;
use url::form_urlencoded::Serializer;

use super::plan::RequestParts;
use super::target::basic;
use crate::model::exchange::Exchange;
use crate::model::failure::{Failure, FailureKind};
use crate::model::json::Json;
use crate::model::secret::Secret;
use crate::model::service::{Auth, Transport};

/// How long a token is used that does not say when it expires.
const KEEP_UNKNOWN: Duration = Duration::from_mins(5);
/// A token is not used in its last seconds, since the request takes time.
const SLACK: Duration = Duration::from_secs(30);
/// Tokens that are kept before all are forgotten.
const TOKENS_MAX: usize = 1_024;

/// A token that is in use.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) authorization: HeaderValue,
    pub(super) until: Instant,
}

/// Returns a token as what must not be seen.
pub(super) fn secret(authorization: &HeaderValue) -> Option<Secret> {
    let text = authorization.to_str().ok()?;
    Some(Secret::partly(text, "Bearer ***"))
}

/// Where one token is kept. Whoever holds the lock may fetch it; the others wait for that.
pub(super) type TokenCell = Arc<AsyncMutex<Option<Token>>>;

/// The tokens by what they are for.
#[derive(Default)]
pub(super) struct Tokens {
    known: Mutex<HashMap<String, TokenCell>>,
}

impl Tokens {
    pub(super) fn cell(&self, key: &str) -> TokenCell {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = known.get(key) {
            return Arc::clone(cell);
        }
        if known.len() >= TOKENS_MAX {
            known.clear();
        }
        let cell = TokenCell::default();
        known.insert(key.to_owned(), Arc::clone(&cell));
        cell
    }
}

/// Returns the request for a token (RFC 6749 section 4.4.2) and what tells it from others.
pub(super) fn request(
    token_url: &Url,
    (client_id, client_secret): (&Secret, &Secret),
    scopes: &[String],
    transport: &Transport,
    timeout: Duration,
) -> (RequestParts, String) {
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if !scopes.is_empty() {
        form.append_pair("scope", &scopes.join(" "));
    }
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = basic(
        &encoded(client_id.expose()),
        &encoded(client_secret.expose()),
    );
    let mut parts = RequestParts::new(Method::POST, token_url.clone());
    parts.request.headers = vec![
        (
            CONTENT_TYPE,
            Secret::plain("application/x-www-form-urlencoded"),
        ),
        (
            http::header::AUTHORIZATION,
            Secret::partly(credentials, "Basic ***"),
        ),
    ];
    parts.request.body = Some(Bytes::from(form.finish()));
    parts.request.auth = Auth::None;
    parts.timeout = timeout;
    parts.transport = Transport {
        redirects_max: 0,
        tls: crate::model::service::TlsProfile {
            server_name: None,
            client: None,
            ..transport.tls.clone()
        },
        proxy: transport.proxy.clone(),
        resolve: transport.resolve.clone(),
        ..Transport::default()
    };
    let key = format!(
        "{token_url}\n{}\n{}\n{}",
        client_id.expose(),
        client_secret.expose(),
        scopes.join(" ")
    );
    (parts, key)
}

/// Reads the token endpoint's answer.
///
/// What is wrong with the endpoint is a dependency's fault and says nothing about the service, so every failure is one
/// of ours.
pub(super) fn read(exchange: &Exchange) -> Result<Token, Failure> {
    let failed = |reason: String| Failure {
        kind: FailureKind::Internal,
        phase: None,
        message: format!("no token from {}: {reason}", exchange.sent.url),
    };
    let response = exchange
        .result
        .as_ref()
        .map_err(|failure| failed(failure.message.clone()))?;
    if !response.status.is_success() {
        return Err(failed(format!("it answered {}", response.status.as_u16())));
    }
    let document = response
        .body
        .json()
        .map_err(|_| failed("its answer is not JSON".to_owned()))?;
    let Some(token) = document.root.get("access_token").and_then(Json::as_str) else {
        return Err(failed("its answer has no access_token".to_owned()));
    };
    let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| failed("its token cannot be sent in a header".to_owned()))?;
    authorization.set_sensitive(true);
    let keep = match document.root.get("expires_in").and_then(Json::as_number) {
        Some(seconds) => Duration::try_from_secs_f64(seconds.as_f64()).unwrap_or(KEEP_UNKNOWN),
        None => KEEP_UNKNOWN,
    };
    Ok(Token {
        authorization,
        until: Instant::now()
            + keep
                .saturating_sub(SLACK.min(keep / 2))
                .min(Duration::from_hours(24)),
    })
}
