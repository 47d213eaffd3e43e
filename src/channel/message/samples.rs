//! The samples that a rule saw, as marks and bars. A chart of other samples could contradict the message it stands in.

use std::time::Duration;

use crate::model::judgement::Outcome;
use crate::model::sparkline::sparkline as bars;
use crate::model::violation::Sample;

/// Samples that are drawn: the newest.
const DRAWN_MAX: usize = 40;

fn drawn(samples: &[Sample]) -> &[Sample] {
    samples
        .get(samples.len().saturating_sub(DRAWN_MAX)..)
        .unwrap_or(samples)
}

/// Returns one mark a probe, oldest first: `✓` pass, `!` warn, `✗` fail, `?` unknown, `E` error.
pub(super) fn marks(samples: &[Sample]) -> String {
    drawn(samples)
        .iter()
        .map(|sample| match sample.outcome {
            Outcome::Pass => '✓',
            Outcome::Warn => '!',
            Outcome::Unknown => '?',
            Outcome::Fail => '✗',
            Outcome::Error => 'E',
        })
        .collect()
}

/// Returns one bar a probe, oldest first, in proportion to the slowest; `·` where nothing was measured. Empty if
/// nothing was measured at all.
pub(super) fn sparkline(samples: &[Sample]) -> String {
    let latencies: Vec<_> = drawn(samples).iter().map(|sample| sample.latency).collect();
    bars(&latencies)
}

/// Returns the median by nearest rank of what was measured.
pub(super) fn median(samples: &[Sample]) -> Option<Duration> {
    let mut measured: Vec<Duration> = samples.iter().filter_map(|sample| sample.latency).collect();
    measured.sort_unstable();
    measured.get(measured.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn sample(outcome: Outcome, latency_ms: Option<u64>) -> Sample {
        Sample {
            at: Timestamp::UNIX_EPOCH,
            outcome,
            latency: latency_ms.map(Duration::from_millis),
            code: None,
        }
    }

    #[test]
    fn draws_what_was_measured() {
        let samples: Vec<Sample> = [Some(100), Some(800), None, Some(0), Some(401), Some(400)]
            .map(|latency| sample(Outcome::Pass, latency))
            .into();
        assert_eq!(sparkline(&samples), "▁█·▁▅▄");
        assert_eq!(median(&samples), Some(Duration::from_millis(400)));
        assert_eq!(sparkline(&samples[2..3]), "");
        assert_eq!(median(&[]), None);
        let zero = [sample(Outcome::Pass, Some(0))];
        assert_eq!(sparkline(&zero), "▁");
    }

    #[test]
    fn marks_each_outcome() {
        let samples = Outcome::ALL.map(|outcome| sample(outcome, None));
        assert_eq!(marks(&samples), "✓!?✗E");
    }

    proptest! {
        #[test]
        fn draws_one_bar_a_probe_and_never_too_many(latencies in prop::collection::vec(prop::option::of(0u64..100_000), 0..90)) {
            let samples: Vec<Sample> = latencies.iter().map(|latency| sample(Outcome::Fail, *latency)).collect();
            let expected = samples.len().min(DRAWN_MAX);
            prop_assert_eq!(marks(&samples).chars().count(), expected);
            let bars = sparkline(&samples).chars().count();
            prop_assert!(bars == expected || bars == 0);
        }
    }
}
