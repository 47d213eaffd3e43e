//! Ranges in markers: `>= 0`, `> 0`, `<= 9`, `< 9`, `0..1`, `1..`, `..5`, `3`.

use std::cmp::Ordering;
use std::fmt;

use crate::model::json::{self, Json, Number};

/// A range of numbers; integers are compared exactly.
#[derive(Debug, Clone)]
pub(super) struct Range {
    low: Option<Bound>,
    high: Option<Bound>,
    text: String,
}

#[derive(Debug, Clone, Copy)]
struct Bound {
    number: Number,
    included: bool,
}

impl Range {
    /// Reads a range.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let bound = |text: &str, included| {
            let number = json::parse(text.as_bytes())
                .ok()
                .and_then(|document| document.root.as_number());
            let number = number.ok_or_else(|| format!("`{}` is not a number", text.trim()))?;
            Ok::<_, String>(Some(Bound { number, included }))
        };
        let (low, high) = if let Some(rest) = text.strip_prefix(">=") {
            (bound(rest, true)?, None)
        } else if let Some(rest) = text.strip_prefix('>') {
            (bound(rest, false)?, None)
        } else if let Some(rest) = text.strip_prefix("<=") {
            (None, bound(rest, true)?)
        } else if let Some(rest) = text.strip_prefix('<') {
            (None, bound(rest, false)?)
        } else if let Some((low, high)) = text.split_once("..") {
            let side = |text: &str| {
                if text.trim().is_empty() {
                    Ok(None)
                } else {
                    bound(text, true)
                }
            };
            (side(low)?, side(high)?)
        } else {
            let only = bound(text, true)?;
            (only, only)
        };
        match (low, high) {
            (None, None) => return Err(format!("the range `{text}` has no end")),
            (Some(low), Some(high)) if low.number.compare(high.number) == Ordering::Greater => {
                return Err(format!("the range `{text}` is empty"));
            }
            _ => {}
        }
        let text = text.to_owned();
        Ok(Self { low, high, text })
    }

    /// Reads a range of sizes: whole numbers from 0.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(super) fn parse_sizes(text: &str) -> Result<Self, String> {
        let range = Self::parse(text)?;
        let ends = [range.low, range.high].into_iter().flatten();
        for Bound { number, .. } in ends {
            if !number.is_whole() || number.compare(Number::Int(0)) == Ordering::Less {
                return Err(format!(
                    "`{number}` is not a size: a whole number from 0 on"
                ));
            }
        }
        Ok(range)
    }

    /// Tells whether the number lies in the range.
    pub(super) fn holds(&self, number: Number) -> bool {
        let low = self.low.is_none_or(|low| match number.compare(low.number) {
            Ordering::Less => false,
            Ordering::Equal => low.included,
            Ordering::Greater => true,
        });
        low && self
            .high
            .is_none_or(|high| match number.compare(high.number) {
                Ordering::Less => true,
                Ordering::Equal => high.included,
                Ordering::Greater => false,
            })
    }

    /// Tells whether the size lies in the range.
    pub(super) fn holds_size(&self, size: usize) -> bool {
        Json::from(size as u64)
            .as_number()
            .is_some_and(|number| self.holds(number))
    }

    /// Tells whether one is meant: the noun then has no plural.
    pub(super) fn is_one(&self) -> bool {
        self.text == "1"
    }
}

/// Writes the range as it was written.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_ends_exactly() {
        let cases = [
            (">= 0", "0", true),
            (">=0", "-0.0001", false),
            ("> 0", "0", false),
            ("> 0", "1e-300", true),
            ("<= 5", "5.0", true),
            ("< 5", "5", false),
            ("0..1", "1", true),
            ("0..1", "1.0001", false),
            ("-1.5..-0.5", "-1", true),
            ("1..", "1", true),
            ("1 .. 3", "4", false),
            ("..5", "-100", true),
            ("3", "3.0", true),
            ("3", "2", false),
            ("<= 9007199254740992", "9007199254740993", false),
            (">= 18446744073709551615", "18446744073709551614", false),
        ];
        for (range, number, holds) in cases {
            let number = json::parse(number.as_bytes())
                .unwrap()
                .root
                .as_number()
                .unwrap();
            assert_eq!(
                Range::parse(range).unwrap().holds(number),
                holds,
                "{range} {number}"
            );
        }
    }

    #[test]
    fn says_what_is_no_range() {
        let cases = [
            ("x", "`x` is not a number"),
            (">= ", "`` is not a number"),
            ("..", "the range `..` has no end"),
            ("2..1", "the range `2..1` is empty"),
            ("0..1..2", "`1..2` is not a number"),
        ];
        for (text, message) in cases {
            assert_eq!(Range::parse(text).unwrap_err(), message);
        }
        assert!(Range::parse_sizes("-1..").is_err());
        assert!(Range::parse_sizes("1.5").is_err());
        assert!(Range::parse_sizes("1..64").unwrap().holds_size(64));
    }
}
