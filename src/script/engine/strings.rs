//! String functions whose result may be far larger than their arguments: each knows its size before it builds it.

use rhai::{Array, Dynamic, Engine, ImmutableString, Map};

use crate::script::guard::{self, Fallible};
use crate::script::value::{self, problem};

/// Bytes of text that a value is written out to.
const TEXT_BYTES: usize = 64 << 10;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn(
            "replace",
            |text: &mut ImmutableString, find: &str, with: &str| replace(text, find, with),
        )
        .register_fn(
            "replace",
            |text: &mut ImmutableString, find: &str, with: char| {
                replace(text, find, with.encode_utf8(&mut [0; 4]))
            },
        )
        .register_fn(
            "replace",
            |text: &mut ImmutableString, find: char, with: &str| {
                replace(text, find.encode_utf8(&mut [0; 4]), with)
            },
        )
        .register_fn(
            "replace",
            |text: &mut ImmutableString, find: char, with: char| {
                replace(
                    text,
                    find.encode_utf8(&mut [0; 4]),
                    with.encode_utf8(&mut [0; 4]),
                )
            },
        )
        .register_fn(
            "pad",
            |text: &mut ImmutableString, length: i64, with: &str| pad(text, length, with),
        )
        .register_fn(
            "pad",
            |text: &mut ImmutableString, length: i64, with: char| {
                pad(text, length, with.encode_utf8(&mut [0; 4]))
            },
        )
        .register_fn("to_chars", |text: &str| {
            collected(text.chars().map(Dynamic::from))
        })
        .register_fn("to_blob", |_: &str| -> Fallible<Dynamic> {
            Err(problem("there are no blobs here; strings hold text"))
        });
    register_split(engine);
    register_text(engine);
}

fn register_split(engine: &mut Engine) {
    engine
        .register_fn("split", |text: &mut ImmutableString| {
            pieces(text.split_whitespace())
        })
        .register_fn("split", |text: &mut ImmutableString, at: &str| {
            pieces(text.split(at))
        })
        .register_fn("split", |text: &mut ImmutableString, at: char| {
            pieces(text.split(at))
        })
        .register_fn("split", |text: &mut ImmutableString, at: &str, n: i64| {
            pieces(text.splitn(count(n), at))
        })
        .register_fn("split", |text: &mut ImmutableString, at: char, n: i64| {
            pieces(text.splitn(count(n), at))
        })
        .register_fn("split_rev", |text: &mut ImmutableString, at: &str| {
            pieces(text.rsplit(at))
        })
        .register_fn("split_rev", |text: &mut ImmutableString, at: char| {
            pieces(text.rsplit(at))
        })
        .register_fn(
            "split_rev",
            |text: &mut ImmutableString, at: &str, n: i64| pieces(text.rsplitn(count(n), at)),
        )
        .register_fn(
            "split_rev",
            |text: &mut ImmutableString, at: char, n: i64| pieces(text.rsplitn(count(n), at)),
        );
}

/// The functions that turn containers into text, which the packages do by recursion without end.
fn register_text(engine: &mut Engine) {
    for name in ["to_string", "print"] {
        engine
            .register_fn(name, |array: &mut Array| rendered(&array.clone().into()))
            .register_fn(name, |map: &mut Map| rendered(&map.clone().into()))
            .register_fn(name, |value: Dynamic| value::text(&value, TEXT_BYTES));
    }
    for name in ["to_debug", "debug"] {
        engine
            .register_fn(name, |array: &mut Array| rendered(&array.clone().into()))
            .register_fn(name, |map: &mut Map| rendered(&map.clone().into()))
            .register_fn(name, |value: Dynamic| rendered(&value));
    }
}

fn rendered(value: &Dynamic) -> String {
    value::rendered(value, TEXT_BYTES)
}

fn count(segments: i64) -> usize {
    usize::try_from(segments).unwrap_or(0)
}

fn pieces<'a>(parts: impl Iterator<Item = &'a str>) -> Fallible<Array> {
    collected(parts.map(|part| ImmutableString::from(part).into()))
}

/// Collects at most as many pieces as the heap has room for.
fn collected(parts: impl Iterator<Item = Dynamic>) -> Fallible<Array> {
    let mut array = Array::new();
    for part in parts {
        // The interpreter looks at the size only after the array is built.
        if array.len() % 64 == 63 {
            guard::charge(64)?;
        }
        array.push(part);
    }
    Ok(array)
}

fn replace(text: &mut ImmutableString, find: &str, with: &str) -> Fallible<()> {
    guard::charge(1 + text.len() as u64 / 1024)?;
    let found = text.matches(find).count();
    let grown = found.saturating_mul(with.len().saturating_sub(find.len()));
    guard::reserve(text.len().saturating_add(grown))?;
    *text = text.replace(find, with).into();
    Ok(())
}

fn pad(text: &mut ImmutableString, length: i64, with: &str) -> Fallible<()> {
    let missing = usize::try_from(length)
        .unwrap_or(0)
        .saturating_sub(text.chars().count());
    if missing == 0 || with.is_empty() {
        return Ok(());
    }
    let times = missing.div_ceil(with.chars().count());
    guard::reserve(times.saturating_mul(with.len()).saturating_add(text.len()))?;
    let mut padded = text.to_string();
    padded.extend(std::iter::repeat_n(with, times));
    *text = padded.into();
    Ok(())
}
