//! What the config says of whom to tell, and when.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use url::Url;

use super::own;
use super::seen::Seen;
use crate::channel::settings::{ChannelKind, Settings};
use crate::config::{Config, Otlp, Server};
use crate::model::incident::{Incident, Ledger};
use crate::model::maintenance::Maintenance;
use crate::model::route::{Route, route};
use crate::model::secret::Secret;
use crate::model::service::{ChannelName, Service, ServiceName};
use crate::policy::mute::{Facts, Muting};
use crate::policy::owed::Manner;

/// What the notifier must know of the config.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Services in the order of the config.
    pub(super) listed: Arc<[Arc<Service>]>,
    /// Services in the order of their names.
    pub(super) sorted: Arc<[Arc<Service>]>,
    /// Services by name.
    pub(super) services: HashMap<ServiceName, Arc<Service>>,
    /// What services are called that had another name.
    pub(super) former: Arc<HashMap<ServiceName, ServiceName>>,
    /// The services that depend on each directly.
    pub(super) dependents: HashMap<ServiceName, Vec<ServiceName>>,
    /// How long an opening waits for others.
    pub(super) gather: Duration,
    /// Least time between two announcements where the service says nothing.
    pub(super) cool_down: Duration,
    /// When people are reminded of an open incident.
    pub(super) reminders: Vec<Duration>,
    /// The zone of the times in messages, UTC if absent.
    pub(super) zone: Option<TimeZone>,
    /// Every channel.
    pub(super) channels: BTreeSet<ChannelName>,
    /// What the config says of each.
    pub(super) settings: HashMap<ChannelName, Arc<Settings>>,
    /// The kind of each channel that is a script: what a provider's limit for everything concerns.
    pub(super) kinds: HashMap<ChannelName, Arc<str>>,
    /// How each channel is told of many incidents.
    pub(super) manners: HashMap<ChannelName, Manner>,
    /// Which channel stands in for another, and after how long.
    pub(super) fallbacks: HashMap<ChannelName, (ChannelName, Duration)>,
    /// When a daily digest is sent, and to which channels.
    pub(super) digest: Option<(Time, Vec<ChannelName>)>,
    /// Who is told of what.
    pub(super) routes: Vec<Route>,
    /// Planned mutes.
    pub(super) maintenance: Vec<Maintenance>,
    /// What tells whether OES itself has lost the network.
    pub(super) canaries: Vec<Url>,
    /// Where OES answers.
    pub(super) server: Server,
    /// Where metrics are sent.
    pub(super) otlp: Option<Otlp>,
    /// What is asked regularly while all is well.
    pub(super) heartbeat_url: Option<Secret>,
}

impl From<&Config> for Book {
    fn from(config: &Config) -> Self {
        let services: HashMap<ServiceName, Arc<Service>> = config
            .services
            .iter()
            .map(|one| (one.service.name.clone(), Arc::clone(&one.service)))
            .collect();
        let mut sorted: Vec<Arc<Service>> = services.values().map(Arc::clone).collect();
        sorted.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut dependents: HashMap<ServiceName, Vec<ServiceName>> = HashMap::new();
        for service in config.services.iter().map(|one| &one.service) {
            for parent in &service.depends_on {
                let of = dependents.entry(parent.clone()).or_default();
                of.push(service.name.clone());
            }
        }
        let former = config.services.iter().flat_map(|one| {
            let new = &one.service.name;
            one.was.iter().map(|old| (old.clone(), new.clone()))
        });
        let channels = || config.channels.iter();
        let fallback = |one: &Settings| Some((one.name.clone(), one.fallback.clone()?));
        Self {
            listed: config
                .services
                .iter()
                .map(|one| Arc::clone(&one.service))
                .collect(),
            sorted: sorted.into(),
            former: Arc::new(former.collect()),
            server: config.server.clone(),
            otlp: config.otlp.clone(),
            services,
            dependents,
            gather: config.notify.gather,
            cool_down: config.notify.cool_down,
            reminders: config.notify.reminders.clone(),
            zone: Some(config.notify.time_zone.clone()),
            channels: channels().map(|channel| channel.name.clone()).collect(),
            settings: channels()
                .map(|channel| (channel.name.clone(), Arc::new(channel.clone())))
                .collect(),
            kinds: channels().filter_map(kind).collect(),
            manners: channels()
                .map(|channel| (channel.name.clone(), manner(channel, config.notify.singles)))
                .collect(),
            fallbacks: channels().filter_map(fallback).collect(),
            digest: config.notify.digest.clone(),
            routes: config.notify.routes.clone(),
            maintenance: config.maintenance.clone(),
            canaries: config.canaries.clone(),
            heartbeat_url: config.notify.heartbeat_url.clone(),
        }
    }
}

