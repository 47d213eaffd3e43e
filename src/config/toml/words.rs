//! Mistakes of TOML's syntax in words for a person who meant well.

use std::ops::Range;

use super::statements::{Statement, is_key};
use crate::model::code::Code;
use crate::model::span::Mistake;

/// Returns what is wrong with a statement that the parser refuses with this message at this place.
pub(super) fn mistake(
    text: &str,
    statement: &Statement,
    message: &str,
    at: Range<usize>,
) -> Mistake {
    header(text, statement)
        .or_else(|| unclosed(text, statement))
        .or_else(|| colon(text, statement))
        .or_else(|| word(text, statement, message, &at))
        .unwrap_or_else(|| other(message, at))
}

/// Returns the parser's own message.
pub(super) fn other(message: &str, at: Range<usize>) -> Mistake {
    let mut message = message.replace('\n', ", ");
    if let Some(first) = message.get_mut(0..1) {
        first.make_ascii_lowercase();
    }
    Mistake::error(Code::Syntax, at, message)
        .help("one key = value a line, strings in quotes; a service begins with [[services]]")
}

fn header(text: &str, statement: &Statement) -> Option<Mistake> {
    let (span, right) = statement.right_header(text)?;
    let message = "the brackets of this header do not match";
    Some(Mistake::error(Code::Syntax, span, message).help(format!("write {right}")))
}

fn unclosed(text: &str, statement: &Statement) -> Option<Mistake> {
    if let Some(at) = statement.open_quote {
        return Some(
            Mistake::error(Code::Syntax, at..at + 1, "this quote is never closed").help(
                "close it on the same line; a quote inside a text is written \\\", a text of several lines takes \"\"\"",
            ),
        );
    }
    let at = statement.open_bracket?;
    let (bracket, other) = match text.get(at..at + 1)? {
        "{" => ("{", "}"),
        _ => ("[", "]"),
    };
    Some(
        Mistake::error(
            Code::Syntax,
            at..at + 1,
            format!("this `{bracket}` is never closed"),
        )
        .help(format!("write `{other}` where it ends")),
    )
}

/// `key: value`, as YAML and JSON have it.
fn colon(text: &str, statement: &Statement) -> Option<Mistake> {
    let line = text.get(statement.span.clone())?.lines().next()?;
    let (key, value) = line.split_once(':')?;
    if !is_key(key) {
        return None;
    }
    let at = statement.span.start + key.len();
    let value = value.trim().trim_end_matches(',');
    Some(
        Mistake::error(Code::Syntax, at..at + 1, "a `:` in place of `=`")
            .help(format!("TOML writes {} = {value}", key.trim())),
    )
}

/// A word that is no value: `null`, `True`, a text without quotes.
fn word(text: &str, statement: &Statement, message: &str, at: &Range<usize>) -> Option<Mistake> {
    let value = statement
        .value(text)
        .filter(|value| value.contains(&at.start))?;
    let inside = text.get(value.clone())?.starts_with(['[', '{']);
    let ends = |letter: char| {
        matches!(letter, '#' | '\n')
            || (inside && (letter.is_whitespace() || ",]}=".contains(letter)))
    };
    let from = if inside {
        let before = text.get(value.start..at.start)?;
        at.start
            - before
                .chars()
                .rev()
                .take_while(|letter| letter.is_alphanumeric())
                .map(char::len_utf8)
                .sum::<usize>()
    } else {
        value.start
    };
    let word = text.get(from..value.end)?;
    let word = word.split(ends).next()?.trim_end();
    let is_text = word.starts_with(|letter: char| letter.is_alphabetic() || letter == '/');
    if word.is_empty() || !(is_text || message.contains("quoted")) {
        return None;
    }
    let mistake = |message: String| Mistake::error(Code::Syntax, from..from + word.len(), message);
    Some(match word.to_ascii_lowercase().as_str() {
        "null" | "nil" | "none" | "undefined" => {
            mistake("TOML has no null".to_owned()).help("leave the key out where it has no value")
        }
        lower @ ("true" | "false") => mistake(format!("`{word}` is no boolean"))
            .help(format!("booleans are lower case: {lower}")),
        "yes" | "on" => mistake(format!("`{word}` is no boolean")).help("write true"),
        "no" | "off" => mistake(format!("`{word}` is no boolean")).help("write false"),
        _ if word.contains(['"', '\'']) => return None,
        _ => {
            let word = super::values::shorten(word);
            mistake("a text without quotes".to_owned())
                .help(format!("strings take quotes: \"{word}\""))
        }
    })
}
