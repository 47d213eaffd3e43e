//! A command line to words, as bash reads it: spaces, backslashes, '…', "…" and $'…'. Nothing is expanded.

use std::iter::Peekable;
use std::str::Chars;

use super::CurlError;

/// Returns the words of a command line.
///
/// # Errors
/// [`CurlError`] if a quote does not close, or if the shell would put something else in place of a part.
pub(super) fn split(command: &str) -> Result<Vec<String>, CurlError> {
    let mut words = Vec::new();
    let mut rest = command.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return Ok(words);
        }
        words.extend(word(&mut rest)?);
    }
}

/// Reads one word up to the space after it; absent if it is nothing but a line that goes on.
fn word(rest: &mut Peekable<Chars<'_>>) -> Result<Option<String>, CurlError> {
    let mut word = None::<String>;
    while let Some(character) = rest.next_if(|c| !c.is_whitespace()) {
        let read = match character {
            '\'' => single(rest)?,
            '"' => double(rest)?,
            '$' if rest.next_if_eq(&'\'').is_some() => ansi_c(rest)?,
            '$' | '`' if is_expansion(character, rest) => {
                return Err(CurlError::Shell(character.to_string()));
            }
            '|' | ';' | '<' | '>' => return Err(CurlError::Shell(character.to_string())),
            '\\' => match rest.next() {
                Some('\n') => continue,
                Some(literal) => literal.to_string(),
                None => return Err(CurlError::Quotes),
            },
            literal => literal.to_string(),
        };
        word.get_or_insert_default().push_str(&read);
    }
    Ok(word)
}

fn is_expansion(character: char, rest: &mut Peekable<Chars<'_>>) -> bool {
    let starts = |c: &char| c.is_ascii_alphabetic() || matches!(c, '_' | '{' | '(' | '"');
    character == '`' || rest.peek().is_some_and(starts)
}

fn single(rest: &mut Peekable<Chars<'_>>) -> Result<String, CurlError> {
    let mut text = String::new();
    loop {
        match rest.next().ok_or(CurlError::Quotes)? {
            '\'' => return Ok(text),
            character => text.push(character),
        }
    }
}

fn double(rest: &mut Peekable<Chars<'_>>) -> Result<String, CurlError> {
    let mut text = String::new();
    loop {
        match rest.next().ok_or(CurlError::Quotes)? {
            '"' => return Ok(text),
            '\\' => match rest.next().ok_or(CurlError::Quotes)? {
                '\n' => {}
                escaped @ ('$' | '`' | '"' | '\\') => text.push(escaped),
                other => text.extend(['\\', other]),
            },
            expansion @ ('$' | '`') if is_expansion(expansion, rest) => {
                // A `$` right before the closing quote is only a `$`.
                if rest.peek() != Some(&'"') {
                    return Err(CurlError::Shell(expansion.to_string()));
                }
                text.push(expansion);
            }
            character => text.push(character),
        }
    }
}

/// Reads `$'…'` after its opening quote: what browsers write where a text has quotes, lines or control characters.
fn ansi_c(rest: &mut Peekable<Chars<'_>>) -> Result<String, CurlError> {
    let mut bytes = Vec::new();
    loop {
        match rest.next().ok_or(CurlError::Quotes)? {
            '\'' => {
                return String::from_utf8(bytes)
                    .map_err(|_| CurlError::Escape("\\x".to_owned(), "gives no UTF-8"));
            }
            '\\' => escape(rest, &mut bytes)?,
            character => push(character, &mut bytes),
        }
    }
}

fn push(character: char, bytes: &mut Vec<u8>) {
    bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn escape(rest: &mut Peekable<Chars<'_>>, bytes: &mut Vec<u8>) -> Result<(), CurlError> {
    let letter = rest.next().ok_or(CurlError::Quotes)?;
    let literal = match letter {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'e' | 'E' => '\u{1b}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '\'' | '"' | '?' => letter,
        'x' => {
            bytes.push(u8::try_from(hex(rest, letter, 2)?).unwrap_or_default());
            return Ok(());
        }
        'u' | 'U' => unicode(rest, letter)?,
        other => return Err(CurlError::Escape(format!("\\{other}"), "is not known")),
    };
    push(literal, bytes);
    Ok(())
}

/// Reads the digits of `\u` or `\U`. Browsers write what is beyond `\uffff` as two halves, which belong together.
fn unicode(rest: &mut Peekable<Chars<'_>>, letter: char) -> Result<char, CurlError> {
    let no_character = || CurlError::Escape(format!("\\{letter}"), "names no character");
    let first = hex(rest, letter, if letter == 'u' { 4 } else { 8 })?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).ok_or_else(no_character);
    }
    let follows = rest.next_if_eq(&'\\').is_some() && rest.next_if_eq(&'u').is_some();
    let second = if follows { hex(rest, 'u', 4)? } else { 0 };
    let halves = [first, second].map(|half| u16::try_from(half).unwrap_or_default());
    let mut decoded = char::decode_utf16(halves);
    decoded.next().and_then(Result::ok).ok_or_else(no_character)
}

/// Reads up to `most` hexadecimal digits, at least one.
fn hex(rest: &mut Peekable<Chars<'_>>, letter: char, most: u32) -> Result<u32, CurlError> {
    let mut value = None;
    for _ in 0..most {
        let Some(digit) = rest.next_if(char::is_ascii_hexdigit) else {
            break;
        };
        value = Some(value.unwrap_or(0) << 4 | digit.to_digit(16).unwrap_or_default());
    }
    value.ok_or_else(|| CurlError::Escape(format!("\\{letter}"), "has no digits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_words_as_bash_does() {
        let rows: [(&str, &[&str]); 9] = [
            ("a  b\tc\n", &["a", "b", "c"]),
            (r"a\ b c\\", &["a b", "c\\"]),
            ("a \\\n  b \\\n", &["a", "b"]),
            (
                r#"'a "b' "c 'd \" \$x \n""#,
                &[r#"a "b"#, r#"c 'd " $x \n"#],
            ),
            ("a'b'\"c\"'' ''", &["abc", ""]),
            (r"$'it\'s\n\ta\\' x", &["it's\n\ta\\", "x"]),
            (r"$'\x41\xc3\xa9\u0021\u00e9'", &["Aé!é"]),
            (r"$'\ud83d\ude00 \U0001f600'", &["😀 😀"]),
            (
                "'http://x/?a=$b' http://x/?a=1&b=$ $",
                &["http://x/?a=$b", "http://x/?a=1&b=$", "$"],
            ),
        ];
        for (command, expected) in rows {
            assert_eq!(split(command).unwrap(), expected, "{command}");
        }
    }

    #[test]
    fn refuses_what_it_would_misread() {
        for command in [
            "'a",
            "\"a",
            "$'a",
            "a\\",
            "$TOKEN",
            "\"Bearer $TOKEN\"",
            "\"${A}\"",
            "`date`",
            "$(date)",
            "a | jq .",
            "a > b",
            r"$'\q'",
            r"$'\x'",
            r"$'\ud83d'",
            r"$'\xff'",
        ] {
            assert!(split(command).is_err(), "{command}: {:?}", split(command));
        }
    }
}
