//! What the failed probes of a service have found: the cause of an outage is what most of them did, and a probe that
//! passes meanwhile takes nothing of it away.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::incident::Reason;
use crate::model::judgement::{Finding, Judgement, Outcome};
use crate::model::violation::{Sample, Violation};
use crate::policy::reason::cut;
use crate::policy::window::Window;

/// What was found of each violation, newest first where a code was found again.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Causes(BTreeMap<(Violation, Arc<str>), Seen>);

/// A finding as the newest probe said it that had it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) finding: String,
    pub(super) at: Timestamp,
}

impl Causes {
    /// Takes in what a probe found of some violations.
    pub(super) fn note<'a>(
        &mut self,
        at: Timestamp,
        judgement: &Judgement,
        of: impl Iterator<Item = &'a Violation>,
    ) {
        for violation in of {
            if let Some(finding) = found(violation, judgement) {
                let key = (violation.clone(), Arc::clone(&finding.code));
                let finding = cut(finding.told());
                self.0.insert(key, Seen { finding, at });
            }
        }
    }

    /// Takes in what an incident says that was open before.
    pub(super) fn restore(&mut self, violation: &Violation, reason: &Reason) {
        let at = reason
            .samples
            .last()
            .map_or(Timestamp::UNIX_EPOCH, |one| one.at);
        if let (Some(code), Some(finding)) = (&reason.code, reason.finding.clone()) {
            let key = (violation.clone(), Arc::clone(code));
            self.0.entry(key).or_insert(Seen { finding, at });
        }
    }

    /// Forgets what is neither in the window nor of a violation that is open.
    pub(super) fn forget(&mut self, window: &Window, is_open: impl Fn(&Violation) -> bool) {
        self.0.retain(|(violation, code), _| match violation {
            Violation::Error => failed(window).any(|one| one.code.as_ref() == Some(code)),
            other => is_open(other),
        });
    }

    /// Returns what a violation is open for: of `error` what most failed probes of the window found, of others what was
    /// found last.
    pub(super) fn of(
        &self,
        violation: &Violation,
        window: &Window,
        known: Option<&Arc<str>>,
    ) -> Option<Seen> {
        if matches!(violation, Violation::Latency | Violation::Flapping) {
            return None;
        }
        if *violation != Violation::Error {
            let own = self.0.iter().filter(|((of, _), _)| of == violation);
            return own
                .map(|(_, seen)| seen)
                .max_by_key(|seen| seen.at)
                .cloned();
        }
        let code = main(window, known)?;
        let newest = failed(window).rfind(|one| one.code.as_ref() == Some(&code));
        let seen = self.0.get(&(Violation::Error, code))?.clone();
        let at = newest.map_or(seen.at, |one| one.at.max(seen.at));
        Some(Seen { at, ..seen })
    }
}

/// Returns the code that most failed probes of a window have; of several the known one, else the newest.
pub(super) fn main(window: &Window, known: Option<&Arc<str>>) -> Option<Arc<str>> {
    let mut counts: BTreeMap<&Arc<str>, (usize, usize)> = BTreeMap::new();
    for (place, sample) in failed(window).enumerate() {
        if let Some(code) = &sample.code {
            let (count, newest) = counts.entry(code).or_default();
            (*count, *newest) = (*count + 1, place);
        }
    }
    let all = counts.into_iter();
    let most = all.max_by_key(|(code, (count, newest))| (*count, known == Some(*code), *newest));
    most.map(|(code, _)| Arc::clone(code))
}

fn failed(window: &Window) -> impl DoubleEndedIterator<Item = &Sample> {
    window.counted().filter(|one| one.outcome == Outcome::Fail)
}

/// Returns what a judgement finds that a violation is open for; absent where it finds nothing of the kind.
fn found<'a>(violation: &Violation, judgement: &'a Judgement) -> Option<&'a Finding> {
    let of = |outcome| {
        let main = judgement.main_finding();
        main.filter(|_| judgement.outcome == outcome)
    };
    match violation {
        Violation::Error | Violation::Heartbeat => of(Outcome::Fail),
        Violation::Unknown => of(Outcome::Unknown),
        Violation::Matcher => of(Outcome::Error),
        Violation::Named(name) => judgement.finding_of(name),
        Violation::Latency | Violation::Flapping => None,
    }
}
