//! What the past of a service looks like in one row: its days, and how much of several spans it was well.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::strip::{DAYS, Day, Strip};
use crate::history::series::{Bucket, Resolution};
use crate::model::duration::{after, before, since};
use crate::model::maintenance::{Maintenance, When};
use crate::model::service::Service;
use crate::model::tally::Tally;

/// Days that are looked at.
pub const DAYS_READ: u32 = 365;
const DAY: Duration = Duration::from_hours(24);

/// The spans that uptime is told of, with their names.
pub const SPANS: [(&str, u32); 5] = [
    ("24 h", 1),
    ("7 d", 7),
    ("30 d", 30),
    ("90 d", 90),
    ("1 y", 365),
];

/// The past of a service in one row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// Its newest days.
    pub strip: Strip,
    /// How long it was what within each span, with the span's name. What is before it was first watched is without data.
    pub uptimes: Vec<(&'static str, Tally)>,
    /// How long it was what in its newest days, from the first on in which it was watched.
    pub since_watched: Tally,
    /// Whether the history cannot be read; the rest is empty then.
    pub is_unreadable: bool,
}

/// How long a service was what within a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// How long the service was what.
    pub tally: Tally,
}

impl From<&Bucket> for Stretch {
    fn from(bucket: &Bucket) -> Self {
        Self {
            from: bucket.from,
            until: bucket.until,
            tally: bucket.tally,
        }
    }
}

/// Returns how long a service was what within a span; what no stretch covers is without data.
fn sum<'a>(
    from: Timestamp,
    until: Timestamp,
    stretches: impl Iterator<Item = &'a Stretch>,
) -> Tally {
    let mut all = Tally::default();
    for stretch in stretches {
        all.add(&stretch.tally);
    }
    all.no_data = since(from, until).saturating_sub(all.watched());
    all
}

/// Returns how long a service was what within each span, and in its newest days since it is watched.
fn uptimes(
    (days, recent): (&[Stretch], &[Stretch]),
    now: Timestamp,
) -> (Vec<(&'static str, Tally)>, Tally) {
    let begun = days.iter().find(|day| !day.tally.watched().is_zero());
    let begun = begun.map(|day| day.from);
    let today = Resolution::Day.floor(now);
    let of_days = |from: Timestamp| sum(from, now, days.iter().filter(|day| day.from >= from));
    let first = |count: u32| before(today, DAY * (count - 1));
    let uptimes = SPANS.map(|(name, count)| match count {
        1 => {
            let from = before(now, DAY);
            (
                name,
                sum(from, now, recent.iter().filter(|one| one.from >= from)),
            )
        }
        count => (name, of_days(first(count))),
    });
    let watched = of_days(begun.unwrap_or(now).max(first(DAYS)));
    (uptimes.into(), watched)
}

impl Record {
    /// Returns the record of a service of which the history cannot be read.
    pub fn unreadable() -> Self {
        Self {
            is_unreadable: true,
            ..Self::default()
        }
    }

    /// Returns the record of a service, by its days of the last year and the stretches of the last 24 hours, each oldest
    /// first.
    pub fn of(
        service: &Service,
        (days, recent): (&[Stretch], &[Stretch]),
        maintenance: &[Maintenance],
        now: Timestamp,
    ) -> Self {
        let (uptimes, since_watched) = uptimes((days, recent), now);
        Self {
            strip: strip(service, days, maintenance, now),
            uptimes,
            since_watched,
            is_unreadable: false,
        }
    }

    /// Returns the share of its newest days in which nobody knows how it was, in percent, where that is worth a word.
    pub fn gap(&self) -> Option<u32> {
        let tally = &self.since_watched;
        let known = tally.known();
        // Of its first day there is nothing to say yet.
        if known.is_zero() || tally.total() < DAY {
            return None;
        }
        let share = known.as_millis() * 1000 / tally.total().as_millis().max(1);
        let unknown = u32::try_from(1000_u128.saturating_sub(share)).unwrap_or(0);
        (unknown >= 10).then_some(unknown / 10)
    }
}

fn strip(
    service: &Service,
    days: &[Stretch],
    maintenance: &[Maintenance],
    now: Timestamp,
) -> Strip {
    let today = Resolution::Day.floor(now);
    let planned: Vec<&Maintenance> = maintenance
        .iter()
        .filter(|one| one.covers(service))
        .collect();
    // What was planned before the service was there was planned for others.
    let begun = days.iter().find(|day| !day.tally.watched().is_zero());
    let begun = begun.map_or(today, |day| day.from);
    let known: HashMap<Timestamp, &Stretch> = days.iter().map(|day| (day.from, day)).collect();
    let day = |ago: u32| {
        let from = before(today, DAY * ago);
        let until = after(from, DAY).min(now);
        let known = known.get(&from).map(|day| day.tally);
        Day {
            date: from.to_zoned_datetime(TimeZone::UTC).date(),
            tally: known.unwrap_or_else(|| sum(from, until, std::iter::empty())),
            maintenance: from >= begun && planned.iter().any(|one| falls_into(one, from, until)),
        }
    };
    Strip((0..DAYS).rev().map(day).collect())
}

/// Tells whether a planned time overlaps a day.
fn falls_into(maintenance: &Maintenance, from: Timestamp, until: Timestamp) -> bool {
    match &maintenance.when {
        When::Once {
            from: begins,
            until: ends,
        } => *begins < until && *ends > from,
        When::Cron { .. } => {
            let next = maintenance.next(from);
            maintenance.is_on(from).is_some() || next.is_some_and(|next| next < until)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tally::Share;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn no_span_counts_more_time_than_it_has() {
        let now = at("2026-11-26T13:40:00Z");
        let stretch = |from: &str, length: Duration| {
            let from = at(from);
            let tally = Tally {
                down: length,
                ..Tally::default()
            };
            Stretch {
                from,
                until: after(from, length),
                tally,
            }
        };
        let hour = Duration::from_hours(1);
        let mut recent = vec![stretch("2026-11-25T13:00:00Z", hour)];
        recent.push(stretch("2026-11-25T14:00:00Z", hour * 23));
        recent.push(stretch("2026-11-26T13:00:00Z", hour * 2 / 3));
        let (uptimes, _) = uptimes((&[], &recent), now);
        let (_, day) = uptimes.first().unwrap();
        assert_eq!(day.down, hour * 23 + hour * 2 / 3);
        assert_eq!(day.total(), DAY);
    }

    #[test]
    fn no_data_is_a_share_of_the_named_span() {
        let now = at("2026-11-26T13:00:00Z");
        let begun = at("2026-11-26T12:48:00Z");
        let tally = Tally {
            up: since(begun, now),
            ..Tally::default()
        };
        let stretch = |from| Stretch {
            from,
            until: now,
            tally,
        };
        let days = [stretch(Resolution::Day.floor(now))];
        let hours = [stretch(Resolution::Hour.floor(begun))];
        let (uptimes, watched) = uptimes((&days, &hours), now);
        for (name, tally) in &uptimes {
            assert_eq!(tally.uptime(), Share::of(DAY, DAY), "{name}");
            let share = tally.no_data.as_secs_f64() / tally.total().as_secs_f64();
            assert!(share >= 0.99, "{name}: {share}");
        }
        let (_, year) = uptimes.last().unwrap();
        assert_eq!(year.total(), DAY * 364 + Duration::from_hours(13));
        assert_eq!(watched.total(), Duration::from_hours(13));
    }
}
