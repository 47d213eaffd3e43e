//! Words as a shell reads them.

use std::borrow::Cow;

/// Returns a word in quotes where a shell needs them.
pub fn quoted(word: &str) -> String {
    // A word with a NUL cannot be typed at all; shown as it is it does no harm.
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Cow::into_owned)
}
