//! Outcomes as letters.

use crate::cli::fit;

/// Letters that are shown before the first probe that differs, and after it.
pub(super) const SHOWN_BEFORE: usize = 40;
const SHOWN_AFTER: usize = 20;
/// Columns that stand before letters.
const LABEL: usize = 15;

/// A line of letters, cut around one of them.
pub(super) struct Letters {
    pub(super) text: String,
    /// The column of that one.
    pub(super) mark: usize,
}

impl Letters {
    /// Returns letters in groups with spaces between, as many as the terminal has room for.
    pub(super) fn of(letters: &[char], groups: &[usize], around: usize) -> Self {
        let columns = fit::columns(&std::io::stdout());
        let room = columns.map_or(usize::MAX, |columns| columns.saturating_sub(LABEL));
        let mut before = SHOWN_BEFORE;
        loop {
            let after = SHOWN_AFTER.min(before / 2);
            let shown = Self::within(letters, groups, around, (before, after));
            if before == 0 || shown.text.chars().count() <= room {
                return shown;
            }
            before -= 1;
        }
    }

    fn within(
        letters: &[char],
        groups: &[usize],
        around: usize,
        (before, after): (usize, usize),
    ) -> Self {
        let mut ends = Vec::new();
        for group in groups {
            ends.push(ends.last().copied().unwrap_or(0) + group);
        }
        let from = around.saturating_sub(before);
        let to = around.saturating_add(after.max(1)).min(letters.len());
        let mut text = String::new();
        let mut mark = 0;
        if from > 0 {
            text.push('…');
        }
        for (index, letter) in letters.iter().enumerate().take(to).skip(from) {
            if index > from && ends.contains(&index) {
                text.push(' ');
            }
            if index == around {
                mark = text.chars().count();
            }
            text.push(*letter);
        }
        if to < letters.len() {
            text.push('…');
        }
        Self { text, mark }
    }
}
