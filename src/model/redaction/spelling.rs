//! A secret in a text, however its characters are written there: as they are, percent-encoded, or escaped as in JSON
//! and HTML, once or several times. A text that was cut within the secret counts, too.

/// What every spelling of a character begins with that is not the character itself, or `+` for a space.
pub(super) const MARKS: [char; 3] = ['%', '\\', '&'];

/// Characters of a secret before a `…` that are enough to be the beginning of it.
const BEGINNING_MIN: usize = 3;

/// Returns how many bytes at the beginning of a text spell the secret; absent if they do not.
pub(super) fn spelled(text: &str, secret: &str) -> Option<usize> {
    // Nearly every place is none, which shows at its first character.
    let first = secret.chars().next()?;
    spellings(text, first).iter().flatten().next()?;
    // Where a character has several spellings, each place it may end at is followed.
    let mut ends = vec![0];
    for (count, character) in secret.chars().enumerate() {
        let mut next: Vec<usize> = Vec::new();
        for at in &ends {
            let rest = text.get(*at..).unwrap_or_default();
            if count >= BEGINNING_MIN && rest.starts_with('…') {
                return Some(*at);
            }
            for taken in spellings(rest, character).into_iter().flatten() {
                if !next.contains(&(at + taken)) {
                    next.push(at + taken);
                }
            }
        }
        if next.is_empty() {
            return None;
        }
        ends = next;
    }
    ends.into_iter().max()
}

/// Returns how many bytes each way to write a character takes that the text begins with.
fn spellings(text: &str, character: char) -> [Option<usize>; 4] {
    [
        text.starts_with(character)
            .then(|| character.len_utf8())
            .or_else(|| (character == ' ' && text.starts_with('+')).then_some(1)),
        percent(text, character),
        escaped(text, character),
        entity(text, character),
    ]
}

/// `%2F`, in either case, byte by byte.
fn percent(text: &str, character: char) -> Option<usize> {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        let digits = text.get(index * 3..index * 3 + 3)?.strip_prefix('%')?;
        if u8::from_str_radix(digits, 16) != Ok(*byte) {
            return None;
        }
    }
    Some(bytes.len() * 3)
}

/// `\\"`, `\\/`, `\\n`, `\\u002f`, with as many backslashes as it takes to be within JSON within JSON.
fn escaped(text: &str, character: char) -> Option<usize> {
    let rest = text.trim_start_matches('\\');
    let slashes = text.len() - rest.len();
    if slashes == 0 {
        return None;
    }
    if character == '\\' {
        return slashes.is_multiple_of(2).then_some(slashes);
    }
    let short = match character {
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        other => other,
    };
    if rest.starts_with(short) && (short != character || "\"/'".contains(short)) {
        return Some(slashes + 1);
    }
    let mut units = [0; 2];
    let mut taken = 0;
    for unit in character.encode_utf16(&mut units) {
        let rest = text.get(taken..)?.trim_start_matches('\\');
        let digits = rest.strip_prefix('u')?.get(..4)?;
        if u16::from_str_radix(digits, 16) != Ok(*unit) {
            return None;
        }
        taken = text.len() - rest.len() + 5;
    }
    Some(taken)
}

/// `&amp;`, `&#38;`, `&#x26;`.
fn entity(text: &str, character: char) -> Option<usize> {
    let rest = text.strip_prefix('&')?;
    let (name, _) = rest.split_once(';')?;
    let code = match name {
        "amp" => u32::from('&'),
        "lt" => u32::from('<'),
        "gt" => u32::from('>'),
        "quot" => u32::from('"'),
        "apos" => u32::from('\''),
        _ => {
            let digits = name.strip_prefix('#')?;
            match digits.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => digits.parse().ok()?,
            }
        }
    };
    (code == u32::from(character)).then(|| name.len() + 2)
}

#[cfg(test)]
mod tests {
    use super::spelled;

    #[test]
    fn every_way_to_write_a_secret_is_one() {
        let secret = "sk/live+A~ d(9)e&f<g \"ü\"";
        for (text, is_it) in [
            (secret, true),
            ("sk%2flive%2BA~%20d%289%29e%26f%3Cg%20%22%c3%bc%22", true),
            ("sk/live%2BA~+d(9)e&f<g+\"ü\"", true),
            (r#"sk\/live+A~ d(9)e\u0026f\u003cg \"\u00fc\""#, true),
            (r#"sk\\\/live+A~ d(9)e\\u0026f<g \\\"ü\\\""#, true),
            ("sk/live+A~ d(9)e&amp;f&lt;g &quot;&#252;&#x22;", true),
            ("sk/live+A…", true),
            ("sk…", false),
            ("sk/live+B~ d(9)e&f<g \"ü\"", false),
            ("sk/live+A~ d(9", false),
        ] {
            assert_eq!(spelled(text, secret).is_some(), is_it, "{text}");
        }
    }
}
