//! What the open violations of a service say as of now: those of the ledger are as they were when their finding was new.

use super::judge::Percent;
use super::{Mark, Watch};
use crate::model::counted::counted as probes;
use crate::model::duration::{Shown, since};
use crate::model::glance::Held;
use crate::model::violation::Violation;

impl Watch {
    /// Returns what each open violation says now.
    pub fn held(&self) -> Vec<Held> {
        let held = |(violation, (code, _)): (&Violation, &Mark)| {
            let seen = self.causes.of(violation, &self.window, code.as_ref());
            Held {
                violation: violation.clone(),
                rule: self.rule_now(violation),
                seen_at: seen.as_ref().map(|seen| seen.at),
                finding: seen.map(|seen| seen.finding),
            }
        };
        self.open.iter().map(held).collect()
    }

    /// Returns a rule with its numbers of now; absent where it has none that change, or none yet.
    fn rule_now(&self, violation: &Violation) -> Option<String> {
        match violation {
            Violation::Error => {
                let rule = &self.rules.error;
                let (failed, counted) = (self.window.failed(), self.window.counted().len());
                let more = if self.window.breaks(rule) {
                    "more"
                } else {
                    "no longer more"
                };
                let threshold = Percent(rule.threshold);
                (counted > 0).then(|| {
                    format!(
                        "{failed} of the last {} failed, {more} than {threshold} of {}",
                        probes(counted, "probe"),
                        rule.window
                    )
                })
            }
            Violation::Latency => Some(self.latency()?.to_string()),
            Violation::Unknown => {
                let spent = since(self.unknown_since?, self.last_at?);
                let allowed = Shown(self.rules.unknown_after);
                let spent = Shown(spent);
                Some(format!(
                    "could not be judged for {spent}, allowed {allowed}"
                ))
            }
            Violation::Matcher if self.broken > 1 => Some(format!(
                "the matcher itself broke in {} probes in a row",
                self.broken
            )),
            Violation::Flapping => {
                let (changed, of) = self.flaps.counts();
                let text = || format!("{changed} of the last {of} verdicts were a change");
                (of > 0).then(text)
            }
            Violation::Matcher | Violation::Heartbeat | Violation::Named(_) => None,
        }
    }
}
