//! Where metrics are sent.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, header};

use crate::config::layers::{self, Layers};
use crate::config::loader::Loader;
use crate::config::request;
use crate::config::transport;
use crate::config::tree::Node;
use crate::model::code::Code;
use crate::model::secret::Secret;
use crate::model::service::Transport;
use crate::model::span::Mistake;

/// Where collectors take metrics.
const PATH: &str = "/v1/metrics";
/// The default of `interval`.
const INTERVAL: Duration = Duration::from_mins(1);
/// The default of `timeout`.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Headers that follow from what is sent.
const OURS: [HeaderName; 2] = [header::CONTENT_TYPE, header::CONTENT_ENCODING];

/// Where metrics are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Otlp {
    /// The URL that takes them.
    pub endpoint: Secret,
    /// Headers of each request.
    pub headers: Vec<(HeaderName, Secret)>,
    /// Time between the beginnings of two exports.
    pub interval: Duration,
    /// The deadline of one request.
    pub timeout: Duration,
    /// What is told of this OES.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
    /// How the connection is made.
    pub transport: Arc<Transport>,
}

/// Reads where metrics are sent; absent for nowhere, and where that cannot be used, which was reported.
pub(super) fn read(loader: &mut Loader<'_>, table: Option<&Node>) -> Option<Otlp> {
    let layers = Layers {
        service: table?,
        defaults: None,
    };
    for member in layers.get("headers").map_or(&[][..], Node::members) {
        if let Some(name) = OURS
            .iter()
            .find(|name| member.key.eq_ignore_ascii_case(name.as_str()))
        {
            let message = format!("OES sets the header `{name}` itself");
            let mistake = Mistake::error(Code::Value, member.key_span.clone(), message);
            loader.report(mistake.help("leave it out"));
        }
    }
    let headers = request::headers(loader, &layers);
    let transport = transport::read(loader, &layers);
    let duration = |key: &str| layers.get(key).and_then(layers::seconds);
    let attributes = layers.get("attributes").map_or(&[][..], Node::members);
    let attributes = attributes
        .iter()
        .filter_map(|member| Some((Arc::clone(&member.key), Arc::clone(member.node.text()?))));
    Some(Otlp {
        endpoint: endpoint(loader, layers.get("endpoint")?)?,
        headers,
        interval: duration("interval").unwrap_or(INTERVAL),
        timeout: duration("timeout").unwrap_or(TIMEOUT),
        attributes: attributes.collect(),
        transport,
    })
}

/// Reads the URL of a collector, of which people know the host and the port.
fn endpoint(loader: &mut Loader<'_>, node: &Node) -> Option<Secret> {
    let (mut url, shown) = request::url(loader, node)?;
    if url.path() != "/" || url.query().is_some() {
        return Some(Secret::partly(url.as_str(), shown));
    }
    url.set_path(PATH);
    let shown = [shown.trim_end_matches('/'), PATH].concat();
    Some(Secret::partly(url.as_str(), shown))
}
