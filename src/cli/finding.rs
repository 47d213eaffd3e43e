//! A finding as the author of a script wants to see it.

use std::fmt::Write as _;

use super::output::{self, BOLD, FAINT, WARNING, styled};
use crate::model::judgement::{Finding, Severity};

/// Returns a finding with its place in the script and the values that show why.
pub(super) fn text(finding: &Finding) -> String {
    let (style, sign, word) = match finding.severity {
        Severity::Error => (output::ERROR, "✗", ""),
        Severity::Broken => (output::ERROR, "✗", "  (the script is broken)"),
        Severity::Unknown => (WARNING, "?", "  (unknown)"),
        Severity::Warning => (WARNING, "!", "  (warning)"),
    };
    let mut text = format!(
        "{} {} {finding}{word}",
        styled(style, sign),
        styled(BOLD, &finding.code)
    );
    if let Some(step) = &finding.step {
        write!(text, "\n     in step {step}").unwrap_or_default();
    }
    if let Some(place) = &finding.at {
        let source = finding.source.as_deref().unwrap_or_default();
        write!(text, "\n     {}", styled(FAINT, format_args!("at {place}"))).unwrap_or_default();
        if !source.is_empty() {
            let gutter = place.line.to_string();
            write!(text, "\n   {gutter:>4} │ {source}").unwrap_or_default();
            let indent = finding.indent();
            write!(text, "\n        │ {indent}{}", styled(style, "^")).unwrap_or_default();
        }
    }
    if let Some(calls) = finding.calls() {
        write!(text, "\n     {}", styled(FAINT, calls)).unwrap_or_default();
    }
    for (name, value) in &finding.evidence {
        write!(text, "\n        {name} = {}", value.summary(120)).unwrap_or_default();
    }
    text
}
