//! Values of earlier times: `memory.record` keeps them, `memory.at` finds the one of a time ago.
//!
//! What is kept of a key has a bounded number of values however often a service is probed: one that comes sooner than
//! 1/[`VALUES`] of the whole time after the one before is left out.

use std::time::Duration;

use rhai::{Dynamic, Engine};

use super::{MemoryHandle, lasting};
use crate::model::json::Json;
use crate::script::api::time::{duration_seconds, human};
use crate::script::guard::{self, Fallible};
use crate::script::run;
use crate::script::value::{Origin, problem, to_json, view};

/// Values that are kept of a key, about.
const VALUES: i64 = 256;
/// How long values are kept where the script does not say.
const KEEP: Duration = Duration::from_hours(24);
/// The part of a time by which a value may be off: for `"24h"` a value of 21.6 to 26.4 hours ago counts.
const OFF: i64 = 10;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn(
            "record",
            |_: &mut MemoryHandle, key: &str, value: Dynamic| record(key, &value, KEEP),
        )
        .register_fn(
            "record",
            |_: &mut MemoryHandle, key: &str, value: Dynamic, keep: Dynamic| {
                record(key, &value, lasting(duration_seconds(&keep)?)?)
            },
        )
        .register_fn("at", |_: &mut MemoryHandle, key: &str, ago: Dynamic| {
            at(key, &ago, Dynamic::UNIT)
        })
        .register_fn(
            "at",
            |_: &mut MemoryHandle, key: &str, ago: Dynamic, default: Dynamic| {
                at(key, &ago, default)
            },
        );
}

fn name(key: &str) -> String {
    format!("ring:{key}")
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Returns when an item was recorded, in milliseconds, and what.
fn item(json: &Json) -> Option<(i64, &Json)> {
    match json.as_array()? {
        [at, value] => Some((at.as_number()?.as_i64()?, value)),
        _ => None,
    }
}

fn items(ring: Option<&Json>) -> &[Json] {
    ring.and_then(|ring| ring.get("items")?.as_array())
        .unwrap_or_default()
}

fn record(key: &str, value: &Dynamic, keep: Duration) -> Fallible<()> {
    let value = to_json(value)?;
    let name = name(key);
    let keep = millis(keep).max(1);
    let now = run::now()?.as_millisecond();
    run::matcher(|matcher, limits| {
        let old = items(matcher.memory.get(&name));
        guard::charge(1 + old.len() as u64 / 8)?;
        let oldest = now.saturating_sub(keep).saturating_sub(keep / OFF);
        let mut kept: Vec<Json> = old
            .iter()
            // What was recorded later than now was recorded by a clock that has been set back.
            .filter(|one| item(one).is_some_and(|(at, _)| at >= oldest && at <= now))
            .cloned()
            .collect();
        let last = kept.last().and_then(item).map(|(at, _)| at);
        if last.is_none_or(|last| now.saturating_sub(last) >= keep / VALUES) {
            kept.push([Json::from(now), value].into_iter().collect());
        }
        let ring = Json::object([
            ("keep", Json::from(keep)),
            ("items", kept.into_iter().collect()),
        ]);
        matcher.remember(&name, ring, None, limits)
    })
}

/// Returns the value recorded nearest to a time ago.
fn at(key: &str, ago: &Dynamic, default: Dynamic) -> Fallible<Dynamic> {
    let ago = millis(lasting(duration_seconds(ago)?)?);
    let name = name(key);
    let now = run::now()?.as_millisecond();
    run::matcher(|matcher, _| {
        let ring = matcher.memory.get(&name);
        let keep = ring.and_then(|ring| ring.get("keep")?.as_number()?.as_i64());
        if let Some(keep) = keep.filter(|keep| *keep < ago) {
            let (ago, keep) = (human(as_seconds(ago)), human(as_seconds(keep)));
            return Err(problem(format!(
                "`{key}` is kept for {keep} only, not {ago}; say so where it is recorded: memory.record(\"{key}\", …, \"{ago}\")"
            )));
        }
        let items = items(ring);
        guard::charge(1 + items.len() as u64 / 8)?;
        let wanted = now.saturating_sub(ago);
        let nearest = items
            .iter()
            .filter_map(item)
            .map(|(at, value)| (at.abs_diff(wanted), value))
            .filter(|(off, _)| *off <= ago.unsigned_abs() / OFF.unsigned_abs())
            .min_by_key(|(off, _)| *off);
        Ok(nearest.map_or(default, |(_, value)| view(value, Origin::Own)))
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of any date are exact in f64"
)]
fn as_seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
