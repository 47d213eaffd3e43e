//! How long a service was what: time, not numbers of probes.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::judgement::Outcome;

/// How long a service was what within a span of time. The parts add up to the span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// It answered as it should.
    pub up: Duration,
    /// It answered, with a warning.
    pub degraded: Duration,
    /// It was wrong.
    pub down: Duration,
    /// It could not be judged: our network, a dependency.
    pub unknown: Duration,
    /// Its matcher was broken.
    pub error: Duration,
    /// Nobody looked: the monitor was not running, or the service was not watched.
    pub no_data: Duration,
}

impl Tally {
    /// Adds the time of another span.
    pub fn add(&mut self, other: &Self) {
        self.up += other.up;
        self.degraded += other.degraded;
        self.down += other.down;
        self.unknown += other.unknown;
        self.error += other.error;
        self.no_data += other.no_data;
    }

    /// Returns the time of an outcome.
    pub fn of(&self, outcome: Outcome) -> Duration {
        match outcome {
            Outcome::Pass => self.up,
            Outcome::Warn => self.degraded,
            Outcome::Unknown => self.unknown,
            Outcome::Fail => self.down,
            Outcome::Error => self.error,
        }
    }

    /// Adds time of an outcome.
    pub fn count(&mut self, outcome: Outcome, time: Duration) {
        let part = match outcome {
            Outcome::Pass => &mut self.up,
            Outcome::Warn => &mut self.degraded,
            Outcome::Unknown => &mut self.unknown,
            Outcome::Fail => &mut self.down,
            Outcome::Error => &mut self.error,
        };
        *part += time;
    }

    /// Returns the time in which somebody looked.
    pub fn watched(&self) -> Duration {
        Outcome::ALL
            .into_iter()
            .map(|outcome| self.of(outcome))
            .sum()
    }

    /// Returns the time in which the service is known to have been up or down.
    pub fn known(&self) -> Duration {
        self.up + self.degraded + self.down
    }

    /// Tells whether less than half of the time is known, so that its uptime says little of the span.
    pub fn is_mostly_unknown(&self) -> bool {
        self.known() * 2 < self.total()
    }

    /// Returns the whole time.
    pub fn total(&self) -> Duration {
        self.watched() + self.no_data
    }

    /// Returns the share of the time in which the service is known to have been up, of that in which it is known to have
    /// been up or down: unknown, error and no data are neither. Absent if nothing is known.
    pub fn uptime(&self) -> Option<Share> {
        let up = self.up + self.degraded;
        Share::of(up, self.known())
    }
}

/// A part of a whole, never rounded up: all that is not all is less than 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Share {
    millionths: u32,
}

impl Share {
    /// Millionths of a whole.
    const WHOLE: u32 = 1_000_000;

    /// Returns the share that a part is; absent of nothing.
    pub fn of(part: Duration, whole: Duration) -> Option<Self> {
        let millionths =
            (part.as_nanos() * u128::from(Self::WHOLE)).checked_div(whole.as_nanos())?;
        let millionths = u32::try_from(millionths)
            .unwrap_or(Self::WHOLE)
            .min(Self::WHOLE);
        Some(Self { millionths })
    }

    /// Returns the share in millionths, cut off.
    pub fn millionths(self) -> u32 {
        self.millionths
    }

    /// Returns the share as a number from 0 to 1, cut off after the sixth decimal.
    pub fn as_f64(self) -> f64 {
        f64::from(self.millionths) / f64::from(Self::WHOLE)
    }
}

/// Writes percent with two decimals, from 99.9 on with three, cut off: `100 %`, `99.999 %`, `98.57 %`, `0 %`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.millionths / 10_000, self.millionths % 10_000);
        match self.millionths {
            0 | Self::WHOLE => write!(f, "{whole} %"),
            999_000.. => write!(f, "{whole}.{:03} %", decimals / 10),
            _ => write!(f, "{whole}.{:02} %", decimals / 100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(hours: u64) -> Duration {
        Duration::from_hours(hours)
    }

    #[test]
    fn uptime_is_of_what_is_known() {
        let mut tally = Tally {
            up: hours(6),
            degraded: hours(3),
            down: hours(1),
            unknown: hours(5),
            error: hours(4),
            no_data: hours(5),
        };
        assert_eq!(tally.uptime().unwrap().to_string(), "90.00 %");
        assert_eq!((tally.watched(), tally.total()), (hours(19), hours(24)));
        tally.add(&tally.clone());
        assert_eq!(tally.total(), hours(48));
        let blind = Tally {
            unknown: hours(1),
            no_data: hours(1),
            ..Tally::default()
        };
        assert_eq!(blind.uptime(), None);
    }

    #[test]
    fn a_share_is_cut_off_and_never_rounded_up() {
        let year = hours(365 * 24);
        let but = |less: Duration| year.saturating_sub(less);
        let rows = [
            (Duration::ZERO, "0 %"),
            (Duration::from_nanos(1), "0 %"),
            (hours(1), "0.01 %"),
            (year / 2, "50.00 %"),
            (but(hours(9)), "99.89 %"),
            (but(hours(8)), "99.908 %"),
            (but(Duration::from_secs(1)), "99.999 %"),
            (but(Duration::from_nanos(1)), "99.999 %"),
            (year, "100 %"),
        ];
        for (part, expected) in rows {
            assert_eq!(Share::of(part, year).unwrap().to_string(), expected);
        }
        assert_eq!(Share::of(Duration::ZERO, Duration::ZERO), None);
    }
}
