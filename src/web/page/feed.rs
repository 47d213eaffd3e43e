//! The incidents as an Atom feed (RFC 4287).

use askama::Template;
use jiff::Timestamp;
use url::Url;

use super::incident::{lasted, summary};
use super::present::Audience;
use super::words;
use crate::model::incident::{Incident, IncidentId};

/// Incidents in a feed.
const ENTRIES_MAX: usize = 50;

/// The feed.
#[derive(Template)]
#[template(path = "feed.xml")]
pub struct Feed {
    id: String,
    title: String,
    address: String,
    updated: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    address: String,
    title: String,
    published: String,
    updated: String,
    text: String,
}

impl Feed {
    /// Returns the feed of these incidents, the newest first. `page` is the address of the first page.
    pub fn new(incidents: &[Incident], audience: Audience, title: &str, page: &Url) -> Self {
        let newest: Vec<&Incident> = incidents.iter().take(ENTRIES_MAX).collect();
        let updated = newest.iter().map(|one| changed(one)).max();
        Self {
            id: page.to_string(),
            title: clean(title),
            address: page.to_string(),
            updated: time(updated.unwrap_or(Timestamp::UNIX_EPOCH)),
            entries: newest
                .iter()
                .map(|one| entry(one, audience, page))
                .collect(),
        }
    }
}

/// Returns the address of the page of an incident.
pub fn address(page: &Url, id: &IncidentId) -> String {
    page.join(&format!("incidents/{id}"))
        .map_or_else(|_| page.to_string(), |url| url.to_string())
}

fn changed(incident: &Incident) -> Timestamp {
    let acked = incident.ack.as_ref().map(|ack| ack.at);
    let latest = [incident.closed_at, acked].into_iter().flatten().max();
    latest.unwrap_or(incident.opened_at)
}

fn entry(incident: &Incident, audience: Audience, page: &Url) -> Entry {
    let title = words::title(&incident.violation, audience);
    let mut text = match incident.closed_at {
        Some(closed) => format!(
            "{} after {}.",
            summary(incident),
            words::age(lasted(incident, closed))
        ),
        None => format!("{}.", summary(incident)),
    };
    if audience.is_private() {
        let why = incident.why().lines().next().unwrap_or_default();
        text = format!("{text} Why: {why}");
    }
    Entry {
        id: format!("urn:oes:incident:{}", incident.id),
        address: address(page, &incident.id),
        title: clean(&format!("{}: {title}", incident.service)),
        published: time(incident.opened_at),
        updated: time(changed(incident)),
        text: clean(&text),
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Takes out what XML cannot hold.
fn clean(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}'))
        .collect()
}
