//! What a script wants sent, made ready for the wire.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use http::{Method, Request, Uri};
use http_body_util::Full;
use jiff::Timestamp;
use thiserror::Error;
use url::{Origin, Url, form_urlencoded};

use super::delivery::Attempt;
use super::message::Message;
use super::settings::{ChannelKind, Settings};
use super::sign::{Keys, SecretError};
use super::veil::Veil;
use crate::model::json::{Json, Object};
use crate::model::secret::Secret;
use crate::model::span::did_you_mean;

/// Requests that one message may take.
pub(super) const REQUESTS_MAX: usize = 10;

/// Bytes of one request's body.
const BODY_BYTES_MAX: usize = 512 << 10;

/// How OES calls itself.
const AGENT: &str = concat!("oes/", env!("CARGO_PKG_VERSION"));

/// Keys that a request of a script may have.
const KEYS: [&str; 9] = [
    "method", "url", "query", "headers", "login", "json", "body", "form", "sign",
];

/// Headers that belong to the connection, not to the script.
const OURS: [&str; 8] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
];

/// Why a request of a script is not sent. The texts may hold secrets: pass them through [`Veil::hide`].
#[derive(Debug, Error)]
pub(super) enum RequestError {
    /// The script returned something that is no request.
    #[error("`requests` returned {0}")]
    Shape(String),
    /// The URL that the options and the script amount to is none.
    #[error("the request's URL is not an http or https URL: {0}")]
    Url(String),
    /// The request would leave the hosts that the channel's options name.
    #[error(
        "the request would go to {host}, which is not the host of any URL among the channel's options; \
         write that URL into an option of the channel"
    )]
    Host {
        /// Scheme, host and port.
        host: String,
    },
    /// The signing secret is none.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// What requests of one try have in common.
pub(super) struct Context<'a> {
    /// The channel's secrets.
    pub(super) veil: &'a Veil,
    /// Where requests may go.
    pub(super) origins: &'a [Origin],
    /// Id of the message, for signatures.
    pub(super) message_id: &'a str,
    /// When the try is made.
    pub(super) at: Timestamp,
    /// Whether a script may have nothing to send of this message.
    pub(super) optional: bool,
}

/// The kinds of message that a script may make no request of: the channel knows of the incident already.
const OPTIONAL: [&str; 3] = ["reminder", "acked", "digest"];

impl<'a> Context<'a> {
    /// Returns what requests of a try of this message have in common.
    pub(super) fn of(
        veil: &'a Veil,
        origins: &'a [Origin],
        message: &'a Message,
        attempt: Attempt,
    ) -> Self {
        Self {
            veil,
            origins,
            message_id: &message.sending().message_id,
            at: attempt.at,
            optional: OPTIONAL.contains(&message.kind()),
        }
    }
}

/// A request ready for the wire.
pub(super) struct Prepared {
    /// Where the connection goes.
    pub(super) uri: Uri,
    /// What is written to it.
    pub(super) request: Request<Full<Bytes>>,
    /// The body of `request`, shared.
    pub(super) body: Bytes,
}

/// Returns where requests of a channel may go: the origins of all URLs among its options, and among the defaults that
/// its script gives to options which the config leaves out.
pub(super) fn origins(settings: &Settings) -> Vec<Origin> {
    let params = match &settings.kind {
        ChannelKind::Console | ChannelKind::Email(_) => &[][..],
        ChannelKind::Script(source) => &source.header.params,
    };
    let defaults = params
        .iter()
        .filter(|param| !settings.options.contains_key(&param.name))
        .filter_map(|param| param.default.as_ref()?.as_str());
    let options = settings.options.values().map(Secret::expose);
    options
        .chain(defaults)
        .filter_map(|text| web_url(text.trim()).ok())
        .map(|url| url.origin())
        .collect()
}

