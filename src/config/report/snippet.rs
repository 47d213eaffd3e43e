//! The source line of one mistake, cut to what a terminal can show.

use std::fmt;

use anstyle::Style;
use miette::{
    Diagnostic, LabeledSpan, MietteError, MietteSpanContents, Severity, SourceCode, SourceSpan,
    SpanContents,
};

use super::{FileReport, first_line, position};
use crate::model::span::{Mistake, MistakeSeverity};

/// Characters of a line that are shown before the caret and after it.
const SHOWN_BEFORE: usize = 60;
const SHOWN_AFTER: usize = 80;

/// One mistake with its line. Control characters of the file never reach the terminal.
#[derive(Debug)]
pub(super) struct Snippet {
    message: String,
    help: Option<String>,
    severity: Severity,
    source: Option<Excerpt>,
}

#[derive(Debug)]
struct Excerpt {
    file: String,
    /// The line as shown.
    text: String,
    /// What of it is marked.
    marked: SourceSpan,
    /// Line and column in the file, from 0.
    line: usize,
    column: usize,
}

impl Snippet {
    pub(super) fn new(file: &FileReport, mistake: &Mistake, colour: bool) -> Self {
        let severity = match mistake.severity {
            MistakeSeverity::Error => Severity::Error,
            MistakeSeverity::Warning => Severity::Warning,
        };
        let code = if colour {
            let faint = Style::new().dimmed();
            format!("{faint}[{}]{faint:#}", mistake.code)
        } else {
            format!("[{}]", mistake.code)
        };
        let message = if file.text.is_empty() {
            format!("{}: {} {code}", file.name, mistake.message)
        } else {
            format!("{} {code}", mistake.message)
        };
        Self {
            message,
            help: mistake.help.clone(),
            severity,
            source: (!file.text.is_empty()).then(|| Excerpt::new(file, mistake)),
        }
    }
}

impl Excerpt {
    fn new(file: &FileReport, mistake: &Mistake) -> Self {
        let (start, mut span) = first_line(&file.text, &file.starts, &mistake.span);
        if span.is_empty() {
            // What is missing is marked at what comes in its place, at the end of a line at what comes before it.
            let (before, after) = file.text.split_at_checked(span.start).unwrap_or_default();
            let on_line = |letter: &char| !matches!(letter, '\n' | '\r');
            if let Some(next) = after.chars().next().filter(on_line) {
                span.end += next.len_utf8();
            } else if let Some(last) = before.chars().next_back().filter(on_line) {
                span.start -= last.len_utf8();
            }
        }
        let piece = |range: std::ops::Range<usize>| file.text.get(range).unwrap_or_default();
        let end = file.text.get(span.start..).and_then(|rest| rest.find('\n'));
        let end = end.map_or(file.text.len(), |length| span.start + length);
        let before = piece(start..span.start);
        let skipped = before.chars().count().saturating_sub(SHOWN_BEFORE);
        let mut text = String::new();
        if skipped > 0 {
            text.push('…');
        }
        text.extend(before.chars().skip(skipped).map(visible));
        let marked_from = text.len();
        let marked = piece(span.clone());
        text.extend(marked.chars().take(SHOWN_AFTER).map(visible));
        let marked_bytes = text.len() - marked_from;
        let left = SHOWN_AFTER.saturating_sub(marked.chars().take(SHOWN_AFTER).count());
        let after = piece(span.end..end.max(span.end));
        text.extend(after.chars().take(left).map(visible));
        if after.chars().nth(left).is_some() || marked.chars().nth(SHOWN_AFTER).is_some() {
            text.push('…');
        }
        let (line, column) = position(&file.text, &file.starts, mistake.span.start);
        Self {
            file: file.name.chars().map(visible).collect(),
            text,
            marked: (marked_from, marked_bytes).into(),
            line: (line as usize).saturating_sub(1),
            column: (column as usize).saturating_sub(1),
        }
    }
}

/// A file must not be able to move the cursor or to change the colours of the terminal that shows it.
fn visible(character: char) -> char {
    match character {
        '\t' | '\r' => ' ',
        _ if character.is_control() => '\u{FFFD}',
        _ => character,
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        // Without context the question is where the mark is; with context, where the shown line begins.
        let (span, column) = if lines_before == 0 {
            (*span, self.column)
        } else {
            ((0, self.text.len()).into(), 0)
        };
        let contents = MietteSpanContents::new_named(
            self.file.clone(),
            self.text.as_bytes(),
            span,
            self.line,
            column,
            1,
        );
        Ok(Box::new(contents))
    }
}

impl fmt::Display for Snippet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Snippet {}

impl Diagnostic for Snippet {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.help.as_deref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let source = self.source.as_ref()?;
        Some(source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let marked = self.source.as_ref()?.marked;
        let label = LabeledSpan::new_primary_with_span(None, marked);
        Some(Box::new(std::iter::once(label)))
    }
}
