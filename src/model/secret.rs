//! Text that must not be shown.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A text of the ops config that may hold a secret: `Bearer ${env:TOKEN}`.
///
/// Prints, serialises and debug-prints as its shown form, in which every secret part is `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    value: Arc<str>,
    shown: Arc<str>,
}

impl Secret {
    /// Returns a text without any secret part: it shows itself.
    pub fn plain(text: impl Into<Arc<str>>) -> Self {
        let value = text.into();
        Self {
            shown: Arc::clone(&value),
            value,
        }
    }

    /// Returns a text that is secret as a whole and shows as `***`.
    pub fn hidden(text: impl Into<Arc<str>>) -> Self {
        Self {
            value: text.into(),
            shown: Arc::from("***"),
        }
    }

    /// Returns a text with its own shown form, such as `Bearer ***`.
    pub fn partly(value: impl Into<Arc<str>>, shown: impl Into<Arc<str>>) -> Self {
        Self {
            value: value.into(),
            shown: shown.into(),
        }
    }

    /// Returns the real text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// Returns the form that may be shown.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Returns the parts of the text that are secret, as far as the two forms can be laid side by side.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        secret_parts(&self.value, &self.shown)
    }

    /// Tells whether any part of the text is secret.
    pub fn is_secret(&self) -> bool {
        self.value != self.shown
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.shown)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.shown)
    }
}

/// Returns the parts of `value` that `shown` has as `***`, as far as the two can be laid side by side.
fn secret_parts<'a>(value: &'a str, shown: &'a str) -> impl Iterator<Item = &'a str> {
    let mut known = shown.split("***").peekable();
    let mut rest = value;
    if let Some(first) = known.next() {
        rest = rest.strip_prefix(first).unwrap_or(rest);
    }
    std::iter::from_fn(move || {
        let next = known.next()?;
        let end = if known.peek().is_none() && rest.ends_with(next) {
            rest.len() - next.len()
        } else {
            rest.find(next)?
        };
        let (part, after) = rest.split_at_checked(end)?;
        rest = after.strip_prefix(next).unwrap_or(after);
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::{Secret, secret_parts};

    #[test]
    fn finds_the_secret_parts_of_a_text() {
        let parts = |value, shown| secret_parts(value, shown).collect::<Vec<_>>();
        assert_eq!(parts("Bearer x", "Bearer ***"), ["x"]);
        assert_eq!(parts("u:secret@h/tail", "u:***@h/***"), ["secret", "tail"]);
        assert_eq!(parts("all", "***"), ["all"]);
    }

    #[test]
    fn never_shows_its_value() {
        let secret = Secret::partly("Bearer hunter2", "Bearer ***");
        let everything = format!(
            "{secret} {secret:?} {}",
            serde_json::to_string(&secret).unwrap()
        );
        assert!(!everything.contains("hunter2"), "{everything}");
        assert_eq!(secret.expose(), "Bearer hunter2");
    }
}