fn kind(channel: &Settings) -> Option<(ChannelName, Arc<str>)> {
    match &channel.kind {
        ChannelKind::Console | ChannelKind::Email(_) => None,
        ChannelKind::Script(source) => Some((channel.name.clone(), Arc::clone(&source.name))),
    }
}

/// Returns how a channel is told of many incidents.
pub(super) fn manner(channel: &Settings, singles: usize) -> Manner {
    match &channel.kind {
        ChannelKind::Console | ChannelKind::Email(_) => Manner {
            singles,
            ..Manner::default()
        },
        ChannelKind::Script(source) => Manner {
            storms: !source.header.groups,
            edits: source.header.edits,
            singles,
        },
    }
}

impl Book {
    /// Returns the other channels of the same kind.
    pub(super) fn kin(&self, channel: &ChannelName) -> Vec<ChannelName> {
        let kind = self.kinds.get(channel);
        let kin = |(name, of): &(&ChannelName, &Arc<str>)| *name != channel && Some(*of) == kind;
        self.kinds
            .iter()
            .filter(kin)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Returns the least time between two announcements of the same violation of a service.
    pub(super) fn cool_down(&self, service: &ServiceName) -> Duration {
        self.services
            .get(service)
            .map_or(self.cool_down, |service| service.notify_cool_down)
    }

    /// Returns who is told of an incident.
    pub(super) fn told(&self, incident: &Incident) -> Vec<ChannelName> {
        match self.services.get(&incident.service) {
            Some(service) => {
                let (violation, at) = (&incident.violation, incident.opened_at);
                route(&self.routes, service, violation, at).channels
            }
            None => own::told(incident, &self.channels),
        }
    }

    /// Returns when the newest digest of a channel was due, absent without one.
    pub(super) fn digest_due(&self, channel: &ChannelName, now: Timestamp) -> Option<Timestamp> {
        let (at, channels) = self.digest.as_ref()?;
        if !channels.contains(channel) {
            return None;
        }
        let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
        let today = now.to_zoned_datetime(zone.clone()).date();
        let of = |day: Date| zone.to_timestamp(day.to_datetime(*at)).ok();
        let days = [Some(today), today.yesterday().ok()].into_iter().flatten();
        days.filter_map(of).find(|due| *due <= now)
    }

    /// Does something with what is muted at this moment.
    pub(super) fn muting<T>(
        &self,
        ledger: &Ledger,
        seen: &Seen,
        now: Timestamp,
        then: impl FnOnce(&Muting<'_>) -> T,
    ) -> T {
        let suspect = |name: &ServiceName| seen.failed(name);
        then(&Muting::new(Facts {
            ledger,
            services: &self.services,
            maintenance: &self.maintenance,
            suspect: &suspect,
            started_at: seen.started_at(),
            now,
        }))
    }

    /// Returns the services that depend on one, directly or by others, in the order of their names.
    pub(super) fn dependents_of(&self, service: &ServiceName) -> BTreeSet<ServiceName> {
        let mut found = BTreeSet::new();
        let mut next = vec![service];
        while let Some(name) = next.pop() {
            for dependent in self.dependents.get(name).into_iter().flatten() {
                if found.insert(dependent.clone()) {
                    next.push(dependent);
                }
            }
        }
        found
    }
}
