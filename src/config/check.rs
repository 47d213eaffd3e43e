//! Holds a tree against the table of keys and reports every difference: unknown keys, missing ones, values of the
//! wrong kind or out of range. What reads values afterwards may leave out what it cannot read: it was reported here.

use crate::config::keys::{Kind, Place};
use crate::config::tree::{Member, Node, Value};
use crate::config::values::{self, Bad, Unit};
use crate::model::code::Code;
use crate::model::json::Number;
use crate::model::path::Path;
use crate::model::span::Mistake;

/// Reports every way in which `node` is not what `kind` says; `what` names it in messages.
pub(super) fn check(node: &Node, kind: &Kind, what: &str, mistakes: &mut Vec<Mistake>) {
    if node.value == Value::Broken {
        return;
    }
    if !fits(kind, node) {
        mistakes.push(wrong_kind(node, kind, what));
        return;
    }
    let bad = |bad: Bad| {
        Mistake::error(Code::Value, node.span.clone(), in_place(what, &bad.message)).help(bad.help)
    };
    match kind {
        Kind::Table(place) => table(node, place, mistakes),
        Kind::Cases(cases) => table(node, cases.place(node), mistakes),
        Kind::List(of) => {
            let element = format!("an element of {what}");
            for item in node.items() {
                check(item, of, &element, mistakes);
            }
        }
        Kind::Map(of) => {
            for member in node.members() {
                check(&member.node, of, &quoted(&member.key), mistakes);
            }
        }
        Kind::Either(kinds) => either(node, kinds, what, mistakes),
        Kind::Duration(unit, min, max) => {
            mistakes.extend(duration_in_range(node, *unit, (*min, *max)).err().map(bad));
        }
        Kind::Size(min, max) => mistakes.extend(size_in_range(node, *min, *max).err().map(bad)),
        Kind::Method => mistakes.extend(values::method(node).err().map(bad)),
        Kind::Status => mistakes.extend(values::status(node).err().map(bad)),
        Kind::Integer(min, max) => {
            let number = node.number().and_then(Number::as_i64);
            if !number.is_some_and(|number| (*min..=*max).contains(&number)) {
                mistakes.push(bad(out_of_range(node, kind)));
            }
        }
        Kind::Number(min, max) => {
            let number = node.number().map(Number::as_f64);
            if !number.is_some_and(|number| (*min..=*max).contains(&number)) {
                mistakes.push(bad(out_of_range(node, kind)));
            }
        }
        Kind::OneOf(words) => mistakes.extend(one_of(node, words, what)),
        Kind::JsonPath => {
            let text = node.text().map_or("", |text| &**text);
            if let Err(error) = text.parse::<Path>() {
                let mistake = Mistake::error(Code::Value, node.span.clone(), error.to_string());
                mistakes.push(mistake.help("write $.items[3].name, $['odd key'] or $.items[*].id"));
            }
        }
        Kind::File | Kind::Word if node.text().is_some_and(|text| text.is_empty()) => {
            let mistake =
                Mistake::error(Code::Value, node.span.clone(), in_place(what, "is empty"));
            mistakes.push(mistake.help("write something, or leave the key out"));
        }
        Kind::File | Kind::Word => mistakes.extend(literal_secret(node, what)),
        Kind::Text | Kind::Url | Kind::Boolean | Kind::Only(_) | Kind::Any => {}
    }
}

/// Returns a warning if a value that takes no secrets looks as if it should hold one.
pub(super) fn literal_secret(node: &Node, what: &str) -> Option<Mistake> {
    let span = values::secret_in(node)?;
    let message = format!("{what} takes no secrets: this text stays as it is written here");
    Some(Mistake::warning(Code::Secret, span, message).help(
        "docs/configuration.md says where secrets are replaced; write `$${` to mean the characters",
    ))
}

/// Tells whether the value's kind, without its content, can be meant.
fn fits(kind: &Kind, node: &Node) -> bool {
    match kind {
        Kind::Text
        | Kind::Word
        | Kind::Url
        | Kind::File
        | Kind::OneOf(_)
        | Kind::Method
        | Kind::JsonPath => {
            matches!(node.value, Value::Text(_))
        }
        Kind::Duration(..) | Kind::Size(..) => {
            matches!(node.value, Value::Text(_) | Value::Number(_))
        }
        Kind::Status => matches!(
            node.value,
            Value::Text(_) | Value::Number(_) | Value::List(_)
        ),
        Kind::Integer(..) | Kind::Number(..) => matches!(node.value, Value::Number(_)),
        Kind::Boolean => matches!(node.value, Value::Boolean(_)),
        Kind::Only(value) => node.boolean() == Some(*value),
        Kind::Any => true,
        Kind::List(_) => matches!(node.value, Value::List(_)),
        Kind::Map(_) | Kind::Table(_) | Kind::Cases(_) => matches!(node.value, Value::Table(_)),
        Kind::Either(kinds) => kinds.iter().any(|kind| fits(kind, node)),
    }
}

fn either(node: &Node, kinds: &[Kind], what: &str, mistakes: &mut Vec<Mistake>) {
    let mut first = None;
    for kind in kinds.iter().filter(|kind| fits(kind, node)) {
        let mut found = Vec::new();
        check(node, kind, what, &mut found);
        if found.is_empty() {
            return;
        }
        first.get_or_insert(found);
    }
    mistakes.extend(first.into_iter().flatten());
}

