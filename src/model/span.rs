//! Places in a person's file, and the mistakes found there.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::code::Code;

/// A place that a person can go to: `scripts/x.rhai:10:5`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file as the person named it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One mistake in a file that a person wrote: an ops config or a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// What kind of mistake it is.
    pub code: Code,
    /// What is wrong, a lower-case fragment without a period.
    pub message: String,
    /// How to mend it, where that is known: `did you mean …`.
    pub help: Option<String>,
    /// The bytes of the file that the message is about; empty at the end for «something is missing here».
    pub span: Range<usize>,
    /// Whether the file can be used all the same.
    pub severity: MistakeSeverity,
    /// What is missing, for whoever can name the place to give it better than the file can.
    pub lack: Option<Lack>,
}

/// Something that a script needs and was not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// The secret of this name.
    Secret(String),
    /// The parameter of this name.
    Param(String),
}

/// Whether a mistake stops a file from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MistakeSeverity {
    /// The file is refused.
    Error,
    /// The file is used; a person should look.
    Warning,
}

impl Mistake {
    /// Returns an error at `span`.
    pub fn error(code: Code, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: None,
            span,
            severity: MistakeSeverity::Error,
            lack: None,
        }
    }

    /// Returns a warning at `span`.
    pub fn warning(code: Code, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: None,
            span,
            severity: MistakeSeverity::Warning,
            lack: None,
        }
    }

    /// Says what is missing.
    #[must_use]
    pub fn lacking(mut self, lack: Lack) -> Self {
        self.lack = Some(lack);
        self
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// One mistake at its place, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The file.
    pub file: Arc<str>,
    /// Line from 1; 0 if the mistake is about the file as a whole.
    pub line: u32,
    /// Column in characters from 1; 0 if the mistake is about the file as a whole.
    pub column: u32,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// What kind of mistake it is; `oes explain` says more.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What is missing, where that is what is wrong.
    #[serde(skip)]
    pub lack: Option<Lack>,
}

impl Line {
    /// Returns `file:line:column`; the file alone of a mistake that is about it as a whole.
    pub fn place(&self) -> String {
        match self.line {
            0 => self.file.to_string(),
            line => format!("{}:{line}:{}", self.file, self.column),
        }
    }
}

/// Characters of the longest word that may be meant by another.
const WORD_LENGTH_MAX: usize = 80;

/// Returns the candidate nearest to `word` if it is near enough to be a slip of the finger.
///
/// Distance is Damerau-Levenshtein, at most a third of the word's length and at least 1. Earlier candidates win ties.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = word.chars().count();
    // Comparing takes the product of both lengths, in time and in memory; nobody means a word this long by another.
    if length > WORD_LENGTH_MAX {
        return None;
    }
    let limit = (length / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 4 * (length + limit))
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
