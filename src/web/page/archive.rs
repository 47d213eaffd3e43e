//! Reads the history for pages, and keeps what does not change: of a service its past days, for a few seconds its row.
//! Blocks; not for threads that serve.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::detail::Past;
use super::present::Present;
use super::record::{DAYS_READ, Record, Stretch};
use super::window::{SAMPLES_MAX, Window};
use crate::history::reader::Reader;
use crate::history::series::Resolution;
use crate::history::{ReadError, incidents};
use crate::model::duration::before;
use crate::model::incident::Incident;
use crate::model::service::{Service, ServiceName};

/// A row is read again after this.
const ROW_FOR: Duration = Duration::from_secs(10);
/// The incidents are read again after this.
const INCIDENTS_FOR: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_hours(24);
/// Services of which past days are kept; 40 KB each.
const KEPT_MAX: usize = 400;

/// Is told what cannot be read, and of which services that was found.
type Tell = Box<dyn Fn(&ReadError, &[ServiceName]) + Send + Sync>;

/// What was read of the history.
#[derive(Default)]
pub struct Archive {
    rows: Mutex<HashMap<ServiceName, Kept>>,
    incidents: Mutex<Option<(Instant, Known)>>,
    tell: Option<Tell>,
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").finish_non_exhaustive()
    }
}

/// The incidents that the history knows.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The incidents.
    pub incidents: Arc<[Incident]>,
    /// Whether it cannot be read; there may be others then.
    pub is_unreadable: bool,
}

/// What is kept of one service.
#[derive(Debug, Clone)]
struct Kept {
    read: Instant,
    today: Timestamp,
    /// The days before yesterday.
    past: Arc<[Stretch]>,
    record: Record,
}

impl Archive {
    /// Returns an archive that tells somebody when the history cannot be read.
    pub fn telling(tell: impl Fn(&ReadError, &[ServiceName]) + Send + Sync + 'static) -> Self {
        Self {
            tell: Some(Box::new(tell)),
            ..Self::default()
        }
    }

    fn tell(&self, error: &ReadError, services: &[ServiceName]) {
        if let Some(tell) = &self.tell {
            tell(error, services);
        }
    }

    /// Returns the records of these services.
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
        let read = read_rows(path, present, &stale, &kept);
        let mut unreadable = HashMap::new();
        if let Err(error) = &read {
            let names = stale.iter().map(|one| one.name.clone());
            let names: Vec<ServiceName> = names.collect();
            self.tell(error, &names);
            unreadable.extend(names.into_iter().map(|name| (name, Record::unreadable())));
        }
        let read = read.unwrap_or_default();
        if !read.is_empty() {
            let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
            if rows.len() + read.len() > KEPT_MAX {
                rows.clear();
            }
            for (name, one) in read {
                rows.insert(name.clone(), one.clone());
                kept.insert(name, one);
            }
        }
        let kept = kept.into_iter().map(|(name, one)| (name, one.record));
        let mut records: HashMap<ServiceName, Record> = kept.collect();
        records.extend(unreadable);
        records
    }

    /// Returns the incidents that the history knows.
    pub fn incidents(&self, path: &Path) -> Known {
        let mut known = self
            .incidents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((read, known)) = &*known
            && read.elapsed() < INCIDENTS_FOR
        {
            return known.clone();
        }
        match incidents::read_all(path) {
            Ok(incidents) => {
                let read = Known {
                    incidents: incidents.into(),
                    is_unreadable: false,
                };
                *known = Some((Instant::now(), read.clone()));
                read
            }
            Err(_) if !path.exists() => Known::default(),
            Err(error) => {
                self.tell(&error, &[]);
                Known {
                    is_unreadable: true,
                    ..Known::default()
                }
            }
        }
    }

    /// Returns the past of one service.
    pub fn past(&self, path: &Path, present: &Present, service: &Service, window: Window) -> Past {
        let name = &service.name;
        let mut records = self.records(path, present, std::slice::from_ref(name));
        let record = records.remove(name).unwrap_or_default();
        let read = if record.is_unreadable {
            Ok(Past::unreadable())
        } else {
            read_past(path, present, name, window)
        };
        let past = read.unwrap_or_else(|error| {
            self.tell(&error, std::slice::from_ref(name));
            Past::unreadable()
        });
        Past { record, ..past }
    }
}

