//! Planned mutes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::config::layers;
use crate::config::loader::Loader;
use crate::config::tree::Node;
use crate::config::values::shorten;
use crate::model::code::Code;
use crate::model::maintenance::{Cron, Maintenance, When};
use crate::model::mute::Selector;
use crate::model::service::ServiceName;
use crate::model::span::Mistake;

/// Reads a list of planned mutes of what each of them selects.
pub(super) fn read(
    loader: &mut Loader<'_>,
    list: Option<&Node>,
    zone: &TimeZone,
) -> Vec<Maintenance> {
    let nodes = list.map_or(&[][..], Node::items);
    let one = |node: &Node| {
        let name = node.get("name")?.text()?.to_string();
        let of = selector(node);
        Some((name, of))
    };
    nodes
        .iter()
        .filter_map(|node| {
            let (name, of) = one(node)?;
            let when = when(loader, node, zone)?;
            Some(Maintenance {
                name,
                of,
                own: None,
                when,
            })
        })
        .collect()
}

/// Reads a list of planned mutes that some services have themselves; `whose` is what they are called where they have no
/// name.
pub(super) fn of_services(
    loader: &mut Loader<'_>,
    list: Option<&Node>,
    (whose, services): (&str, BTreeSet<ServiceName>),
    zone: &TimeZone,
) -> Vec<Maintenance> {
    let nodes = list.map_or(&[][..], Node::items);
    nodes
        .iter()
        .filter_map(|node| {
            let name = node.get("name").and_then(Node::text);
            let name = name.map_or_else(|| format!("of {whose}"), ToString::to_string);
            let when = when(loader, node, zone)?;
            Some(Maintenance {
                name,
                of: Selector::default(),
                own: Some(services.clone()),
                when,
            })
        })
        .collect()
}

/// Reads what a table selects.
pub(super) fn selector(node: &Node) -> Selector {
    let words = |key: &str| {
        let words = node.get(key).map(layers::words).unwrap_or_default();
        words.into_iter().collect()
    };
    Selector {
        services: words("services"),
        tags: words("tags"),
        groups: words("groups"),
        severities: words("severities"),
        violations: words("violations"),
    }
}

fn when(loader: &mut Loader<'_>, node: &Node, zone: &TimeZone) -> Option<When> {
    let zone = match node.get("time_zone") {
        Some(named) => super::notify::zone(loader, named)?,
        None => zone.clone(),
    };
    let keys = ["from", "until", "cron", "lasts"].map(|key| node.get(key));
    match keys {
        [Some(from), Some(until), None, None] => {
            let from_at = moment(loader, from, &zone)?;
            let until_at = moment(loader, until, &zone)?;
            if from_at >= until_at {
                let mistake = Mistake::error(
                    Code::Value,
                    until.span.clone(),
                    "the end is not after the beginning",
                );
                loader.report(mistake.help("write `from` before `until`"));
                return None;
            }
            Some(When::Once {
                from: from_at,
                until: until_at,
            })
        }
        [None, None, Some(cron), Some(lasts)] => {
            let begins = self::cron(loader, cron, &zone)?;
            let lasts = layers::seconds(lasts)?;
            Some(When::Cron { begins, lasts })
        }
        _ => {
            let mistake = Mistake::error(
                Code::Missing,
                node.span.clone(),
                "a maintenance without a time of its own",
            );
            loader.report(mistake.help("write `from` and `until`, or `cron` and `lasts`"));
            None
        }
    }
}

/// Reads a cron expression.
pub(super) fn cron(loader: &mut Loader<'_>, node: &Node, zone: &TimeZone) -> Option<Cron> {
    let text = node.text()?;
    let parsed = Cron::parse(text, zone.iana_name().unwrap_or("UTC"));
    parsed
        .map_err(|error| {
            let message = format!("`{}` is no cron expression: {error}", shorten(text));
            let mistake = Mistake::error(Code::Value, node.span.clone(), message);
            loader.report(mistake.help(
                "write minute, hour, day of month, month and day of week: `0 2 * * SUN` is two o'clock on Sundays, `*/5 * * * *` every five minutes",
            ));
        })
        .ok()
}

/// Reads a moment: with an offset, or in a zone.
fn moment(loader: &mut Loader<'_>, node: &Node, zone: &TimeZone) -> Option<Timestamp> {
    let text = node.text()?;
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let local = text.parse::<DateTime>().ok();
    let at = local.and_then(|local| zone.to_timestamp(local).ok());
    if at.is_none() {
        let message = format!("`{}` is no moment", shorten(text));
        let mistake = Mistake::error(Code::Value, node.span.clone(), message);
        loader.report(mistake.help("write 2026-12-01T02:00, or 2026-12-01T02:00:00Z"));
    }
    at
}
