//! Outcomes as letters.

/// Letters that are shown before the first probe that differs, and after it.
pub(super) const SHOWN_BEFORE: usize = 40;
const SHOWN_AFTER: usize = 20;

/// A line of letters, cut around one of them.
pub(super) struct Letters {
    pub(super) text: String,
    /// The column of that one.
    pub(super) mark: usize,
}

impl Letters {
    /// Returns letters in groups with spaces between.
    pub(super) fn of(letters: &[char], groups: &[usize], around: usize) -> Self {
        let mut ends = Vec::new();
        for group in groups {
            ends.push(ends.last().copied().unwrap_or(0) + group);
        }
        let from = around.saturating_sub(SHOWN_BEFORE);
        let to = around.saturating_add(SHOWN_AFTER).min(letters.len());
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
