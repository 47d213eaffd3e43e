//! Whether a service may be called well whose newest probe failed, while no rule is broken yet.

use std::fmt;

use jiff::Timestamp;

use crate::model::glance::WindowNumbers;

/// How much a failed probe says where no violation is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// One failed after a good one: worth a note, no more.
    Once,
    /// So many failed in a row: it is being found out whether the service is down.
    Again(usize),
    /// The service has never answered well since it is known.
    Never,
}

impl Doubt {
    /// Returns what the newest probe leaves open, which failed, by the numbers of the rules and the last good probe ever.
    pub fn of(numbers: WindowNumbers, last_good: Option<Timestamp>) -> Self {
        match (last_good, numbers.failing) {
            (None, _) => Self::Never,
            (Some(_), 0 | 1) => Self::Once,
            (Some(_), failing) => Self::Again(failing),
        }
    }

    /// Tells whether nobody can say that the service is well.
    pub fn is_serious(self) -> bool {
        self != Self::Once
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once => f.write_str("the last probe failed, no violation yet"),
            Self::Again(count) => write!(f, "the last {count} probes failed, being confirmed"),
            Self::Never => f.write_str("never answered well yet, being confirmed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_failure_after_good_ones_is_only_noted() {
        let doubt = |failing, last_good| {
            let numbers = WindowNumbers {
                failing,
                ..WindowNumbers::default()
            };
            Doubt::of(numbers, last_good)
        };
        let good = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(doubt(1, good), Doubt::Once);
        assert_eq!(doubt(2, good), Doubt::Again(2));
        assert_eq!(doubt(1, None), Doubt::Never);
        assert!(!Doubt::Once.is_serious() && Doubt::Never.is_serious());
        assert_eq!(
            Doubt::Again(3).to_string(),
            "the last 3 probes failed, being confirmed"
        );
    }
}
