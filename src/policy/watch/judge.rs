//! Asks every rule what it says of the newest probe.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::Watch;
use crate::model::duration::{Shown, since};
use crate::model::judgement::{Judgement, Outcome};
use crate::model::violation::{Sample, Violation};

/// How many runs must break before that is a violation.
const BROKEN_MIN: u32 = 2;
/// How many good probes in a row the close of `error` needs.
const GOOD_MIN: u32 = 2;

/// What a rule says of the newest probe.
pub(super) enum Finding {
    /// The rule is broken, since then, for this reason.
    Broken(Timestamp, String),
    /// The rule is kept, clearly enough to close.
    Kept(String),
    /// Neither.
    Unclear,
}

impl Watch {
    /// Asks every rule.
    pub(super) fn findings(
        &mut self,
        sample: &Sample,
        judgement: &Judgement,
    ) -> Vec<(Violation, Finding)> {
        // A rule that is kept matters only to a violation that is open; most probes so make no text at all.
        let mut findings = Vec::with_capacity(5);
        if !self.rules.heartbeat {
            findings.push((Violation::Error, self.judge_error(sample)));
        }
        findings.push((Violation::Latency, self.judge_latency(sample)));
        findings.push((Violation::Matcher, self.judge_matcher(sample)));
        findings.push((Violation::Unknown, self.judge_unknown(sample)));
        findings.push((Violation::Flapping, self.judge_flapping(sample, &findings)));
        if self.rules.heartbeat {
            findings.push((Violation::Heartbeat, self.judge_heartbeat(sample)));
        }
        findings.extend(self.judge_named(sample, judgement));
        findings
    }

    fn judge_error(&self, sample: &Sample) -> Finding {
        let rule = &self.rules.error;
        let failed = self.window.failed();
        let counted = self.window.counted().len();
        if sample.outcome == Outcome::Fail && self.window.breaks(rule) {
            let began = self
                .window
                .failing_since()
                .map_or(sample.at, |first| first.at);
            let threshold = Percent(rule.threshold);
            let text = format!(
                "{failed} of the last {counted} probes failed, more than {threshold} of {}",
                rule.window
            );
            return Finding::Broken(began, text);
        }
        if self.is_open(&Violation::Error)
            && sample.outcome.is_good()
            && self.good >= GOOD_MIN
            && self.window.clearly_keeps(rule)
        {
            let threshold = Percent(rule.threshold / 2.0);
            return Finding::Kept(format!(
                "{failed} of the last {counted} probes failed, at most {threshold}; the last {} are good",
                self.good
            ));
        }
        Finding::Unclear
    }

    fn judge_latency(&mut self, sample: &Sample) -> Finding {
        if !sample.outcome.counts() || sample.latency.is_none() {
            return Finding::Unclear;
        }
        let Some(reading) = self.latency() else {
            return Finding::Unclear;
        };
        if reading.exceeds() {
            self.within_limit = 0;
            return Finding::Broken(sample.at, reading.to_string());
        }
        self.within_limit = self.within_limit.saturating_add(1);
        let window = self.rules.latency.map_or(1, |rule| rule.window);
        let keeps = reading.value <= reading.limit.mul_f64(0.9) || self.within_limit >= window;
        if keeps && self.is_open(&Violation::Latency) {
            Finding::Kept(reading.to_string())
        } else {
            Finding::Unclear
        }
    }

    fn judge_matcher(&self, sample: &Sample) -> Finding {
        if self.broken >= BROKEN_MIN && sample.outcome == Outcome::Error {
            let began = self.broken_since.unwrap_or(sample.at);
            return Finding::Broken(
                began,
                format!(
                    "the matcher itself broke in {} probes in a row",
                    self.broken
                ),
            );
        }
        if sample.outcome.counts() && self.is_open(&Violation::Matcher) {
            return Finding::Kept("the matcher judges again".to_owned());
        }
        Finding::Unclear
    }

    fn judge_unknown(&self, sample: &Sample) -> Finding {
        match (sample.outcome, self.unknown_since) {
            (Outcome::Unknown, Some(began)) => {
                if since(began, sample.at) < self.rules.unknown_after {
                    return Finding::Unclear;
                }
                let text = format!(
                    "could not be judged for {}, allowed {}",
                    Shown(since(began, sample.at)),
                    Shown(self.rules.unknown_after)
                );
                Finding::Broken(began, text)
            }
            _ if self.is_open(&Violation::Unknown) => {
                Finding::Kept("can be judged again".to_owned())
            }
            _ => Finding::Unclear,
        }
    }

    fn judge_flapping(&self, sample: &Sample, findings: &[(Violation, Finding)]) -> Finding {
        let (changed, of) = self.flaps.counts();
        if self.is_open(&Violation::Flapping) {
            return if self.flaps.ends() {
                Finding::Kept(format!("{changed} of the last {of} verdicts were a change"))
            } else {
                Finding::Unclear
            };
        }
        let opens = |(violation, finding): &(Violation, Finding)| {
            *violation == Violation::Error && matches!(finding, Finding::Broken(..))
        };
        let error = self.is_open(&Violation::Error) || findings.iter().any(opens);
        if error && sample.outcome.counts() && self.flaps.begins() {
            return Finding::Broken(
                sample.at,
                format!(
                    "{changed} of the last {of} verdicts were a change; further openings and ends are not told until \
                     at most a quarter is"
                ),
            );
        }
        Finding::Unclear
    }

    /// Each beat counts: none is one of many.
    fn judge_heartbeat(&self, sample: &Sample) -> Finding {
        if !sample.outcome.is_good() {
            return Finding::Broken(sample.at, "no beat may be late or bad".to_owned());
        }
        if self.is_open(&Violation::Heartbeat) {
            return Finding::Kept("a good beat came".to_owned());
        }
        Finding::Unclear
    }

    fn judge_named(&self, sample: &Sample, judgement: &Judgement) -> Vec<(Violation, Finding)> {
        let mut findings = Vec::new();
        let mut named = BTreeSet::new();
        if sample.outcome != Outcome::Error {
            for naming in judgement.runs.iter().flat_map(|run| &run.violations) {
                if Violation::RESERVED.contains(&&*naming.name) {
                    continue;
                }
                let violation = Violation::Named(Arc::clone(&naming.name));
                if named.insert(violation.clone()) {
                    // The message stands in the finding of its name.
                    let text = match judgement.finding_of(&naming.name) {
                        Some(_) => "named by the script".to_owned(),
                        None => naming.message.clone(),
                    };
                    findings.push((violation, Finding::Broken(sample.at, text)));
                }
            }
        }
        let judged =
            sample.outcome.counts() && (sample.outcome.is_good() || !judgement.runs.is_empty());
        if judged {
            let gone = self.open.keys().filter(|violation| {
                matches!(violation, Violation::Named(_)) && !named.contains(violation)
            });
            let text = "the script no longer names it";
            findings.extend(gone.map(|gone| (gone.clone(), Finding::Kept(text.to_owned()))));
        }
        findings
    }
}

/// Displays a share as `50 %`, `33.3 %`.
pub(super) struct Percent(pub(super) f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 1000.0).round() / 10.0;
        write!(f, "{tenths} %")
    }
}
