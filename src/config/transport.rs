//! The keys of a service that say how a connection is made.

use std::net::IpAddr;
use std::sync::Arc;

use crate::config::layers::Layers;
use crate::config::loader::Loader;
use crate::config::request;
use crate::config::values;
use crate::model::code::Code;
use crate::model::service::{
    BODY_LIMIT_BYTES, BodyOverflow, ClientIdentity, Family, HttpVersions, TlsProfile, Transport,
};
use crate::model::span::Mistake;

/// Reads how connections of a service are made.
pub(super) fn read(loader: &mut Loader<'_>, layers: &Layers<'_>) -> Arc<Transport> {
    let mut transport = Transport {
        http: match layers.word("http") {
            Some("1.1") => HttpVersions::Http1,
            Some("2") => HttpVersions::Http2,
            _ => HttpVersions::Auto,
        },
        family: match layers.word("family") {
            Some("ipv4") => Family::V4,
            Some("ipv6") => Family::V6,
            _ => Family::Any,
        },
        tls: tls(loader, layers),
        body_limit_bytes: layers
            .get("body_limit")
            .and_then(|node| values::size(node).ok())
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(BODY_LIMIT_BYTES),
        body_overflow: match layers.word("body_overflow") {
            Some("cut") => BodyOverflow::Cut,
            _ => BodyOverflow::Fail,
        },
        ..Transport::default()
    };
    if let Some(redirects) = layers.integer("redirects") {
        transport.redirects_max = redirects;
    }
    for member in layers.merged("resolve", |a, b| a == b) {
        let Some(text) = member.node.text() else {
            continue;
        };
        if let Ok(address) = text.parse::<IpAddr>() {
            transport.resolve.insert(member.key.to_string(), address);
        } else {
            let message = format!("`{}` is no address", values::shorten(text));
            let help = "write an IPv4 or IPv6 address without a port: 10.0.0.7";
            loader
                .report(Mistake::error(Code::Value, member.node.span.clone(), message).help(help));
        }
    }
    if let Some(node) = layers.get("proxy")
        && let Some((url, _)) = request::url_with_login(loader, node)
    {
        if url.scheme() == "https" {
            let mistake = Mistake::error(
                Code::Value,
                node.span.clone(),
                "a proxy that is spoken to over TLS",
            );
            loader.report(
                mistake.help("OES speaks to proxies with http://; https targets are tunnelled"),
            );
        }
        transport.proxy = Some(url);
    }
    loader.shared_transport(transport)
}

fn tls(loader: &mut Loader<'_>, layers: &Layers<'_>) -> TlsProfile {
    let Some(node) = layers.get("tls") else {
        return TlsProfile::default();
    };
    let certificate = node.get("cert").and_then(|node| loader.pem(node));
    let key = node.get("key").and_then(|node| loader.pem(node));
    for (one, other) in [("cert", "key"), ("key", "cert")] {
        if let Some(member) = node.member(one)
            && node.get(other).is_none()
        {
            let message = format!("`{one}` without `{other}`");
            let mistake = Mistake::error(Code::Missing, member.key_span.clone(), message);
            loader.report(mistake.help("a client certificate is a pair of files: cert and key"));
        }
    }
    TlsProfile {
        verify: node
            .get("verify")
            .and_then(super::tree::Node::boolean)
            .unwrap_or(true),
        ca_pem: node
            .get("ca")
            .and_then(|node| loader.pem(node))
            .map(|pem| pem.to_vec()),
        client: certificate
            .zip(key)
            .map(|(certificate, key)| ClientIdentity {
                certificate_pem: certificate.to_vec(),
                key_pem: key.to_vec(),
            }),
        server_name: node
            .get("server_name")
            .and_then(|node| node.text())
            .map(ToString::to_string),
    }
}
