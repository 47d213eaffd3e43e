//! The last outcomes and latencies of a service.
//!
//! Only outcomes that count for or against the service are kept: `unknown` and `error` neither enter a window nor
//! push anything out of it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::judgement::Outcome;
use crate::model::service::ErrorRule;
use crate::model::violation::Sample;

/// Slack for thresholds such as 0.3 of 10, whose product is not exactly 3 in binary.
const ROUNDING: f64 = 1e-9;

/// The newest samples of a service, as many as its rules look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    counted: Ring,
    measured: Ring,
}

/// The newest samples of one kind, oldest first.
#[derive(Debug, Clone, PartialEq)]
struct Ring {
    samples: VecDeque<Sample>,
    max: usize,
}

impl Ring {
    fn new(max: usize) -> Self {
        Self {
            samples: VecDeque::new(),
            max,
        }
    }

    fn push(&mut self, sample: &Sample) {
        if self.max == 0 {
            return;
        }
        while self.samples.len() >= self.max {
            self.samples.pop_front();
        }
        self.samples.push_back(sample.clone());
    }
}

impl Window {
    /// Returns an empty window of the last `counted_max` counted probes and `measured_max` measured ones.
    pub fn new(counted_max: usize, measured_max: usize) -> Self {
        Self {
            counted: Ring::new(counted_max.max(1)),
            measured: Ring::new(measured_max),
        }
    }

    /// Adds a sample, dropping the oldest where the window is full. A probe that does not count changes nothing.
    pub fn push(&mut self, sample: &Sample) {
        if !sample.outcome.counts() {
            return;
        }
        self.counted.push(sample);
        if sample.latency.is_some() {
            self.measured.push(sample);
        }
    }

    /// Returns the counted samples, oldest first.
    pub fn counted(&self) -> impl DoubleEndedIterator<Item = &Sample> + ExactSizeIterator {
        self.counted.samples.iter()
    }

    /// Returns the samples with a latency, oldest first.
    pub fn measured(&self) -> impl DoubleEndedIterator<Item = &Sample> + ExactSizeIterator {
        self.measured.samples.iter()
    }

    /// Returns the latencies, oldest first.
    pub fn latencies(&self) -> Vec<Duration> {
        self.measured()
            .filter_map(|sample| sample.latency)
            .collect()
    }

    /// Returns how many of the counted probes failed.
    pub fn failed(&self) -> usize {
        self.counted()
            .filter(|sample| sample.outcome == Outcome::Fail)
            .count()
    }

    /// Returns since when every counted probe failed, absent if the newest one did not.
    pub fn failing_since(&self) -> Option<&Sample> {
        self.last_failed().last()
    }

    /// Returns how many counted probes failed in a row, up to the newest.
    pub fn failing(&self) -> usize {
        self.last_failed().count()
    }

    /// Returns the probes that failed in a row up to the newest, which comes first.
    fn last_failed(&self) -> impl Iterator<Item = &Sample> {
        let newest = self.counted().rev();
        newest.take_while(|sample| sample.outcome == Outcome::Fail)
    }

    /// Tells whether the failed probes are too many, and will be whatever the rest of a partly filled window brings.
    pub fn breaks(&self, rule: &ErrorRule) -> bool {
        count(self.failed()) > rule.threshold * count(rule.window.max(1)) + ROUNDING
    }

    /// Tells whether the failed probes are so few that the rule is clearly kept: at most half of what is accepted.
    pub fn clearly_keeps(&self, rule: &ErrorRule) -> bool {
        count(self.failed()) <= rule.threshold / 2.0 * count(rule.window.max(1)) + ROUNDING
    }
}

#[expect(clippy::cast_precision_loss, reason = "a window has few samples")]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn sample(outcome: Outcome, latency_ms: Option<u64>) -> Sample {
        Sample {
            at: Timestamp::UNIX_EPOCH,
            outcome,
            latency: latency_ms.map(Duration::from_millis),
            code: None,
        }
    }

    /// Fills a window of the size: `.` pass, `w` warn, `x` fail, `u` unknown, `e` error.
    fn window(size: usize, outcomes: &str) -> Window {
        let mut window = Window::new(size, size);
        for letter in outcomes.chars() {
            let outcome = match letter {
                '.' => Outcome::Pass,
                'w' => Outcome::Warn,
                'x' => Outcome::Fail,
                'u' => Outcome::Unknown,
                _ => Outcome::Error,
            };
            window.push(&sample(outcome, Some(1)));
        }
        window
    }

    #[test]
    fn breaks_as_soon_as_the_failures_present_suffice() {
        let rows = [
            (0.5, 7, "xxx", false),
            (0.5, 7, "xxxx", true),
            (0.5, 7, "x.x.x.x", true),
            (0.5, 7, "x.x.x.w", false),
            (0.5, 7, "xxxx...", true),
            (0.5, 7, "xxxx....", false),
            (0.5, 7, "xxuuueeux", false),
            (0.5, 7, "xxuuueeuxx", true),
            (0.3, 10, "xxx", false),
            (0.3, 10, "xxxx", true),
            (0.0, 7, "x", true),
            (1.0, 7, "xxxxxxxxx", false),
            (0.5, 1, "x", true),
        ];
        for (threshold, size, outcomes, expected) in rows {
            let rule = ErrorRule {
                threshold,
                window: size,
            };
            assert_eq!(
                window(size, outcomes).breaks(&rule),
                expected,
                "{threshold} of {size}: {outcomes}"
            );
        }
    }

    #[test]
    fn failures_without_latency_do_not_push_latencies_out() {
        let mut window = Window::new(3, 2);
        window.push(&sample(Outcome::Pass, Some(10)));
        window.push(&sample(Outcome::Pass, Some(20)));
        for _ in 0..9 {
            window.push(&sample(Outcome::Fail, None));
        }
        assert_eq!(
            window.latencies(),
            [Duration::from_millis(10), Duration::from_millis(20)]
        );
        assert_eq!(window.counted().len(), 3);
    }

    proptest! {
        /// The partial-window rule never says more than the full window would: whatever follows, it stays broken
        /// until the window is full.
        #[test]
        fn a_partial_window_is_never_overruled(
            size in 1_usize..20, threshold in 0.0_f64..1.0, outcomes in "[.wxue]{0,40}", rest in "[.w]{0,20}",
        ) {
            let rule = ErrorRule { threshold, window: size };
            let now = window(size, &outcomes);
            let missing = size.saturating_sub(now.counted().len());
            if now.breaks(&rule) {
                let rest: String = rest.chars().take(missing).collect();
                let longer = [outcomes.as_str(), rest.as_str()].concat();
                prop_assert!(window(size, &longer).breaks(&rule));
            }
        }

        #[test]
        fn never_breaks_and_keeps_at_once(size in 1_usize..20, threshold in 0.0_f64..1.0, outcomes in "[.wxue]{0,40}") {
            let rule = ErrorRule { threshold, window: size };
            let window = window(size, &outcomes);
            prop_assert!(!(window.breaks(&rule) && window.clearly_keeps(&rule)));
            prop_assert!(window.counted().len() <= size && window.measured().len() <= size);
        }
    }
}
