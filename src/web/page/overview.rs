//! The first page: the verdict, what is open, and the services with their days.

mod open;
mod search;

use std::collections::HashMap;
use std::time::Duration;

use askama::Template;

use super::frame::{Frame, Here};
use super::links::{Links, mark};
use super::moment::AsOf;
use super::present::{Audience, Present, Stood};
use super::record::Record;
use super::state::State;
use super::strip::{DAYS, Strip};
use super::verdict::Verdict;
use super::words;
use crate::model::counted::counted;
use crate::model::duration::{Shown, after, since};
use crate::model::service::ServiceName;
use crate::model::tally::Share;
use crate::policy::mute::Muting;
use crate::web::page::calendar::{Planned, planned};

use open::{OpenLine, OpenList, open};
pub use search::{Query, Search};

/// Services on one page.
pub const ROWS_MAX: usize = 100;
/// An uptime below this many millionths is worth a look.
const LOW: u32 = 990_000;
/// A maintenance that begins within this time is announced.
const ANNOUNCED: Duration = Duration::from_hours(7 * 24);

/// The first page.
#[derive(Template)]
#[template(path = "overview.html")]
pub struct Overview {
    frame: Frame,
    verdict: Verdict,
    as_of: AsOf,
    next_look: Option<String>,
    open: Vec<OpenLine>,
    open_words: String,
    open_more: usize,
    open_common: String,
    upcoming: Vec<Planned>,
    search: Search,
    groups: Vec<Group>,
    days_shown: u32,
    gap: Option<String>,
}

/// What changes of the first page while somebody looks: the verdict and some rows.
#[derive(Template)]
#[template(path = "fragment.html")]
pub struct Fragment {
    frame: Frame,
    verdict: Verdict,
    as_of: AsOf,
    next_look: Option<String>,
    open: Vec<OpenLine>,
    open_words: String,
    open_more: usize,
    open_common: String,
    rows: Vec<Row>,
}

/// Services that belong together.
struct Group {
    name: String,
    state: State,
    words: String,
    rows: Vec<Row>,
}

/// One service.
pub(super) struct Row {
    mark: String,
    href: String,
    name: String,
    state: State,
    note: String,
    /// Who is on it, and what holds its messages back, for those who may know.
    more: Vec<String>,
    strip: Strip,
    uptimes: Vec<Up>,
    is_unreadable: bool,
    latency: Option<String>,
}

/// One number of uptime.
struct Up {
    label: &'static str,
    value: String,
    share: Option<Share>,
    /// Of how much it is, where that is little of the span.
    of: Option<String>,
}

impl Up {
    fn is_low(&self) -> bool {
        self.share.is_some_and(|share| share.millionths() < LOW)
    }
}

/// A first page of which it is known which services are on it, but not yet their past.
pub struct Draft<'a> {
    present: &'a Present,
    audience: Audience,
    stood: Vec<Stood<'a>>,
    search: Search,
    /// Places in `stood` of the services on this page, in the order of their groups.
    shown: Vec<usize>,
}

impl<'a> Draft<'a> {
    /// Returns the page that a query asks for.
    pub fn new(present: &'a Present, audience: Audience, query: &Query) -> Self {
        let stood = present.standings(audience);
        let (search, shown) = search::select(&stood, query);
        Self {
            present,
            audience,
            stood,
            search,
            shown,
        }
    }

    /// Returns the services whose past it needs.
    pub fn needs(&self) -> Vec<ServiceName> {
        let shown = self.shown.iter().filter_map(|at| self.stood.get(*at));
        shown.map(|stood| stood.service.name.clone()).collect()
    }

    /// Returns how many first pages there are, each with its share of the services.
    pub fn pages(&self) -> usize {
        self.search.pages
    }

    /// Returns the whole page.
    pub fn finish(
        self,
        title: &str,
        links: Links,
        records: &HashMap<ServiceName, Record>,
    ) -> Overview {
        let verdict = Verdict::of(&self.stood, self.present.ended);
        let frame = frame(title, links, self.audience, self.present, &verdict);
        let OpenList {
            open,
            open_words,
            open_more,
            open_common,
        } = open(&self.stood, &frame);
        let shown: Vec<&Stood<'_>> = self
            .shown
            .iter()
            .filter_map(|at| self.stood.get(*at))
            .collect();
        let groups = self.present.muting(|muting| {
            let groups = shown.chunk_by(|one, next| one.service.group == next.service.group);
            let groups = groups.map(|of_group| group(of_group, &frame, records, muting));
            groups.collect()
        });
        let soon = after(self.present.at, ANNOUNCED);
        let mut upcoming = planned(self.present, self.audience);
        upcoming.retain(|one| one.begins < soon);
        upcoming.truncate(5);
        let gaps = shown
            .iter()
            .filter_map(|one| records.get(&one.service.name)?.gap());
        Overview {
            as_of: AsOf::of(self.present.at, frame.links.is_copy()),
            next_look: next_look(&self.stood, self.present).filter(|_| !frame.links.is_copy()),
            gap: gaps.max().map(words::gap),
            frame,
            verdict,
            open,
            open_words,
            open_more,
            open_common,
            upcoming,
            search: self.search,
            groups,
            days_shown: DAYS,
        }
    }
}

