//! Judges one exchange.
//!
//! What goes wrong first speaks alone: a failed exchange before the status, the status before the body, a body that is
//! not what the matcher can read before what is in it. Pure: no I/O, no clock; a body that is as it should be costs no
//! allocation besides its parsing. What the service sent is data everywhere, never matcher syntax.

mod body;
mod compile;
mod exact;
mod non_empty;
pub mod spec;
mod status;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::exchange::{Exchange, Response};
use crate::model::failure::Failure;
use crate::model::json::Json;
use crate::model::judgement::{Finding, Judgement, Severity};
use crate::policy::shape::{Pattern, one_line};
use crate::script::source::Source;

use exact::Exact;
use spec::NonEmptyOptions;

pub use status::{StatusError, StatusRule};

/// A matcher ready to judge. Made by [`Matcher::compile`].
#[derive(Debug)]
pub struct Matcher {
    status: StatusRule,
    looks_at: LooksAt,
}

/// What a matcher looks at once the status is accepted.
#[derive(Debug)]
enum LooksAt {
    Nothing,
    Types(Pattern),
    Exact(Exact),
    NonEmpty(NonEmptyOptions),
    Script(ScriptMatcher),
}

/// A matcher whose judgement is a script's, with what the script is given.
#[derive(Debug)]
pub struct ScriptMatcher {
    /// The script.
    pub source: Arc<Source>,
    /// Its parameters as the config gives them; defaults are the script's own.
    pub params: Arc<BTreeMap<Arc<str>, Json>>,
    /// The config's `response` sample, for the script's `expected`.
    pub expected: Option<Json>,
}

impl Matcher {
    /// Returns the built-in's name, or the script's.
    pub fn name(&self) -> &str {
        match &self.looks_at {
            LooksAt::Nothing => "status_code",
            LooksAt::Types(_) => "types",
            LooksAt::Exact(_) => "exact",
            LooksAt::NonEmpty(_) => "non_empty",
            LooksAt::Script(script) => &script.source.name,
        }
    }

    /// Returns the statuses that it accepts.
    pub fn status(&self) -> &StatusRule {
        &self.status
    }

    /// Returns the script that judges, absent for a built-in.
    pub fn as_script(&self) -> Option<&ScriptMatcher> {
        if let LooksAt::Script(script) = &self.looks_at {
            Some(script)
        } else {
            None
        }
    }

    /// Returns the judgement that comes before a script is run: of a failed exchange or an unaccepted status.
    ///
    /// The script runs only if there is none. A script that makes its own calls (`request = false`) has no exchange to
    /// be judged here.
    pub fn before_script(&self, exchange: &Exchange) -> Option<Judgement> {
        if self
            .as_script()
            .is_some_and(|script| !script.source.header.sends_request)
        {
            return None;
        }
        self.answer(exchange).err().map(|finding| only(*finding))
    }

    /// Judges an exchange by a built-in matcher.
    ///
    /// Of a script it says what [`Matcher::before_script`] says, else that the script did not run: never a pass.
    pub fn judge(&self, exchange: &Exchange) -> Judgement {
        if self.as_script().is_some() {
            return self.before_script(exchange).unwrap_or_else(|| {
                let message = "the script that decides this was not run";
                only(Finding::error("not_run", message).weighing(Severity::Broken))
            });
        }
        let response = match self.answer(exchange) {
            Ok(response) => response,
            Err(finding) => return only(*finding),
        };
        Judgement::of(match &self.looks_at {
            LooksAt::Nothing | LooksAt::Script(_) => Vec::new(),
            LooksAt::Types(pattern) => body::judge(response, |root| pattern.findings(root)),
            LooksAt::Exact(exact) => exact.judge(response),
            LooksAt::NonEmpty(options) => non_empty::judge(options, response),
        })
    }

    /// Returns advice on an exchange that passes but may not have been looked at where the person meant, for a dry run.
    pub fn hint(&self, exchange: &Exchange) -> Option<String> {
        let response = exchange.result.as_ref().ok()?;
        match &self.looks_at {
            LooksAt::NonEmpty(options) => non_empty::hint(options, response),
            _ => None,
        }
    }

    /// Returns the response if there is one with an accepted status, else what is wrong.
    fn answer<'e>(&self, exchange: &'e Exchange) -> Result<&'e Response, Box<Finding>> {
        let response = exchange
            .result
            .as_ref()
            .map_err(|failure| Box::new(failed(failure)))?;
        if self.status.accepts(response.status.as_u16()) {
            Ok(response)
        } else {
            Err(Box::new(self.status.refusal(response.status)))
        }
    }
}

fn only(finding: Finding) -> Judgement {
    Judgement::of(vec![finding])
}

/// Returns the finding of an exchange that has no response.
fn failed(failure: &Failure) -> Finding {
    let severity = if failure.kind.is_ours() {
        Severity::Unknown
    } else {
        Severity::Error
    };
    let mut finding =
        Finding::error(failure.kind.as_str(), one_line(&failure.message)).weighing(severity);
    let phase = failure.phase.map(|phase| Json::from(phase.as_str()));
    finding.evidence = phase
        .map(|phase| ("phase".to_owned(), phase))
        .into_iter()
        .collect();
    finding
}
