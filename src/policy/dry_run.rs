//! One dry run, and what the daemon would have done with it. Nothing comes of it: it is only shown.

mod json;
pub mod words;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::exchange::Exchange;
use crate::model::judgement::{Judgement, Memory, MemoryDiff, Outcome};
use crate::model::service::{ErrorRule, Service};
use crate::model::span::Line;
use crate::model::violation::{Sample, Violation};
use crate::policy::window::Window;
pub use json::{DryRunJson, SCHEMA, refused};

/// One dry run.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// When the probe was, on the script's clock.
    pub at: Timestamp,
    /// What a person should look at in what is judged.
    pub warnings: Vec<Line>,
    /// Secrets that are not there and are not sent.
    pub stand_ins: Vec<String>,
    /// What the matchers saw; absent if the scripts make their own requests.
    pub exchange: Option<Arc<Exchange>>,
    /// What they said.
    pub judgement: Judgement,
    /// Why the probe cannot be judged: a script was not given an answer that it asked for.
    pub unjudged: Option<String>,
    /// What the scripts remembered before.
    pub memory_before: Arc<Memory>,
    /// Whether the memory goes on to a next probe.
    pub memory_goes_on: bool,
    /// What the daemon would have done.
    pub would: Would,
    /// A hint for the author.
    pub hint: Option<String>,
}

/// What the daemon would have done.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Would {
    /// Whether the probe counts into the error rate as a failure.
    pub counts_as_failure: bool,
    /// The violation that this probe alone would open.
    pub violation: Option<String>,
    /// The channels that would be told of it.
    pub notify: Vec<String>,
    /// The same for a person.
    #[serde(skip)]
    pub text: String,
}

impl Would {
    /// Returns what is known of it where the probe cannot be judged.
    pub fn unjudged() -> Self {
        Self {
            counts_as_failure: false,
            violation: None,
            notify: Vec::new(),
            text: "ask, and judge the answer".to_owned(),
        }
    }

    /// Returns what the daemon would do with this judgement of a service that was fine until now.
    pub fn of(judgement: &Judgement, service: &Service) -> Self {
        let named = judgement.runs.iter().flat_map(|run| &run.violations).next();
        let rule = &service.error;
        let percent = rule.threshold * 100.0;
        let is_enough = breaks_alone(judgement.outcome, rule);
        let text = match (judgement.outcome, named) {
            (_, Some(named)) => format!("open the violation `{}` at once and tell the channels", named.name),
            (Outcome::Pass, None) => "count a good probe".to_owned(),
            (Outcome::Warn, None) => "count a good probe and show the warning".to_owned(),
            (Outcome::Fail, None) if is_enough => {
                "count 1 failure, open the violation `error` and tell the channels".to_owned()
            }
            (Outcome::Fail, None) => format!(
                "count 1 failure; with more than {percent} % of {} needed, this alone would not notify{}",
                rule.window,
                if service.confirm.is_empty() { "" } else { "; look again soon" }
            ),
            (Outcome::Unknown, None) => {
                "count nothing: whoever is to blame, it is not known to be the service".to_owned()
            }
            (Outcome::Error, None) => {
                "count nothing; a second one in a row would tell the channels that the matcher is broken"
                    .to_owned()
            }
        };
        let named = named.map(|named| named.name.to_string());
        let violation = named.or_else(|| is_enough.then(|| Violation::Error.to_string()));
        let channels = service.channels.iter().filter(|_| violation.is_some());
        Self {
            counts_as_failure: judgement.outcome == Outcome::Fail,
            notify: channels.map(ToString::to_string).collect(),
            violation,
            text,
        }
    }
}

/// Tells whether one failed probe breaks the rule by itself.
fn breaks_alone(outcome: Outcome, rule: &ErrorRule) -> bool {
    let mut window = Window::new(rule.window, 0);
    window.push(&Sample {
        at: Timestamp::UNIX_EPOCH,
        outcome,
        latency: None,
        code: None,
    });
    window.breaks(rule)
}

/// Takes back what was found, named and remembered: an answer that was not given says nothing of the service.
pub fn take_back(judgement: &mut Judgement) {
    judgement.outcome = Outcome::Unknown;
    judgement.findings.clear();
    for run in &mut judgement.runs {
        run.violations.clear();
        run.memory = MemoryDiff::default();
    }
}

impl DryRun {
    /// Returns what becomes of the memory, for a person.
    pub fn memory_note(&self) -> &'static str {
        if self.memory_goes_on {
            "(goes on to the next probe, not saved)"
        } else {
            "(not saved)"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_is_enough_where_the_rule_says_so() {
        for (outcome, threshold, window, expected) in [
            (Outcome::Fail, 0.0, 1, true),
            (Outcome::Fail, 0.0, 10, true),
            (Outcome::Fail, 0.3, 10, false),
            (Outcome::Fail, 0.3, 3, true),
            (Outcome::Warn, 0.0, 1, false),
            (Outcome::Error, 0.0, 1, false),
        ] {
            let rule = ErrorRule { threshold, window };
            let alone = breaks_alone(outcome, &rule);
            assert_eq!(alone, expected, "{outcome} {threshold} of {window}");
        }
    }
}