/// Returns the requests that a script asks for, in order.
///
/// # Errors
/// [`RequestError`] of the first one that cannot be sent: then none is.
pub(super) fn prepare(
    returned: &Json,
    context: &Context<'_>,
) -> Result<Vec<Prepared>, RequestError> {
    let requests = returned.as_array().ok_or_else(|| {
        RequestError::Shape(format!(
            "{}, not an array of requests",
            returned.summary(80)
        ))
    })?;
    if requests.is_empty() && !context.optional {
        return Err(RequestError::Shape("no request".to_owned()));
    }
    if requests.len() > REQUESTS_MAX {
        return Err(RequestError::Shape(format!(
            "{} requests; at most {REQUESTS_MAX} are allowed",
            requests.len()
        )));
    }
    requests
        .iter()
        .map(|one| prepare_one(one, context))
        .collect()
}

fn prepare_one(returned: &Json, context: &Context<'_>) -> Result<Prepared, RequestError> {
    let shape = RequestError::Shape;
    let map = returned.as_object().ok_or_else(|| {
        shape(format!(
            "{} among the requests, not a map",
            returned.summary(80)
        ))
    })?;
    if let Some(unknown) = map.keys().find(|key| !KEYS.contains(key)) {
        let hint = did_you_mean(unknown, KEYS).map_or_else(
            || format!("there are {}", KEYS.join(", ")),
            |known| format!("did you mean `{known}`?"),
        );
        return Err(shape(format!(
            "a request with the unknown key `{unknown}`; {hint}"
        )));
    }
    let method = map.get("method").map_or(Ok(Method::POST), |method| {
        method
            .as_str()
            .and_then(|name| Method::from_bytes(name.as_bytes()).ok())
            .ok_or_else(|| shape(format!("the method {}", method.summary(40))))
    })?;
    let url = url(map, context)?;
    let (body, kind) = body(map, context.veil)?;
    let mut headers = headers(map, context.veil)?;
    if let (Some(kind), false) = (kind, headers.contains_key(CONTENT_TYPE)) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Some(login) = map.get("login") {
        let part = |key| {
            let text = login.get(key).and_then(Json::as_str);
            text.map(|text| context.veil.reveal(text))
                .ok_or_else(|| shape(format!("a `login` that is no map with the text `{key}`")))
        };
        headers.insert(AUTHORIZATION, basic(&part("user")?, &part("password")?)?);
    }
    if let Some(sign) = map.get("sign") {
        let secret = sign
            .get("secret")
            .and_then(Json::as_str)
            .ok_or_else(|| shape("a `sign` that is no map with the text `secret`".to_owned()))?;
        let keys = Keys::parse(&context.veil.reveal(secret))?;
        for (name, value) in keys.headers(context.message_id, context.at, &body) {
            headers.insert(HeaderName::from_static(name), hidden_value(name, &value)?);
        }
    }
    finish(method, url, headers, body)
}

/// Returns the request with the headers that are ours.
fn finish(
    method: Method,
    mut url: Url,
    mut headers: HeaderMap,
    body: Bytes,
) -> Result<Prepared, RequestError> {
    let unusable = |error: &dyn std::error::Error| RequestError::Url(error.to_string());
    if !url.username().is_empty() || url.password().is_some() {
        let (user, password) = (url.username(), url.password().unwrap_or_default());
        let value = basic(&decoded(user), &decoded(password))?;
        headers.entry(AUTHORIZATION).or_insert(value);
    }
    // What goes on from here is shown in errors: the login does not.
    let _without_login = url.set_username("").and_then(|()| url.set_password(None));
    let uri: Uri = url
        .as_str()
        .parse()
        .map_err(|error: http::uri::InvalidUri| unusable(&error))?;
    let host = uri.authority().map_or("", |authority| authority.as_str());
    headers.insert(
        HOST,
        HeaderValue::from_str(host).map_err(|error| unusable(&error))?,
    );
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(AGENT));
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .body(Full::new(body.clone()))
        .map_err(|error| unusable(&error))?;
    *request.headers_mut() = headers;
    Ok(Prepared { uri, request, body })
}

/// Returns the value of the header `Authorization` for a login.
fn basic(user: &str, password: &str) -> Result<HeaderValue, RequestError> {
    let login = STANDARD.encode(format!("{user}:{password}"));
    hidden_value("authorization", &format!("Basic {login}"))
}

/// Returns a part of a URL without its percent escapes.
fn decoded(part: &str) -> String {
    // A form decoder also reads `+` as a blank, which user names and passwords may hold.
    form_urlencoded::parse(part.replace('+', "%2B").as_bytes())
        .map(|(key, _)| key.into_owned())
        .next()
        .unwrap_or_default()
}

