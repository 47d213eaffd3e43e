//! `always(|| …)`: what a script does at its end however it ends.
//!
//! The first call keeps a part of what the run may still use for the end, so that a script which hits a limit can clean
//! up after itself, and no run is allowed more than another.

use rhai::{Engine, FnPtr};

use crate::script::guard::{self, Fallible};
use crate::script::run;
use crate::script::value::problem;

/// Closures of one run.
const ALWAYS_MAX: usize = 20;

pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("always", |body: FnPtr| -> Fallible<()> {
        run::matcher(|matcher, limits| {
            if matcher.is_ending {
                return Err(problem(
                    "`always` is for the script, not for what it does at its end",
                ));
            }
            if matcher.always.len() >= ALWAYS_MAX {
                return Err(problem(format!(
                    "more than {ALWAYS_MAX} closures for `always`"
                )));
            }
            if matcher.always.is_empty() {
                guard::set_aside();
                let left = limits.http_calls.saturating_sub(matcher.calls);
                matcher.kept_calls = left.div_ceil(guard::SET_ASIDE as usize);
            }
            matcher.always.push(body);
            Ok(())
        })
    });
}

/// Returns what the script left for its end, the last first. From here on the run is at its end.
pub(in crate::script) fn left_for_the_end() -> Vec<FnPtr> {
    let left = run::matcher(|matcher, _| {
        matcher.is_ending = true;
        matcher.kept_calls = 0;
        matcher.steps.clear();
        Ok(std::mem::take(&mut matcher.always))
    });
    left.unwrap_or_default().into_iter().rev().collect()
}
