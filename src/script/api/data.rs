//! JSON paths and numbers.

use rhai::{Array, Dynamic, Engine, ImmutableString};

use crate::model::json::{self, Json, Number};
use crate::model::path::{Path, Step};
use crate::script::guard::{self, Fallible, Fault};
use crate::script::value::{
    Origin, json_text, kind_name, misshapen, mistyped, problem, rendered, to_json, view, viewed,
};

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("at", |value: Dynamic, path: &str| {
            let (json, origin) = tree(&value)?;
            find(&json, origin, path).map(|found| view(found, origin))
        })
        .register_fn("at", |value: Dynamic, path: &str, default: Dynamic| {
            let (json, origin) = tree(&value)?;
            let found = parse(path)?.find(&json).map(|found| view(found, origin));
            Ok::<_, Fault>(found.unwrap_or(default))
        })
        .register_fn("jp", |value: Dynamic, path: &str| {
            let (json, origin) = tree(&value)?;
            let mut found = Array::new();
            each(parse(path)?.steps(), &json, &mut |json| {
                found.push(view(json, origin));
                guard::charge(1)
            })?;
            Ok::<_, Fault>(found)
        })
        .register_fn("has", |value: Dynamic, path: &str| {
            Ok::<_, Fault>(parse(path)?.find(&tree(&value)?.0).is_ok())
        })
        .register_fn("count", |value: Dynamic, path: &str| count(&value, path))
        .register_fn("num", |value: Dynamic, path: &str| {
            let (json, origin) = tree(&value)?;
            number(find(&json, origin, path)?, origin, path)
        })
        .register_fn("num", |value: Dynamic| {
            let (json, origin) = tree(&value)?;
            number(&json, origin, "the value")
        })
        .register_fn("str", |value: Dynamic, path: &str| {
            let (json, origin) = tree(&value)?;
            let found = find(&json, origin, path)?;
            found.as_str().map(ImmutableString::from).ok_or_else(|| {
                misshapen(
                    origin,
                    format!("{path} is {}, not a string", found.summary(60)),
                )
            })
        });
    register_numbers(engine);
}

fn register_numbers(engine: &mut Engine) {
    engine
        .register_fn("pct_diff", |a: Dynamic, b: Dynamic| {
            let (a, b) = (float(&a)?, float(&b)?);
            Ok::<_, Fault>(if a.to_bits() == b.to_bits() {
                0.0
            } else {
                (a - b).abs() / b.abs() * 100.0
            })
        })
        .register_fn("approx", |a: Dynamic, b: Dynamic, tolerance: Dynamic| {
            Ok::<_, Fault>((float(&a)? - float(&b)?).abs() <= float(&tolerance)?)
        })
        .register_fn("hex", |text: &str| {
            parse_hex(text.trim()).ok_or_else(|| {
                mistyped(format!(
                    "`{}` is no hexadecimal number of 64 bits",
                    super::super::value::cut(text, 60)
                ))
            })
        })
        .register_fn("json", |value: Dynamic| json_text(&to_json(&value)?))
        .register_fn("parse_json", |text: &str| {
            let parsed = document(text.as_bytes())?
                .map_err(|error| mistyped(format!("this is no JSON: {error}")))?;
            Ok::<_, Fault>(view(&parsed, Origin::Own))
        });
}

/// Returns a value as JSON with where it came from.
pub(in crate::script) fn tree(value: &Dynamic) -> Fallible<(Json, Origin)> {
    match viewed(value) {
        Some(found) => Ok(found),
        None => Ok((to_json(value)?, Origin::Own)),
    }
}

/// Bytes of a path: what a person writes is far shorter.
const PATH_BYTES: usize = 4096;

pub(in crate::script) fn parse(path: &str) -> Fallible<Path> {
    if path.len() > PATH_BYTES {
        return Err(problem(format!("a path has at most {PATH_BYTES} bytes")));
    }
    path.parse()
        .map_err(|error: crate::model::path::PathError| problem(error.to_string()))
}

