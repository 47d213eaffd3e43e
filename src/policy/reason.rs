//! What a message shows of the probe that opened a violation.

use std::fmt;
use std::sync::Arc;

use crate::model::incident::Reason;
use crate::model::json::Json;
use crate::model::judgement::Judgement;
use crate::model::violation::{Sample, Violation};

/// Values longer than this in a reason are cut to a summary, so that no response can swell the state file.
const VALUE_BYTES_MAX: usize = 1024;
/// Texts longer than this in a reason are cut.
const TEXT_CHARS_MAX: usize = 1000;

/// Returns the reason that a probe gives for a violation.
pub(super) fn reason<'a>(
    rule: String,
    violation: &Violation,
    judgement: &Judgement,
    exchange: &dyn fmt::Display,
    samples: impl Iterator<Item = &'a Sample>,
) -> Reason {
    let main = match violation {
        Violation::Named(name) => judgement
            .finding_of(name)
            .or_else(|| judgement.main_finding()),
        // Latency is the exchange alone: no finding says why that is slow.
        Violation::Latency => None,
        _ => judgement.main_finding(),
    };
    Reason {
        rule,
        code: main.map(|finding| Arc::clone(&finding.code)),
        finding: main.map(|finding| cut(finding.told())),
        path: main.and_then(|finding| finding.path.clone()).map(cut),
        expected: main
            .and_then(|finding| finding.expected.as_ref())
            .map(bounded),
        actual: main
            .and_then(|finding| finding.actual.as_ref())
            .map(bounded),
        place: main.and_then(|finding| Some(finding.at.as_ref()?.to_string())),
        more_findings: main.map_or(0, |_| judgement.findings.len().saturating_sub(1)),
        exchange: cut(exchange.to_string()),
        address: None,
        samples: samples.cloned().collect(),
        kept: None,
    }
}

fn bounded(value: &Json) -> Json {
    match serde_json::to_vec(value) {
        Ok(bytes) if bytes.len() <= VALUE_BYTES_MAX => value.clone(),
        _ => Json::string(value.summary(VALUE_BYTES_MAX / 4)),
    }
}

/// Returns a text, cut where it is long.
pub(super) fn cut(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::judgement::Finding;

    #[test]
    fn a_large_value_becomes_a_summary() {
        let mut finding = Finding::error("x", "y".repeat(5000)).at_path("$.a");
        finding.actual = Some(Json::string("z".repeat(100_000)));
        finding.expected = Some(Json::from(1_i64));
        let reason = reason(
            "rule".to_owned(),
            &Violation::Error,
            &Judgement::of(vec![finding]),
            &"GET x",
            std::iter::empty(),
        );
        assert_eq!(reason.expected, Some(Json::from(1_i64)));
        assert!(serde_json::to_vec(&reason).unwrap().len() < 4000);
    }

    #[test]
    fn a_named_violation_shows_its_own_finding() {
        let findings = vec![
            Finding::error("other", "something else"),
            Finding::error("stale", "no new block for 20 min"),
        ];
        let reason = reason(
            "named by the script".to_owned(),
            &Violation::Named("stale".into()),
            &Judgement::of(findings),
            &"GET x",
            std::iter::empty(),
        );
        assert_eq!(reason.code.as_deref(), Some("stale"));
        assert_eq!(reason.finding.as_deref(), Some("no new block for 20 min"));
    }
}
