//! The times in which nobody looked.

use std::time::Duration;

use jiff::Timestamp;

use super::rollup::{Pause, running};
use super::series::{Bucket, Resolution, filled};
use crate::model::duration::{after, since};

/// A time without data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// When it began: when the monitor stopped, or the beginning of the first bucket in which something is missing.
    pub from: Timestamp,
    /// When it ended, or the end of the last one.
    pub until: Timestamp,
    /// How long nobody looked.
    pub length: Duration,
}

/// Time without data that is shorter is not worth a name, nor is what is left of a longer one.
const GAP_MIN: Duration = Duration::from_mins(1);

/// Returns when nobody looked until a moment, after the first time that somebody did, oldest first. In the first bucket only
/// the time counts in which the monitor was not running.
pub(super) fn gaps(
    known: Vec<Bucket>,
    pauses: &[Pause],
    until: Timestamp,
    resolution: Resolution,
) -> Vec<Gap> {
    let Some(first) = known.first().map(|first| first.from) else {
        return Vec::new();
    };
    let mut gaps: Vec<Gap> = Vec::new();
    let mut all = filled(known, first..until, resolution);
    if let Some(first) = all.first_mut() {
        // Before somebody looked for the first time nothing is missing.
        let stood = stood(pauses, first.from, first.until);
        first.tally.no_data = first.tally.no_data.min(stood);
    }
    for bucket in all.iter().filter(|one| !one.tally.no_data.is_zero()) {
        match gaps.last_mut() {
            Some(gap) if gap.until == bucket.from => {
                gap.until = bucket.until;
                gap.length += bucket.tally.no_data;
            }
            _ => gaps.push(Gap {
                from: bucket.from,
                until: bucket.until,
                length: bucket.tally.no_data,
            }),
        }
    }
    gaps.retain(|gap| gap.length >= GAP_MIN);
    for gap in &mut gaps {
        narrow(gap, pauses);
    }
    gaps
}

/// Buckets say how long nothing was known, not when. Where it was because the monitor was not running, that is known to the
/// moment.
fn narrow(gap: &mut Gap, pauses: &[Pause]) {
    let within: Vec<Pause> = pauses
        .iter()
        .map(|pause| Pause {
            from: pause.from.max(gap.from),
            until: pause.until.min(gap.until),
        })
        .filter(|pause| pause.from < pause.until)
        .collect();
    let (Some(first), Some(last)) = (within.first(), within.last()) else {
        return;
    };
    // The first probe after it takes a moment to come; a longer time has another reason as well.
    let stood = stood(pauses, gap.from, gap.until);
    if gap.length.saturating_sub(stood) < GAP_MIN {
        gap.from = first.from;
        gap.until = last.until.max(after(first.from, gap.length)).min(gap.until);
    }
}

/// Returns for how long the monitor was not running within a span.
fn stood(pauses: &[Pause], from: Timestamp, until: Timestamp) -> Duration {
    since(from, until).saturating_sub(running(pauses, from, until))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn bucket(from: i64, no_data: u64) -> Bucket {
        let mut bucket = Bucket::empty(at(from), at(from + 300));
        bucket.tally.no_data = Duration::from_secs(no_data);
        bucket.tally.up = Duration::from_secs(300 - no_data);
        bucket
    }

    fn found(buckets: &[(i64, u64)], pauses: &[(i64, i64)]) -> Vec<(i64, i64, u64)> {
        let buckets = buckets.iter().map(|(from, none)| bucket(*from, *none));
        let pauses: Vec<Pause> = pauses
            .iter()
            .map(|(from, until)| Pause {
                from: at(*from),
                until: at(*until),
            })
            .collect();
        let second = |at: Timestamp| at.as_second() - 1_800_000_000;
        gaps(
            buckets.collect(),
            &pauses,
            at(1500),
            Resolution::FiveMinutes,
        )
        .into_iter()
        .map(|gap| (second(gap.from), second(gap.until), gap.length.as_secs()))
        .collect()
    }

    #[test]
    fn a_stop_of_the_monitor_is_known_to_the_moment() {
        // It stopped at 590 and was there again at 700; the first probe came 4 s later.
        let buckets = [(0, 40), (300, 10), (600, 104), (900, 0), (1200, 0)];
        assert_eq!(found(&buckets, &[(590, 700)]), [(590, 704, 114)]);
    }

    #[test]
    fn in_the_first_bucket_only_a_stop_counts() {
        let buckets = [(0, 160), (300, 0), (600, 0), (900, 0), (1200, 0)];
        assert_eq!(found(&buckets, &[]), []);
        assert_eq!(found(&buckets, &[(100, 200)]), [(100, 200, 100)]);
    }

    #[test]
    fn a_gap_without_a_stop_has_the_edges_of_its_buckets() {
        let buckets = [(0, 0), (300, 250), (600, 0), (900, 0), (1200, 20)];
        assert_eq!(found(&buckets, &[]), [(300, 600, 250)]);
        // Nor has one that a stop explains a part of.
        assert_eq!(found(&buckets, &[(400, 470)]), [(300, 600, 250)]);
    }

    #[test]
    fn a_gap_that_goes_on_ends_where_all_is_known() {
        let buckets = [(0, 0), (300, 10)];
        assert_eq!(found(&buckets, &[(590, 1600)]), [(590, 1500, 910)]);
    }
}
