//! Incidents by month.

use std::collections::BTreeMap;

use askama::Template;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::frame::{Frame, Here};
use super::incident::{lasted, state, summary};
use super::links::Links;
use super::moment::Minute;
use super::present::{Audience, Plans, Present};
use super::state::State;
use super::words;
use crate::model::counted::counted;
use crate::model::duration::Shown;
use crate::model::incident::{Incident, IncidentId};

/// The page.
#[derive(Template)]
#[template(path = "incidents.html")]
pub struct Page {
    frame: Frame,
    month: Month,
    words: String,
    lines: Vec<Line>,
    months: Vec<MonthLink>,
    is_unreadable: bool,
}

/// A month of a year, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// Returns the month of a moment.
    pub fn of(at: Timestamp) -> Self {
        let date = at.to_zoned_datetime(TimeZone::UTC).date();
        Self {
            year: date.year(),
            month: date.month(),
        }
    }

    /// Reads `2026-11`.
    pub fn named(name: &str) -> Option<Self> {
        let (year, month) = name.split_once('-')?;
        let (year, month) = (year.parse().ok()?, month.parse().ok()?);
        Date::new(year, month, 1).ok()?;
        Some(Self { year, month })
    }

    /// Returns `2026-11`.
    pub fn name(self) -> String {
        format!("{:04}-{:02}", self.year, self.month)
    }

    /// Returns `November 2026`.
    pub fn words(self) -> String {
        Date::new(self.year, self.month, 1)
            .map(|date| date.strftime("%B %Y").to_string())
            .unwrap_or_default()
    }
}

struct MonthLink {
    href: String,
    words: String,
    count: usize,
    is_here: bool,
}

pub(super) struct Line {
    pub(super) href: String,
    pub(super) state: State,
    pub(super) service: String,
    pub(super) title: String,
    /// The word of the config for it.
    pub(super) word: Option<String>,
    pub(super) summary: String,
    /// What is planned for now, where something is.
    pub(super) planned: Option<String>,
    pub(super) at: Minute,
    pub(super) lasted: String,
}

/// Returns the incidents that an audience may see, the newest first: those of the ledger, which is the newest truth, and
/// those that only the history still knows.
pub fn visible(present: &Present, past: &[Incident], audience: Audience) -> Vec<Incident> {
    let of_ledger = present.ledger.incidents.values();
    let all: BTreeMap<&IncidentId, &Incident> = past
        .iter()
        .chain(of_ledger)
        .map(|one| (&one.id, one))
        .collect();
    let seen: std::collections::HashSet<&str> = present
        .services
        .iter()
        .filter(|service| audience.sees(service))
        .map(|service| service.name.as_str())
        .collect();
    let mut all: Vec<Incident> = all
        .into_values()
        .filter(|one| audience.is_private() || seen.contains(one.service.as_str()))
        .filter(|one| words::is_shown(one, audience))
        .cloned()
        .collect();
    all.sort_by(|a, b| (b.opened_at, &b.id).cmp(&(a.opened_at, &a.id)));
    all
}

/// Returns an incident in one line.
pub(super) fn line(
    incident: &Incident,
    audience: Audience,
    links: &Links,
    (present, planned): (&Present, &Plans<'_>),
) -> Line {
    let on = planned.get(&incident.id).copied();
    Line {
        href: links.incident(&incident.id),
        state: state(incident, on, present),
        service: incident.service.to_string(),
        title: words::title(&incident.violation, audience),
        word: words::word(&incident.violation, audience),
        summary: summary(incident),
        planned: on.map(|on| words::in_maintenance(on, audience)),
        at: Minute(incident.opened_at),
        lasted: Shown(lasted(incident, present.at)).to_string(),
    }
}

impl Page {
    /// Returns the page of a month, the newest with an incident if none is named.
    pub fn new(
        present: &Present,
        audience: Audience,
        title: &str,
        links: Links,
        (all, month): (&[Incident], Option<Month>),
    ) -> Self {
        let now = present.at;
        let verdict = present.verdict(audience);
        let mut counts: BTreeMap<Month, usize> = BTreeMap::new();
        for incident in all {
            *counts.entry(Month::of(incident.opened_at)).or_default() += 1;
        }
        let newest = counts.keys().next_back().copied();
        let month = month.or(newest).unwrap_or(Month::of(now));
        let of_month = all.iter().filter(|one| Month::of(one.opened_at) == month);
        let planned = present.planned();
        let shown: Vec<Line> = of_month
            .map(|one| line(one, audience, &links, (present, &planned)))
            .collect();
        let months = counts.iter().rev().map(|(one, count)| MonthLink {
            href: links.page(&format!("incidents/{}", one.name())),
            words: one.words(),
            count: *count,
            is_here: *one == month,
        });
        Self {
            months: months.collect(),
            frame: Frame {
                title: title.to_owned(),
                heading: format!("Incidents of {} · {title}", month.words()),
                here: Here::Incidents,
                links,
                audience,
                state: verdict.state,
                at: now,
            },
            words: match shown.len() {
                0 => "No incidents".to_owned(),
                count => counted(count, "incident"),
            },
            month,
            lines: shown,
            is_unreadable: false,
        }
    }

    /// Returns the page that says of others that they may be in a history that cannot be read, where that is so.
    #[must_use]
    pub fn with_others_unread(self, is_unreadable: bool) -> Self {
        let words = match self.lines.len() {
            0 if is_unreadable => "No incidents are known".to_owned(),
            _ => self.words,
        };
        Self {
            words,
            is_unreadable,
            ..self
        }
    }
}
