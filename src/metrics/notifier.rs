//! What the notifier counts, by channel.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::{FloatGauge, seconds_histogram};
use crate::model::duration::since;
use crate::model::incident::Ledger;
use crate::model::service::ChannelName;

/// What the notifier counts.
#[derive(Debug, Clone)]
pub(super) struct NotifierMetrics {
    owed: Family<ChannelLabels, Gauge>,
    oldest_owed: Family<ChannelLabels, FloatGauge>,
    up: Family<ChannelLabels, Gauge>,
    attempts: Family<AttemptLabels, Counter>,
    tries: Family<ChannelLabels, Histogram, fn() -> Histogram>,
    delays: Family<ChannelLabels, Histogram, fn() -> Histogram>,
    dead_letters: Gauge,
}

impl Default for NotifierMetrics {
    fn default() -> Self {
        Self {
            owed: Family::default(),
            oldest_owed: Family::default(),
            up: Family::default(),
            attempts: Family::default(),
            tries: Family::new_with_constructor(seconds_histogram),
            // From half a second to more than an hour.
            delays: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.5, 2.0, 14))
            }),
            dead_letters: Gauge::default(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabels {
    channel: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    channel: String,
    result: &'static str,
}

/// How much one channel is owed.
#[derive(Debug, Clone)]
pub struct ChannelOwed {
    /// The channel.
    pub channel: ChannelName,
    /// Messages that it must still take.
    pub messages: usize,
    /// Since when the oldest of them is owed.
    pub oldest: Option<Timestamp>,
}

impl NotifierMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "notify_owed",
            "Messages that a channel must still take",
            self.owed.clone(),
        );
        registry.register_with_unit(
            "notify_oldest_owed",
            "Age of the oldest message that a channel must still take",
            Unit::Seconds,
            self.oldest_owed.clone(),
        );
        registry.register(
            "channel_up",
            "1 unless the channel is failing or disabled",
            self.up.clone(),
        );
        registry.register(
            "notify_attempts",
            "Tries to deliver a message, by channel and how they ended",
            self.attempts.clone(),
        );
        registry.register_with_unit(
            "notify_attempt_duration",
            "Time of one try to deliver a message",
            Unit::Seconds,
            self.tries.clone(),
        );
        registry.register_with_unit(
            "notify_delay",
            "Time from the opening or the end of an incident until a channel took the message about it",
            Unit::Seconds,
            self.delays.clone(),
        );
        registry.register(
            "notify_dead_letters",
            "Messages that no try could deliver and that are kept for a person",
            self.dead_letters.clone(),
        );
    }

    /// Begins to tell of a channel, of nothing that happened yet.
    pub(super) fn begin(&self, channel: &ChannelName, results: &[&'static str]) {
        let channel = channel.to_string();
        let labels = ChannelLabels {
            channel: channel.clone(),
        };
        drop(self.tries.get_or_create(&labels));
        drop(self.delays.get_or_create(&labels));
        for result in results {
            let channel = channel.clone();
            drop(
                self.attempts
                    .get_or_create(&AttemptLabels { channel, result }),
            );
        }
    }

    /// Counts one try: how it ended, and how long it took.
    pub(super) fn attempted(&self, channel: &ChannelName, result: &'static str, took: Duration) {
        let name = channel.to_string();
        self.tries
            .get_or_create(&ChannelLabels { channel: name })
            .observe(took.as_secs_f64());
        let channel = channel.to_string();
        self.attempts
            .get_or_create(&AttemptLabels { channel, result })
            .inc();
    }

    /// Notes that a channel has taken a message so long after what it tells.
    pub(super) fn delivered(&self, channel: &ChannelName, delay: Duration) {
        let channel = channel.to_string();
        self.delays
            .get_or_create(&ChannelLabels { channel })
            .observe(delay.as_secs_f64());
    }

    pub(super) fn refresh(&self, ledger: &Ledger, owed: &[ChannelOwed], now: Timestamp) {
        for family in [&self.owed, &self.up] {
            family.clear();
        }
        self.oldest_owed.clear();
        for one in owed {
            let labels = ChannelLabels {
                channel: one.channel.to_string(),
            };
            let age = one
                .oldest
                .map_or(Duration::ZERO, |oldest| since(oldest, now));
            let state = ledger.channels.get(&one.channel);
            let up = state.is_none_or(|state| state.disabled.is_none() && state.failures == 0);
            self.owed
                .get_or_create(&labels)
                .set(i64::try_from(one.messages).unwrap_or(i64::MAX));
            self.oldest_owed
                .get_or_create(&labels)
                .set(age.as_secs_f64());
            self.up.get_or_create(&labels).set(i64::from(up));
        }
        self.dead_letters
            .set(i64::try_from(ledger.dead_letters.len()).unwrap_or(i64::MAX));
    }
}
