//! How a rule was kept when its incident was over.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Reason;
use crate::model::violation::Sample;

impl Reason {
    /// Returns what the rule saw last, oldest first: of what is over at its end.
    pub fn seen(&self) -> &[Sample] {
        self.kept
            .as_ref()
            .map_or(&self.samples, |kept| &kept.samples)
    }

    /// Returns the rule and its numbers, of what is over also how it is kept now.
    pub fn told(&self) -> String {
        match &self.kept {
            Some(kept) => format!("{}; now {}", self.rule, kept.rule),
            None => self.rule.clone(),
        }
    }
}

/// What a rule said when it was kept again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Kept {
    /// The rule and its numbers: `1 of the last 7 probes failed, at most 25 %; the last 2 are good`.
    pub rule: String,
    /// The samples that it saw, oldest first.
    pub samples: Vec<Sample>,
}
