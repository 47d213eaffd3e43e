//! The code of a script without its comments and strings.

/// Returns the text with blanks for all that is in comments and strings, byte for byte.
pub(super) fn code(text: &str) -> String {
    blanked(text, true)
}

/// Returns the text with blanks for all that is in comments, byte for byte.
pub(super) fn without_comments(text: &str) -> String {
    blanked(text, false)
}

fn blanked(text: &str, strings_too: bool) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' | '`' | '\'' => quoted(rest, first),
            _ => 0,
        };
        let (part, blank) = if skipped > 0 {
            (skipped, strings_too || first == '/')
        } else {
            (first.len_utf8(), !first.is_ascii())
        };
        let (taken, left) = rest.split_at_checked(part).unwrap_or((rest, ""));
        if blank {
            let blanks = taken
                .bytes()
                .map(|byte| if byte == b'\n' { '\n' } else { ' ' });
            code.extend(blanks);
        } else {
            code.push_str(taken);
        }
        rest = left;
    }
    code
}

/// Returns the length of a string with its quotes; one in backticks is skipped with the code in it.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let mut depth = 0_usize;
    let mut previous = '\0';
    for (at, character) in text.char_indices().skip(1) {
        let end = at + character.len_utf8();
        match character {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            '{' if quote == '`' && (previous == '$' || depth > 0) => depth += 1,
            '}' if depth > 0 => depth -= 1,
            _ if character == quote && depth == 0 => return end,
            _ => {}
        }
        previous = character;
    }
    text.len()
}
