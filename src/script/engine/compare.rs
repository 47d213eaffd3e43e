//! Equality of any two values, and order of those that have one. What has no order is an error, never `false`.

use std::any::TypeId;
use std::cmp::Ordering;

use rhai::{Array, Dynamic, Engine, FnPtr, ImmutableString, Map, NativeCallContext};

use crate::model::json::Json;
use crate::script::guard::{self, Fallible};
use crate::script::value::{
    ArrayView, ObjectView, kind_name, mismatched, mistyped, problem, viewed,
};

/// How deep two values are compared.
const DEPTH_MAX: usize = 128;

pub(super) fn register(engine: &mut Engine) {
    let containers = [
        TypeId::of::<Array>(),
        TypeId::of::<Map>(),
        TypeId::of::<ArrayView>(),
        TypeId::of::<ObjectView>(),
    ];
    for a in containers {
        for b in containers {
            engine.register_raw_fn(
                "==",
                [a, b],
                |_: NativeCallContext<'_>, args: &mut [&mut Dynamic]| {
                    pair(args).and_then(|(a, b)| equal(a, b))
                },
            );
            engine.register_raw_fn(
                "!=",
                [a, b],
                |_: NativeCallContext<'_>, args: &mut [&mut Dynamic]| {
                    pair(args).and_then(|(a, b)| equal(a, b)).map(|same| !same)
                },
            );
        }
    }
    register_order(engine, &containers);
}

/// Refuses `<` and its kin for every pair of kinds that the language would call false.
fn register_order(engine: &mut Engine, containers: &[TypeId]) {
    let scalars = [
        TypeId::of::<()>(),
        TypeId::of::<bool>(),
        TypeId::of::<i64>(),
        TypeId::of::<f64>(),
        TypeId::of::<char>(),
        TypeId::of::<ImmutableString>(),
        TypeId::of::<FnPtr>(),
    ];
    let numbers = [TypeId::of::<i64>(), TypeId::of::<f64>()];
    let kinds: Vec<TypeId> = scalars.iter().chain(containers).copied().collect();
    for a in &kinds {
        for b in &kinds {
            let texts =
                *a == *b && [TypeId::of::<char>(), TypeId::of::<ImmutableString>()].contains(a);
            if texts || (numbers.contains(a) && numbers.contains(b)) {
                continue;
            }
            for operator in ["<", "<=", ">", ">="] {
                engine.register_raw_fn(
                    operator,
                    [*a, *b],
                    move |_: NativeCallContext<'_>, args: &mut [&mut Dynamic]| {
                        let (a, b) = pair(args)?;
                        let message = format!(
                            "cannot compare {} with {}: {} {operator} {}",
                            kind_name(a),
                            kind_name(b),
                            short(a),
                            short(b),
                        );
                        Err::<bool, _>(mismatched(message, a, b))
                    },
                );
            }
        }
    }
}

pub(super) fn short(value: &Dynamic) -> String {
    crate::script::value::rendered(value, 40)
}

pub(super) fn pair<'a>(args: &'a [&mut Dynamic]) -> Fallible<(&'a Dynamic, &'a Dynamic)> {
    match args {
        [a, b] => Ok((a, b)),
        _ => Err(problem("an operator takes two values")),
    }
}

/// Tells whether two values are equal: numbers by value, containers by their parts, whatever holds them.
///
/// # Errors
/// The run is over, or the values nest too deep to compare.
pub(super) fn equal(a: &Dynamic, b: &Dynamic) -> Fallible<bool> {
    equal_within(a, b, DEPTH_MAX)
}

fn equal_within(a: &Dynamic, b: &Dynamic, depth_left: usize) -> Fallible<bool> {
    guard::charge(1)?;
    let below = depth_left.checked_sub(1).ok_or_else(|| {
        problem(format!(
            "the values nest deeper than {DEPTH_MAX} levels and cannot be compared"
        ))
    })?;
    match (viewed(a), viewed(b)) {
        (Some((a, _)), Some((b, _))) => return equal_json(&a, &b),
        (Some((json, _)), None) => return equal_to_json(b, &json, below),
        (None, Some((json, _))) => return equal_to_json(a, &json, below),
        (None, None) => {}
    }
    if let (Ok(a), Ok(b)) = (a.as_array_ref(), b.as_array_ref()) {
        return Ok(a.len() == b.len() && all(a.iter().zip(b.iter()), below)?);
    }
    if let (Ok(a), Ok(b)) = (a.as_map_ref(), b.as_map_ref()) {
        return Ok(a.len() == b.len()
            && a.keys().eq(b.keys())
            && all(a.values().zip(b.values()), below)?);
    }
    Ok(scalars_equal(a, b))
}

