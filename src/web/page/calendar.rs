//! Planned times of maintenance: the page, and a calendar for other programs.

use std::time::Duration;

use askama::Template;
use jiff::Timestamp;

use super::frame::{Frame, Here};
use super::links::Links;
use super::moment::{Between, Minute};
use super::present::{Audience, Present};
use crate::model::counted::counted;
use crate::model::duration::{after, before};
use crate::model::maintenance::{Maintenance, When};
use crate::model::mute::Selector;
use crate::model::service::{Service, ServiceName};

/// Times that are listed of each.
const TIMES_MAX: usize = 5;
/// So far ahead is looked.
const AHEAD: Duration = Duration::from_hours(90 * 24);
/// So far back is looked.
const BACK: Duration = Duration::from_hours(30 * 24);
/// So many times that are past are looked at of each: more often than hourly is no maintenance.
const PAST_MAX: usize = 1_000;
/// Services that are named one by one.
const NAMES_MAX: usize = 10;
/// Services that the name of an entry of a calendar names.
const SUMMARY_NAMES_MAX: usize = 3;

/// The page.
#[derive(Template)]
#[template(path = "maintenance.html")]
pub struct Calendar {
    frame: Frame,
    on: Vec<Planned>,
    to_come: Vec<Planned>,
    past: Vec<Planned>,
    /// Services that may be seen.
    all: usize,
}

/// One planned time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What it is called.
    pub name: String,
    /// Which services it concerns, of those that may be seen.
    pub services: Vec<ServiceName>,
    /// What it is confined to besides, for those who may know.
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
        if self.is_on {
            format!("now, until {}", Minute(self.ends))
        } else {
            Between(self.begins, self.ends).to_string()
        }
    }
}

/// Returns the planned times that are on or to come, the next first. The public is told of those that concern a service it
/// sees.
pub fn planned(present: &Present, audience: Audience) -> Vec<Planned> {
    let mut all = all(present, audience, times);
    all.sort_by(|a, b| (a.begins, &a.name).cmp(&(b.begins, &b.name)));
    all
}

/// Returns the times of the last 30 days that are over, as the config plans them now, the newest first.
fn past(present: &Present, audience: Audience) -> Vec<Planned> {
    let mut all = all(present, audience, times_past);
    all.sort_by(|a, b| (b.begins, &a.name).cmp(&(a.begins, &b.name)));
    all
}

/// Begin and end of what was planned.
type Times = Vec<(Timestamp, Timestamp)>;

/// Returns planned times, some of each maintenance of which somebody sees a service.
fn all(
    present: &Present,
    audience: Audience,
    times: fn(&Maintenance, Timestamp) -> Times,
) -> Vec<Planned> {
    let mut all: Vec<Planned> = Vec::new();
    // What several services plan alike for themselves is one thing.
    let same =
        |one: &Maintenance, next: &Maintenance| one.when == next.when && one.name == next.name;
    for run in present.maintenance.chunk_by(same) {
        let Some(one) = run.first() else { continue };
        let seen = present
            .services
            .iter()
            .filter(|service| audience.sees(service));
        let services: Vec<ServiceName> = seen
            .filter(|service| run.iter().any(|one| one.covers(service)))
            .map(|service| service.name.clone())
            .collect();
        if services.is_empty() && !audience.is_private() {
            continue;
        }
        let violations = Selector {
            violations: one.of.violations.clone(),
            ..Selector::default()
        };
        let of = if audience.is_private() && !violations.is_everything() {
            violations.to_string()
        } else {
            String::new()
        };
        all.extend(
            times(one, present.at)
                .into_iter()
                .map(|(begins, ends)| Planned {
                    name: one.name.clone(),
                    services: services.clone(),
                    of: of.clone(),
                    begins,
                    ends,
                    is_on: begins <= present.at && present.at < ends,
                }),
        );
    }
    all
}

/// Returns the planned times of one service.
pub fn times_of(present: &Present, service: &Service, audience: Audience) -> Vec<Planned> {
    let mut alone = present.clone();
    alone.maintenance.retain(|one| one.covers(service));
    let mut all = planned(&alone, audience);
    all.truncate(TIMES_MAX);
    all
}

/// Returns when a maintenance is on, now and next.
fn times(one: &Maintenance, now: Timestamp) -> Times {
    match &one.when {
        When::Once { from, until } => (*until > now)
            .then_some((*from, *until))
            .into_iter()
            .collect(),
        When::Cron { lasts, .. } => {
            let mut times = Vec::new();
            if let Some(until) = one.is_on(now) {
                let begun = before(until, *lasts);
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

/// Returns when a maintenance was on and no longer is.
fn times_past(one: &Maintenance, now: Timestamp) -> Times {
    let since = before(now, BACK);
    match &one.when {
        When::Once { from, until } => (*until <= now && *until > since)
            .then_some((*from, *until))
            .into_iter()
            .collect(),
        When::Cron { begins, lasts } => {
            let first = before(since, *lasts);
            let all = std::iter::successors(begins.next(first), |at| begins.next(*at));
            all.map(|at| (at, after(at, *lasts)))
                .take_while(|(_, ends)| *ends <= now)
                .take(PAST_MAX)
                .collect()
        }
    }
}

impl Calendar {
    /// Returns the page.
    pub fn new(present: &Present, audience: Audience, title: &str, links: Links) -> Self {
        let verdict = present.verdict(audience);
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
            past: past(present, audience),
            all: present.standings(audience).len(),
        }
    }
}

impl Calendar {
    fn sections(&self) -> Vec<(&'static str, &[Planned])> {
        let sections = [
            ("Now", self.on.as_slice()),
            ("To come", &self.to_come),
            ("The last 30 days", &self.past),
        ];
        sections
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .collect()
    }

    /// Returns the services of a planned time that are named one by one, and how the others are told.
    fn services<'a>(&self, one: &'a Planned) -> (&'a [ServiceName], String) {
        let count = one.services.len();
        if count == self.all && count > 1 {
            return (&[], format!("all {}", counted(count, "service")));
        }
        match one.services.split_at_checked(NAMES_MAX) {
            Some((named, more)) if !more.is_empty() => (named, format!("and {} more", more.len())),
            _ => (&one.services, String::new()),
        }
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
        let names: Vec<&str> = one.services.iter().map(ServiceName::as_str).collect();
        let short = match names.len() {
            0..=SUMMARY_NAMES_MAX => names.join(", "),
            count => counted(count, "service"),
        };
        let parts = [one.name.as_str(), &short];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        let summary = parts.collect::<Vec<&str>>().join(": ");
        let description = names.join(", ");
        let uid = super::links::mark(&ServiceName::new(one.name.as_str()));
        lines.extend([
            "BEGIN:VEVENT".to_owned(),
            format!("UID:{uid}-{}@oes", form(one.begins)),
            // The same until the plan changes, so that the file does as well.
            format!("DTSTAMP:{}", form(one.begins)),
            format!("DTSTART:{}", form(one.begins)),
            format!("DTEND:{}", form(one.ends)),
            format!("SUMMARY:{}", escaped(&summary)),
            format!(
                "DESCRIPTION:{}",
                escaped(&format!("Services: {description}"))
            ),
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
