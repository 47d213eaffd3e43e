//! Holds a window of latencies against its limit.

use std::fmt;
use std::time::Duration;

use crate::model::duration::Shown;
use crate::model::service::{LatencyRule, LatencyTrigger};

/// What a trigger read from a window. Displays as a sentence for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The number that is held against the limit: the mean, the median, the percentile, or for `k_of_n` the k-th
    /// slowest.
    pub value: Duration,
    /// The limit.
    pub limit: Duration,
    /// How many latencies were looked at.
    pub points: usize,
    /// How many of them are above the limit.
    pub slow: usize,
    /// The trigger.
    pub trigger: LatencyTrigger,
}

impl Reading {
    /// Tells whether the value is above the limit.
    pub fn exceeds(&self) -> bool {
        self.value > self.limit
    }
}

/// Reads the newest latencies, or returns `None` while there are too few to say: `mean`, `median` and `percentile`
/// need a full window, `k_of_n` needs `k`.
pub fn read(rule: &LatencyRule, latencies: &[Duration]) -> Option<Reading> {
    let size = rule.window.max(1);
    let latencies = latencies.get(latencies.len().saturating_sub(size)..)?;
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let value = match rule.trigger {
        LatencyTrigger::KOfN { k } => {
            let k = k.clamp(1, size);
            sorted.len().checked_sub(k).and_then(|at| sorted.get(at))?
        }
        _ if sorted.len() < size => return None,
        LatencyTrigger::Mean => &mean(&sorted),
        LatencyTrigger::Median => &median(&sorted)?,
        LatencyTrigger::Percentile { percentile } => {
            let rank = (usize::from(percentile.clamp(1, 100)) * size).div_ceil(100);
            sorted.get(rank.saturating_sub(1))?
        }
    };
    Some(Reading {
        value: *value,
        limit: rule.limit,
        points: sorted.len(),
        slow: sorted
            .iter()
            .filter(|latency| **latency > rule.limit)
            .count(),
        trigger: rule.trigger,
    })
}

fn mean(sorted: &[Duration]) -> Duration {
    let points = u32::try_from(sorted.len()).unwrap_or(u32::MAX).max(1);
    let sum = sorted
        .iter()
        .fold(Duration::ZERO, |sum, latency| sum.saturating_add(*latency));
    sum / points
}

/// Returns the middle one, or the mean of the two in the middle.
fn median(sorted: &[Duration]) -> Option<Duration> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some(lower.saturating_add(upper) / 2)
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, limit, points) = (Shown(self.value), Shown(self.limit), self.points);
        match self.trigger {
            LatencyTrigger::Mean => {
                write!(f, "the mean of the last {points} latencies is {value}")?;
            }
            LatencyTrigger::Median => {
                write!(f, "the median of the last {points} latencies is {value}")?;
            }
            LatencyTrigger::Percentile { percentile } => write!(
                f,
                "percentile {percentile} of the last {points} latencies is {value}"
            )?,
            LatencyTrigger::KOfN { k } => {
                let slow = self.slow;
                write!(f, "{slow} of the last {points} latencies above {limit}, ")?;
                return if self.exceeds() {
                    write!(f, "{k} are too many")
                } else {
                    write!(f, "fewer than {k}")
                };
            }
        }
        if self.exceeds() {
            write!(f, ", more than {limit}")
        } else {
            write!(f, ", within {limit}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(trigger: LatencyTrigger, window: usize, latencies: &[u64], expected: Option<&str>) {
        let rule = LatencyRule {
            limit: Duration::from_millis(500),
            trigger,
            window,
        };
        let latencies: Vec<Duration> = latencies
            .iter()
            .copied()
            .map(Duration::from_millis)
            .collect();
        let read = read(&rule, &latencies).map(|reading| reading.to_string());
        assert_eq!(read.as_deref(), expected, "{trigger:?} {latencies:?}");
    }

    #[test]
    fn says_what_it_read() {
        use LatencyTrigger::{KOfN, Mean, Median, Percentile};
        check(Mean, 3, &[100, 200], None);
        check(
            Mean,
            3,
            &[100, 200, 300],
            Some("the mean of the last 3 latencies is 200 ms, within 500 ms"),
        );
        check(
            Mean,
            3,
            &[9000, 500, 500, 501],
            Some("the mean of the last 3 latencies is 500 ms, more than 500 ms"),
        );
        check(
            Mean,
            2,
            &[100, 9000],
            Some("the mean of the last 2 latencies is 4.55 s, more than 500 ms"),
        );
        check(
            Median,
            3,
            &[100, 9000, 200],
            Some("the median of the last 3 latencies is 200 ms, within 500 ms"),
        );
        check(
            Median,
            4,
            &[600, 400, 9000, 100],
            Some("the median of the last 4 latencies is 500 ms, within 500 ms"),
        );
        check(KOfN { k: 2 }, 3, &[900], None);
        check(
            KOfN { k: 2 },
            3,
            &[900, 900],
            Some("2 of the last 2 latencies above 500 ms, 2 are too many"),
        );
        check(
            KOfN { k: 2 },
            3,
            &[900, 100, 100],
            Some("1 of the last 3 latencies above 500 ms, fewer than 2"),
        );
        check(
            Percentile { percentile: 90 },
            10,
            &[1, 1, 1, 1, 1, 1, 1, 1, 1, 9000],
            Some("percentile 90 of the last 10 latencies is 1 ms, within 500 ms"),
        );
        check(
            Percentile { percentile: 91 },
            10,
            &[1, 1, 1, 1, 1, 1, 1, 1, 1, 9000],
            Some("percentile 91 of the last 10 latencies is 9 s, more than 500 ms"),
        );
    }

    proptest! {
        #[test]
        fn lies_between_the_least_and_the_greatest(
            latencies in proptest::collection::vec(0_u64..100_000, 1..30), window in 1_usize..30, k in 0_usize..40, percentile: u8,
        ) {
            let latencies: Vec<Duration> = latencies.into_iter().map(Duration::from_millis).collect();
            for trigger in [LatencyTrigger::Mean, LatencyTrigger::Median, LatencyTrigger::KOfN { k }, LatencyTrigger::Percentile { percentile }] {
                let rule = LatencyRule { limit: Duration::from_millis(500), trigger, window };
                if let Some(reading) = read(&rule, &latencies) {
                    prop_assert!(reading.value >= *latencies.iter().min().unwrap());
                    prop_assert!(reading.value <= *latencies.iter().max().unwrap());
                    prop_assert!(reading.points <= window);
                }
            }
        }

        #[test]
        fn k_of_n_counts(latencies in proptest::collection::vec(0_u64..1000, 1..20), k in 1_usize..10) {
            let window = 10;
            let durations: Vec<Duration> = latencies.iter().copied().map(Duration::from_millis).collect();
            let rule = LatencyRule { limit: Duration::from_millis(500), trigger: LatencyTrigger::KOfN { k }, window };
            let slow = latencies.iter().rev().take(window).filter(|ms| **ms > 500).count();
            prop_assert_eq!(read(&rule, &durations).is_some_and(|reading| reading.exceeds()), slow >= k);
        }
    }
}
