//! The keys of a service that say what is sent.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use url::{Host, Url};

use crate::config::layers::Layers;
use crate::config::loader::{Expanded, Loader};
use crate::config::tree::{Node, Value};
use crate::config::values;
use crate::model::code::Code;
use crate::model::json::Json;
use crate::model::secret::Secret;
use crate::model::service::{Auth, Request};
use crate::model::span::Mistake;
use crate::probe;

/// Reads what a service sends; absent without a usable URL, which was reported.
pub(super) fn read(loader: &mut Loader<'_>, layers: &Layers<'_>) -> Option<Request> {
    let method = layers
        .first(&["http_method", "method"])
        .and_then(|member| values::method(&member.node).ok())
        .unwrap_or(http::Method::GET);
    loader.take_secrets();
    let mut headers = headers(loader, layers);
    let payload = body(loader, layers);
    if let Some(kind) = payload.content_type
        && !headers.iter().any(|(name, _)| name == header::CONTENT_TYPE)
    {
        headers.push((header::CONTENT_TYPE, Secret::plain(kind)));
    }
    let auth = auth(loader, layers);
    if !matches!(auth, Auth::None)
        && headers
            .iter()
            .any(|(name, _)| name == header::AUTHORIZATION)
        && let Some(member) = layers.member("auth")
    {
        let (message, help) = if names(Some(layers.service), "authorization") {
            (
                "`auth` beside a header `authorization`",
                "keep one of the two",
            )
        } else {
            (
                "`auth` beside the header `authorization` of `defaults`",
                "take that off here with headers = { authorization = false }, or drop `auth`",
            )
        };
        loader.report(Mistake::error(Code::Conflict, member.key_span.clone(), message).help(help));
    }
    let node = layers.get("url")?;
    let (url, shown_url) = url(loader, node)?;
    // A proxy connects for itself.
    if layers.get("proxy").is_none()
        && let Some(why) = address(&url).and_then(probe::forbidden)
    {
        let message = format!("`{}` can never be probed", values::shorten(&shown_url));
        loader.report(Mistake::error(Code::Value, node.span.clone(), message).help(why));
    }
    Some(Request {
        secrets: loader.take_secrets(),
        method,
        url,
        shown_url,
        headers,
        body: payload.body,
        body_is_secret: payload.is_secret,
        payload: payload.seen,
        auth,
    })
}

/// Returns the address that a URL has in the place of a name.
fn address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}

/// Reads a URL with its shown form; reports what is wrong with it.
pub(super) fn url(loader: &mut Loader<'_>, node: &Node) -> Option<(Url, Arc<str>)> {
    let (url, shown) = url_with_login(loader, node)?;
    if url.username().is_empty() && url.password().is_none() {
        return Some((url, shown));
    }
    let message = "user and password within a URL, where every log would show them";
    let mistake = Mistake::error(Code::Value, node.span.clone(), message);
    loader.report(
        mistake.help("write auth = { basic = { user = \"…\", password = \"${env:NAME}\" } }"),
    );
    None
}

/// Reads a URL that may hold a user and a password, since nothing shows it, with the form that is shown of others.
pub(super) fn url_with_login(loader: &mut Loader<'_>, node: &Node) -> Option<(Url, Arc<str>)> {
    let secret = loader.secret(node)?;
    let mut report = |message: String, help: &str| {
        loader.report(Mistake::error(Code::Value, node.span.clone(), message).help(help));
        None
    };
    let shown = values::shorten(secret.shown());
    let written = secret.expose();
    if written.trim() != written || written.contains(|character: char| character.is_control()) {
        return report(
            format!(
                "white space or control characters in the URL `{}`",
                shown.escape_debug()
            ),
            "remove them",
        );
    }
    let url = match Url::parse(written) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            return report(
                format!("`{shown}` is not a whole URL"),
                "it begins with https:// or http://",
            );
        }
        Err(error) => {
            return report(
                format!("`{shown}` is not a URL: {error}"),
                "write https://host/path",
            );
        }
    };
    // `http:///x` reads as the host `x`, and one slash or none as two.
    let after = written.split_once(':').map_or("", |(_, after)| after);
    let host = after.strip_prefix("//").unwrap_or_default();
    let no_host = host.is_empty() || host.starts_with(['/', '\\', '?', '#']);
    if matches!(url.scheme(), "http" | "https") && no_host {
        return report(format!("`{shown}` has no host"), "write https://host/path");
    }
    if !matches!(url.scheme(), "http" | "https") {
        // `localhost:8080/x` reads as a URL of the scheme `localhost`.
        return report(
            format!("`{shown}` is neither http nor https"),
            "it begins with https:// or http://",
        );
    }
    // All after it would not be sent.
    if secret.shown() != "***" && secret.parts().any(|part| part.contains('#')) {
        return report(
            format!("a secret in the URL `{shown}` holds `#`, which ends what is sent of a URL"),
            "write it as %23 where the secret is kept",
        );
    }
    let shown = if secret.is_secret() {
        Arc::from(secret.shown())
    } else {
        Arc::from(url.as_str())
    };
    Some((url, shown))
}

