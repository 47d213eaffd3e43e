//! A copy of all pages as files, for another host: it is there when the monitor is not.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::archive::Archive;
use super::calendar::{Calendar, to_ical};
use super::incidents::{self, Month, Shown};
use super::links::{Links, mark};
use super::overview::{Draft, Query};
use super::present::{Audience, Present};
use super::window::Window;
use super::{assets, detail, incident, summary, written};
use crate::history;
use crate::history::reader::Reader;
use crate::history::series::RawSample;
use crate::model::duration::before;
use crate::model::exchange::Timings;
use crate::model::glance::Glance;
use crate::model::incident::{Incident, IncidentId};
use crate::model::service::{Service, ServiceName};
use crate::model::violation::Sample;
use crate::policy::story::Story;
use crate::policy::watch::Watch;

/// A service that was not looked at for longer than this is one without data, whatever was seen then.
const NEWEST: Duration = Duration::from_hours(24);

/// What a copy is made of.
pub struct Original<'a> {
    /// What is so.
    pub present: &'a Present,
    /// For whom.
    pub audience: Audience,
    /// What the pages are called as a whole.
    pub title: &'a str,
    /// Where the history is.
    pub history: &'a Path,
    /// Tells all that is known of an incident.
    pub story: &'a dyn Fn(&IncidentId) -> Option<Story>,
}

impl Original<'_> {
    /// Writes every page by the name of its file, and returns how many there are.
    ///
    /// # Errors
    /// The first that writing one ends with.
    pub fn copy<E>(&self, write: &mut dyn FnMut(&str, &str) -> Result<(), E>) -> Result<usize, E> {
        let (present, audience) = (self.present, self.audience);
        let archive = Archive::default();
        let known = archive.incidents(self.history);
        let all = incidents::visible(present, &known.incidents, audience);
        let mut count = 0;
        let mut put = |name: &str, text: &str| {
            count += 1;
            write(name, text)
        };
        for number in 1_usize.. {
            let query = Query {
                page: number.to_string(),
                ..Query::default()
            };
            let draft = Draft::new(present, audience, &query);
            let pages = draft.pages();
            let records = archive.records(self.history, present, &draft.needs());
            let page = draft.finish(self.title, Links::files(0), &records);
            put(&Links::files(0).numbered(number), &written(&page))?;
            if number >= pages {
                break;
            }
        }
        self.services(&archive, &all, &mut put)?;
        let page = |links, shown| {
            incidents::Page::new(present, audience, self.title, links, (&all, shown))
                .with_others_unread(known.is_unreadable)
        };
        let newest = page(Links::files(0), Shown::first(None));
        put("incidents.html", &written(&newest))?;
        for one in months(&all) {
            let month = Some(one);
            for number in 1_usize.. {
                let page = page(Links::files(1), Shown { month, number });
                put(&Links::files(0).month(one, number), &written(&page))?;
                if number >= page.pages() {
                    break;
                }
            }
        }
        for one in &all {
            let Some(story) = (self.story)(&one.id) else {
                continue;
            };
            let page = incident::Page::new(
                present,
                audience,
                self.title,
                Links::files(1),
                (&story, None),
            );
            if let Some(page) = page {
                put(&format!("incidents/{}.html", one.id), &written(&page))?;
            }
        }
        let calendar = Calendar::new(present, audience, self.title, Links::files(0));
        put("maintenance.html", &written(&calendar))?;
        put("maintenance.ics", &to_ical(present, audience, self.title))?;
        put("status.json", &summary::to_json(present, audience).0)?;
        put("status.txt", &summary::to_text(present, audience))?;
        put("page.js", assets::SCRIPT)?;
        Ok(count)
    }

    /// Writes the page of each service.
    fn services<E>(
        &self,
        archive: &Archive,
        all: &[Incident],
        put: &mut dyn FnMut(&str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let (present, audience) = (self.present, self.audience);
        let has_unread_incidents = archive.incidents(self.history).is_unreadable;
        for stood in present.standings(audience) {
            let mut past = archive.past(self.history, present, stood.service, Window::Day);
            let own = all.iter().filter(|one| one.service == stood.service.name);
            past.incidents = own.cloned().collect();
            past.has_unread_incidents = has_unread_incidents;
            let links = Links::files(1);
            let page = detail::Page::new(
                present,
                audience,
                self.title,
                links,
                (&stood, Window::Day, past),
            );
            put(
                &format!("services/{}.html", mark(&stood.service.name)),
                &written(&page),
            )?;
        }
        Ok(())
    }
}

fn months(all: &[Incident]) -> std::collections::BTreeSet<Month> {
    all.iter().map(|one| Month::of(one.opened_at)).collect()
}

/// Returns what the newest probe of each service showed, as far as the history knows.
pub fn glances(present: &Present, history: &Path) -> HashMap<ServiceName, Arc<Glance>> {
    let Ok(reader) = Reader::open(history) else {
        return HashMap::new();
    };
    let span = before(present.at, NEWEST)..present.at;
    let mut known = history::read(history, present.at).unwrap_or_default();
    let mut open = present.open();
    let newest = |service: &Arc<Service>| {
        let name = &service.name;
        let newest = reader.samples(name, span.clone(), 1).ok()?;
        let incidents = open.remove(name).unwrap_or_default().into_iter();
        let open = incidents.map(|one| (one.violation.clone(), one.reason.clone()));
        let known = known.remove(name).unwrap_or_default();
        let watch = known.watch(service, open.collect());
        let glance = glance(newest.last()?, &watch);
        Some((name.clone(), Arc::new(glance.with_held(watch.held()))))
    };
    present.services.iter().filter_map(newest).collect()
}

fn glance(sample: &RawSample, watch: &Watch) -> Glance {
    use crate::model::exchange::Phase;
    let mut timings = Timings::default();
    for (phase, spent) in Phase::ALL.into_iter().zip(sample.phases) {
        if let Some(spent) = spent {
            timings.add(phase, spent);
        }
    }
    timings.total = sample.latency.unwrap_or_default();
    let sample = Sample::from(sample.clone());
    Glance {
        timings: Some(timings),
        ..Glance::restored(&sample, [], watch.numbers(), watch.last_good())
    }
}
