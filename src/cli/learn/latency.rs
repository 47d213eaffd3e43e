//! A limit of latency for what was measured.

use std::time::Duration;

/// The limit is so many times the 95th percentile.
pub(super) const FACTOR: u32 = 3;
/// A shorter limit would be one for the machine that measures.
pub(super) const LIMIT_MIN: Duration = Duration::from_millis(100);
/// Limits are these, times a power of ten: a person would say no others.
const ROUND: [u64; 9] = [10, 15, 20, 25, 30, 40, 50, 60, 80];

/// What was measured, and the limit that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Latency {
    pub(super) p50: Duration,
    pub(super) p95: Duration,
    pub(super) max: Duration,
    /// Absent if it were not below the deadline: a probe fails before it is slow.
    pub(super) limit: Option<Duration>,
}

impl Latency {
    /// Returns the limit for what was measured; absent if nothing was.
    pub(super) fn of(measured: &[Duration], timeout: Duration) -> Option<Self> {
        let mut sorted = measured.to_vec();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted.get(rank.saturating_sub(1)).copied()
        };
        let p95 = rank(95)?;
        let limit = round_up((p95 * FACTOR).max(LIMIT_MIN));
        Some(Self {
            p50: rank(50)?,
            p95,
            max: rank(100)?,
            limit: (limit < timeout).then_some(limit),
        })
    }
}

/// Returns the next duration, at least 10 ms, that a person would say.
fn round_up(duration: Duration) -> Duration {
    let wanted = duration.as_micros().div_ceil(1000);
    let mut unit = 1;
    loop {
        let fits = |round: &&u64| u128::from(**round * unit) >= wanted;
        match ROUND.iter().find(fits) {
            Some(round) => return Duration::from_millis(round * unit),
            None => unit *= 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_three_times_the_95th_percentile_rounded_up() {
        let limit = |millis: &[u64]| {
            let measured: Vec<_> = millis.iter().map(|ms| Duration::from_millis(*ms)).collect();
            let latency = Latency::of(&measured, Duration::from_secs(10)).unwrap();
            latency.limit.map(|limit| limit.as_millis())
        };
        assert_eq!(limit(&[1, 2, 3]), Some(100));
        assert_eq!(limit(&[180]), Some(600));
        assert_eq!(limit(&[201, 4]), Some(800));
        assert_eq!(limit(&[20, 300, 20]), Some(1000));
        assert_eq!(limit(&[2_900]), None);
        // One of twenty may be slow.
        let mut slow = vec![50; 19];
        slow.push(5_000);
        assert_eq!(limit(&slow), Some(150));
        assert_eq!(Latency::of(&[], Duration::from_secs(10)), None);
    }
}
