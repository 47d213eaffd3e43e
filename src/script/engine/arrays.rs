//! Array functions that the packages run without an eye on the meter, or that swallow the errors of their callbacks.

use std::cmp::Ordering;

use rhai::{Array, Dynamic, Engine, FnPtr, NativeCallContext};

use super::compare::{equal, order};
use crate::script::guard::{self, Fallible, Fault};
use crate::script::value::problem;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("pad", |array: &mut Array, length: i64, item: Dynamic| {
            pad(array, length, &item)
        })
        .register_fn("contains", |array: &mut Array, wanted: Dynamic| {
            Ok::<_, Fault>(position(array, &wanted, 0)?.is_some())
        })
        .register_fn("index_of", |array: &mut Array, wanted: Dynamic| {
            Ok::<_, Fault>(index(position(array, &wanted, 0)?))
        })
        .register_fn(
            "index_of",
            |array: &mut Array, wanted: Dynamic, from: i64| {
                Ok::<_, Fault>(index(position(array, &wanted, start(array.len(), from))?))
            },
        )
        // Exact kinds win over `Dynamic`, so that a closure is a condition and not a needle.
        .register_fn(
            "index_of",
            |context: NativeCallContext<'_>, array: &mut Array, wanted: FnPtr| {
                Ok::<_, Fault>(index(position_where(&context, array, &wanted, 0)?))
            },
        )
        .register_fn(
            "index_of",
            |context: NativeCallContext<'_>, array: &mut Array, wanted: FnPtr, from: i64| {
                let from = start(array.len(), from);
                Ok::<_, Fault>(index(position_where(&context, array, &wanted, from)?))
            },
        )
        .register_fn("dedup", |array: &mut Array| dedup_by(array, equal))
        .register_fn(
            "dedup",
            |context: NativeCallContext<'_>, array: &mut Array, same: FnPtr| {
                dedup_by(array, |a, b| {
                    same.call_within_context::<bool>(&context, (a.clone(), b.clone()))
                })
            },
        );
    register_sort(engine);
}

fn register_sort(engine: &mut Engine) {
    engine
        .register_fn("sort", |array: &mut Array| sort_by(array, order))
        .register_fn("sort_desc", |array: &mut Array| {
            sort_by(array, |a, b| order(b, a))
        })
        .register_fn("order", |array: &mut Array| ordered(array, order))
        .register_fn("order_desc", |array: &mut Array| {
            ordered(array, |a, b| order(b, a))
        });
    for name in ["sort", "sort_by"] {
        engine.register_fn(
            name,
            |context: NativeCallContext<'_>, array: &mut Array, comparer: FnPtr| {
                sort_by(array, |a, b| compared(&context, &comparer, a, b))
            },
        );
    }
    for name in ["order", "order_by"] {
        engine.register_fn(
            name,
            |context: NativeCallContext<'_>, array: &mut Array, comparer: FnPtr| {
                ordered(array, |a, b| compared(&context, &comparer, a, b))
            },
        );
    }
}

fn pad(array: &mut Array, length: i64, item: &Dynamic) -> Fallible<()> {
    let length = usize::try_from(length).unwrap_or(0);
    let missing = length.saturating_sub(array.len());
    guard::reserve(missing.saturating_mul(size_of::<Dynamic>()))?;
    // A copy of the item may be of any size, so that the meter looks at each.
    for _ in 0..missing {
        guard::charge(1)?;
        array.push(item.clone());
    }
    Ok(())
}

fn start(length: usize, from: i64) -> usize {
    let distance = usize::try_from(from.unsigned_abs()).unwrap_or(usize::MAX);
    if from < 0 {
        length.saturating_sub(distance)
    } else {
        distance
    }
}

/// Returns the index that a script is told: -1 for nothing found.
fn index(position: Option<usize>) -> i64 {
    position
        .and_then(|position| i64::try_from(position).ok())
        .unwrap_or(-1)
}

fn position(array: &Array, wanted: &Dynamic, from: usize) -> Fallible<Option<usize>> {
    for (index, item) in array.iter().enumerate().skip(from) {
        if equal(item, wanted)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn position_where(
    context: &NativeCallContext<'_>,
    array: &Array,
    wanted: &FnPtr,
    from: usize,
) -> Fallible<Option<usize>> {
    for (index, item) in array.iter().enumerate().skip(from) {
        if wanted.call_within_context::<bool>(context, (item.clone(),))? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn dedup_by(
    array: &mut Array,
    mut same: impl FnMut(&Dynamic, &Dynamic) -> Fallible<bool>,
) -> Fallible<()> {
    let mut kept = Array::new();
    for item in array.iter() {
        let repeated = match kept.last() {
            Some(last) => same(item, last)?,
            None => false,
        };
        if !repeated {
            kept.push(item.clone());
        }
    }
    *array = kept;
    Ok(())
}

/// Reads what a comparer said: a number as in C, or whether the first comes first.
fn compared(
    context: &NativeCallContext<'_>,
    comparer: &FnPtr,
    a: &Dynamic,
    b: &Dynamic,
) -> Fallible<Ordering> {
    let said: Dynamic = comparer.call_within_context(context, (a.clone(), b.clone()))?;
    if let Ok(first) = said.as_bool() {
        return Ok(if first {
            Ordering::Less
        } else {
            Ordering::Greater
        });
    }
    match said.as_int() {
        Ok(number) => Ok(number.cmp(&0)),
        Err(_) => Err(problem(
            "the function that compares returns a whole number or a boolean",
        )),
    }
}

fn ordered(
    array: &mut Array,
    compare: impl FnMut(&Dynamic, &Dynamic) -> Fallible<Ordering>,
) -> Fallible<Array> {
    let mut copy = array.clone();
    sort_by(&mut copy, compare)?;
    Ok(copy)
}

/// Merge sort, stable, which passes errors on and is not confused by a comparer without an order.
fn sort_by(
    array: &mut Array,
    mut compare: impl FnMut(&Dynamic, &Dynamic) -> Fallible<Ordering>,
) -> Fallible<()> {
    let mut runs: Vec<Array> = array.iter().map(|item| vec![item.clone()]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pairs = runs.into_iter();
        while let Some(first) = pairs.next() {
            merged.push(match pairs.next() {
                Some(second) => merge(first, second, &mut compare)?,
                None => first,
            });
        }
        runs = merged;
    }
    *array = runs.pop().unwrap_or_default();
    Ok(())
}

fn merge(
    first: Array,
    second: Array,
    compare: &mut impl FnMut(&Dynamic, &Dynamic) -> Fallible<Ordering>,
) -> Fallible<Array> {
    let mut merged = Array::with_capacity(first.len() + second.len());
    let mut left = first.into_iter().peekable();
    let mut right = second.into_iter().peekable();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        guard::charge(1)?;
        let next = if compare(a, b)? == Ordering::Greater {
            right.next()
        } else {
            left.next()
        };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}
