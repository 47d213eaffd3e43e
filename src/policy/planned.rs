//! The maintenance that is on now, found by the service.

use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;

use crate::model::maintenance::Maintenance;
use crate::model::service::{Service, ServiceName};

/// The maintenance that is on now. What a service plans for itself alone is found by its name: there may be as many as
/// services.
#[derive(Debug)]
pub struct OnNow<'a> {
    by_name: HashMap<&'a ServiceName, Vec<Planned<'a>>>,
    others: Vec<Planned<'a>>,
}

type Planned<'a> = (&'a Maintenance, On<'a>);

/// A maintenance that is on, in a few words: `New storage, until 26 Nov 2026, 15:00 UTC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct On<'a> {
    /// What people call it.
    pub name: &'a str,
    /// When it ends.
    pub until: Timestamp,
}

impl<'a> OnNow<'a> {
    /// Returns what is on at a moment.
    pub fn of(maintenance: &'a [Maintenance], now: Timestamp) -> Self {
        let runs = maintenance.chunk_by(|one, next| one.when == next.when);
        let on = runs.filter_map(|run| Some((run, run.first()?.is_on(now)?)));
        let mut found = Self {
            by_name: HashMap::new(),
            others: Vec::new(),
        };
        for (run, until) in on {
            for one in run {
                let name = one.name.as_str();
                let mut own = one.own.iter().flatten();
                let place = match (own.next(), own.next()) {
                    (Some(alone), None) => found.by_name.entry(alone).or_default(),
                    _ => &mut found.others,
                };
                place.push((one, On { name, until }));
            }
        }
        found
    }

    /// Returns what is on for a service, whatever it violates.
    pub fn covering(&self, service: &Service) -> Option<On<'a>> {
        let own = self.by_name.get(&service.name);
        let mut all = own.into_iter().flatten().chain(&self.others);
        all.find(|(one, _)| one.covers(service)).map(|(_, on)| *on)
    }
}

impl fmt::Display for On<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.until.strftime("until %-d %b %Y, %H:%M UTC");
        match self.name {
            "" => write!(f, "{until}"),
            name => write!(f, "{name}, {until}"),
        }
    }
}
