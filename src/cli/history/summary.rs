//! What a service was within a span, as numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::history::reader::Reader;
use crate::history::series::{Bucket, Resolution, filled, together};
use crate::history::{self, ReadError};
use crate::model::exchange::Phase;
use crate::model::judgement::Outcome;
use crate::model::service::ServiceName;
use crate::model::tally::Tally;

/// Gaps are looked for in buckets of five minutes, in a longer span in hours.
const FINE_MAX: Duration = Duration::from_hours(8 * 24);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) resolution: Resolution,
}

/// What a service was.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) service: ServiceName,
    #[serde(serialize_with = "word")]
    pub(super) resolution: Resolution,
    /// All of it together.
    #[serde(flatten)]
    pub(super) whole: Numbers,
    /// When nobody looked, oldest first; absent where that was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gaps: Option<Vec<Gap>>,
    pub(super) buckets: Vec<Numbers>,
}

/// A time without data.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Gap {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub(super) length: Duration,
}

impl From<history::gaps::Gap> for Gap {
    fn from(gap: history::gaps::Gap) -> Self {
        Self {
            from: gap.from,
            until: gap.until,
            length: gap.length,
        }
    }
}

/// A bucket as numbers.
#[derive(Debug, Serialize)]
pub(super) struct Numbers {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    /// A share, cut off after the sixth decimal.
    uptime: Option<f64>,
    seconds: BTreeMap<&'static str, f64>,
    outcomes: BTreeMap<&'static str, u64>,
    latency_us: BTreeMap<&'static str, u64>,
    phases_us: BTreeMap<&'static str, u64>,
    #[serde(skip)]
    pub(super) bucket: Bucket,
}

impl Numbers {
    pub(super) fn of(bucket: Bucket) -> Self {
        let Tally {
            up,
            degraded,
            down,
            unknown,
            error,
            no_data,
        } = bucket.tally;
        let times = [
            ("up", up),
            ("degraded", degraded),
            ("down", down),
            ("unknown", unknown),
            ("error", error),
            ("no_data", no_data),
        ];
        let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];
        let quantiles = quantiles
            .into_iter()
            .filter_map(|(name, share)| Some((name, micros(bucket.latency.quantile(share)?))));
        let phases = Phase::ALL
            .into_iter()
            .filter_map(|phase| Some((phase.as_str(), micros(bucket.phase(phase).mean()?))));
        Self {
            from: bucket.from,
            until: bucket.until,
            uptime: bucket
                .tally
                .uptime()
                .map(crate::model::tally::Share::as_f64),
            seconds: times
                .into_iter()
                .map(|(name, time)| (name, time.as_secs_f64()))
                .collect(),
            outcomes: Outcome::ALL
                .into_iter()
                .map(|one| (one.as_str(), bucket.of(one)))
                .collect(),
            latency_us: quantiles.collect(),
            phases_us: phases.collect(),
            bucket,
        }
    }
}

impl Summary {
    /// Returns what services were within a span; of one that nothing is known of, that.
    pub(super) fn all(
        reader: &Reader,
        services: &[ServiceName],
        span: Span,
    ) -> Result<Vec<Self>, ReadError> {
        let mut known = reader.many(services, span.from..span.until, span.resolution)?;
        let summary = |service: &ServiceName| {
            let buckets = known.remove(service).unwrap_or_default();
            Self::of(service, buckets, span)
        };
        Ok(services.iter().map(summary).collect())
    }

    fn of(service: &ServiceName, buckets: Vec<Bucket>, span: Span) -> Self {
        let Span {
            from,
            until,
            resolution,
        } = span;
        let begins = buckets.first().map_or(from, |first| first.from.min(from));
        let ends = buckets.last().map_or(until, |last| last.until.max(until));
        let whole = together(begins, ends, &buckets);
        let buckets = filled(buckets, from..until, resolution).into_iter();
        Self {
            service: service.clone(),
            resolution,
            whole: Numbers::of(whole),
            gaps: None,
            buckets: buckets.map(Numbers::of).collect(),
        }
    }

    /// Adds when nobody looked.
    pub(super) fn find_gaps(&mut self, reader: &Reader, span: Span) -> Result<(), ReadError> {
        self.gaps = Some(gaps(reader, &self.service, span)?);
        Ok(())
    }
}

/// Returns when nobody looked, after the first time that somebody did.
fn gaps(reader: &Reader, service: &ServiceName, span: Span) -> Result<Vec<Gap>, ReadError> {
    let Span { from, until, .. } = span;
    let length = crate::model::duration::since(from, until);
    let fine = if length <= FINE_MAX {
        Resolution::FiveMinutes
    } else {
        Resolution::Hour
    };
    let known = reader.buckets(service, from..until, fine)?;
    let gaps = reader.gaps(known, until, fine)?;
    Ok(gaps.into_iter().map(Gap::from).collect())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn word<S: Serializer>(resolution: &Resolution, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(resolution.as_str())
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
