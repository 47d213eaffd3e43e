//! The text of a call in the source: what its arguments look like as the author wrote them.

/// Returns the arguments of the call whose name begins at `start`, as written, white space at the ends removed.
pub(super) fn arguments(source: &str, start: usize) -> Vec<&str> {
    let rest = source.get(start..).unwrap_or_default();
    let Some(open) = rest.find('(') else {
        return Vec::new();
    };
    let inside = rest.get(open + 1..).unwrap_or_default();
    let mut found = Vec::new();
    let mut begin = 0;
    let mut depth = 0_usize;
    let mut letters = inside.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' | '`' | '\'' => {
                while let Some((_, inner)) = letters.next() {
                    match inner {
                        '\\' => drop(letters.next()),
                        end if end == letter => break,
                        _ => {}
                    }
                }
            }
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => {
                found.push(inside.get(begin..at).unwrap_or_default().trim());
                return found;
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(inside.get(begin..at).unwrap_or_default().trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// Returns the literal part of a string as written, `${…}` left out; absent if it is no string literal.
pub(super) fn literal(argument: &str) -> Option<String> {
    let quote = argument.chars().next().filter(|c| matches!(c, '"' | '`'))?;
    let inside = argument.strip_prefix(quote)?.strip_suffix(quote)?;
    if quote == '"' {
        return (!inside.contains('"')).then(|| inside.to_owned());
    }
    let mut parts = String::new();
    let mut depth = 0_usize;
    let mut letters = inside.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '$' if depth == 0 && letters.peek() == Some(&'{') => {
                letters.next();
                depth = 1;
                parts.push(' ');
            }
            '{' if depth > 0 => depth += 1,
            '}' if depth > 0 => depth -= 1,
            letter if depth == 0 => parts.push(letter),
            _ => {}
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::{arguments, literal};

    #[test]
    fn arguments_are_told_apart_by_the_commas_between_them_only() {
        let source = r#"expect(f(a, "x,)") < [1, 2][0], `a ${g(1, 2)}`, "c")"#;
        assert_eq!(
            arguments(source, 0),
            [r#"f(a, "x,)") < [1, 2][0]"#, "`a ${g(1, 2)}`", r#""c""#]
        );
    }

    #[test]
    fn the_literal_part_leaves_out_what_is_computed() {
        assert_eq!(
            literal("`off by ${a}% from ${#{b: 1}.b}`").unwrap(),
            "off by  % from  "
        );
        assert_eq!(literal("\"plain\"").unwrap(), "plain");
        assert_eq!(literal("name"), None);
        assert_eq!(literal("\"a\" + \"b\""), None);
    }
}