fn web_url(text: &str) -> Result<Url, RequestError> {
    let url = Url::parse(text).map_err(|error| RequestError::Url(error.to_string()))?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(RequestError::Url(format!(
            "its scheme is `{}`",
            url.scheme()
        )))
    }
}

/// Returns the URL of a request with its query added, if it may be asked.
fn url(map: &Object, context: &Context<'_>) -> Result<Url, RequestError> {
    let text = map
        .get("url")
        .and_then(Json::as_str)
        .ok_or_else(|| RequestError::Shape("a request without the text `url`".to_owned()))?;
    let mut url = web_url(context.veil.reveal(text).trim())?;
    let added = map.get("query");
    let added = added.map(|query| pairs(query, context.veil, "query"));
    if let Some(added) = added.transpose()?.filter(|added| !added.is_empty()) {
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| added.iter().all(|(other, _)| other != name))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept.iter().chain(&added));
    }
    url.set_fragment(None);
    if context.origins.contains(&url.origin()) {
        Ok(url)
    } else {
        let host = url.origin().ascii_serialization();
        Err(RequestError::Host { host })
    }
}

/// Returns the body and its content type, absent if there is no body.
fn body(map: &Object, veil: &Veil) -> Result<(Bytes, Option<&'static str>), RequestError> {
    let parts: Vec<(&str, &Json)> = ["json", "body", "form"]
        .into_iter()
        .filter_map(|key| map.get(key).map(|value| (key, value)))
        .collect();
    let (text, kind) = match parts.as_slice() {
        [] => return Ok((Bytes::new(), None)),
        [("json", value)] => (veil.reveal_all(value).to_string(), "application/json"),
        [("form", value)] => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(pairs(value, veil, "form")?);
            (form.finish(), "application/x-www-form-urlencoded")
        }
        [(_, value)] => {
            let text = value
                .as_str()
                .ok_or_else(|| RequestError::Shape("a `body` that is no text".to_owned()))?;
            (veil.reveal(text), "text/plain; charset=utf-8")
        }
        _ => {
            let both = "a request with more than one of json, body, form";
            return Err(RequestError::Shape(both.to_owned()));
        }
    };
    if text.len() > BODY_BYTES_MAX {
        return Err(RequestError::Shape(format!(
            "a body of {} bytes; at most {BODY_BYTES_MAX} are sent",
            text.len()
        )));
    }
    Ok((Bytes::from(text), Some(kind)))
}

fn headers(map: &Object, veil: &Veil) -> Result<HeaderMap, RequestError> {
    let mut headers = HeaderMap::new();
    let Some(given) = map.get("headers") else {
        return Ok(headers);
    };
    for (name, value) in pairs(given, veil, "headers")? {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| RequestError::Shape(format!("the header name `{name}`, which is none")))?;
        if OURS.contains(&header.as_str()) {
            return Err(RequestError::Shape(format!(
                "the header `{header}`, which OES sets itself"
            )));
        }
        headers.insert(header, hidden_value(&name, &value)?);
    }
    Ok(headers)
}

/// Returns a header value that debug output does not show.
fn hidden_value(name: &str, value: &str) -> Result<HeaderValue, RequestError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        RequestError::Shape(format!(
            "the header `{name}` with a line break or another character that a header cannot hold"
        ))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns the members of a map of texts, numbers and booleans as texts.
fn pairs(value: &Json, veil: &Veil, what: &str) -> Result<Vec<(String, String)>, RequestError> {
    let members = value.as_object().ok_or_else(|| {
        RequestError::Shape(format!("`{what}` as {}, not as a map", value.summary(40)))
    })?;
    let text = |key: &Arc<str>, value: &Json| match value {
        Json::String(text) => Ok(veil.reveal(text)),
        Json::Number(_) | Json::Bool(_) => Ok(value.to_string()),
        other => Err(RequestError::Shape(format!(
            "`{what}` with {} under `{key}`, not a text",
            other.summary(40)
        ))),
    };
    members
        .iter()
        .map(|(key, value)| Ok((veil.reveal(key), text(key, value)?)))
        .collect()
}

#[cfg(test)]
mod tests;
