//! The shape of JSON values: a sample is compiled once into a pattern, and values are held against it.
//!
//! A sample is plain JSON in which strings that begin with `#`, keys that end in `?` and the key `*` have a meaning.
//! That meaning is given to samples only: a value is data and is never read as pattern. Two modes share one walker:
//! `types` reads a plain value of the sample as «a value like this one», `exact` as «this value».
//!
//! Holding a matching value against a pattern allocates nothing. Of a value that does not match every mismatch is
//! counted, mismatches alike in shape are told as one, and the telling is bounded.

mod collector;
mod compile;
mod describe;
mod difference;
mod format;
mod infer;
mod marker;
mod near;
mod node;
mod place;
mod range;
mod text;
mod unordered;
mod walk;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use crate::model::json::Json;
use crate::model::judgement::Finding;
use crate::model::path::Path;
use crate::model::span::MistakeSeverity;

pub(crate) use collector::{Collector, Mismatch};
pub use compile::literal;
pub use difference::{Change, DIFFERENCES_MAX, Difference, diff};
pub use infer::{Inferred, Remark, infer};
pub(crate) use near::near_key;
pub(crate) use place::Place;
pub(crate) use text::{bounded, count, named, one_line, quoted};

/// Findings that are told of one value; what is left over is told as one more finding.
pub const FINDINGS_MAX: usize = 20;

/// A sample, ready to hold values against.
#[derive(Debug)]
pub struct Pattern {
    root: node::Node,
    options: Options,
}

/// How values are held against a sample.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What an object's extra key is.
    pub extra: Extra,
    /// Whether a whole number in a sample of `types` demands a whole number.
    pub strict_numbers: bool,
    /// Places that are not looked at.
    pub ignore: Vec<Path>,
    /// Arrays of an `exact` sample that are compared without order.
    pub unordered: Vec<Path>,
    /// By how much numbers at a place of an `exact` sample may differ.
    pub tolerance: Vec<(Path, Tolerance)>,
    /// Whether `null` in an `exact` sample accepts a missing key, and an extra key that is `null` is none.
    pub null_is_missing: bool,
}

/// By how much a number may differ from the sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// By this much.
    Absolute(f64),
    /// By this many percent of the sample.
    Percent(f64),
}

/// What an extra key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extra {
    /// Nothing to say.
    #[default]
    Allow,
    /// A warning.
    Warn,
    /// An error.
    Deny,
}

/// What is wrong with a sample or with the options that go with it.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternMistake {
    /// The part it is about.
    pub part: PatternPart,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// Whether the sample can be used all the same.
    pub severity: MistakeSeverity,
}

/// A part of a sample and its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternPart {
    /// A place in the sample, with the sample's own keys; where `key` is set, the key rather than its value.
    Sample {
        /// The place.
        path: Path,
        /// Whether the member's key is meant.
        key: bool,
    },
    /// The option of this name.
    Option(&'static str),
}

impl Pattern {
    /// Compiles a sample of `types`.
    ///
    /// Returns the pattern with warnings, in the order of the sample.
    ///
    /// # Errors
    /// Every mistake, warnings included, in the order of the sample.
    pub fn types(
        sample: &Json,
        options: Options,
    ) -> Result<(Self, Vec<PatternMistake>), Vec<PatternMistake>> {
        compile::compile(sample, options, compile::Mode::Types)
    }

    /// Compiles a sample of `exact`.
    ///
    /// Returns the pattern with warnings, in the order of the sample.
    ///
    /// # Errors
    /// Every mistake, warnings included, in the order of the sample.
    pub fn exact(
        sample: &Json,
        options: Options,
    ) -> Result<(Self, Vec<PatternMistake>), Vec<PatternMistake>> {
        compile::compile(sample, options, compile::Mode::Exact)
    }

    /// Returns what is wrong with `value`, in document order, at most [`FINDINGS_MAX`] and one that counts the rest.
    pub fn findings(&self, value: &Json) -> Vec<Finding> {
        walk::findings(&self.root, &self.options, value)
    }

    /// Tells whether the sample asks for a string: only then can a body that is text rather than JSON be held against it.
    pub fn takes_text(&self) -> bool {
        self.root.takes_text()
    }
}

/// Returns what is wrong with `value` for one who expects it to be shaped like `sample`; nothing if it is.
///
/// # Errors
/// The mistakes in the sample.
pub fn types(sample: &Json, value: &Json) -> Result<Vec<Finding>, Vec<PatternMistake>> {
    Pattern::types(sample, Options::default()).map(|(pattern, _)| pattern.findings(value))
}

/// Returns what is wrong with `value` for one who expects it to equal `expected`, markers aside; nothing if it does.
///
/// # Errors
/// The mistakes in the sample.
pub fn exact(expected: &Json, value: &Json) -> Result<Vec<Finding>, Vec<PatternMistake>> {
    let options = Options {
        extra: Extra::Deny,
        ..Options::default()
    };
    Pattern::exact(expected, options).map(|(pattern, _)| pattern.findings(value))
}
