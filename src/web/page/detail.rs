//! One service: why it stands as it does, how fast it is, and what it was.

mod beat;
mod facts;
mod gaps;
mod ties;

use std::time::Duration;

use askama::Template;
use jiff::Timestamp;
use url::Url;

use super::calendar::{Planned, times_of};
use super::chart::Chart;
use super::frame::{Frame, Here};
use super::incidents::{self, Line};
use super::links::Links;
use super::moment::Moment;
use super::phases::{LEAST, Part, Phases};
use super::present::{Audience, Present, Stood};
use super::record::Record;
use super::state::State;
use super::strip::{Day, Strip};
use super::why::Why;
use super::window::Window;
use crate::history::gaps::Gap;
use crate::history::series::{Bucket, PhaseSum, RawSample};
use crate::model::duration::Shown;
use crate::model::exchange::Phase;
use crate::model::glance::Glance;
use crate::model::histogram::Histogram;
use crate::model::incident::Incident;
use facts::Fact;
use ties::Tie;

/// Probes that are listed.
pub const PROBES_MAX: usize = 30;
/// Incidents that are listed.
const INCIDENTS_MAX: usize = 10;

/// The page.
#[derive(Template)]
#[template(path = "service.html")]
pub struct Page {
    frame: Frame,
    name: String,
    mark: String,
    group: Option<String>,
    state: State,
    note: String,
    /// Who is on it, and what holds its messages back.
    more: Vec<String>,
    /// What it depends on, and what depends on it.
    ties: Vec<(&'static str, Vec<Tie>)>,
    request: Option<String>,
    runbook: Option<String>,
    playground: Option<String>,
    facts: Vec<Fact>,
    why: Vec<Why>,
    rules: Vec<String>,
    record: Record,
    strip: Strip,
    days: Vec<Day>,
    window: Window,
    tabs: Vec<Tab>,
    chart: Chart,
    chart_rows: Vec<ChartRow>,
    phases: Phases,
    phases_last: Phases,
    probes: Vec<Probe>,
    /// Whether it reports and is not asked.
    reports: bool,
    /// How long the last probe took in all.
    took_last: String,
    gaps: Vec<String>,
    incidents: Vec<Line>,
    is_unreadable: bool,
    has_unread_incidents: bool,
    planned: Vec<Planned>,
    badges: Vec<Badge>,
}

/// A badge to be copied into another page.
struct Badge {
    words: &'static str,
    address: String,
    markdown: String,
}

struct Tab {
    href: String,
    words: &'static str,
    is_here: bool,
}

struct ChartRow {
    at: Moment,
    percentiles: [String; 3],
    samples: u64,
}

struct Probe {
    at: Moment,
    outcome: &'static str,
    latency: String,
    phases: String,
    code: String,
}

/// What is known of the past of a service.
#[derive(Debug, Default)]
pub struct Past {
    /// Its days and uptimes.
    pub record: Record,
    /// Buckets of the window; empty for one that is read from probes.
    pub buckets: Vec<Bucket>,
    /// When nobody looked in the window.
    pub gaps: Vec<Gap>,
    /// Probes of the last hour, oldest first.
    pub samples: Vec<RawSample>,
    /// Its incidents, the newest first.
    pub incidents: Vec<Incident>,
    /// Whether the history cannot be read: what is not known of it is no lack of data.
    pub is_unreadable: bool,
    /// Whether there may be incidents that cannot be read.
    pub has_unread_incidents: bool,
}

impl Page {
    fn all_phases(&self) -> Vec<(&'static str, String, &Phases)> {
        let mean = self.phases.total_words();
        let last = self.took_last.clone();
        let all = [
            ("Mean over the span above", mean, &self.phases),
            ("The last probe", last, &self.phases_last),
        ];
        all.into_iter()
            .filter(|(.., phases)| !phases.0.is_empty())
            .collect()
    }
}

impl Past {
    /// Returns the past of a service whose history cannot be read.
    pub fn unreadable() -> Self {
        Self {
            is_unreadable: true,
            ..Self::default()
        }
    }

