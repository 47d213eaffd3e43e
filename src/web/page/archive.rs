//! Reads the history for pages, and keeps what does not change: of a service its past days, for a few seconds its row.
//! Blocks; not for threads that serve.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::detail::Past;
use super::present::Present;
use super::record::{DAYS_READ, Record, Stretch};
use super::window::{SAMPLES_MAX, Window};
use crate::history::incidents;
use crate::history::reader::Reader;
use crate::history::series::Resolution;
use crate::model::duration::before;
use crate::model::incident::Incident;
use crate::model::service::{Service, ServiceName};

/// A row is read again after this.
const ROW_FOR: Duration = Duration::from_secs(10);
/// The incidents are read again after this.
const INCIDENTS_FOR: Duration = Duration::from_secs(5);
/// Services of which past days are kept; 40 KB each.
const KEPT_MAX: usize = 400;

/// What was read of the history.
#[derive(Debug, Default)]
pub struct Archive {
    rows: Mutex<HashMap<ServiceName, Kept>>,
    incidents: Mutex<Option<(Instant, Arc<[Incident]>)>>,
}

/// What is kept of one service.
#[derive(Debug, Clone)]
struct Kept {
    read: Instant,
    today: Timestamp,
    /// The days before today.
    past: Arc<[Stretch]>,
    record: Record,
}

impl Archive {
    /// Returns the records of these services; one that cannot be read is one without data.
    pub fn records(
        &self,
        path: &Path,
        present: &Present,
        names: &[ServiceName],
    ) -> HashMap<ServiceName, Record> {
        let wanted: std::collections::HashSet<&ServiceName> = names.iter().collect();
        let services = present
            .services
            .iter()
            .filter(|one| wanted.contains(&one.name));
        let services: Vec<&Arc<Service>> = services.collect();
        let today = Resolution::Day.floor(present.at);
        let mut kept: HashMap<ServiceName, Kept> = {
            let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
            let known = names
                .iter()
                .filter_map(|name| Some((name.clone(), rows.get(name)?.clone())));
            known.filter(|(_, one)| one.today == today).collect()
        };
        let fresh = |one: &Kept| one.read.elapsed() < ROW_FOR;
        let stale: Vec<&Arc<Service>> = services
            .into_iter()
            .filter(|one| !kept.get(&one.name).is_some_and(fresh))
            .collect();
        if !stale.is_empty() {
            let read = read_rows(path, present, &stale, &kept);
            let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
            if rows.len() + read.len() > KEPT_MAX {
                rows.clear();
            }
            for (name, one) in read {
                rows.insert(name.clone(), one.clone());
                kept.insert(name, one);
            }
        }
        kept.into_iter()
            .map(|(name, one)| (name, one.record))
            .collect()
    }

    /// Returns the incidents that the history knows.
    pub fn incidents(&self, path: &Path) -> Arc<[Incident]> {
        let mut known = self
            .incidents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((read, incidents)) = &*known
            && read.elapsed() < INCIDENTS_FOR
        {
            return Arc::clone(incidents);
        }
        let read: Arc<[Incident]> = incidents::read_all(path).unwrap_or_default().into();
        *known = Some((Instant::now(), Arc::clone(&read)));
        read
    }

    /// Returns the past of one service.
    pub fn past(&self, path: &Path, present: &Present, service: &Service, window: Window) -> Past {
        let name = &service.name;
        let mut records = self.records(path, present, std::slice::from_ref(name));
        let mut past = Past {
            record: records.remove(name).unwrap_or_default(),
            ..Past::default()
        };
        if let Ok(reader) = Reader::open(path) {
            let resolution = window.resolution().unwrap_or(Resolution::FiveMinutes);
            let read = reader.buckets(name, window.span(present.at), resolution);
            let buckets = read.unwrap_or_default();
            if window.resolution().is_some() {
                past.buckets.clone_from(&buckets);
            }
            let gaps = reader.gaps(buckets, present.at, resolution);
            past.gaps = gaps.unwrap_or_default();
            let hour = Window::Hour.span(present.at);
            past.samples = reader.samples(name, hour, SAMPLES_MAX).unwrap_or_default();
        }
        past
    }
}

fn read_rows(
    path: &Path,
    present: &Present,
    services: &[&Arc<Service>],
    kept: &HashMap<ServiceName, Kept>,
) -> Vec<(ServiceName, Kept)> {
    let now = present.at;
    let today = Resolution::Day.floor(now);
    let reader = Reader::open(path).ok();
    let (known, new): (Vec<ServiceName>, Vec<ServiceName>) = services
        .iter()
        .map(|one| one.name.clone())
        .partition(|name| kept.contains_key(name));
    let days = |names: &[ServiceName], from: Timestamp| -> HashMap<ServiceName, Vec<Stretch>> {
        let read = reader.as_ref().filter(|_| !names.is_empty());
        let read = read.and_then(|reader| reader.days(names, from..now).ok());
        let all = read.unwrap_or_default().into_iter();
        all.map(|(name, days)| (name, days.iter().map(Stretch::from).collect()))
            .collect()
    };
    let year = before(
        today,
        Duration::from_secs(u64::from(DAYS_READ - 1) * 86_400),
    );
    let mut read = days(&new, year);
    read.extend(days(&known, today));
    let row = |service: &&Arc<Service>| {
        let name = &service.name;
        let mut days = read.remove(name).unwrap_or_default();
        let past: Arc<[Stretch]> = match kept.get(name) {
            Some(one) => {
                days.splice(0..0, one.past.iter().copied());
                Arc::clone(&one.past)
            }
            None => days
                .iter()
                .copied()
                .filter(|day| day.from < today)
                .collect(),
        };
        let day = before(now, Duration::from_hours(24))..now;
        let hours = reader
            .as_ref()
            .and_then(|reader| reader.buckets(name, day, Resolution::Hour).ok());
        let hours: Vec<Stretch> = hours
            .unwrap_or_default()
            .iter()
            .map(Stretch::from)
            .collect();
        let record = Record::of(service, (&days, &hours), &present.maintenance, now);
        let kept = Kept {
            read: Instant::now(),
            today,
            past,
            record,
        };
        (name.clone(), kept)
    };
    services.iter().map(row).collect()
}

/// Returns where the history of a data folder is.
pub fn database(data: &Path) -> PathBuf {
    data.join(crate::history::FILE)
}
