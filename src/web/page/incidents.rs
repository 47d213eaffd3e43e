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
use crate::model::incident::{Incident, IncidentId};

/// Incidents on one page.
const LINES_MAX: usize = 50;

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
    /// This page of the month, from 1, and how many there are.
    number: usize,
    pages: usize,
}

/// Which incidents are shown: a month, the newest with any if none is named, and which page of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The month.
    pub month: Option<Month>,
    /// The page, from 1; one that there is not is the nearest.
    pub number: usize,
}

impl Shown {
    /// Returns the first page of a month.
    pub fn first(month: Option<Month>) -> Self {
        Self { month, number: 1 }
    }
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
        lasted: words::age(lasted(incident, present.at)),
    }
}

impl Page {
    /// Returns how many pages there are of this month.
    pub fn pages(&self) -> usize {
        self.pages
    }

    fn previous(&self) -> Option<String> {
        (self.number > 1).then(|| self.numbered(self.number - 1))
    }

    fn next(&self) -> Option<String> {
        (self.number < self.pages).then(|| self.numbered(self.number + 1))
    }

    fn numbered(&self, number: usize) -> String {
        self.frame.links.month(self.month, number)
    }

    /// Returns a page of a month.
    pub fn new(
        present: &Present,
        audience: Audience,
        title: &str,
        links: Links,
        (all, shown): (&[Incident], Shown),
    ) -> Self {
        let now = present.at;
        let verdict = present.verdict(audience);
        let mut counts: BTreeMap<Month, usize> = BTreeMap::new();
        for incident in all {
            *counts.entry(Month::of(incident.opened_at)).or_default() += 1;
        }
        let newest = counts.keys().next_back().copied();
        let month = shown.month.or(newest).unwrap_or(Month::of(now));
        let count = counts.get(&month).copied().unwrap_or_default();
        let pages = count.div_ceil(LINES_MAX).max(1);
        let number = shown.number.clamp(1, pages);
        let before = (number - 1) * LINES_MAX;
        let of_month = all.iter().filter(|one| Month::of(one.opened_at) == month);
        let planned = present.planned();
        let listed: Vec<Line> = of_month
            .skip(before)
            .take(LINES_MAX)
            .map(|one| line(one, audience, &links, (present, &planned)))
            .collect();
        let months = counts.iter().rev().map(|(one, count)| MonthLink {
            href: links.month(*one, 1),
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
            words: match count {
                0 => "No incidents".to_owned(),
                count if pages > 1 => format!(
                    "{}, {} to {} on this page",
                    counted(count, "incident"),
                    before + 1,
                    before + listed.len()
                ),
                count => counted(count, "incident"),
            },
            month,
            lines: listed,
            is_unreadable: false,
            number,
            pages,
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
