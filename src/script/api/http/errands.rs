//! The requests of a run as errands of its broker.

use crate::script::broker::{Answer, Asked, Brought, Errand};
use crate::script::guard::{self, Fallible};
use crate::script::host::Ask;
use crate::script::run;
use crate::script::value::{Origin, problem};

/// Tells whether the run asked nobody but the service itself.
pub(in crate::script) fn asked_only_the_service() -> bool {
    run::matcher(|matcher, _| Ok(!matcher.asked_others)).unwrap_or(false)
}

/// Makes a request and returns its answer; only what the author or the config did wrong is an error.
pub(super) fn ask(asked: &Asked) -> Fallible<Answer> {
    sent(asked, None)
}

/// Asks something else than HTTP of the host and port in the URL.
pub(super) fn ask_otherwise(asked: &Asked, what: Ask) -> Fallible<Answer> {
    sent(asked, Some(what))
}

fn sent(asked: &Asked, otherwise: Option<Ask>) -> Fallible<Answer> {
    let errand = Errand::Ask {
        asked: Box::new(asked.clone()),
        otherwise,
        left: run::left()?,
    };
    let Brought::Answer(answer) = run::errand(errand)? else {
        return Err(problem("the broker brought no answer"));
    };
    run::matcher(|matcher, _| {
        matcher.calls = answer.calls;
        matcher.asked_others |= answer.origin == Origin::Dependency;
        Ok(())
    })?;
    guard::charge(1)?;
    Ok(answer)
}
