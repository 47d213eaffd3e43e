//! The spans of time that a chart can show.

use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

use super::chart::{Chart, Point};
use crate::history::series::{Bucket, RawSample, Resolution, filled, together};
use crate::model::duration::{after, before};
use crate::model::histogram::Histogram;

/// A span of time that a chart can show, up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last hour, a point every two minutes, from the probes themselves.
    Hour,
    /// The last six hours.
    SixHours,
    /// The last day.
    Day,
    /// The last seven days.
    Week,
    /// The last 30 days.
    Month,
    /// The last 90 days.
    Quarter,
    /// The last 365 days, a point every five.
    Year,
}

/// Points of the last hour.
const POINTS_OF_HOUR: u32 = 30;
/// Probes of the last hour that are read at most.
pub const SAMPLES_MAX: usize = 4_000;

impl Window {
    /// Every span, the shortest first.
    pub const ALL: [Self; 7] = [
        Self::Hour,
        Self::SixHours,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::Year,
    ];

    /// Returns its name in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
            Self::Year => "1y",
        }
    }

    /// Returns its name for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Hour => "1 h",
            Self::SixHours => "6 h",
            Self::Day => "24 h",
            Self::Week => "7 d",
            Self::Month => "30 d",
            Self::Quarter => "90 d",
            Self::Year => "1 y",
        }
    }

    /// Returns the span of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|window| window.as_str() == name)
    }

    /// Returns how long it is.
    pub fn length(self) -> Duration {
        Duration::from_hours(match self {
            Self::Hour => 1,
            Self::SixHours => 6,
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
            Self::Quarter => 90 * 24,
            Self::Year => 365 * 24,
        })
    }

    /// Returns which buckets it is read from; absent for the probes themselves.
    pub fn resolution(self) -> Option<Resolution> {
        match self {
            Self::Hour => None,
            Self::SixHours | Self::Day => Some(Resolution::FiveMinutes),
            Self::Week | Self::Month => Some(Resolution::Hour),
            Self::Quarter | Self::Year => Some(Resolution::Day),
        }
    }

    /// Returns how many buckets one point is made of.
    fn buckets_a_point(self) -> usize {
        match self {
            Self::Day => 3,
            Self::Month => 4,
            Self::Year => 5,
            _ => 1,
        }
    }

    /// Returns when it begins and ends.
    pub fn span(self, now: Timestamp) -> Range<Timestamp> {
        let begins = before(now, self.length());
        let begins = self
            .resolution()
            .map_or(begins, |resolution| resolution.floor(begins));
        begins..now
    }

    /// Returns the chart of these buckets of it.
    pub fn of_buckets(
        self,
        buckets: Vec<Bucket>,
        limit: Option<Duration>,
        now: Timestamp,
    ) -> Chart {
        let resolution = self.resolution().unwrap_or(Resolution::FiveMinutes);
        let span = self.span(now);
        let all = filled(buckets, span.clone(), resolution);
        let points = all.chunks(self.buckets_a_point()).filter_map(|some| {
            let (first, last) = (some.first()?, some.last()?);
            let one = together(first.from, last.until, some);
            Some(point(first.from, &one.latency))
        });
        let step = resolution.length() * u32::try_from(self.buckets_a_point()).unwrap_or(1);
        Chart {
            from: span.start,
            until: span.end,
            step,
            limit,
            points: points.collect(),
        }
    }

    /// Returns the chart of these probes of it.
    pub fn of_samples(
        self,
        samples: &[RawSample],
        limit: Option<Duration>,
        now: Timestamp,
    ) -> Chart {
        let span = self.span(now);
        let step = self.length() / POINTS_OF_HOUR;
        let mut bins = vec![Histogram::default(); POINTS_OF_HOUR as usize];
        for sample in samples {
            let passed = crate::model::duration::since(span.start, sample.at);
            let place = usize::try_from(passed.as_millis() / step.as_millis().max(1)).ok();
            let bin = place.and_then(|place| bins.get_mut(place));
            if let (Some(bin), Some(latency)) = (bin, sample.latency) {
                bin.record(latency);
            }
        }
        let points = (0..)
            .zip(&bins)
            .map(|(place, bin)| point(after(span.start, step * place), bin));
        Chart {
            points: points.collect(),
            from: span.start,
            until: span.end,
            step,
            limit,
        }
    }
}

fn point(at: Timestamp, latency: &Histogram) -> Point {
    let percentile = |share| latency.quantile(share);
    let all = (percentile(0.5), percentile(0.9), percentile(0.99));
    Point {
        at,
        percentiles: match all {
            (Some(p50), Some(p90), Some(p99)) => Some([p50, p90, p99]),
            _ => None,
        },
        samples: latency.count(),
    }
}
