//! Notices that the wall clock was set: it and the clock that never jumps then disagree on how much time has passed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Smaller differences are drift and slow wake-ups.
const JUMP_MIN: Duration = Duration::from_secs(5);

/// Compares the two clocks.
#[derive(Debug)]
pub(super) struct Jumps {
    wall: Timestamp,
    steady: Instant,
}

impl Jumps {
    /// Returns a comparison that begins here.
    pub(super) fn new(wall: Timestamp, steady: Instant) -> Self {
        Self { wall, steady }
    }

    /// Returns how far the wall clock was set since the last look, absent if it was not.
    pub(super) fn observe(&mut self, wall: Timestamp, steady: Instant) -> Option<SignedDuration> {
        let passed = steady.saturating_duration_since(self.steady);
        let shown = wall.duration_since(self.wall);
        (self.wall, self.steady) = (wall, steady);
        let jump =
            shown.saturating_sub(SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX));
        (jump.unsigned_abs() > JUMP_MIN).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_a_clock_that_was_set_is_a_jump() {
        let (wall, steady) = (Timestamp::UNIX_EPOCH, Instant::now());
        let later = |wall_s: i64, steady_s: u64| {
            (
                wall + SignedDuration::from_secs(wall_s),
                steady + Duration::from_secs(steady_s),
            )
        };
        let mut jumps = Jumps::new(wall, steady);
        let mut observe = |(wall, steady)| jumps.observe(wall, steady).map(|jump| jump.as_secs());
        assert_eq!(observe(later(60, 60)), None);
        assert_eq!(observe(later(65, 61)), None, "four seconds are drift");
        assert_eq!(observe(later(3_666, 62)), Some(3_600));
        assert_eq!(observe(later(3_726, 122)), None, "said once");
        assert_eq!(observe(later(126, 122)), Some(-3_600));
    }
}
