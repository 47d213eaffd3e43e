//! How long to wait after a failure.

use std::time::Duration;

/// The wait after the first failure, before it is shortened at random.
pub const BASE: Duration = Duration::from_secs(1);
/// No wait is longer, unless the other side asks for it.
pub const CAP: Duration = Duration::from_mins(5);
/// The longest wait that the other side can ask for.
pub const HINT_MAX: Duration = Duration::from_hours(1);

/// Returns the wait after so many failures in a row: 1 s, doubled by each further failure up to 5 min, then
/// multiplied by a number from 0.5 to 1 that grows with `random` (0 to 1), so that many do not retry in step.
pub fn delay(failures: u32, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let full = BASE.saturating_mul(1 << doublings).min(CAP);
    let random = if random.is_finite() {
        random.clamp(0.0, 1.0)
    } else {
        1.0
    };
    full.mul_f64(0.5 + random / 2.0)
}

/// Returns the wait after so many failures where the other side asked for `hint`: never less than the hint, which
/// counts up to 1 h.
pub fn delay_with_hint(failures: u32, random: f64, hint: Option<Duration>) -> Duration {
    delay(failures, random).max(hint.unwrap_or_default().min(HINT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn doubles_from_one_second_to_five_minutes() {
        let waits: Vec<u64> = [0, 1, 2, 3, 8, 9, 10, u32::MAX]
            .into_iter()
            .map(|failures| delay(failures, 1.0).as_secs())
            .collect();
        assert_eq!(waits, [1, 1, 2, 4, 128, 256, 300, 300]);
    }

    #[test]
    fn a_hint_is_a_floor_up_to_an_hour() {
        let hinted = |failures, hint| {
            delay_with_hint(failures, 1.0, Some(Duration::from_secs(hint))).as_secs()
        };
        assert_eq!(hinted(1, 30), 30);
        assert_eq!(hinted(10, 30), 300);
        assert_eq!(hinted(1, 86_400), 3600);
    }

    proptest! {
        #[test]
        fn stays_between_half_and_whole(failures: u32, random: f64) {
            let wait = delay(failures, random);
            let whole = delay(failures, 1.0);
            prop_assert!(wait >= whole / 2 && wait <= whole && whole <= CAP);
        }
    }
}