fn read_past(
    path: &Path,
    present: &Present,
    name: &ServiceName,
    window: Window,
) -> Result<Past, ReadError> {
    let mut past = Past::default();
    let Some(reader) = there(path, Reader::open(path))? else {
        return Ok(past);
    };
    let resolution = window.resolution().unwrap_or(Resolution::FiveMinutes);
    let buckets = reader.buckets(name, window.span(present.at), resolution)?;
    if window.resolution().is_some() {
        past.buckets.clone_from(&buckets);
    }
    past.gaps = reader.gaps(buckets, present.at, resolution)?;
    let hour = Window::Hour.span(present.at);
    past.samples = reader.samples(name, hour, SAMPLES_MAX)?;
    Ok(past)
}

/// Returns a history that was opened; absent where there is none.
fn there(path: &Path, opened: Result<Reader, ReadError>) -> Result<Option<Reader>, ReadError> {
    match opened {
        Err(_) if !path.exists() => Ok(None),
        reader => reader.map(Some),
    }
}

fn read_rows(
    path: &Path,
    present: &Present,
    services: &[&Arc<Service>],
    kept: &HashMap<ServiceName, Kept>,
) -> Result<Vec<(ServiceName, Kept)>, ReadError> {
    if services.is_empty() {
        return Ok(Vec::new());
    }
    let now = present.at;
    let today = Resolution::Day.floor(now);
    // All of one moment: else a span that is read later would know more than a longer one.
    let reader = there(path, Reader::still(path))?;
    let (known, new): (Vec<ServiceName>, Vec<ServiceName>) = services
        .iter()
        .map(|one| one.name.clone())
        .partition(|name| kept.contains_key(name));
    let days = |names: &[ServiceName], from: Timestamp| {
        let read = reader.as_ref().filter(|_| !names.is_empty());
        let read = read
            .map(|reader| reader.days(names, from..now))
            .transpose()?;
        let all = read.unwrap_or_default().into_iter();
        let all = all.map(|(name, days)| (name, days.iter().map(Stretch::from).collect()));
        Ok::<HashMap<ServiceName, Vec<Stretch>>, ReadError>(all.collect())
    };
    // It is not yet complete when a new day begins.
    let yesterday = before(today, DAY);
    let year = before(
        today,
        Duration::from_secs(u64::from(DAYS_READ - 1) * 86_400),
    );
    let mut read = days(&new, year)?;
    read.extend(days(&known, yesterday)?);
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
                .filter(|day| day.from < yesterday)
                .collect(),
        };
        let recent = reader.as_ref().map(|reader| recent(reader, name, now));
        let recent = recent.transpose()?.unwrap_or_default();
        let record = Record::of(service, (&days, &recent), &present.maintenance, now);
        let kept = Kept {
            read: Instant::now(),
            today,
            past,
            record,
        };
        Ok((name.clone(), kept))
    };
    services.iter().map(row).collect()
}

/// Returns the last 24 hours of a service, cut off at five minutes.
fn recent(reader: &Reader, name: &ServiceName, now: Timestamp) -> Result<Vec<Stretch>, ReadError> {
    let from = before(now, DAY);
    let whole = Resolution::Hour.end(Resolution::Hour.floor(from));
    let first = reader.buckets(name, from..whole, Resolution::FiveMinutes)?;
    let hours = reader.buckets(name, whole..now, Resolution::Hour)?;
    let all = first.iter().chain(&hours).map(Stretch::from);
    Ok(all.filter(|one| one.from >= from).collect())
}

/// Returns where the history of a data folder is.
pub fn database(data: &Path) -> PathBuf {
    data.join(crate::history::FILE)
}
