//! What is wrong with a query or a body, said for the person who wrote it: libraries say it in words of their own.

use std::borrow::Cow;

/// Says something of a place in plain words, after what a library says behind its phrase.
type Say = fn(&str, &str) -> String;

/// What libraries begin with, each with what is said instead of it.
const PHRASES: [(&str, Say); 11] = [
    ("unknown field ", unknown),
    ("unknown variant ", unknown),
    ("missing field ", missing),
    ("duplicate field ", twice),
    ("invalid type: ", other),
    ("invalid value: ", other),
    ("invalid digit found in string", whole),
    ("cannot parse integer from empty string", whole),
    ("number too large to fit in target type", small),
    ("number too small to fit in target type", whole),
    ("provided string was not `true` or `false`", bool_word),
];

/// Returns what a library says of a field, `at.place: what is wrong at line 1 column 2`, in plain words.
pub(super) fn plain(said: &str) -> String {
    let said = without_line(said);
    let found = PHRASES.iter().filter_map(|(phrase, say)| {
        let at = said.find(phrase)?;
        let place = match said.get(..at)? {
            "" => "",
            before => before.strip_suffix(": ")?,
        };
        Some((at, place, said.get(at + phrase.len()..)?, say))
    });
    match found.min_by_key(|(at, ..)| *at) {
        Some((_, place, rest, say)) => say(place, rest),
        None => match said.split_once(": ") {
            Some((place, why)) if !place.contains(' ') => format!("`{place}`: {why}"),
            _ => said.to_owned(),
        },
    }
}

/// A body is one line as often as not: where in it something is says less than its name.
fn without_line(said: &str) -> &str {
    let place = said.rfind(" at line ");
    place.and_then(|at| said.get(..at)).unwrap_or(said)
}

fn named(place: &str) -> Cow<'_, str> {
    match place {
        "" => "the body".into(),
        place => format!("`{place}`").into(),
    }
}

fn unknown(place: &str, rest: &str) -> String {
    let (name, known) = rest.split_once(", ").unwrap_or((rest, ""));
    let known = known.trim_start_matches("expected ");
    let known = known.trim_start_matches("one of ").replace('`', "");
    let bare = name.trim_matches('`');
    // Of a field the place ends with its name, of a word it is the field.
    let is_field = place.is_empty() || place == bare || place.ends_with(&format!(".{bare}"));
    let what = match (place, is_field) {
        ("", _) => name.to_owned(),
        (place, true) => format!("`{place}`"),
        (place, false) => format!("{name} as `{place}`"),
    };
    match known.as_str() {
        "" | "there are no fields" => format!("{what} is not known here"),
        known => format!("{what} is not known here; known are {known}"),
    }
}

fn missing(place: &str, name: &str) -> String {
    let name = name.trim_matches('`');
    match place {
        "" => format!("`{name}` is missing"),
        place => format!("`{place}.{name}` is missing"),
    }
}

fn twice(_: &str, name: &str) -> String {
    format!("{name} stands there more than once")
}

fn other(place: &str, rest: &str) -> String {
    let (is, wanted) = rest.split_once(", expected ").unwrap_or((rest, ""));
    let wanted = match wanted {
        "a string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not below 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        other => other,
    };
    let is = match is.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer" | "boolean", value)) => value.trim_matches('`').to_owned(),
        Some(("floating", value)) => {
            let value = value.trim_start_matches("point ");
            value.trim_matches('`').to_owned()
        }
        _ => match is {
            "sequence" => "a list".to_owned(),
            "map" => "an object".to_owned(),
            other => other.to_owned(),
        },
    };
    format!("{} is to be {wanted}, and is {is}", named(place))
}

fn whole(place: &str, _: &str) -> String {
    format!(
        "{} is to be a whole number that is not below 0",
        named(place)
    )
}

fn small(place: &str, _: &str) -> String {
    format!("{} is too large a number", named(place))
}

fn bool_word(place: &str, _: &str) -> String {
    format!("{} is to be true or false", named(place))
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn says_what_to_write() {
        for (said, words) in [
            (
                "url: unknown field `url`, expected one of `of`, `from` at line 1 column 30",
                "`url` is not known here; known are of, from",
            ),
            (
                "of.url: unknown field `url`, expected `services` at line 1 column 3",
                "`of.url` is not known here; known are services",
            ),
            (
                "outcome: unknown variant `bad`, expected one of `pass`, `warn`",
                "`bad` as `outcome` is not known here; known are pass, warn",
            ),
            ("missing field `by` at line 1 column 2", "`by` is missing"),
            (
                "by: duplicate field `by` at line 1 column 22",
                "`by` stands there more than once",
            ),
            (
                "invalid type: sequence, expected an object at line 1 column 0",
                "the body is to be an object, and is a list",
            ),
            (
                "of.services[0]: invalid type: integer `5`, expected a string at line 1 column 9",
                "`of.services[0]` is to be a text, and is 5",
            ),
            (
                "for_s: invalid value: integer `-1`, expected u32 at line 1 column 9",
                "`for_s` is to be a whole number that is not below 0, and is -1",
            ),
            (
                "limit: invalid digit found in string",
                "`limit` is to be a whole number that is not below 0",
            ),
            (
                "open: provided string was not `true` or `false`",
                "`open` is to be true or false",
            ),
            ("from: `x` is no moment", "`from`: `x` is no moment"),
            ("whatever else: it is", "whatever else: it is"),
        ] {
            assert_eq!(plain(said), words, "{said}");
        }
    }
}
