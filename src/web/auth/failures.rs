//! How often a login or a token may fail: per address, and in all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// From one address so many fail one after the other, and then one each period.
const BURST: u32 = 10;
const PERIOD: Duration = Duration::from_secs(30);
/// From all addresses together so many fail one after the other, and then one each period.
const BURST_OF_ALL: u32 = 100;
const PERIOD_OF_ALL: Duration = Duration::from_secs(1);
/// So many addresses are remembered; with more, only all together are counted.
const ADDRESSES_MAX: usize = 10_000;

/// The tries that failed. Each pushes a moment ahead; what is too far ahead has to wait.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Moments>);

#[derive(Debug, Default)]
struct Moments {
    of: HashMap<Option<IpAddr>, Instant>,
    all: Option<Instant>,
}

/// Returns how long to wait until one more may fail.
fn wait(ahead: Option<Instant>, burst: u32, period: Duration, now: Instant) -> Duration {
    let ahead = ahead.map_or(Duration::ZERO, |ahead| ahead.saturating_duration_since(now));
    ahead.saturating_sub(period * (burst - 1))
}

impl Failures {
    /// Tells how long whoever calls from an address has to wait before the next try; nothing to wait is `Ok`.
    pub(super) fn may_try(&self, from: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = moments.of.get(&from.map(network)).copied();
        let own = wait(own, BURST, PERIOD, now);
        let longest = own.max(wait(moments.all, BURST_OF_ALL, PERIOD_OF_ALL, now));
        if longest.is_zero() {
            Ok(())
        } else {
            Err(longest)
        }
    }

    /// Counts a try that failed.
    pub(super) fn count(&self, from: Option<IpAddr>, now: Instant) {
        let mut moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moments.all = Some(moments.all.map_or(now, |all| all.max(now)) + PERIOD_OF_ALL);
        if moments.of.len() >= ADDRESSES_MAX {
            moments.of.retain(|_, ahead| *ahead > now);
        }
        let from = from.map(network);
        if moments.of.len() < ADDRESSES_MAX || moments.of.contains_key(&from) {
            let ahead = moments.of.entry(from).or_insert(now);
            *ahead = (*ahead).max(now) + PERIOD;
        }
    }

    /// Takes back one that was counted: it has not failed after all.
    pub(super) fn forgive(&self, from: Option<IpAddr>) {
        let mut moments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moments.all = moments.all.and_then(|all| all.checked_sub(PERIOD_OF_ALL));
        if let Some(ahead) = moments.of.get_mut(&from.map(network)) {
            *ahead = ahead.checked_sub(PERIOD).unwrap_or(*ahead);
        }
    }
}

/// Returns what an address stands for: of IPv6 the /64, which is one customer.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_too_often_waits_and_others_do_not() {
        let (failures, now) = (Failures::default(), Instant::now());
        let [one, neighbour, other] = ["2001:db8::1", "2001:db8::2", "192.0.2.1"]
            .map(|text| Some(text.parse::<IpAddr>().unwrap()));
        for _ in 0..BURST {
            assert_eq!(failures.may_try(one, now), Ok(()));
            failures.count(one, now);
        }
        assert_eq!(failures.may_try(one, now), Err(PERIOD));
        assert_eq!(failures.may_try(neighbour, now), Err(PERIOD));
        assert_eq!(failures.may_try(other, now), Ok(()));
        assert_eq!(failures.may_try(one, now + PERIOD), Ok(()));
    }

    #[test]
    fn what_has_not_failed_after_all_does_not_count() {
        let (failures, now) = (Failures::default(), Instant::now());
        let one = Some(IpAddr::from([192, 0, 2, 1]));
        for _ in 0..3 * BURST_OF_ALL {
            assert_eq!(failures.may_try(one, now), Ok(()));
            failures.count(one, now);
            failures.forgive(one);
        }
    }

    #[test]
    fn many_addresses_together_wait_as_well() {
        let (failures, now) = (Failures::default(), Instant::now());
        for number in 0..BURST_OF_ALL {
            failures.count(Some(IpAddr::from(number.to_be_bytes())), now);
        }
        let fresh = Some(IpAddr::from([10, 0, 0, 1]));
        assert_eq!(failures.may_try(fresh, now), Err(PERIOD_OF_ALL));
        assert_eq!(failures.may_try(fresh, now + PERIOD_OF_ALL), Ok(()));
    }
}
