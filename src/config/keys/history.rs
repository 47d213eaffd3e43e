//! The keys of how long the past is kept.

use super::{DAY, Kind, MINUTE, Place, key, seconds};

/// What is kept at all is kept at least so long.
const MIN: u64 = 60 * MINUTE;
const MAX: u64 = 36_500 * DAY;
const KEPT: Kind = seconds(MIN, MAX);

pub(in crate::config) static HISTORY: Place = Place {
    title: "`history`",
    keys: &[
        key(
            "samples",
            KEPT,
            "7d",
            "How long each probe is kept: its time, outcome, latency, phases and code.",
        ),
        key(
            "five_minutes",
            seconds(2 * MIN, MAX),
            "90d",
            "How long buckets of five minutes are kept.",
        ),
        key(
            "hours",
            seconds(2 * DAY, MAX),
            "400d",
            "How long buckets of an hour are kept.",
        ),
        key(
            "days",
            seconds(DAY, MAX),
            "1825d",
            "How long buckets of a day are kept.",
        ),
    ],
    required: &[],
    open: false,
};