impl Overview {
    fn previous(&self) -> Option<String> {
        Some(self.numbered(self.search.previous()?))
    }

    fn next(&self) -> Option<String> {
        Some(self.numbered(self.search.next()?))
    }

    fn numbered(&self, page: usize) -> String {
        let links = &self.frame.links;
        if links.is_copy() {
            links.numbered(page)
        } else {
            self.search.address(page)
        }
    }
}

impl Fragment {
    /// Returns what is to be replaced of a first page, and the services whose past it needs.
    pub fn needs(present: &Present, audience: Audience, marks: &[&str]) -> Vec<ServiceName> {
        let services = present.services.iter().filter(|one| audience.sees(one));
        let names = services.map(|service| &service.name);
        let wanted = names.filter(|name| marks.contains(&mark(name).as_str()));
        wanted.cloned().collect()
    }

    /// Returns what is to be replaced.
    pub fn new(
        present: &Present,
        audience: Audience,
        title: &str,
        records: &HashMap<ServiceName, Record>,
    ) -> Self {
        let stood = present.standings(audience);
        let verdict = Verdict::of(&stood, present.ended);
        let frame = frame(title, Links::served(0), audience, present, &verdict);
        let OpenList {
            open,
            open_words,
            open_more,
            open_common,
        } = open(&stood, &frame);
        let wanted = stood
            .iter()
            .filter(|one| records.contains_key(&one.service.name));
        let rows = present.muting(|muting| {
            let rows = wanted.map(|one| row(one, &frame, records, muting));
            rows.collect()
        });
        Self {
            as_of: AsOf::of(present.at, frame.links.is_copy()),
            next_look: next_look(&stood, present),
            frame,
            verdict,
            open,
            open_words,
            open_more,
            open_common,
            rows,
        }
    }
}

fn frame(
    title: &str,
    links: Links,
    audience: Audience,
    present: &Present,
    verdict: &Verdict,
) -> Frame {
    Frame {
        title: title.to_owned(),
        heading: format!("{} · {title}", verdict.sentence),
        here: Here::Services,
        links,
        audience,
        state: verdict.state,
        at: present.at,
    }
}

/// Returns within which time a service is probed next: `within 8 s`; absent where that is at any moment.
fn next_look(stood: &[Stood<'_>], present: &Present) -> Option<String> {
    let probed = stood.iter().filter(|one| one.service.heartbeat.is_none());
    let next = |one: &Stood<'_>| Some(after(one.glance?.at, one.service.interval));
    let next = probed.filter_map(next).min()?;
    let seconds = since(present.at, next).as_secs();
    (seconds > 0).then(|| format!("within {}", Shown(Duration::from_secs(seconds + 1))))
}

fn group(
    of_group: &[&Stood<'_>],
    frame: &Frame,
    records: &HashMap<ServiceName, Record>,
    muting: &Muting<'_>,
) -> Group {
    let states: Vec<State> = of_group.iter().map(|one| one.state()).collect();
    let worst = states.iter().max().copied().unwrap_or(State::NoData);
    let bad = states
        .iter()
        .filter(|state| **state != State::Operational)
        .count();
    let first = of_group.first();
    let name = first.and_then(|one| one.service.group.clone());
    Group {
        name: name.unwrap_or_else(|| "Services".to_owned()),
        state: worst,
        words: match bad {
            0 => counted(states.len(), "service"),
            _ => format!("{} of {} not operational", bad, states.len()),
        },
        rows: of_group
            .iter()
            .map(|one| row(one, frame, records, muting))
            .collect(),
    }
}

fn row(
    one: &Stood<'_>,
    frame: &Frame,
    records: &HashMap<ServiceName, Record>,
    muting: &Muting<'_>,
) -> Row {
    let name = &one.service.name;
    let record = records.get(name).cloned().unwrap_or_default();
    let latency = one.glance.and_then(|glance| glance.latency);
    let uptimes = record.uptimes.iter().map(|(label, uptime)| Up {
        label,
        value: uptime
            .uptime()
            .map_or_else(|| "–".to_owned(), |share| share.to_string()),
        share: uptime.uptime(),
        of: words::of_little(uptime),
    });
    Row {
        mark: mark(name),
        href: frame.links.service(name),
        name: name.to_string(),
        state: one.state(),
        note: one.note(frame.audience),
        more: if frame.audience.is_private() {
            one.besides(muting, frame.at)
        } else {
            Vec::new()
        },
        uptimes: uptimes.collect(),
        is_unreadable: record.is_unreadable,
        strip: record.strip,
        latency: latency.map(|latency| Shown(latency).to_string()),
    }
}