    /// Returns a percentile of the latencies since a moment, 0 to 1.
    pub fn latency(&self, from: Timestamp, share: f64) -> Option<Duration> {
        let mut all = Histogram::default();
        if self.buckets.is_empty() {
            let new = self.samples.iter().filter(|sample| sample.at >= from);
            new.filter_map(|sample| sample.latency)
                .for_each(|latency| all.record(latency));
        } else {
            self.buckets
                .iter()
                .for_each(|bucket| all.merge(&bucket.latency));
        }
        all.quantile(share)
    }
}

impl Page {
    /// Returns the page of a service.
    pub fn new(
        present: &Present,
        audience: Audience,
        title: &str,
        links: Links,
        (stood, window, past): (&Stood<'_>, Window, Past),
    ) -> Self {
        let now = present.at;
        let service = stood.service;
        let private = audience.is_private();
        let state = present.verdict(audience).state;
        let chart = chart(stood, window, &past, now);
        let newest_incidents = lines(&past.incidents, audience, &links, present);
        let newest = past
            .samples
            .iter()
            .rev()
            .take(PROBES_MAX)
            .filter(|_| private);
        let timings = stood.glance.and_then(|glance| glance.timings.as_ref());
        let timings = timings.filter(|_| private);
        let tabs = tabs(window, &links);
        let is_tried = private && !links.is_copy() && service.heartbeat.is_none();
        let playground = is_tried.then(|| links.playground(&service.name));
        let ties = ties::of(service, present, (audience, &links));
        let frame = Frame {
            title: title.to_owned(),
            heading: format!("{} · {title}", service.name),
            here: Here::Services,
            links,
            audience,
            state,
            at: now,
        };
        Self {
            name: service.name.to_string(),
            mark: super::links::segment(service.name.as_str()),
            group: service.group.clone(),
            state: stood.state(),
            note: stood.note(audience),
            more: ties::besides(stood, present, audience),
            ties,
            request: private.then(|| facts::request(service)),
            runbook: facts::runbook(service).filter(|_| private),
            playground,
            facts: facts::of(stood, audience, present.at),
            why: Why::all(stood, audience),
            rules: facts::rules(stood, audience),
            strip: past.record.strip.clone(),
            days: past.record.strip.0.iter().rev().copied().collect(),
            record: past.record,
            window,
            tabs,
            chart_rows: rows(&chart),
            phases: means(&past.buckets, &past.samples, window),
            phases_last: timings.map(Phases::from).unwrap_or_default(),
            probes: newest.map(Probe::of).collect(),
            reports: service.heartbeat.is_some(),
            took_last: took_last(stood),
            gaps: gaps::told(&past.gaps),
            planned: times_of(present, service, audience),
            badges: Vec::new(),
            incidents: newest_incidents,
            is_unreadable: past.is_unreadable,
            has_unread_incidents: past.has_unread_incidents,
            chart,
            frame,
        }
    }
}

impl Page {
    /// Returns the page with its badges to be copied, where it is known how others call the first page.
    #[must_use]
    pub fn with_badges_below(self, root: Option<&Url>) -> Self {
        let badges = root.map(|root| Badge::all(root, &self.mark));
        Self {
            badges: badges.into_iter().flatten().collect(),
            ..self
        }
    }
}

impl Badge {
    fn all(root: &Url, mark: &str) -> [Self; 3] {
        // In Markdown an address ends with the first parenthesis.
        let mark = mark.replace('(', "%28").replace(')', "%29");
        let kinds = [
            ("State", ".svg"),
            ("Uptime", "/uptime.svg"),
            ("Latency", "/latency.svg"),
        ];
        kinds.map(|(words, end)| {
            let address = format!("{root}badge/{mark}{end}");
            Self {
                words,
                markdown: format!("[![{words}]({address})]({root}services/{mark})"),
                address,
            }
        })
    }
}

/// Returns how long the last probe took: what its phases do not explain is part of it.
fn took_last(stood: &Stood<'_>) -> String {
    let took = stood.glance.and_then(Glance::duration);
    took.map(|took| Shown(took).to_string()).unwrap_or_default()
}

fn chart(stood: &Stood<'_>, window: Window, past: &Past, now: Timestamp) -> Chart {
    let limit = stood.service.latency.as_ref().map(|rule| rule.limit);
    match window.resolution() {
        Some(_) => window.of_buckets(past.buckets.clone(), limit, now),
        None => window.of_samples(&past.samples, limit, now),
    }
}

/// Returns the windows to choose from; a copy has one.
fn tabs(here: Window, links: &Links) -> Vec<Tab> {
    let tab = |one: Window| Tab {
        href: format!("?window={}", one.as_str()),
        words: one.words(),
        is_here: one == here,
    };
    let all = Window::ALL.into_iter().filter(|_| !links.is_copy());
    all.map(tab).collect()
}

fn lines(all: &[Incident], audience: Audience, links: &Links, present: &Present) -> Vec<Line> {
    let newest = all.iter().take(INCIDENTS_MAX);
    let planned = present.planned();
    newest
        .map(|one| incidents::line(one, audience, links, (present, &planned)))
        .collect()
}

fn rows(chart: &Chart) -> Vec<ChartRow> {
    let row = |point: &super::chart::Point| {
        Some(ChartRow {
            at: Moment(point.at),
            percentiles: point.percentiles?.map(|at| Shown(at).to_string()),
            samples: point.samples,
        })
    };
    chart.points.iter().rev().filter_map(row).collect()
}

/// Returns the mean of each phase over a window.
fn means(buckets: &[Bucket], samples: &[RawSample], window: Window) -> Phases {
    let mut sums = [PhaseSum::default(); 6];
    if window.resolution().is_some() {
        for bucket in buckets {
            for (sum, phase) in sums.iter_mut().zip(Phase::ALL) {
                sum.sum += bucket.phase(phase).sum;
                sum.count += bucket.phase(phase).count;
            }
        }
    } else {
        for sample in samples {
            for (sum, spent) in sums.iter_mut().zip(sample.phases) {
                sum.sum += spent.unwrap_or_default();
                sum.count += u64::from(spent.is_some());
            }
        }
    }
    let mean = |(phase, sum): (Phase, PhaseSum)| {
        Some(Part {
            name: phase.as_str(),
            number: phase as usize,
            spent: sum.mean().filter(|mean| *mean >= LEAST)?,
        })
    };
    Phases(Phase::ALL.into_iter().zip(sums).filter_map(mean).collect())
}

impl Probe {
    fn of(sample: &RawSample) -> Self {
        let phases = Phase::ALL.into_iter().zip(sample.phases);
        let phases: Vec<String> = phases
            .filter_map(|(phase, spent)| Some(format!("{phase} {}", Shown(spent?))))
            .collect();
        Self {
            at: Moment(sample.at),
            outcome: sample.outcome.as_str(),
            latency: sample
                .latency
                .map_or_else(|| "–".to_owned(), |latency| Shown(latency).to_string()),
            phases: phases.join(", "),
            code: sample.code.as_deref().unwrap_or_default().to_owned(),
        }
    }
}
