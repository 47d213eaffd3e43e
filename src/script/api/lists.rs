//! What many values amount to: sums, medians, whether all differ.

use std::collections::HashSet;

use rhai::{Array, Dynamic, Engine};

use super::data::{float, number, parse, tree};
use super::memory::canonical;
use crate::script::guard::{self, Fallible};
use crate::script::value::{ArrayView, mistyped};

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("unique", |value: Dynamic, path: &str| unique(&value, path))
        .register_fn("sum_of", |value: Dynamic, path: &str| sum_of(&value, path));
    for (name, amount) in [("median", median as Amount), ("mad", mad)] {
        engine
            .register_fn(name, move |numbers: &mut Array| amount(floats(numbers)?))
            .register_fn(name, move |numbers: &mut ArrayView| {
                amount(floats(&numbers.clone().into_iter().collect())?)
            });
    }
}

type Amount = fn(Vec<f64>) -> Fallible<f64>;

/// Tells whether all values at a path differ from one another.
fn unique(value: &Dynamic, path: &str) -> Fallible<bool> {
    let (json, _) = tree(value)?;
    let found = parse(path)?.select(&json);
    guard::charge(found.len() as u64)?;
    let mut seen = HashSet::with_capacity(found.len());
    for (_, value) in found {
        if !seen.insert(canonical(value)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Adds the numbers at a path: a whole number as long as all are whole and the sum is none too large.
fn sum_of(value: &Dynamic, path: &str) -> Fallible<Dynamic> {
    let (json, origin) = tree(value)?;
    let found = parse(path)?.select(&json);
    guard::charge(found.len() as u64)?;
    let mut whole = Some(0_i64);
    let mut sum = 0.0;
    for (place, value) in found {
        let number = number(value, origin, &place.to_string())?;
        whole = whole
            .zip(number.as_int().ok())
            .and_then(|(sum, number)| sum.checked_add(number));
        sum += float(&number)?;
    }
    Ok(whole.map_or(sum.into(), Dynamic::from))
}

fn floats(numbers: &Array) -> Fallible<Vec<f64>> {
    guard::charge(numbers.len() as u64)?;
    numbers.iter().map(float).collect()
}

fn median(mut numbers: Vec<f64>) -> Fallible<f64> {
    numbers.sort_by(f64::total_cmp);
    let upper = numbers.len() / 2;
    let at = |index: usize| numbers.get(index).copied();
    match (at(upper), upper.checked_sub(1).and_then(at)) {
        (Some(middle), _) if numbers.len() % 2 == 1 => Ok(middle),
        (Some(above), Some(below)) => Ok(f64::midpoint(above, below)),
        _ => Err(mistyped("there is no median of nothing")),
    }
}

/// Returns the median of how far the numbers are from their median.
fn mad(numbers: Vec<f64>) -> Fallible<f64> {
    let middle = median(numbers.clone())?;
    median(
        numbers
            .into_iter()
            .map(|number| (number - middle).abs())
            .collect(),
    )
}
