//! What a service was through time, in buckets of five minutes, an hour or a day.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::duration::since;
use crate::model::exchange::Phase;
use crate::model::histogram::Histogram;
use crate::model::judgement::Outcome;
use crate::model::observation::Observation;
use crate::model::tally::Tally;
use crate::model::violation::Sample;

/// How long a bucket is. Buckets begin at whole multiples of it in UTC: days are UTC days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Resolution {
    /// Every resolution, the finest first.
    pub const ALL: [Self; 3] = [Self::FiveMinutes, Self::Hour, Self::Day];

    /// Returns how it is written: `5m`, `1h`, `1d`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5m",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// Returns its length in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::FiveMinutes => "5 min",
            Self::Hour => "1 h",
            Self::Day => "1 d",
        }
    }

    /// Returns how many seconds a bucket has.
    pub fn seconds(self) -> i64 {
        match self {
            Self::FiveMinutes => 300,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }

    /// Returns how long a bucket is.
    pub fn length(self) -> Duration {
        Duration::from_secs(self.seconds().unsigned_abs())
    }

    /// Returns the beginning of the bucket that a moment is in.
    pub fn floor(self, at: Timestamp) -> Timestamp {
        // The second that a moment before 1970 is in begins before it.
        let second = at.as_microsecond().div_euclid(1_000_000);
        let floor = second - second.rem_euclid(self.seconds());
        Timestamp::from_second(floor).unwrap_or(Timestamp::MIN)
    }

    /// Returns the end of the bucket that begins at a moment.
    pub fn end(self, from: Timestamp) -> Timestamp {
        let end = from.as_second().saturating_add(self.seconds());
        Timestamp::from_second(end).unwrap_or(Timestamp::MAX)
    }
}

/// What a service was within one span of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends; of the present one, which is not over, until when is counted. `tally` adds up to the time between.
    pub until: Timestamp,
    /// How long the service was what.
    pub tally: Tally,
    /// Probes by outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; 5],
    /// How long exchanges took, of all probes whose latency was measured, whatever their outcome.
    pub latency: Histogram,
    /// Where the time went, in the order of [`Phase::ALL`].
    pub phases: [PhaseSum; 6],
}

/// How long a phase took, over all probes in which it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PhaseSum {
    /// Together.
    pub sum: Duration,
    /// How often it happened.
    pub count: u64,
}

impl PhaseSum {
    /// Returns how long it took on average; absent if it never happened.
    pub fn mean(&self) -> Option<Duration> {
        let count = u128::from(self.count);
        let nanos = self.sum.as_nanos().checked_div(count)?;
        Some(Duration::from_nanos(
            u64::try_from(nanos).unwrap_or(u64::MAX),
        ))
    }
}

impl Bucket {
    /// Returns a span of which nothing is known.
    pub fn empty(from: Timestamp, until: Timestamp) -> Self {
        let tally = Tally {
            no_data: since(from, until),
            ..Tally::default()
        };
        Self {
            from,
            until,
            tally,
            outcomes: [0; 5],
            latency: Histogram::default(),
            phases: [PhaseSum::default(); 6],
        }
    }

    /// Returns how many probes there were.
    pub fn probes(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Returns how many probes had an outcome.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome as usize).copied().unwrap_or(0)
    }

    /// Returns how long a phase took.
    pub fn phase(&self, phase: Phase) -> PhaseSum {
        self.phases.get(phase as usize).copied().unwrap_or_default()
    }

    /// Adds another within this one's span: time of which nothing was known is now what the other says.
    pub fn absorb(&mut self, other: &Self) {
        let known = Tally {
            no_data: Duration::ZERO,
            ..other.tally
        };
        self.tally.add(&known);
        let watched = self.tally.watched();
        self.tally.no_data = since(self.from, self.until).saturating_sub(watched);
        for (mine, theirs) in self.outcomes.iter_mut().zip(other.outcomes) {
            *mine = mine.saturating_add(theirs);
        }
        self.latency.merge(&other.latency);
        for (mine, theirs) in self.phases.iter_mut().zip(other.phases) {
            mine.sum += theirs.sum;
            mine.count = mine.count.saturating_add(theirs.count);
        }
    }
}

/// Returns one bucket that is all of these together, over a span that holds them; time between them is without data.
pub fn together<'a>(
    from: Timestamp,
    until: Timestamp,
    buckets: impl IntoIterator<Item = &'a Bucket>,
) -> Bucket {
    let mut all = Bucket::empty(from, until);
    for bucket in buckets {
        all.absorb(bucket);
    }
    all
}

/// Returns these buckets, oldest first, with empty ones for the rest of a span: one for each moment of the resolution's grid.
pub fn filled(buckets: Vec<Bucket>, span: Range<Timestamp>, resolution: Resolution) -> Vec<Bucket> {
    let mut known = buckets.into_iter().peekable();
    let mut all = Vec::new();
    let mut from = resolution.floor(span.start);
    while from < span.end {
        let end = resolution.end(from);
        while known.next_if(|bucket| bucket.from < from).is_some() {}
        let here = known.next_if(|bucket| bucket.from < end);
        all.push(here.unwrap_or_else(|| Bucket::empty(from, end.min(span.end))));
        if end <= from {
            break;
        }
        from = end;
    }
    all
}

/// One probe as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct RawSample {
    /// When it began.
    pub at: Timestamp,
    /// What it came to.
    pub outcome: Outcome,
    /// Latency of the exchange, absent if nothing was measured.
    pub latency: Option<Duration>,
    /// The phases that happened, in the order of [`Phase::ALL`], in whole microseconds.
    pub phases: [Option<Duration>; 6],
    /// Code of its main finding.
    pub code: Option<Arc<str>>,
    /// For how long it says at most what the service is: until the next one, but not longer than this.
    pub holds: Duration,
}

impl RawSample {
    /// Returns a probe of which only this is known, and that holds for so long.
    pub fn of(sample: Sample, holds: Duration) -> Self {
        Self {
            at: sample.at,
            outcome: sample.outcome,
            latency: sample.latency,
            phases: [None; 6],
            code: sample.code,
            holds,
        }
    }

    /// Adds where the time of a probe went.
    #[must_use]
    pub fn with_phases(mut self, observation: &Observation) -> Self {
        if let Some(exchange) = &observation.exchange {
            self.phases = Phase::ALL.map(|phase| exchange.timings.phase(phase));
        }
        self
    }
}

/// What a window remembers of it.
impl From<RawSample> for Sample {
    fn from(raw: RawSample) -> Self {
        Self {
            at: raw.at,
            outcome: raw.outcome,
            latency: raw.latency,
            code: raw.code,
        }
    }
}
