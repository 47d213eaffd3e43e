//! The probes of a backtest as letters in a row, those rows that are not all pass.

use std::time::Duration;

use jiff::Timestamp;

use crate::cli::fit;
use crate::model::duration::{Shown, since};
use crate::model::judgement::Outcome;
use crate::suite::replay::Judged;

/// Probes in a row where there is room.
const ROW: usize = 60;
/// Columns before the letters.
const LABEL: usize = 18;

/// Returns a row for each stretch of probes in which one did not pass: how long after the first it begins, and a letter a
/// probe, `.` for pass.
pub(super) fn rows(probes: &[Judged], first: Timestamp) -> Vec<String> {
    let columns = fit::columns(&std::io::stdout());
    let room = columns.map_or(ROW, |columns| columns.saturating_sub(LABEL).clamp(10, ROW));
    let stretches = probes.chunks(room);
    let shown = stretches.filter(|stretch| stretch.iter().any(|one| one.outcome != Outcome::Pass));
    let labelled: Vec<(String, String)> = shown
        .map(|stretch| {
            let begin = stretch.first().map_or(first, |one| one.at);
            let letters = stretch.iter().map(|one| match one.outcome {
                Outcome::Pass => '.',
                other => other.letter(),
            });
            let label = match since(first, begin) {
                Duration::ZERO => "0 s".to_owned(),
                later => Shown(later).to_string(),
            };
            (label, letters.collect())
        })
        .collect();
    let width = labelled
        .iter()
        .map(|(label, _)| label.chars().count())
        .max();
    let width = width.unwrap_or(0);
    labelled
        .into_iter()
        .map(|(label, letters)| format!("  +{label:<width$}  {letters}"))
        .collect()
}