fn wrong_kind(node: &Node, kind: &Kind, what: &str) -> Mistake {
    let message = format!("{what} must be {}, not {}", kind.wanted(), node.what());
    let mistake = Mistake::error(Code::Kind, node.span.clone(), message);
    match (kind, &node.value) {
        (_, Value::Null) => mistake.help("leave the key out where it has no value"),
        (Kind::List(Kind::Table(place)), Value::Table(_)) => mistake.help(format!(
            "a list holds {}: write two brackets, [[…]], in TOML, and [ {{ … }} ] in JSON",
            place.title
        )),
        (Kind::List(Kind::Cases(cases)), Value::Table(_)) => mistake.help(format!(
            "a list holds {}: write two brackets, [[…]], in TOML, and [ {{ … }} ] in JSON",
            cases.other.title
        )),
        (Kind::List(_), Value::Text(_)) => mistake.help("put it into brackets: [\"…\"]"),
        (Kind::Number(..) | Kind::Integer(..), Value::Text(text))
            if text.parse::<f64>().is_ok() =>
        {
            mistake.help(format!("write {text} without quotes"))
        }
        (Kind::Boolean, Value::Text(text)) if matches!(&**text, "true" | "false") => {
            mistake.help(format!("write {text} without quotes"))
        }
        (Kind::Text | Kind::Word, Value::Number(_) | Value::Boolean(_)) => {
            mistake.help("put it into quotes")
        }
        (Kind::Duration(Unit::Seconds, ..), _) => {
            mistake.help("write \"30s\", \"5m\", \"1h30m\", or a number of seconds")
        }
        (Kind::Duration(Unit::Milliseconds, ..), _) => {
            mistake.help("write \"500ms\", \"2s\", or a number of milliseconds")
        }
        _ => mistake,
    }
}

fn table(node: &Node, place: &Place, mistakes: &mut Vec<Mistake>) {
    for member in node.members() {
        match place.keys.iter().find(|key| *key.name == *member.key) {
            Some(key) => check(&member.node, &key.kind, &quoted(key.name), mistakes),
            None if place.open => option(member, mistakes),
            None => mistakes.push(unknown(member, place)),
        }
    }
    for required in place.required {
        if node.get(required).is_none() {
            // The place of a table can be many lines; its first byte is enough.
            let at = node.span.start..(node.span.start + 1).min(node.span.end);
            let message = format!("{} has no `{required}`", place.title);
            mistakes.push(
                Mistake::error(Code::Missing, at, message)
                    .help(format!("add the key `{required}`")),
            );
        }
    }
}

fn option(member: &Member, mistakes: &mut Vec<Mistake>) {
    if !matches!(
        member.node.value,
        Value::Text(_) | Value::Number(_) | Value::Boolean(_) | Value::Broken
    ) {
        let message = format!(
            "the option `{}` must be a string, a number or true or false, not {}",
            member.key,
            member.node.what()
        );
        mistakes.push(Mistake::error(
            Code::Kind,
            member.node.span.clone(),
            message,
        ));
    }
}

fn unknown(member: &Member, place: &Place) -> Mistake {
    let known = || place.keys.iter().map(|key| key.name);
    let message = format!(
        "unknown key `{}` in {}",
        values::shorten(&member.key),
        place.title
    );
    let mistake = Mistake::error(Code::UnknownKey, member.key_span.clone(), message);
    match values::near(&member.key, known()) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None if place.keys.len() <= 25 => mistake.help(format!(
            "known keys: {}",
            known().collect::<Vec<_>>().join(", ")
        )),
        None => mistake.help("docs/configuration.md lists the keys of a service"),
    }
}

fn one_of(node: &Node, words: &[&str], what: &str) -> Option<Mistake> {
    let text = node.text()?;
    if words.contains(&&**text) {
        return None;
    }
    let message = format!("{what} cannot be `{}`", values::shorten(text));
    let mistake = Mistake::error(Code::Value, node.span.clone(), message);
    let all = words.join(", ");
    Some(match values::near(text, words.iter().copied()) {
        Some(near) => mistake.help(format!("did you mean `{near}`? It is one of {all}")),
        None => mistake.help(format!("it is one of {all}")),
    })
}

fn duration_in_range(node: &Node, unit: Unit, range: (u64, u64)) -> Result<(), Bad> {
    let words = |ms: u64| values::duration_words(std::time::Duration::from_millis(ms));
    let duration = values::duration(node, unit)?;
    let ms = duration.as_millis();
    if (u128::from(range.0)..=u128::from(range.1)).contains(&ms) {
        return Ok(());
    }
    Err(Bad {
        message: format!("{} is out of range", values::duration_words(duration)),
        help: format!("from {} to {}", words(range.0), words(range.1)),
    })
}

fn size_in_range(node: &Node, min: u64, max: u64) -> Result<(), Bad> {
    let bytes = values::size(node)?;
    if (min..=max).contains(&bytes) {
        return Ok(());
    }
    Err(Bad {
        message: format!("{bytes} bytes are out of range"),
        help: format!("from {min} to {max} bytes"),
    })
}

fn out_of_range(node: &Node, kind: &Kind) -> Bad {
    let written = node
        .number()
        .map_or_else(String::new, |number| number.to_string());
    Bad {
        message: format!("{written} is out of range"),
        help: format!("a {}", kind.documented()),
    }
}

fn in_place(what: &str, message: &str) -> String {
    format!("{what}: {message}")
}

/// Returns a key in the quotes that messages use.
pub(super) fn quoted(key: &str) -> String {
    format!("`{}`", values::shorten(key))
}
