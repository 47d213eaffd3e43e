//! What a probe changes.

use jiff::Timestamp;

use crate::model::incident::Reason;
use crate::model::violation::{Sample, Violation};

/// What one probe changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A violation began.
    Opened(Opened),
    /// It goes on, but its main finding is another one.
    Updated {
        /// The violation.
        violation: Violation,
        /// Why it is open now.
        reason: Reason,
    },
    /// It ended.
    Closed {
        /// The violation.
        violation: Violation,
        /// The rule and its numbers now, for people.
        rule: String,
        /// The samples that the rule sees now, oldest first.
        samples: Vec<Sample>,
    },
}

impl Change {
    /// Notes the address that was asked, where the change says why.
    pub fn note_address(&mut self, address: impl FnOnce() -> Option<String>) {
        match self {
            Self::Opened(Opened { reason, .. }) | Self::Updated { reason, .. } => {
                reason.address = address();
            }
            Self::Closed { .. } => {}
        }
    }
}

/// A violation that began.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The violation.
    pub violation: Violation,
    /// Since when: for `error` the first failed probe after the last good one.
    pub since: Timestamp,
    /// The last good probe before it; absent if the service never came up.
    pub last_good: Option<Timestamp>,
    /// Why.
    pub reason: Reason,
}
