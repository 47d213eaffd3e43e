//! Typographic quotes, which text programs put in place of the plain ones.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::config::tree::Format;
use crate::model::code::Code;
use crate::model::quotes::{is_double, is_typographic, mistake};
use crate::model::span::Mistake;

/// How many are reported one by one; a pasted config has one at every string.
const MISTAKES_MAX: usize = 20;

/// A text with plain quotes in place of typographic ones; every other byte is where it was.
pub(super) struct Repaired {
    pub(super) text: String,
    pub(super) mistakes: Vec<Mistake>,
}

/// Returns the text with plain quotes, absent if no typographic quote stands where the language needs a plain one.
///
/// Meant for a text that does not parse: inside a proper string these characters are nobody's mistake.
pub(super) fn repair(text: &str, format: Format) -> Option<Repaired> {
    let mut repaired = String::with_capacity(text.len());
    let mut mistakes = Vec::new();
    let mut found = 0_usize;
    let mut open: Option<Open> = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match open {
            Some(quote) => {
                let closes = quote.closed_by(character, &characters);
                let typographic = closes && is_typographic(character);
                if character == '\\' && quote != Open::Plain('\'') && !typographic {
                    repaired.push(character);
                    if let Some((_, escaped)) = characters.next_if(|(_, next)| *next != '\n') {
                        repaired.push(escaped);
                    }
                    continue;
                }
                if closes || character == '\n' {
                    open = None;
                }
                if typographic {
                    found += 1;
                    report(&mut mistakes, at, character);
                    repaired.push(quote.plain());
                    repaired.push_str("  ");
                } else if closes {
                    repaired.push(quote.plain());
                } else {
                    repaired.push(character);
                }
            }
            None if is_typographic(character) => {
                found += 1;
                report(&mut mistakes, at, character);
                repaired.push_str("  ");
                repaired.push('"');
                open = Some(Open::Typographic(is_double(character)));
            }
            None => {
                repaired.push(character);
                if character == '"' || (character == '\'' && format == Format::Toml) {
                    open = Some(Open::Plain(character));
                } else if character == '#' && format == Format::Toml {
                    while let Some((_, rest)) = characters.next_if(|(_, next)| *next != '\n') {
                        repaired.push(rest);
                    }
                }
            }
        }
    }
    if found > MISTAKES_MAX
        && let Some(last) = mistakes.last_mut()
    {
        last.message = format!("{} ({} more follow)", last.message, found - MISTAKES_MAX);
    }
    (found > 0).then_some(Repaired {
        text: repaired,
        mistakes,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Plain(char),
    /// Whether it is a double one.
    Typographic(bool),
}

impl Open {
    /// A typographic quote closes a string that a plain one opened only where the string can end: people write about
    /// “things” inside strings too.
    fn closed_by(self, character: char, rest: &Peekable<CharIndices<'_>>) -> bool {
        match self {
            Self::Plain(quote) => {
                character == quote
                    || (quote == '"'
                        && is_typographic(character)
                        && is_double(character)
                        && at_end(rest))
            }
            Self::Typographic(true) => {
                character == '"' || (is_typographic(character) && is_double(character))
            }
            Self::Typographic(false) => {
                character == '\'' || (is_typographic(character) && !is_double(character))
            }
        }
    }

    fn plain(self) -> char {
        match self {
            Self::Plain(quote) => quote,
            Self::Typographic(_) => '"',
        }
    }
}

fn at_end(rest: &Peekable<CharIndices<'_>>) -> bool {
    rest.clone()
        .map(|(_, character)| character)
        .find(|character| *character == '\n' || !character.is_whitespace())
        .is_none_or(|character| matches!(character, ',' | ':' | '}' | ']' | '=' | '\n'))
}

fn report(mistakes: &mut Vec<Mistake>, at: usize, character: char) {
    if mistakes.len() < MISTAKES_MAX {
        mistakes.push(mistake(Code::Syntax, at, character));
    }
}
