//! What is wrong with an ops config, told to people and to programs.

mod snippet;

use std::fmt::Write as _;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::model::counted::counted;
use crate::model::span::{Line, Mistake, MistakeSeverity, Place};
use snippet::Snippet;

/// How many mistakes are printed for people; programs get all.
const PRINTED_MAX: usize = 100;

/// Everything that is wrong with an ops config and the scripts it names.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The files that have mistakes, the config first.
    pub files: Vec<FileReport>,
    /// Errors that were too many to keep.
    pub unlisted: usize,
    /// What a person should know besides.
    pub notes: Vec<String>,
    /// Every file that was read, in order: mending one of them may mend the config.
    pub read: Vec<PathBuf>,
}

/// The mistakes of one file.
#[derive(Debug, Clone)]
pub struct FileReport {
    /// The file as the person named it.
    pub name: Arc<str>,
    /// Its text; empty if it could not be read.
    pub text: Arc<str>,
    /// Its mistakes in the order of the text.
    pub mistakes: Vec<Mistake>,
    /// Where its lines begin.
    starts: Vec<usize>,
}

/// How a report is drawn on a terminal.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether to use colours.
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
}

/// Messages of a report that is narrower are not broken into lines: that is for whoever knows the terminal.
const WRAPPED_FROM: usize = 80;

impl FileReport {
    /// Returns the mistakes of a file, put into the order of the text.
    pub fn new(
        name: impl Into<Arc<str>>,
        text: impl Into<Arc<str>>,
        mut mistakes: Vec<Mistake>,
    ) -> Self {
        let text = text.into();
        for mistake in &mut mistakes {
            clean(&mut mistake.message);
            if let Some(help) = &mut mistake.help {
                clean(help);
            }
        }
        mistakes.sort_by_key(|mistake| (mistake.span.start, mistake.span.end));
        Self {
            name: name.into(),
            starts: line_starts(&text),
            text,
            mistakes,
        }
    }

    /// Returns the place of a byte.
    pub fn place(&self, at: usize) -> Place {
        let (line, column) = position(&self.text, &self.starts, at);
        Place {
            file: Arc::clone(&self.name),
            line,
            column,
        }
    }
}

/// Messages quote the file, which must not be able to move the cursor of the terminal that shows them.
fn clean(text: &mut String) {
    let harmful = |character: char| character.is_control() && character != '\n';
    if text.contains(harmful) {
        *text = text.replace(harmful, "\u{FFFD}");
    }
}

/// Returns where the lines of a text begin.
pub(super) fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0)
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect()
}

/// Returns the line from a byte's place, from 1.
pub(super) fn line_of(starts: &[usize], at: usize) -> u32 {
    u32::try_from(starts.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
}

/// Returns line and column of a byte, from 1; both 0 in an empty text.
fn position(text: &str, starts: &[usize], at: usize) -> (u32, u32) {
    if text.is_empty() {
        return (0, 0);
    }
    let line = line_of(starts, at);
    let start = starts
        .get(line.saturating_sub(1) as usize)
        .copied()
        .unwrap_or(0);
    let before = text
        .as_bytes()
        .get(start..at.min(text.len()))
        .unwrap_or_default();
    // Continuation bytes of UTF-8 are no characters of their own. Counted this way because a line can have megabytes.
    let characters = before.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
    (line, u32::try_from(characters + 1).unwrap_or(u32::MAX))
}

impl Report {
    /// Tells whether there is an error, so that the config is refused.
    pub fn has_errors(&self) -> bool {
        self.mistakes()
            .any(|(_, mistake)| mistake.severity == MistakeSeverity::Error)
    }

    /// Tells whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty() && self.mistakes().next().is_none()
    }

    /// Returns how many errors there are, those included that are not listed.
    pub fn errors(&self) -> usize {
        let is_error = |mistake: &Mistake| mistake.severity == MistakeSeverity::Error;
        let listed = self.mistakes().filter(|(_, mistake)| is_error(mistake));
        listed.count() + self.unlisted
    }

    /// Returns every mistake with its file.
    pub fn mistakes(&self) -> impl Iterator<Item = (&FileReport, &Mistake)> {
        self.files
            .iter()
            .flat_map(|file| file.mistakes.iter().map(move |mistake| (file, mistake)))
    }

    /// Returns the mistakes as data, in the order of the files and of their text.
    pub fn lines(&self) -> Vec<Line> {
        let line = |(file, mistake): (&FileReport, &Mistake)| {
            let place = file.place(mistake.span.start);
            Line {
                file: place.file,
                line: place.line,
                column: place.column,
                severity: severity(mistake),
                code: mistake.code,
                message: mistake.message.clone(),
                help: mistake.help.clone(),
                lack: mistake.lack.clone(),
            }
        };
        self.mistakes().map(line).collect()
    }

    /// Returns one line a mistake: `file:line:column: error: message (help) [code]`, then the notes.
    pub fn plain(&self) -> String {
        let mut text = String::new();
        for line in self.lines() {
            let message = line.message.replace('\n', " ");
            // Writing to a string cannot fail.
            let _infallible = write!(text, "{}: {}: {message}", line.place(), line.severity);
            if let Some(help) = line.help {
                let _infallible = write!(text, " ({})", help.replace('\n', " "));
            }
            let _infallible = writeln!(text, " [{}]", line.code);
        }
        for note in &self.notes {
            let _infallible = writeln!(text, "note: {note}");
        }
        text
    }

    /// Returns the report for a terminal: each mistake with its source line, a caret and how to mend it.
    pub fn graphical(&self, look: Look) -> String {
        let theme = if look.colour {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(look.width.clamp(40, 200))
            .with_break_words(false)
            // Words are whole there too.
            .with_wrap_lines(look.width >= WRAPPED_FROM)
            .with_context_lines(1)
            .with_links(false)
            .without_syntax_highlighting();
        let mut text = String::new();
        for (file, mistake) in self.mistakes().take(PRINTED_MAX) {
            let snippet = Snippet::new(file, mistake, look.colour);
            if handler.render_report(&mut text, &snippet).is_err() {
                text.push_str(&mistake.message);
            }
            text.push('\n');
        }
        let hidden = self.mistakes().count().saturating_sub(PRINTED_MAX);
        if hidden > 0 {
            let _infallible = writeln!(
                text,
                "… and {}; --format short and --json list them",
                counted(hidden, "more mistake")
            );
        }
        for note in &self.notes {
            let _infallible = writeln!(text, "note: {note}");
        }
        text
    }
}

fn severity(mistake: &Mistake) -> &'static str {
    match mistake.severity {
        MistakeSeverity::Error => "error",
        MistakeSeverity::Warning => "warning",
    }
}

/// Returns the part of `span` that is on its first line.
fn first_line(text: &str, starts: &[usize], span: &Range<usize>) -> (usize, Range<usize>) {
    let line = (line_of(starts, span.start) as usize).saturating_sub(1);
    let start = starts.get(line).copied().unwrap_or(0);
    let end = starts.get(line + 1).map_or(text.len(), |next| next - 1);
    let from = span.start.clamp(start, end.max(start));
    (start, from..span.end.clamp(from, end.max(from)))
}
