//! Text functions that a check or a message needs and the language lacks.

use rhai::Engine;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("cut", cut_utf16)
        .register_fn("utf16_len", |text: &str| {
            i64::try_from(text.encode_utf16().count()).unwrap_or(i64::MAX)
        })
        .register_fn("url_encode", |text: &str| {
            // `+` for a space is right in forms only; `%20` is right everywhere.
            url::form_urlencoded::byte_serialize(text.as_bytes())
                .collect::<String>()
                .replace('+', "%20")
        });
}

/// Returns the text cut to at most `units` UTF-16 units, the `…` at its end included. Services count so.
fn cut_utf16(text: &str, units: i64) -> String {
    let units = usize::try_from(units).unwrap_or(0);
    if text.len() <= units || text.encode_utf16().count() <= units {
        return text.to_owned();
    }
    let mut left = units.saturating_sub(1);
    let mut kept: String = text
        .chars()
        .take_while(|character| match left.checked_sub(character.len_utf16()) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        })
        .collect();
    if units > 0 {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::cut_utf16;

    #[test]
    fn cuts_by_utf16_units_and_never_through_a_character() {
        for (text, units, expected) in [
            ("abcdef", 6, "abcdef"),
            ("abcdef", 5, "abcd…"),
            ("🙂🙂🙂", 6, "🙂🙂🙂"),
            ("🙂🙂🙂", 4, "🙂…"),
            ("éé", 2, "éé"),
            ("ab", 1, "…"),
            ("ab", 0, ""),
            ("ab", -5, ""),
        ] {
            assert_eq!(cut_utf16(text, units), expected, "{text} to {units}");
        }
    }
}