/// Reads the headers of a request; reports what is wrong with them.
pub(super) fn headers(loader: &mut Loader<'_>, layers: &Layers<'_>) -> Vec<(HeaderName, Secret)> {
    let mut headers: Vec<(HeaderName, Secret)> = Vec::new();
    for member in layers.merged("headers", str::eq_ignore_ascii_case) {
        let name = HeaderName::from_bytes(member.key.as_bytes());
        let Ok(name) = name else {
            let message = format!("`{}` is no header name", values::shorten(&member.key));
            let help = "a name has letters, digits and dashes: content-type";
            loader.report(Mistake::error(Code::Value, member.key_span.clone(), message).help(help));
            continue;
        };
        if matches!(
            name,
            header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::CONNECTION
        ) {
            let message = format!("OES sets the header `{name}` itself");
            loader.report(
                Mistake::error(Code::Value, member.key_span.clone(), message).help("leave it out"),
            );
            continue;
        }
        if member.node.boolean() == Some(false) {
            if !names(layers.defaults, &member.key) {
                let message = format!("there is no header `{name}` in `defaults` to take off");
                let help = "leave it out; `false` is for a header that all services would send";
                loader.report(
                    Mistake::error(Code::Useless, member.node.span.clone(), message).help(help),
                );
            }
            continue;
        }
        let Some(value) = loader.secret(&member.node) else {
            continue;
        };
        if HeaderValue::from_str(value.expose()).is_err() {
            let message =
                format!("the value of the header `{name}` has characters that no header may have");
            let help =
                "use visible ASCII without line breaks; a secret file may hold more than one line";
            loader
                .report(Mistake::error(Code::Value, member.node.span.clone(), message).help(help));
            continue;
        }
        headers.push((name, value));
    }
    headers
}

/// Tells whether the `headers` of a table name a header.
fn names(table: Option<&Node>, header: &str) -> bool {
    let headers = table.and_then(|table| table.get("headers"));
    let mut members = headers.map_or(&[][..], Node::members).iter();
    members.any(|member| member.key.eq_ignore_ascii_case(header))
}

#[derive(Default)]
struct Payload {
    body: Option<Bytes>,
    /// Whether any part of the body is secret.
    is_secret: bool,
    seen: Option<Json>,
    content_type: Option<&'static str>,
}

