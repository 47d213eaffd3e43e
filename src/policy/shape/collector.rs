//! What is wrong with one value, told once: mismatches alike become one finding, and there is an end to it.

use crate::model::code::FindingCode;
use crate::model::json::Json;
use crate::model::judgement::{Finding, Severity};
use crate::model::path::{Path, Step};

use super::FINDINGS_MAX;
use super::place::Place;
use super::text::{count, one_line};

/// From this many on, mismatches of one shape and code are told as one.
const ALIKE_MIN: usize = 3;

/// One thing that is wrong at a place.
pub(crate) struct Mismatch {
    /// What is wrong, without the place.
    pub(crate) message: String,
    /// What should be there.
    pub(crate) expected: Option<Json>,
    /// What is there.
    pub(crate) actual: Option<Json>,
}

/// Mismatches in the order found.
///
/// Holds at most [`FINDINGS_MAX`] groups; what comes after them is only counted.
#[derive(Default)]
pub(crate) struct Collector {
    groups: Vec<Group>,
    left_over: usize,
    left_over_severity: Option<Severity>,
}

struct Group {
    shape: Path,
    code: FindingCode,
    severity: Severity,
    count: usize,
    /// The first ones, fewer than [`ALIKE_MIN`].
    told: Vec<Finding>,
}

impl Collector {
    /// Adds a mismatch; `make` is asked only if its words may be told.
    pub(crate) fn add(
        &mut self,
        place: &Place<'_>,
        code: FindingCode,
        severity: Severity,
        make: impl FnOnce() -> Mismatch,
    ) {
        let known = self.groups.iter().position(|group| {
            group.code == code && group.severity == severity && place.has_shape(&group.shape)
        });
        if known.is_none() {
            if self.groups.len() >= FINDINGS_MAX {
                self.left_over += 1;
                self.left_over_severity = self.left_over_severity.max(Some(severity));
                return;
            }
            self.groups.push(Group {
                shape: place.shape(),
                code,
                severity,
                count: 0,
                told: Vec::new(),
            });
        }
        let index = known.unwrap_or(self.groups.len() - 1);
        let Some(group) = self.groups.get_mut(index) else {
            return;
        };
        group.count += 1;
        if group.told.len() + 1 < ALIKE_MIN {
            let mismatch = make();
            let mut finding = Finding::error(code, mismatch.message)
                .weighing(severity)
                .at_path(one_line(&place.path().to_string()));
            finding.expected = mismatch.expected;
            finding.actual = mismatch.actual;
            group.told.push(finding);
        }
    }

    /// Returns the findings, at most [`FINDINGS_MAX`] and one of code `more` that counts the rest.
    pub(crate) fn finish(self) -> Vec<Finding> {
        let mut left_over = self.left_over;
        let mut severity = self.left_over_severity;
        let mut findings = Vec::new();
        for group in self.groups {
            let room = FINDINGS_MAX - findings.len();
            let group_severity = group.severity;
            let mut told = group.tell();
            let hidden: usize = told.iter().skip(room).map(|(_, count)| count).sum();
            if hidden > 0 {
                left_over += hidden;
                severity = severity.max(Some(group_severity));
            }
            told.truncate(room);
            findings.extend(told.into_iter().map(|(finding, _)| finding));
        }
        if let Some(severity) = severity {
            findings.push(
                Finding::error(FindingCode::More, format!("{left_over} more")).weighing(severity),
            );
        }
        findings
    }
}

impl Group {
    /// Returns the findings of the group, each with how many mismatches it stands for.
    fn tell(self) -> Vec<(Finding, usize)> {
        let counted = self.count;
        if counted < ALIKE_MIN {
            return self.told.into_iter().map(|finding| (finding, 1)).collect();
        }
        let Some(mut finding) = self.told.into_iter().next() else {
            return Vec::new();
        };
        let first = finding.path.take().unwrap_or_default();
        finding.message = if self.shape.steps().contains(&Step::Any) {
            let elements = count(counted, "element");
            format!("{elements}: {}; first at {first}", finding.message)
        } else {
            format!("{} (and {} more like it)", finding.message, counted - 1)
        };
        let shape = self.shape.to_string();
        vec![(finding.at_path(one_line(&shape)), counted)]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn mismatch(message: &str) -> Mismatch {
        Mismatch {
            message: message.to_owned(),
            expected: None,
            actual: None,
        }
    }

    fn told(add: impl FnOnce(&mut Collector)) -> Vec<String> {
        let mut collector = Collector::default();
        add(&mut collector);
        let findings = collector.finish();
        findings
            .iter()
            .map(|finding| format!("{} {finding}", finding.code))
            .collect()
    }

    #[test]
    fn three_alike_are_told_as_one() {
        let root = Place::ROOT;
        let alike = |indices: &[usize]| {
            told(|collector| {
                for index in indices {
                    collector.add(
                        &root.index(*index),
                        FindingCode::Type,
                        Severity::Error,
                        || mismatch("wrong"),
                    );
                }
            })
        };
        assert_eq!(alike(&[3, 5]), ["type $[3]: wrong", "type $[5]: wrong"]);
        assert_eq!(
            alike(&[3, 5, 8]),
            ["type $[*]: 3 elements: wrong; first at $[3]"]
        );
    }

    #[test]
    fn there_is_an_end_to_it() {
        let keys: Vec<Arc<str>> = (0..30).map(|n| Arc::from(format!("k{n}"))).collect();
        let findings = told(|collector| {
            for key in &keys {
                collector.add(
                    &Place::ROOT.key(key),
                    FindingCode::Value,
                    Severity::Error,
                    || mismatch("wrong"),
                );
            }
        });
        assert_eq!(findings.len(), FINDINGS_MAX + 1);
        assert_eq!(findings[19], "value $.k19: wrong");
        assert_eq!(findings[20], "more 10 more");
    }

    #[test]
    fn pairs_over_the_end_are_counted_too() {
        let keys: Vec<Arc<str>> = (0..15).map(|n| Arc::from(format!("k{n}"))).collect();
        let findings = told(|collector| {
            for key in &keys {
                for index in [0, 1] {
                    let member = Place::ROOT.key(key);
                    collector.add(
                        &member.index(index),
                        FindingCode::Value,
                        Severity::Error,
                        || mismatch("wrong"),
                    );
                }
            }
        });
        assert_eq!(findings.len(), FINDINGS_MAX + 1);
        assert_eq!(findings[20], "more 10 more");
    }
}
