//! Data in messages: one line, cut, and without characters that a terminal or a chat would obey.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::model::json::Json;

/// Characters of a value that a message shows.
const SHOWN_MAX: usize = 60;
/// Characters of JSON up to which a finding carries a value whole.
const CARRIED_MAX: usize = 200;

/// Returns the text with every control and direction character written as `\u{…}`.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unsafe(character) {
            // Writing to a string cannot fail.
            write!(safe, "\\u{{{:x}}}", u32::from(character)).unwrap_or_default();
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// Tells whether a character moves the cursor, ends a line or turns the direction of writing.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}')
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a value for a message, cut: `1.28`, `"ok"`, `array of 120 items`.
pub(crate) fn shown(value: &Json) -> String {
    one_line(&value.summary(SHOWN_MAX)).into_owned()
}

/// Returns a value for a message with its kind: `number 1.28`, `string "ok"`, `null`, `array of 120 items`.
pub(crate) fn named(value: &Json) -> String {
    let shown = shown(value);
    match value {
        Json::Null => shown,
        Json::Array(elements) if elements.is_empty() => "an empty array".to_owned(),
        Json::Object(members) if members.is_empty() => "an empty object".to_owned(),
        Json::Array(_) if !shown.starts_with('[') => shown,
        Json::Object(_) if !shown.starts_with('{') => shown,
        other => format!("{} {shown}", other.kind()),
    }
}

/// Returns a text for a message in quotes, cut.
pub(crate) fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_MAX + 1).collect();
    shown(&Json::string(cut))
}

/// Returns the value as a finding carries it: whole if small, else as a text that says what it is.
pub(crate) fn bounded(value: &Json) -> Json {
    let summary = value.summary(CARRIED_MAX);
    let whole = match value {
        Json::Array(_) => summary.starts_with('['),
        Json::Object(_) => summary.starts_with('{'),
        Json::String(_) => !summary.ends_with('…'),
        _ => true,
    };
    if whole {
        value.clone()
    } else {
        Json::string(one_line(&summary))
    }
}

/// Returns a number of things: `1 item`, `3 items`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json::parse;

    #[test]
    fn nothing_in_a_message_moves_a_cursor() {
        assert_eq!(
            one_line("a\x1b[2Jb\r\n\u{202e}c\u{9b}d\u{2028}"),
            "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}c\\u{9b}d\\u{2028}"
        );
        assert!(matches!(one_line("plain é"), Cow::Borrowed(_)));
        assert_eq!(shown(&Json::string("\u{9b}x")), "\"\\u{9b}x\"");
    }

    #[test]
    fn values_are_named_with_their_kind() {
        let cases = [
            ("null", "null"),
            ("1.50", "number 1.5"),
            ("true", "boolean true"),
            ("\"x\"", "string \"x\""),
            ("[]", "an empty array"),
            ("{}", "an empty object"),
            ("[1,2]", "array [1,2]"),
            ("{\"a\":1}", "object {\"a\":1}"),
        ];
        for (text, words) in cases {
            assert_eq!(named(&parse(text.as_bytes()).unwrap().root), words);
        }
        let long: Json = (0..120_i64).map(Json::from).collect();
        assert_eq!(named(&long), "array of 120 items");
        assert_eq!(bounded(&long), Json::from("array of 120 items"));
        assert_eq!(
            bounded(&Json::string("x".repeat(500)))
                .as_str()
                .unwrap()
                .chars()
                .count(),
            201
        );
    }
}
