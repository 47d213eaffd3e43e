//! What a job said of its failure is not lost when it reports no more: the failure stands first, what came after behind it.

use crate::model::code::FindingCode;
use crate::model::incident::Reason;

/// Stands between what a job said and what came after.
const THEN: &str = "; then ";

/// Puts what a job said last before the newer reason, if that is only that it reports no more.
pub(super) fn after_its_word(before: &Reason, newer: &mut Reason) {
    let is = |reason: &Reason, code: FindingCode| reason.code.as_deref() == Some(code.as_str());
    if !is(newer, FindingCode::HeartbeatLate) {
        return;
    }
    let said = before.finding.as_deref();
    let said = if is(before, FindingCode::HeartbeatLate) {
        said.and_then(|finding| Some(finding.rsplit_once(THEN)?.0))
    } else if is(before, FindingCode::HeartbeatFailed) {
        said
    } else {
        None
    };
    if let (Some(said), Some(finding)) = (said, &mut newer.finding) {
        *finding = [said, THEN, finding].concat();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: FindingCode, finding: &str) -> Reason {
        Reason {
            code: Some(code.into()),
            finding: Some(finding.to_owned()),
            ..Reason::default()
        }
    }

    #[test]
    fn the_word_of_a_job_stands_before_its_silence() {
        let failed = reason(
            FindingCode::HeartbeatFailed,
            "it failed: no; then disk full",
        );
        let mut before = failed.clone();
        for hours in [24, 48] {
            let late = format!("no beat for {hours} h");
            let mut newer = reason(FindingCode::HeartbeatLate, &late);
            after_its_word(&before, &mut newer);
            let told = format!("it failed: no; then disk full; then {late}");
            assert_eq!(newer.finding.as_deref(), Some(&*told));
            before = newer;
        }
        let mut again = reason(FindingCode::HeartbeatFailed, "it failed: again");
        after_its_word(&before, &mut again);
        assert_eq!(again.finding.as_deref(), Some("it failed: again"));
        let late = reason(
            FindingCode::HeartbeatLate,
            "no beat for 24 h; one is expected",
        );
        let mut later = late.clone();
        after_its_word(&late, &mut later);
        assert_eq!(later, late, "a job that has said nothing");
    }
}