fn body(loader: &mut Loader<'_>, layers: &Layers<'_>) -> Payload {
    let given = layers.all(&["payload", "body", "form"]);
    if let [first, second, ..] = given.as_slice() {
        let message = format!("`{}` beside `{}`", second.key, first.key);
        let help = "a request has one body: keep one of payload (JSON), form and body (text)";
        loader.report(Mistake::error(Code::Conflict, second.key_span.clone(), message).help(help));
    }
    let Some(member) = given.first() else {
        return Payload::default();
    };
    match &*member.key {
        "payload" if member.node.value == Value::Null => Payload::default(),
        "payload" => {
            let Some((real, seen)) = payload(loader, &member.node) else {
                return Payload::default();
            };
            Payload {
                body: serde_json::to_vec(&real).ok().map(Bytes::from),
                is_secret: values::secret_in(&member.node).is_some(),
                seen: Some(seen),
                content_type: Some("application/json"),
            }
        }
        "form" => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for field in member.node.members() {
                let value = match &field.node.value {
                    Value::Text(_) => match loader.secret(&field.node) {
                        Some(secret) => secret.expose().to_owned(),
                        None => continue,
                    },
                    _ => field.node.json().to_string(),
                };
                form.append_pair(&field.key, &value);
            }
            Payload {
                body: Some(Bytes::from(form.finish())),
                is_secret: values::secret_in(&member.node).is_some(),
                seen: None,
                content_type: Some("application/x-www-form-urlencoded"),
            }
        }
        _ => Payload {
            body: loader
                .secret(&member.node)
                .map(|secret| Bytes::from(secret.expose().to_owned())),
            is_secret: values::secret_in(&member.node).is_some(),
            seen: None,
            content_type: Some("text/plain; charset=utf-8"),
        },
    }
}

/// Returns the payload as it is sent and as scripts see it, where secrets are `***`.
fn payload(loader: &mut Loader<'_>, node: &Node) -> Option<(Json, Json)> {
    Some(match &node.value {
        Value::Text(text) => match loader.expand(text, &node.span) {
            Expanded::Text(secret) => (Json::string(secret.expose()), Json::string(secret.shown())),
            Expanded::Broken => return None,
        },
        Value::List(items) => {
            // Every element is looked at, so that every missing secret is reported.
            let pairs: Vec<_> = items.iter().map(|item| payload(loader, item)).collect();
            let (real, seen): (Vec<Json>, Vec<Json>) = pairs
                .into_iter()
                .collect::<Option<Vec<_>>>()?
                .into_iter()
                .unzip();
            (Json::Array(real.into()), Json::Array(seen.into()))
        }
        Value::Table(members) => {
            let pairs: Vec<_> = members
                .iter()
                .map(|member| Some((Arc::clone(&member.key), payload(loader, &member.node)?)))
                .collect();
            let pairs = pairs.into_iter().collect::<Option<Vec<_>>>()?;
            let seen = pairs
                .iter()
                .map(|(key, (_, seen))| (Arc::clone(key), seen.clone()));
            let seen = Json::object(seen);
            let real = pairs.into_iter().map(|(key, (real, _))| (key, real));
            (Json::object(real), seen)
        }
        _ => (node.json(), node.json()),
    })
}

fn auth(loader: &mut Loader<'_>, layers: &Layers<'_>) -> Auth {
    let Some(node) = layers.get("auth") else {
        return Auth::None;
    };
    if let [first, second, ..] = node.members() {
        let message = format!("`{}` beside `{}`", second.key, first.key);
        let mistake = Mistake::error(Code::Conflict, second.key_span.clone(), message);
        loader.report(mistake.help("a request authenticates in one way: basic, bearer or oauth2"));
    }
    let text = |loader: &mut Loader<'_>, table: &Node, key: &str| {
        table.get(key).and_then(|node| loader.secret(node))
    };
    if let Some(basic) = node.get("basic") {
        let user = text(loader, basic, "user");
        let password = text(loader, basic, "password");
        if let (Some(user), Some(password)) = (user, password) {
            return Auth::Basic { user, password };
        }
    } else if node.get("bearer").is_some() {
        if let Some(token) = text(loader, node, "bearer") {
            return Auth::Bearer(token);
        }
    } else if let Some(oauth2) = node.get("oauth2") {
        let token_url = oauth2.get("token_url").and_then(|node| url(loader, node));
        let client_id = text(loader, oauth2, "client_id");
        let client_secret = text(loader, oauth2, "client_secret");
        if let (Some((token_url, _)), Some(client_id), Some(client_secret)) =
            (token_url, client_id, client_secret)
        {
            return Auth::ClientCredentials {
                token_url,
                client_id,
                client_secret,
                scopes: oauth2
                    .get("scopes")
                    .map(super::layers::words)
                    .unwrap_or_default(),
            };
        }
    }
    Auth::None
}
