//! Planned times of maintenance: the page, and a calendar for other programs.

use std::time::Duration;

use askama::Template;
use jiff::Timestamp;

use super::frame::{Frame, Here};
use super::links::Links;
use super::moment::Minute;
use super::overview;
use super::present::{Audience, Present};
use crate::model::duration::after;
use crate::model::maintenance::{Maintenance, When};
use crate::model::service::Service;

/// Times that are listed of each.
const TIMES_MAX: usize = 5;
/// So far ahead is looked.
const AHEAD: Duration = Duration::from_hours(90 * 24);

/// The page.
#[derive(Template)]
#[template(path = "maintenance.html")]
pub struct Calendar {
    frame: Frame,
    on: Vec<Planned>,
    to_come: Vec<Planned>,
}

/// One planned time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What it is called.
    pub name: String,
    /// What it concerns, for those who may know.
    pub of: String,
    /// When it begins.
    pub begins: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
    /// Whether it is on.
    pub is_on: bool,
}

impl Planned {
    /// Returns when it is: `now, until …`, `from … to …`.
    pub fn when(&self) -> String {
        let (begins, ends) = (Minute(self.begins), Minute(self.ends));
        if self.is_on {
            format!("now, until {ends}")
        } else {
            format!("{begins} to {ends}")
        }
    }
}

/// Returns the planned times that are on or to come, the next first. The public is told of those that concern a service it
/// sees.
pub fn planned(present: &Present, audience: Audience) -> Vec<Planned> {
    let seen = |one: &&Maintenance| {
        audience.is_private()
            || present
                .services
                .iter()
                .any(|service| service.public && one.of.covers(service))
    };
    let mut all: Vec<Planned> = Vec::new();
    // What `defaults` plan comes once for each service; it is one thing.
    let same =
        |one: &Maintenance, next: &Maintenance| one.when == next.when && one.name == next.name;
    for run in present.maintenance.chunk_by(same) {
        let Some(one) = run.iter().find(|one| seen(one)) else {
            continue;
        };
        let of = match run {
            [alone] if audience.is_private() => alone.of.to_string(),
            _ if audience.is_private() => format!("{} services", run.len()),
            _ => String::new(),
        };
        all.extend(
            times(one, present.at)
                .into_iter()
                .map(|(begins, ends)| Planned {
                    name: one.name.clone(),
                    of: of.clone(),
                    begins,
                    ends,
                    is_on: begins <= present.at,
                }),
        );
    }
    all.sort_by(|a, b| (a.begins, &a.name).cmp(&(b.begins, &b.name)));
    all
}

/// Returns the planned times of one service.
pub fn times_of(present: &Present, service: &Service, audience: Audience) -> Vec<Planned> {
    let mut alone = present.clone();
    alone.maintenance.retain(|one| one.of.covers(service));
    let mut all = planned(&alone, audience);
    all.truncate(TIMES_MAX);
    all
}

/// Returns when a maintenance is on, now and next.
fn times(one: &Maintenance, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    match &one.when {
        When::Once { from, until } => (*until > now)
            .then_some((*from, *until))
            .into_iter()
            .collect(),
        When::Cron { lasts, .. } => {
            let mut times = Vec::new();
            if let Some(until) = one.is_on(now) {
                let begun = crate::model::duration::before(until, *lasts);
                times.push((begun, until));
            }
            let mut at = now;
            while times.len() < TIMES_MAX {
                let Some(next) = one.next(at).filter(|next| *next < after(now, AHEAD)) else {
                    break;
                };
                times.push((next, after(next, *lasts)));
                at = next;
            }
            times
        }
    }
}

impl Calendar {
    /// Returns the page.
    pub fn new(present: &Present, audience: Audience, title: &str, links: Links) -> Self {
        let verdict = overview::verdict(&present.standings(audience));
        let (on, to_come) = planned(present, audience)
            .into_iter()
            .partition(|one| one.is_on);
        Self {
            frame: Frame {
                title: title.to_owned(),
                heading: format!("Maintenance · {title}"),
                here: Here::Maintenance,
                links,
                audience,
                state: verdict.state,
                at: present.at,
            },
            on,
            to_come,
        }
    }
}

impl Calendar {
    fn sections(&self) -> Vec<(&'static str, &[Planned])> {
        let sections = [("Now", self.on.as_slice()), ("To come", &self.to_come)];
        sections
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .collect()
    }
}

/// Returns the planned times as an iCalendar file (RFC 5545).
pub fn to_ical(present: &Present, audience: Audience, title: &str) -> String {
    let form = |at: Timestamp| at.strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//OES//status//EN".to_owned(),
        format!("X-WR-CALNAME:{}", escaped(title)),
    ];
    for one in planned(present, audience) {
        let name = escaped(&one.name);
        let uid = super::links::mark(&crate::model::service::ServiceName::new(one.name.as_str()));
        lines.extend([
            "BEGIN:VEVENT".to_owned(),
            format!("UID:{uid}-{}@oes", form(one.begins)),
            // The same until the plan changes, so that the file does as well.
            format!("DTSTAMP:{}", form(one.begins)),
            format!("DTSTART:{}", form(one.begins)),
            format!("DTEND:{}", form(one.ends)),
            format!("SUMMARY:{name}"),
            "END:VEVENT".to_owned(),
        ]);
    }
    lines.push("END:VCALENDAR".to_owned());
    lines.iter().map(|line| folded(line) + "\r\n").collect()
}

fn escaped(text: &str) -> String {
    let plain = text
        .replace('\\', "\\\\")
        .replace(';', "\\;")
        .replace(',', "\\,");
    plain
        .chars()
        .filter(|letter| !letter.is_control())
        .collect()
}

/// Folds a line so that none has more than 75 octets.
fn folded(line: &str) -> String {
    let (mut text, mut octets) = (String::new(), 0);
    for letter in line.chars() {
        if octets + letter.len_utf8() > 74 {
            text += "\r\n ";
            octets = 1;
        }
        text.push(letter);
        octets += letter.len_utf8();
    }
    text
}
