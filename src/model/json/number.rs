//! Numbers of JSON: one kind, exact for whole numbers of 64 bits.

use std::cmp::Ordering;
use std::fmt;

/// A JSON number. Whole numbers of 64 bits are exact.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// A whole number in the range of `i64`.
    Int(i64),
    /// A whole number above `i64::MAX`.
    UInt(u64),
    /// Any other number; finite.
    Float(f64),
}

impl Number {
    /// Returns the nearest `f64`.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest float is what is asked for"
    )]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::UInt(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// Returns the number as `i64` if it is whole and in range; `1.0` is whole.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked first"
    )]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(number),
            Self::UInt(_) => None,
            // 2^63 is exact in f64, so that the comparison is.
            Self::Float(number) => (number.fract() == 0.0
                && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number))
            .then_some(number as i64),
        }
    }

    /// Tells whether the number is whole; `1.0` is.
    pub fn is_whole(self) -> bool {
        !matches!(self, Self::Float(number) if number.fract() != 0.0)
    }

    /// Tells whether the number lies beyond the integers of 64 bits. What the text said was rounded, so that two of these
    /// may be equal here and differ there. -2^63 as a float counts, since `-9223372036854775809` is rounded to it.
    pub fn is_beyond_exact(self) -> bool {
        matches!(self, Self::Float(number)
            if number <= -9_223_372_036_854_775_808.0 || number >= 18_446_744_073_709_551_616.0)
    }

    /// Compares by value, exactly: an integer is never rounded to a float first.
    pub fn compare(self, other: Self) -> Ordering {
        match (self.whole(), other.whole()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => self
                .as_f64()
                .partial_cmp(&other.as_f64())
                .unwrap_or(Ordering::Equal),
        }
    }

    /// Returns the exact value of a whole number; a float of 1e38 and more counts as not whole.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked first"
    )]
    fn whole(self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(number.into()),
            Self::UInt(number) => Some(number.into()),
            Self::Float(number) => {
                (number.fract() == 0.0 && number.abs() < 1e38).then_some(number as i128)
            }
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other) == Ordering::Equal
    }
}

/// Whole floats keep their point: `1.0`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::UInt(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
        }
    }
}
