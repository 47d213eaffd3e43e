//! One thing that a matcher found, and how it is told on a line.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Severity;
use crate::model::counted::counted;
use crate::model::json::Json;
use crate::model::span::Place;

/// Values of its evidence that a finding's line shows.
const TOLD_VALUES_MAX: usize = 3;
/// Calls that a finding's line shows.
const TOLD_CALLS_MAX: usize = 4;
/// Characters of each value.
const TOLD_VALUE_CHARS: usize = 60;

/// One thing that a matcher found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// Stable name for deduplication, tests and routing: `missing`, `price.deviates`, a [`FailureKind`] name.
    ///
    /// [`FailureKind`]: crate::model::failure::FailureKind
    pub code: Arc<str>,
    /// What is wrong for a person, one line, without path and place. Redacted.
    pub message: String,
    /// Where in the body: `$.items[3].price`.
    pub path: Option<String>,
    /// What should be there, in words or as a value.
    pub expected: Option<Json>,
    /// What is there.
    pub actual: Option<Json>,
    /// The step of the script that was running.
    pub step: Option<String>,
    /// Where in the script it was found.
    pub at: Option<Place>,
    /// The line of the script at `at`.
    pub source: Option<String>,
    /// The functions of the script that were running there, the innermost first.
    pub stack: Vec<Call>,
    /// Named values that show why: operands of an expectation, evidence given by the script, in order.
    #[serde(serialize_with = "as_object", deserialize_with = "of_object")]
    pub evidence: Vec<(String, Json)>,
}

/// A call of a function of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The function that was called.
    pub function: String,
    /// Where it was called from, where that is known.
    pub from: Option<Place>,
}

/// Writes pairs as an object in their order; of equal names the first counts.
fn as_object<S: Serializer>(pairs: &[(String, Json)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut seen = BTreeSet::new();
    let first = pairs.iter().filter(|(name, _)| seen.insert(name));
    serializer.collect_map(first.map(|(name, value)| (name, value)))
}

/// Reads an object as pairs in its order.
fn of_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Json)>, D::Error> {
    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(String, Json)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = members.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }

    deserializer.deserialize_map(Pairs)
}

impl Finding {
    /// Returns an error finding with a code and a message, and nothing else.
    pub fn error(code: impl Into<Arc<str>>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.into(),
            message: message.into(),
            path: None,
            expected: None,
            actual: None,
            step: None,
            at: None,
            source: None,
            stack: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// Returns the finding with another weight.
    #[must_use]
    pub fn weighing(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Returns what is wrong on one line; where a script found it, with the first values that show why: `price too low
    /// (price = 1.28)`.
    pub fn told(&self) -> String {
        let mut told = self.to_string();
        if let Some(calls) = self.calls() {
            told.extend([", ", &calls]);
        }
        if self.at.is_none() || self.evidence.is_empty() {
            return told;
        }
        let shown = self.evidence.iter().take(TOLD_VALUES_MAX);
        for (position, (name, value)) in shown.enumerate() {
            let before = if position == 0 { " (" } else { ", " };
            let value = value.summary(TOLD_VALUE_CHARS);
            told.extend([before, name, " = ", &value]);
        }
        told.push(')');
        told
    }

    /// Returns the functions of the script that were running: `in median_of (line 12), called from line 30`; absent
    /// where it was none.
    pub fn calls(&self) -> Option<String> {
        let of_finding = self.at.as_ref();
        let line = |of: &Place| match of_finding {
            Some(at) if at.file != of.file => format!("{}:{}", of.file, of.line),
            _ => format!("line {}", of.line),
        };
        let in_brackets =
            |of: Option<&Place>| of.map_or_else(String::new, |of| format!(" ({})", line(of)));
        let first = self.stack.first()?;
        let mut told = format!("in {}{}", first.function, in_brackets(of_finding));
        let shown = self.stack.len().min(TOLD_CALLS_MAX);
        for (call, caller) in self
            .stack
            .iter()
            .zip(self.stack.iter().skip(1))
            .take(shown - 1)
        {
            told.extend([
                ", called from ",
                &caller.function,
                &in_brackets(call.from.as_ref()),
            ]);
        }
        let left = self.stack.len() - shown;
        if left > 0 {
            told.extend([", called ", &counted(left, "more time")]);
        }
        if let Some(of) = self.stack.last().and_then(|call| call.from.as_ref()) {
            told.extend([", called from ", &line(of)]);
        }
        Some(told)
    }

    /// Returns blanks as wide as what stands before its place on the line of the script: a mark below belongs behind them.
    pub fn indent(&self) -> String {
        let line = self.source.as_deref().unwrap_or_default().chars();
        let before = self.at.as_ref().map_or(0, |at| at.column.saturating_sub(1));
        line.take(before as usize)
            .map(|character| if character == '\t' { '\t' } else { ' ' })
            .collect()
    }

    /// Returns the finding at a path of the body.
    #[must_use]
    pub fn at_path(mut self, path: impl fmt::Display) -> Self {
        self.path = Some(path.to_string());
        self
    }
}

/// Writes `$.price: expected number, got string "x"`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{path}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
