//! What samples amount to within a span of time.
//!
//! A sample says what its service is until the next one, but not longer than it holds, and nothing of a time in which the
//! monitor was not running: that is without data, never up and never down. After such a time it holds on: a beat that is good
//! until tomorrow still is.

use std::time::Duration;

use jiff::Timestamp;

use super::series::{Bucket, RawSample};
use crate::model::duration::{after, since};
use crate::model::judgement::Outcome;

/// A time in which the monitor was not running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pause {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// What the newest sample before a span says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) at: Timestamp,
    pub(super) outcome: Outcome,
    /// It does not hold longer than this.
    pub(super) until: Timestamp,
}

impl Last {
    /// Returns what a sample says of the time after it.
    pub(super) fn of(sample: &RawSample) -> Self {
        Self {
            at: sample.at,
            outcome: sample.outcome,
            until: after(sample.at, sample.holds),
        }
    }
}

/// Returns what samples within a span amount to, oldest first, with the one before them.
pub(super) fn bucket(
    last: Option<Last>,
    samples: &[RawSample],
    pauses: &[Pause],
    from: Timestamp,
    until: Timestamp,
) -> Bucket {
    let mut bucket = Bucket::empty(from, until);
    for sample in samples {
        if let Some(count) = bucket.outcomes.get_mut(sample.outcome as usize) {
            *count += 1;
        }
        if let Some(latency) = sample.latency {
            bucket.latency.record(latency);
        }
        for (sum, spent) in bucket.phases.iter_mut().zip(sample.phases) {
            if let Some(spent) = spent {
                sum.sum += spent;
                sum.count += 1;
            }
        }
    }
    let mut known = last
        .into_iter()
        .chain(samples.iter().map(Last::of))
        .peekable();
    while let Some(one) = known.next() {
        let next = known.peek().map_or(until, |next| next.at.min(until));
        let end = one.until.min(next);
        let time = running(pauses, one.at.max(from), end);
        bucket.tally.count(one.outcome, time);
    }
    let watched = bucket.tally.watched();
    bucket.tally.no_data = since(from, until).saturating_sub(watched);
    bucket
}

/// Returns how long the monitor was running within a span. Pauses are in their order.
pub(super) fn running(pauses: &[Pause], from: Timestamp, until: Timestamp) -> Duration {
    let mut running = Duration::ZERO;
    let mut from = from;
    for pause in pauses {
        running += since(from, pause.from.min(until));
        from = from.max(pause.until);
    }
    running + since(from, until)
}

/// The longest that a pause is not one: the daemon may be busy, or restart, without a gap in its history.
pub(super) const PAUSE_MIN: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::series::together;
    use crate::model::tally::Tally;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn sample(second: i64, outcome: Outcome, holds: u64) -> RawSample {
        RawSample {
            at: at(second),
            outcome,
            latency: None,
            phases: [None; 6],
            code: None,
            holds: Duration::from_secs(holds),
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_sample_counts_until_the_next_but_not_longer_than_it_holds() {
        let samples = [
            sample(30, Outcome::Fail, 70),
            sample(60, Outcome::Warn, 70),
            sample(200, Outcome::Pass, 70),
        ];
        let last = Some(Last::of(&sample(-10, Outcome::Pass, 70)));
        let found = bucket(last, &samples, &[], at(0), at(300)).tally;
        let expected = Tally {
            up: seconds(30 + 70),
            down: seconds(30),
            degraded: seconds(70),
            no_data: seconds(70 + 30),
            ..Tally::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_stop_of_the_monitor_is_cut_out_of_what_samples_say() {
        let pauses = [Pause {
            from: at(100),
            until: at(250),
        }];
        let samples = [
            sample(90, Outcome::Pass, 1000),
            sample(260, Outcome::Unknown, 1000),
        ];
        let found = bucket(None, &samples, &pauses, at(0), at(300)).tally;
        assert_eq!((found.up, found.unknown), (seconds(10 + 10), seconds(40)));
        assert_eq!(found.no_data, seconds(90 + 150));
    }

    #[test]
    fn a_bucket_within_a_stop_is_without_data_and_the_one_after_it_is_not() {
        let pause = |from, until| Pause {
            from: at(from),
            until: at(until),
        };
        let pauses = [pause(-50, 310), pause(400, 450), pause(900, 1000)];
        let last = Some(Last::of(&sample(-100, Outcome::Pass, 5000)));
        let within = bucket(last, &[], &pauses, at(0), at(300)).tally;
        assert_eq!(within.no_data, seconds(300));
        let after = bucket(last, &[], &pauses, at(300), at(600)).tally;
        assert_eq!((after.up, after.no_data), (seconds(240), seconds(60)));
    }

    #[test]
    fn one_sample_may_fill_many_buckets() {
        let last = Some(Last::of(&sample(-5000, Outcome::Error, 9000)));
        let found = bucket(last, &[], &[], at(0), at(300)).tally;
        assert_eq!(found.error, seconds(300));
    }

    proptest! {
        /// However a span is cut into buckets, the parts are together what the whole is.
        #[test]
        fn parts_add_up_to_the_whole(
            gaps in prop::collection::vec((0_i64..400, 0_usize..5, 0_u64..500), 0..30),
            stop in (0_i64..3000, 0_i64..1000),
        ) {
            let mut second = 0;
            let samples: Vec<RawSample> = gaps
                .into_iter()
                .map(|(gap, outcome, holds)| {
                    second += gap;
                    sample(second, Outcome::ALL[outcome], holds)
                })
                .collect();
            let pauses = [Pause { from: at(stop.0), until: at(stop.0 + stop.1) }];
            let end = second / 300 * 300 + 900;
            let whole = bucket(None, &samples, &pauses, at(0), at(end));
            let mut last = None;
            let mut parts = Vec::new();
            for from in (0..end).step_by(300) {
                let within: Vec<RawSample> = samples
                    .iter()
                    .filter(|one| one.at >= at(from) && one.at < at(from + 300))
                    .cloned()
                    .collect();
                let part = bucket(last, &within, &pauses, at(from), at(from + 300));
                prop_assert_eq!(part.tally.total(), seconds(300));
                parts.push(part);
                last = within.last().map(Last::of).or(last);
            }
            prop_assert_eq!(together(at(0), at(end), &parts), whole);
        }
    }
}
