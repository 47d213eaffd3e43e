//! Typographic quotes, which text programs and web pages put in place of the plain ones.

use super::code::Code;
use super::span::Mistake;

/// Tells whether a character is a typographic quote.
pub fn is_typographic(character: char) -> bool {
    is_double(character) || matches!(character, '‘' | '’' | '‚' | '‛')
}

/// Tells whether a character is a typographic double quote.
pub fn is_double(character: char) -> bool {
    matches!(character, '“' | '”' | '„' | '‟')
}

/// Returns the mistake of a typographic quote at this byte.
pub fn mistake(code: Code, at: usize, character: char) -> Mistake {
    let message = format!("a typographic quote {character} in place of a plain one");
    Mistake::error(code, at..at + character.len_utf8(), message)
        .help("type \" instead; text programs and web pages change plain quotes into these")
}
