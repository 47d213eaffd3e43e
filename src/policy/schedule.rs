//! When a service is due.
//!
//! Every service has its own grid of moments, one an interval, shifted by a phase that its name alone decides, so
//! that many services of one interval do not start together and a restart keeps their order. Moments are counted
//! from the start of the daemon on a clock that never jumps.

use std::time::Duration;

/// How much the first round is stretched for each service: 500 services start in a second.
const START_SPREAD: Duration = Duration::from_millis(2);

/// Returns for how long a probe says at most what its service is: one turn may be missed, and the next may take its time.
pub fn holds(interval: Duration, timeout: Duration) -> Duration {
    interval.saturating_mul(2).saturating_add(timeout)
}

/// The grid of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    interval: Duration,
    offset: Duration,
    hash: u64,
}

/// The next moment of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// When, since the start of the daemon.
    pub at: Duration,
    /// How many moments passed without a probe because the last one was still running or nobody was awake. They
    /// are not made up for.
    pub missed: u64,
}

impl Schedule {
    /// Returns the grid of a service. An interval of zero counts as 1 ms.
    pub fn new(name: &str, interval: Duration) -> Self {
        let interval = interval.max(Duration::from_millis(1));
        let hash = stable_hash(name);
        Self {
            interval,
            offset: spread(hash, interval),
            hash,
        }
    }

    /// Returns the delay of the very first probe when so many services start with this one: short, since people who
    /// have just started OES look at it, but spread.
    pub fn first(&self, services: usize) -> Duration {
        let stretch = START_SPREAD.saturating_mul(u32::try_from(services).unwrap_or(u32::MAX));
        spread(self.hash, stretch.min(self.interval))
    }

    /// Returns the first moment after the very first probe, which was at `first`: at least half an interval later.
    pub fn second(&self, first: Duration) -> Duration {
        self.after(first.saturating_add(self.interval / 2))
    }

    /// Returns the moment that follows the one at `due`, where the time now is `now`: never one that is past, so
    /// that a stall or a sleeping machine is followed by one probe and not by a burst.
    pub fn next(&self, due: Duration, now: Duration) -> Due {
        let regular = self.after(due);
        if regular >= now {
            return Due {
                at: regular,
                missed: 0,
            };
        }
        let at = self.after(now);
        let gap = at.saturating_sub(regular).as_nanos() / self.interval.as_nanos().max(1);
        Due {
            at,
            missed: u64::try_from(gap).unwrap_or(u64::MAX),
        }
    }

    /// Returns the first moment later than `time`.
    fn after(&self, time: Duration) -> Duration {
        let Some(past) = time.checked_sub(self.offset) else {
            return self.offset;
        };
        let interval = self.interval.as_nanos().max(1);
        let behind = past.as_nanos() % interval;
        let missing = u64::try_from(interval - behind).unwrap_or(u64::MAX);
        time.saturating_add(Duration::from_nanos(missing))
    }
}

/// Returns a part of `range`, in proportion to the hash.
fn spread(hash: u64, range: Duration) -> Duration {
    let nanos = u64::try_from(range.as_nanos()).unwrap_or(u64::MAX);
    let part = (u128::from(hash) * u128::from(nanos)) >> 64;
    Duration::from_nanos(u64::try_from(part).unwrap_or_default())
}

/// Returns the FNV-1a hash of a name, mixed so that names that differ in their last letter lie far apart. It must
/// never change: the phases of a running fleet depend on it.
fn stable_hash(name: &str) -> u64 {
    let fnv = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_name_keeps_its_phase_for_ever() {
        let schedule = Schedule::new("price", MINUTE);
        assert_eq!(schedule, Schedule::new("price", MINUTE));
        assert_eq!(stable_hash("price"), 0xfa83_0a7a_e9da_d76b);
    }

    #[test]
    fn a_thousand_services_spread_evenly() {
        let mut tenths = [0_u32; 10];
        for n in 0..1000 {
            let offset = Schedule::new(&format!("service {n}"), MINUTE).offset;
            tenths[usize::try_from(offset.as_millis() / 6000).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|n| (70..=130).contains(n)), "{tenths:?}");
    }

    #[test]
    fn one_service_starts_at_once_and_many_within_the_interval() {
        let schedule = Schedule::new("x", Duration::from_mins(5));
        assert!(schedule.first(1) < Duration::from_millis(2));
        assert!(schedule.first(10_000) < Duration::from_secs(20));
        assert!(schedule.first(usize::MAX) < Duration::from_mins(5));
    }

    #[test]
    fn a_night_asleep_is_followed_by_one_probe() {
        let schedule = Schedule::new("x", MINUTE);
        let first = schedule.second(Duration::ZERO);
        let due = schedule.next(first, Duration::from_hours(8));
        assert!(due.at > Duration::from_hours(8) && due.at <= Duration::from_hours(8) + MINUTE);
        assert!((478..=480).contains(&due.missed), "{due:?}");
    }

    proptest! {
        #[test]
        fn moments_lie_on_the_grid_in_the_future(
            name in ".{1,20}", interval_ms in 1_u64..600_000, due_ms in 0_u64..10_000_000, late_ms in 0_u64..10_000_000,
        ) {
            let schedule = Schedule::new(&name, Duration::from_millis(interval_ms));
            let due = schedule.after(Duration::from_millis(due_ms));
            let now = due + Duration::from_millis(late_ms);
            let next = schedule.next(due, now);
            prop_assert!(next.at >= now && next.at > due);
            prop_assert!(next.at <= now + schedule.interval);
            let step = next.at.checked_sub(due).unwrap();
            let steps = step.as_nanos() / schedule.interval.as_nanos();
            prop_assert_eq!(step.as_nanos() % schedule.interval.as_nanos(), 0);
            prop_assert_eq!(u128::from(next.missed) + 1, steps);
        }

        #[test]
        fn the_second_probe_is_half_to_one_and_a_half_intervals_after_the_first(name in ".{1,20}", services in 1_usize..1_000_000) {
            let schedule = Schedule::new(&name, MINUTE);
            let first = schedule.first(services);
            let gap = schedule.second(first).checked_sub(first).unwrap();
            prop_assert!(gap > MINUTE / 2 && gap <= MINUTE * 3 / 2);
        }
    }
}