fn all<'a>(
    pairs: impl Iterator<Item = (&'a Dynamic, &'a Dynamic)>,
    depth_left: usize,
) -> Fallible<bool> {
    for (a, b) in pairs {
        if !equal_within(a, b, depth_left)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Compares two trees as they compare themselves, charged as it goes.
fn equal_json(a: &Json, b: &Json) -> Fallible<bool> {
    match (a, b) {
        (Json::Array(a), Json::Array(b)) => {
            guard::charge(1 + a.len() as u64 / 8)?;
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal_json(a, b)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Json::Object(a), Json::Object(b)) => {
            guard::charge(1 + a.len() as u64 / 8)?;
            if a.len() != b.len() {
                return Ok(false);
            }
            for (key, value) in a.iter() {
                match b.get(key) {
                    Some(other) if equal_json(value, other)? => {}
                    _ => return Ok(false),
                }
            }
            Ok(true)
        }
        (a, b) => Ok(a == b),
    }
}

fn equal_to_json(value: &Dynamic, json: &Json, depth_left: usize) -> Fallible<bool> {
    guard::charge(1)?;
    let Some(below) = depth_left.checked_sub(1) else {
        return Ok(false);
    };
    if let Ok(array) = value.as_array_ref() {
        let Some(items) = json.as_array() else {
            return Ok(false);
        };
        for (value, item) in array.iter().zip(items) {
            if !equal_to_json(value, item, below)? {
                return Ok(false);
            }
        }
        return Ok(array.len() == items.len());
    }
    if let Ok(map) = value.as_map_ref() {
        let Some(members) = json.as_object() else {
            return Ok(false);
        };
        for (key, value) in map.iter() {
            match members.get(key) {
                Some(member) if equal_to_json(value, member, below)? => {}
                _ => return Ok(false),
            }
        }
        return Ok(map.len() == members.len());
    }
    match viewed(value) {
        Some((tree, _)) => equal_json(&tree, json),
        None if matches!(json, Json::Array(_) | Json::Object(_)) => Ok(false),
        None => Ok(scalars_equal(value, &crate::script::value::copy(json))),
    }
}

fn scalars_equal(a: &Dynamic, b: &Dynamic) -> bool {
    if let Some(order) = numeric(a, b) {
        return order == Some(Ordering::Equal);
    }
    if let (Ok(a), Ok(b)) = (a.as_immutable_string_ref(), b.as_immutable_string_ref()) {
        return *a == *b;
    }
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return a == b;
    }
    if let (Ok(a), Ok(b)) = (a.as_char(), b.as_char()) {
        return a == b;
    }
    a.is_unit() && b.is_unit()
}

/// Compares two numbers exactly; absent if one is none, `Some(None)` if one is not a number in the other sense.
#[expect(
    clippy::option_option,
    reason = "the two absences mean different things"
)]
fn numeric(a: &Dynamic, b: &Dynamic) -> Option<Option<Ordering>> {
    use crate::model::json::Number;
    if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
        return Some(Some(a.cmp(&b)));
    }
    let number = |value: &Dynamic| {
        value
            .as_int()
            .map(Number::Int)
            .or_else(|_| value.as_float().map(Number::Float))
            .ok()
    };
    let (a, b) = (number(a)?, number(b)?);
    Some((!a.as_f64().is_nan() && !b.as_f64().is_nan()).then(|| a.compare(b)))
}

/// Orders two numbers or two strings.
///
/// # Errors
/// They are neither.
pub(super) fn order(a: &Dynamic, b: &Dynamic) -> Fallible<Ordering> {
    if let Some(Some(order)) = numeric(a, b) {
        return Ok(order);
    }
    if let (Ok(a), Ok(b)) = (a.as_immutable_string_ref(), b.as_immutable_string_ref()) {
        return Ok(a.as_str().cmp(b.as_str()));
    }
    if let (Ok(a), Ok(b)) = (a.as_char(), b.as_char()) {
        return Ok(a.cmp(&b));
    }
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return Ok(a.cmp(&b));
    }
    Err(mistyped(format!(
        "cannot sort {} together with {}; give sort a function that compares them",
        kind_name(a),
        kind_name(b)
    )))
}
