//! Whether a service changes its mind too often to be told of each time.
//!
//! The share of changes among the last 20 verdicts, newer ones weighing more, as in Nagios ("Detection and Handling of
//! State Flapping"): weights from 0.8 for the oldest to 1.2 for the newest. Flapping begins at 50 % and ends at 25 %, so
//! that it does not flap itself.

use std::collections::VecDeque;

/// So many changes are looked at: those between 20 verdicts.
const CHANGES: usize = 19;
/// With fewer there is no saying.
const CHANGES_MIN: usize = 9;
const BEGINS: f64 = 0.5;
const ENDS: f64 = 0.25;

/// The last verdicts of a service, as changes from good to bad or back.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Flaps {
    last: Option<bool>,
    changes: VecDeque<bool>,
}

impl Flaps {
    /// Takes a verdict in.
    pub(super) fn push(&mut self, good: bool) {
        if let Some(last) = self.last.replace(good) {
            if self.changes.len() >= CHANGES {
                self.changes.pop_front();
            }
            self.changes.push_back(last != good);
        }
    }

    /// Tells whether there are enough changes for flapping to begin.
    pub(super) fn begins(&self) -> bool {
        self.changes.len() >= CHANGES_MIN && self.share() >= BEGINS
    }

    /// Tells whether there are so few changes that flapping ends.
    pub(super) fn ends(&self) -> bool {
        self.share() <= ENDS
    }

    /// Returns how many of the last verdicts differed from the one before, and of how many.
    pub(super) fn counts(&self) -> (usize, usize) {
        let changed = self.changes.iter().filter(|changed| **changed).count();
        (changed, self.changes.len())
    }

    /// Returns the weighted share of changes, 0 to 1.
    fn share(&self) -> f64 {
        let mut weights = (0.0, 0.0);
        let mut weight = 1.2;
        for changed in self.changes.iter().rev() {
            weights.0 += if *changed { weight } else { 0.0 };
            weights.1 += weight;
            weight -= 0.4 / 18.0;
        }
        if weights.1 > 0.0 {
            weights.0 / weights.1
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaps(verdicts: &str) -> Flaps {
        let mut flaps = Flaps::default();
        for verdict in verdicts.chars() {
            flaps.push(verdict == '.');
        }
        flaps
    }

    #[test]
    fn begins_at_half_and_ends_at_a_quarter() {
        for (verdicts, begins, ends) in [
            ("....................", false, true),
            (".x.x.x.x.x", true, false),
            (".x.x.x.x.", false, false),
            ("..........xxxxxxxxxx", false, true),
            (".xx..xx..xx..xx..xx.", true, false),
            (".xxx..xxx..xxx..xxx.", false, false),
            (".x.x.x.x.x............", false, false),
            (".x.x.x.x.x................", false, true),
        ] {
            let flaps = flaps(verdicts);
            assert_eq!((flaps.begins(), flaps.ends()), (begins, ends), "{verdicts}");
        }
    }
}
