//! How messages are sent, and who gets them.

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::config::layers;
use crate::config::loader::Loader;
use crate::config::maintenance::selector;
use crate::config::request;
use crate::config::tree::Node;
use crate::config::values::shorten;
use crate::config::{Notify, channels};
use crate::model::code::Code;
use crate::model::route::{DAYS, Hours, Route};
use crate::model::service::ChannelName;
use crate::model::span::Mistake;
use crate::policy::owed::SINGLES;

/// The predecessor's `cool_down`.
const COOL_DOWN: Duration = Duration::from_mins(5);
/// The default of `gather`.
const GATHER: Duration = Duration::from_secs(2);
/// The default of `reminders`.
const REMINDERS: [Duration; 3] = [
    Duration::from_hours(1),
    Duration::from_hours(4),
    Duration::from_hours(12),
];

/// Reads how messages are sent. `known` are the names of the config's channels.
pub(super) fn read(
    loader: &mut Loader<'_>,
    node: Option<&Node>,
    cool_down: Option<Duration>,
    known: &[ChannelName],
) -> Notify {
    let get = |key: &str| node.and_then(|node| node.get(key));
    let duration = |key: &str| get(key).and_then(layers::seconds);
    let heartbeat_url = get("heartbeat_url").and_then(|node| {
        request::url(loader, node)?;
        loader.secret(node)
    });
    let zone = get("time_zone").and_then(|node| zone(loader, node));
    let time_zone = zone.unwrap_or(TimeZone::UTC);
    Notify {
        cool_down: duration("cool_down").or(cool_down).unwrap_or(COOL_DOWN),
        gather: duration("gather").unwrap_or(GATHER),
        heartbeat_url,
        singles: get("singles").and_then(layers::integer).unwrap_or(SINGLES),
        reminders: reminders(loader, get("reminders")),
        digest: digest(loader, node, known),
        routes: routes(loader, get("routes"), known, &time_zone),
        time_zone,
    }
}

/// Reads the name of a time zone.
pub(super) fn zone(loader: &mut Loader<'_>, node: &Node) -> Option<TimeZone> {
    let name = node.text()?;
    let zone = TimeZone::get(name);
    if zone.is_err() {
        let message = format!("there is no time zone `{}`", shorten(name));
        let help = "write a name of the IANA database: UTC, Europe/Berlin, America/New_York";
        loader.report(Mistake::error(Code::UnknownName, node.span.clone(), message).help(help));
    }
    zone.ok()
}

fn reminders(loader: &mut Loader<'_>, node: Option<&Node>) -> Vec<Duration> {
    let Some(node) = node else {
        return REMINDERS.to_vec();
    };
    let list: Vec<Duration> = node.items().iter().filter_map(layers::seconds).collect();
    if !list.is_sorted() {
        let mistake = Mistake::error(
            Code::Value,
            node.span.clone(),
            "the reminders are not in order",
        );
        loader.report(
            mistake.help("each is counted from the announcement: write the earliest first"),
        );
    }
    list
}

fn digest(
    loader: &mut Loader<'_>,
    node: Option<&Node>,
    known: &[ChannelName],
) -> Option<(Time, Vec<ChannelName>)> {
    let written = node?.get("digest_at")?;
    let text = written.text()?;
    let at = time(text.trim());
    if at.is_none() {
        let message = format!("`{}` is no time of day", shorten(text));
        let mistake = Mistake::error(Code::Value, written.span.clone(), message);
        loader.report(mistake.help("write 09:00"));
    }
    let channels = match node?.get("digest_channels") {
        Some(list) => channels::named(loader, list, known),
        None => known.to_vec(),
    };
    Some((at?, channels))
}

fn routes(
    loader: &mut Loader<'_>,
    list: Option<&Node>,
    known: &[ChannelName],
    zone: &TimeZone,
) -> Vec<Route> {
    let nodes = list.map_or(&[][..], Node::items);
    nodes
        .iter()
        .map(|node| Route {
            of: selector(node),
            hours: hours(loader, node, zone),
            channels: node
                .get("channels")
                .map(|list| channels::named(loader, list, known))
                .unwrap_or_default(),
            goes_on: node
                .get("continue")
                .and_then(Node::boolean)
                .unwrap_or(false),
        })
        .collect()
}

fn hours(loader: &mut Loader<'_>, node: &Node, zone: &TimeZone) -> Option<Hours> {
    let days = node.get("days").map(layers::words).unwrap_or_default();
    let days = days
        .iter()
        .filter_map(|day| DAYS.iter().find(|(name, _)| name == day))
        .map(|(_, day)| *day);
    let days: Vec<_> = days.collect();
    let written = node.get("hours");
    if written.is_none() && days.is_empty() {
        return None;
    }
    let (from, to) = match written {
        None => (Time::midnight(), Time::midnight()),
        Some(node) => {
            let text = node.text()?;
            let parts = text
                .split_once('-')
                .and_then(|(from, to)| Some((time(from.trim())?, time(to.trim())?)));
            if parts.is_none() {
                let message = format!("`{}` are no hours", shorten(text));
                let mistake = Mistake::error(Code::Value, node.span.clone(), message);
                loader.report(mistake.help("write 22:00-06:00"));
            }
            parts?
        }
    };
    Some(Hours {
        days,
        from,
        to,
        zone: zone.clone(),
    })
}

/// Reads `22:00`; `24:00` is midnight.
fn time(text: &str) -> Option<Time> {
    if text == "24:00" {
        return Some(Time::midnight());
    }
    let (hour, minute) = text.split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}
