//! A service that is not asked but reports.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::config::layers;
use crate::config::loader::Loader;
use crate::config::maintenance;
use crate::config::notify;
use crate::config::server;
use crate::config::service::Ground;
use crate::config::tree::Node;
use crate::model::code::Code;
use crate::model::heartbeat::{Heartbeat, Rhythm};
use crate::model::secret::Secret;
use crate::model::span::Mistake;

/// The default of `grace` is this share of the period, …
const GRACE_SHARE: u32 = 10;
/// … at least this …
const GRACE_MIN: Duration = Duration::from_secs(10);
/// … and at most this.
const GRACE_MAX: Duration = Duration::from_hours(1);
/// The default of `grace` with a cron expression.
const GRACE_CRON: Duration = Duration::from_mins(10);

/// Tells whether a service is one that reports.
pub(super) fn is_one(service: &Node) -> bool {
    let kind = service.get("kind").and_then(Node::text);
    kind.is_some_and(|kind| &**kind == "heartbeat")
}

/// Reads what is expected of a service that reports; absent if it cannot be used, which was reported.
pub(super) fn read(
    loader: &mut Loader<'_>,
    service: &Node,
    ground: &Ground<'_>,
) -> Option<Heartbeat> {
    let token = service.get("token").and_then(|node| token(loader, node));
    let rhythm = rhythm(loader, service, ground);
    let duration = |key: &str| service.get(key).and_then(layers::seconds);
    let rhythm = rhythm?;
    let grace = duration("grace").unwrap_or_else(|| match rhythm {
        Rhythm::Every(period) => (period / GRACE_SHARE).clamp(GRACE_MIN, GRACE_MAX),
        Rhythm::Cron(_) => GRACE_CRON,
    });
    Some(Heartbeat {
        rhythm,
        grace,
        run_max: duration("run_limit"),
        token: token?,
    })
}

/// Reads the token, which the job writes into a URL: what a URL has another meaning for would never arrive as it is.
fn token(loader: &mut Loader<'_>, node: &Node) -> Option<Secret> {
    let token = server::token(loader, node)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    if token.expose().chars().all(is_plain) {
        return Some(token);
    }
    let message = "the token of a heartbeat stands in a URL: it is of letters, digits and - . _ ~";
    let mistake = Mistake::error(Code::Value, node.span.clone(), message);
    loader.report(mistake.help("make one with: oes token new"));
    None
}

fn rhythm(loader: &mut Loader<'_>, service: &Node, ground: &Ground<'_>) -> Option<Rhythm> {
    let zone = match service.get("time_zone") {
        Some(named) => notify::zone(loader, named)?,
        None => ground.zone.clone(),
    };
    if let (Some(member), None) = (service.member("time_zone"), service.get("cron")) {
        let message = "`time_zone` without `cron`";
        let mistake = Mistake::error(Code::Useless, member.key_span.clone(), message);
        loader.report(mistake.help("a period is as long in every zone: leave it out"));
    }
    match (service.get("every"), service.member("cron")) {
        (Some(every), None) => Some(Rhythm::Every(layers::seconds(every)?)),
        (None, Some(cron)) => maintenance::cron(loader, &cron.node, &zone).map(Rhythm::Cron),
        (Some(_), Some(cron)) => {
            let message = "`cron` beside `every`";
            let mistake = Mistake::error(Code::Conflict, cron.key_span.clone(), message);
            loader.report(mistake.help("keep one of the two"));
            None
        }
        (None, None) => {
            let message = "nothing says when a beat is expected";
            let mistake = Mistake::error(Code::Missing, service.span.clone(), message);
            loader.report(mistake.help("add every = \"1d\", or cron = \"0 3 * * *\""));
            None
        }
    }
}

/// Reports services that show the same token: a beat could be of any of them.
pub(super) fn check_tokens(loader: &mut Loader<'_>, services: &[(&Node, Arc<Heartbeat>)]) {
    let mut seen = HashSet::new();
    for (node, heartbeat) in services {
        if !seen.insert(heartbeat.token.expose())
            && let Some(token) = node.get("token")
        {
            let message = "another heartbeat has the same token";
            let mistake = Mistake::error(Code::Duplicate, token.span.clone(), message);
            loader.report(mistake.help("a token tells which job reports: give each its own"));
        }
    }
}
