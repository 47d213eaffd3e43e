//! Makes lines fit a narrow terminal, which would break them in the middle of words.
//!
//! Prose goes on below, further in; a line of a drawing or of a source text is cut.

use std::os::fd::AsFd;

/// What a line goes on with that is cut.
const CUT: char = '…';
/// A line goes on so much further in than it begins.
const FURTHER: usize = 2;
/// What stands in lines that are drawn.
const DRAWN: [char; 6] = ['│', '╭', '╰', '┬', '├', '·'];

/// Returns the columns of the terminal behind a stream, or as many as the person asks for there; absent if it is none, or
/// one that does not know its size.
pub(super) fn columns(stream: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    chosen(size.ws_col.into(), std::env::var("COLUMNS").ok().as_deref())
}

fn chosen(terminal: usize, asked: Option<&str>) -> Option<usize> {
    let asked = asked.and_then(|text| text.parse().ok());
    Some(asked.unwrap_or(terminal)).filter(|columns| *columns > 0)
}

/// Returns a text whose lines have at most so many columns, as far as its words let them.
pub(super) fn fitted(text: &str, columns: usize) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| line_of(line, columns))
        .collect();
    lines.join("\n")
}

/// Returns how many columns a text takes; what only changes colours takes none.
pub(super) fn width(text: &str) -> usize {
    pieces(text).filter(|piece| piece.is_shown).count()
}

/// Returns a text of at most so many columns: a longer one is cut, and ends with `…`.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    cut(text, columns)
}

fn line_of(line: &str, columns: usize) -> String {
    if width(line) <= columns {
        return line.to_owned();
    }
    if is_drawn(line) {
        return shortened(line, columns);
    }
    wrapped(line, columns)
}

/// Tells whether a line is a part of a drawing: of a source text with its number, or of what points into it.
fn is_drawn(line: &str) -> bool {
    let mut shown = pieces(line).filter(|piece| piece.is_shown);
    let first = shown.find(|piece| {
        !piece
            .text
            .starts_with([' ', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    });
    first.is_some_and(|piece| piece.text.starts_with(DRAWN))
}

fn cut(line: &str, columns: usize) -> String {
    let mut text = String::new();
    let mut taken = 0;
    for piece in pieces(line) {
        if piece.is_shown {
            taken += 1;
        }
        match taken.cmp(&columns) {
            std::cmp::Ordering::Less => text.push_str(piece.text),
            std::cmp::Ordering::Equal if piece.is_shown => text.push(CUT),
            // What ends a colour is behind the end.
            _ if piece.is_shown => {}
            _ => text.push_str(piece.text),
        }
    }
    text
}

fn wrapped(line: &str, columns: usize) -> String {
    let indent = " ".repeat(hanging(line, columns));
    let mut text = String::new();
    let mut at = 0;
    for word in words(line) {
        let blank = width(word) - width(word.trim_start_matches(' '));
        if at > 0 && at + width(word) > columns && blank > 0 {
            text.push('\n');
            text.push_str(&indent);
            let rest = word.trim_start_matches(' ');
            text.push_str(rest);
            at = indent.len() + width(rest);
        } else {
            text.push_str(word);
            at += width(word);
        }
    }
    text
}

/// Returns where a line goes on: below its text if that comes after a label, else a bit further in than it begins.
fn hanging(line: &str, columns: usize) -> usize {
    let plain: String = pieces(line)
        .filter(|piece| piece.is_shown)
        .map(|piece| piece.text)
        .collect();
    let begin = plain.len() - plain.trim_start_matches(' ').len();
    let rest = plain.get(begin..).unwrap_or_default();
    let label = rest.find("  ").map(|end| {
        let text = rest.get(end..).unwrap_or_default();
        let blank = text.len() - text.trim_start_matches(' ').len();
        let label = rest.get(..end).unwrap_or_default();
        begin + label.chars().count() + blank
    });
    let most = columns / 3;
    label
        .filter(|column| *column <= most)
        .unwrap_or_else(|| (begin + FURTHER).min(most))
}

/// Returns the words of a line, each with the blanks before it.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let begin = rest.len() - rest.trim_start_matches(' ').len();
        let word = rest.get(begin..).unwrap_or_default();
        let end = begin + word.find(' ').unwrap_or(word.len());
        let (word, left) = rest.split_at_checked(end)?;
        rest = left;
        Some(word)
    })
}

/// A character, or a sequence that changes the colour.
struct Piece<'a> {
    text: &'a str,
    is_shown: bool,
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_shown = first != '\u{1b}';
        let end = if is_shown {
            first.len_utf8()
        } else {
            rest.find('m').map_or(rest.len(), |end| end + 1)
        };
        let (piece, left) = rest.split_at_checked(end)?;
        rest = left;
        Some(Piece {
            text: piece,
            is_shown,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{chosen, fitted};

    #[test]
    fn a_terminal_is_as_wide_as_it_says_or_the_person() {
        let rows = [
            (80, None, Some(80)),
            (80, Some("100"), Some(100)),
            (80, Some("wide"), Some(80)),
            (0, None, None),
            (0, Some("70"), Some(70)),
        ];
        for (terminal, asked, expected) in rows {
            assert_eq!(chosen(terminal, asked), expected, "{terminal} {asked:?}");
        }
    }

    #[test]
    fn lines_fit_without_a_broken_word() {
        let rows = [
            ("short", 10, "short"),
            ("  one two three four", 10, "  one two\n   three\n   four"),
            (
                "label  one two three four five six",
                21,
                "label  one two three\n       four five six",
            ),
            (
                "a-word-that-is-longer-than-all and more",
                10,
                "a-word-that-is-longer-than-all\n  and more",
            ),
            ("  12 │ let x = 1;", 10, "  12 │ le…"),
            (
                "\u{1b}[1mone two\u{1b}[0m three",
                9,
                "\u{1b}[1mone two\u{1b}[0m\n  three",
            ),
            (
                "\u{1b}[2m 1 │ abcdefgh\u{1b}[0m",
                8,
                "\u{1b}[2m 1 │ ab…\u{1b}[0m",
            ),
            ("a\nb c d e", 5, "a\nb c d\n e"),
        ];
        for (text, columns, expected) in rows {
            assert_eq!(fitted(text, columns), expected, "{text}");
        }
    }
}
