//! Scripts that are set aside until their text changes: they hold memory that is never freed, or broke what ran them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::judgement::{Finding, Judgement, Severity};
use crate::script::error;
use crate::script::execute::forget_if_broken;
use crate::script::source::Source;

/// A run may leave this much behind.
const LEAK_ONE: i64 = 64 << 10;
/// All runs of one version of a script may leave this much behind.
const LEAK_ALL: i64 = 1 << 20;
/// So many workers may a version of a script break.
const BREAKS_MAX: u32 = 2;
/// Versions of scripts that are remembered; far more than an installation has.
const VERSIONS_MAX: usize = 10_000;

/// What is held against a version of a script.
#[derive(Debug, Clone, Copy, Default)]
struct Record {
    leaked: i64,
    breaks: u32,
}

impl Record {
    fn is_suspended(self) -> bool {
        self.leaked > LEAK_ALL || self.breaks >= BREAKS_MAX
    }
}

/// Who leaked what, and who broke workers.
#[derive(Debug, Default)]
pub(super) struct Offenders {
    known: Mutex<HashMap<Arc<str>, Record>>,
}

impl Offenders {
    fn known(&self) -> MutexGuard<'_, HashMap<Arc<str>, Record>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many versions of scripts are set aside.
    pub(super) fn count(&self) -> usize {
        self.known()
            .values()
            .filter(|one| one.is_suspended())
            .count()
    }

    /// Returns why this version of a script does not run any more.
    pub(super) fn suspended(&self, source: &Source) -> Option<Finding> {
        let record = *self.known().get(&source.version)?;
        let finding = if record.leaked > LEAK_ALL {
            Finding::error(
                "limit.leak",
                "the script is suspended because its runs leave memory behind that can never be freed: a closure holds a \
                 variable that holds the closure; it runs again when its text changes",
            )
        } else if record.breaks >= BREAKS_MAX {
            Finding::error(
                "script.suspended",
                format!(
                    "the script is suspended because it broke {BREAKS_MAX} worker processes; it runs again when its text \
                     changes"
                ),
            )
        } else {
            return None;
        };
        Some(error::about(finding.weighing(Severity::Broken), source))
    }

    /// Enters what a run left behind; if that suspends the script, the judgement says so.
    pub(super) fn settle(&self, source: &Source, leaked: i64, judgement: &mut Judgement) {
        if let Some(finding) = self.leaked(source, leaked) {
            judgement.outcome = judgement.outcome.max(finding.severity.outcome());
            judgement.findings.push(finding);
            forget_if_broken(judgement);
        }
    }

    /// Enters what a run left behind, and returns the finding if that suspends the script.
    pub(super) fn leaked(&self, source: &Source, bytes: i64) -> Option<Finding> {
        if bytes <= 0 {
            return None;
        }
        self.enter(source, |record| {
            record.leaked = if bytes > LEAK_ONE {
                i64::MAX
            } else {
                record.leaked.saturating_add(bytes)
            };
        });
        self.suspended(source)
    }

    /// Enters that a run broke the worker that it ran on.
    pub(super) fn broke(&self, source: &Source) {
        self.enter(source, |record| {
            record.breaks = record.breaks.saturating_add(1);
        });
    }

    fn enter(&self, source: &Source, change: impl FnOnce(&mut Record)) {
        let mut known = self.known();
        if known.len() >= VERSIONS_MAX {
            known.retain(|_, record| record.is_suspended());
        }
        change(known.entry(Arc::clone(&source.version)).or_default());
    }
}
