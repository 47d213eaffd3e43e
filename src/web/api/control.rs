//! What the API acts on.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::history::series::RawSample;
use crate::model::glance::Glance;
use crate::model::incident::Ledger;
use crate::model::maintenance::Maintenance;
use crate::model::service::{ChannelName, Service, ServiceName};
use crate::policy::dry_run::DryRun;
use crate::policy::heartbeat::Awaited;
use crate::policy::orders::{Done, Order, Refusal};
use crate::policy::story::Story;
use crate::web::Pending;

/// What the API acts on.
pub trait Control: Send + Sync {
    /// Returns the present ledger.
    fn ledger(&self) -> Arc<Ledger>;

    /// Returns the planned mutes of the present config.
    fn maintenance(&self) -> Vec<Maintenance>;

    /// Returns what is watched, in the order of the names.
    fn services(&self) -> Arc<[Arc<Service>]>;

    /// Returns the service of this name.
    fn service(&self, name: &str) -> Option<Arc<Service>>;

    /// Returns what the newest probe of a service showed; absent before the first.
    fn glance(&self, service: &ServiceName) -> Option<Arc<Glance>>;

    /// Returns when a service is probed next; absent before the first probe.
    fn next_probe(&self, service: &ServiceName) -> Option<Timestamp>;

    /// Returns what is waited for of a service that reports.
    fn awaited(&self, service: &ServiceName) -> Option<Awaited>;

    /// Returns the newest samples of a service that began within a span, at most `limit`, oldest first.
    fn samples(
        &self,
        service: ServiceName,
        span: Range<Timestamp>,
        limit: usize,
    ) -> Pending<'_, Result<Vec<RawSample>, Refusal>>;

    /// Probes a service at once, and returns when that is dealt with.
    fn probe(&self, service: ServiceName) -> Pending<'_, Result<(), Refusal>>;

    /// Returns the script that judges a service, the first of several; absent if none does.
    fn script(&self, service: &ServiceName) -> Option<Arc<str>>;

    /// Probes a service once and judges what came with a script in the place of its own. Nothing comes of it: it counts in
    /// no window, changes no memory, is written down nowhere and told to nobody.
    fn dry_run(&self, service: ServiceName, script: String) -> Pending<'_, Result<Tried, Refusal>>;

    /// Reads the ops config again.
    fn reload(&self) -> Pending<'_, Result<Reloaded, Refusal>>;

    /// Returns the time.
    fn now(&self) -> Timestamp;

    /// Returns random bytes for a name.
    fn random(&self) -> [u8; 5];

    /// Carries an order out and returns once it is on disk, or cannot be.
    fn carry_out(&self, order: Order) -> Pending<'_, Result<Carried, Refusal>>;

    /// Returns all that is known of an incident, named whole or by its beginning.
    fn story(&self, incident: String) -> Pending<'_, Result<Story, Refusal>>;

    /// Reads through what the history has of services; one that is damaged is set aside.
    fn check_history(&self, services: Vec<ServiceName>) -> Pending<'_, Result<Checked, Refusal>>;

    /// Sends a message that says of itself that it is a test; with `over`, its end.
    fn test(&self, channel: ChannelName, over: bool) -> Pending<'_, Result<Tested, Refusal>>;
}

/// An order that was carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Carried {
    /// What was done.
    #[serde(flatten)]
    pub done: Done,
    /// Whether it is on disk.
    pub durable: bool,
    /// What may not be as it was meant, for people; absent where there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What was found in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checked {
    /// Whether all of it can be read.
    #[serde(rename = "whole")]
    pub is_whole: bool,
    /// Why it cannot; absent where it can.
    pub why: Option<String>,
}

/// How a script was tried.
#[derive(Debug, Clone)]
pub enum Tried {
    /// It judged a probe.
    Ran(Box<DryRun>),
    /// It cannot be used.
    Refused {
        /// What is wrong with it, one line a mistake.
        mistakes: Vec<String>,
        /// The same with the lines of the script and a mark at each place.
        drawn: String,
    },
}

/// How a reload ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum Reloaded {
    /// The new config runs.
    Applied {
        /// How many services are new.
        added: usize,
        /// How many services have other settings.
        changed: usize,
        /// How many services are gone.
        removed: usize,
    },
    /// It says what runs already.
    Unchanged,
    /// It cannot be used; what ran goes on.
    Refused {
        /// What is wrong with it, one line a mistake.
        mistakes: Vec<String>,
    },
}

/// How a test message was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tested {
    /// The channel.
    pub channel: ChannelName,
    /// Whether it took the message.
    pub taken: bool,
    /// What kind of answer it was: `taken`, `retry`, `rejected`, …
    pub answer: String,
    /// Why it was not taken.
    pub reason: Option<String>,
}