fn find<'a>(json: &'a Json, origin: Origin, path: &str) -> Fallible<&'a Json> {
    parse(path)?
        .find(json)
        .map_err(|missing| misshapen(origin, missing.to_string()))
}

/// Bytes that a value takes while it is parsed, about.
const VALUE_BYTES: usize = 64;

/// Parses a JSON text that the run then holds: what it takes is reserved before, by the signs that come before values.
///
/// # Errors
/// The run may not hold it.
pub(super) fn document(text: &[u8]) -> Fallible<Result<Json, json::JsonError>> {
    let values = text
        .iter()
        .filter(|byte| matches!(byte, b',' | b'[' | b'{'));
    guard::charge(text.len() as u64 / 64)?;
    guard::reserve(text.len() + values.count().saturating_mul(VALUE_BYTES))?;
    Ok(json::parse(text).map(|document| document.root))
}

/// Gives every value at a pattern, in document order.
fn each<'a>(
    steps: &[Step],
    here: &'a Json,
    take: &mut impl FnMut(&'a Json) -> Fallible<()>,
) -> Fallible<()> {
    let Some((step, rest)) = steps.split_first() else {
        return take(here);
    };
    guard::charge(1)?;
    match (step, here) {
        (Step::Any, Json::Array(items)) => items.iter().try_for_each(|item| each(rest, item, take)),
        (Step::Any, Json::Object(members)) => members
            .iter()
            .try_for_each(|(_, item)| each(rest, item, take)),
        (step, here) => match step.enter(here) {
            Some(child) => each(rest, child, take),
            None => Ok(()),
        },
    }
}

/// Counts what a pattern finds, or what the container at a path holds.
fn count(value: &Dynamic, path: &str) -> Fallible<i64> {
    let (json, origin) = tree(value)?;
    let pattern = parse(path)?;
    let many = pattern.steps().iter().any(|step| matches!(step, Step::Any));
    let count = if many {
        let mut count = 0;
        each(pattern.steps(), &json, &mut |_| {
            count += 1;
            Ok(())
        })?;
        count
    } else {
        match find(&json, origin, path)? {
            Json::Array(items) => items.len(),
            Json::Object(members) => members.len(),
            other => {
                return Err(misshapen(
                    origin,
                    format!("{path} is {}, not an array or object", other.summary(60)),
                ));
            }
        }
    };
    Ok(i64::try_from(count).unwrap_or(i64::MAX))
}

pub(super) fn number(json: &Json, origin: Origin, what: &str) -> Fallible<Dynamic> {
    let found = match json {
        Json::Number(_) => Some(view(json, origin)),
        Json::String(text) => numeric_text(text.trim()),
        _ => None,
    };
    found.ok_or_else(|| {
        misshapen(
            origin,
            format!("{what} is {}, not a number", json.summary(60)),
        )
    })
}

fn numeric_text(text: &str) -> Option<Dynamic> {
    if text.starts_with("0x") || text.starts_with("0X") {
        return parse_hex(text);
    }
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.into());
    }
    let shaped = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    let number: f64 = text.parse().ok()?;
    (shaped && number.is_finite()).then(|| number.into())
}

fn parse_hex(text: &str) -> Option<Dynamic> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .unwrap_or(text);
    let number = u64::from_str_radix(digits, 16).ok()?;
    Some(match i64::try_from(number) {
        Ok(number) => number.into(),
        Err(_) => Number::UInt(number).as_f64().into(),
    })
}

/// Returns a number as a float.
///
/// # Errors
/// It is none.
pub(in crate::script) fn float(value: &Dynamic) -> Fallible<f64> {
    if let Ok(number) = value.as_int() {
        return Ok(Number::Int(number).as_f64());
    }
    value.as_float().map_err(|_| {
        mistyped(format!(
            "expected a number, got {} {}",
            kind_name(value),
            rendered(value, 60)
        ))
    })
}

/// Returns the strings of an array of nothing else; absent if the value is none.
pub(in crate::script) fn strings(value: &Dynamic) -> Option<Vec<String>> {
    let json = tree(value).ok()?.0;
    let items = json.as_array()?.iter();
    items.map(|item| item.as_str().map(str::to_owned)).collect()
}
