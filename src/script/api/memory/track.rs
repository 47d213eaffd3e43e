//! Changes of a value from run to run: `track`, `stale` and `monotonic`.

use rhai::{Dynamic, Engine, Map};
use sha2::{Digest as _, Sha256};

use super::canonical::{canonical, without};
use super::lasting;
use crate::model::json::{Json, Number};
use crate::model::path::Path;
use crate::script::api::data::{float, parse, strings, tree};
use crate::script::api::time::{duration_seconds, seconds};
use crate::script::guard::{self, Fallible};
use crate::script::run;
use crate::script::value::{Origin, json_part, kind_name, misshapen, problem, view};

/// Values up to this many bytes of JSON are kept as they are, others by their digest.
const KEPT_BYTES: usize = 1024;
/// What the map has that `track` returns.
pub(in crate::script) const TRACKED: &[&str] = &[
    "changed",
    "first",
    "unchanged_for",
    "since",
    "previous",
    "changes",
    "samples",
    "gap",
    "value",
];

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("track", |key: &str, value: Dynamic| {
            track(key, &value, &Options::default())
        })
        .register_fn("track", |key: &str, value: Dynamic, opts: Map| {
            let (options, gap) = Options::read("track", &opts)?;
            match gap {
                None => track(key, &value, &options),
                Some(_) => Err(problem("`gap` is an option of `stale`, not of `track`")),
            }
        })
        .register_fn("stale", |key: &str, value: Dynamic, age: Dynamic| {
            stale(key, &value, &age, &Map::new())
        })
        .register_fn(
            "stale",
            |key: &str, value: Dynamic, age: Dynamic, opts: Map| stale(key, &value, &age, &opts),
        )
        .register_fn("monotonic", |key: &str, value: Dynamic| {
            monotonic(key, &value, None)
        })
        .register_fn("monotonic", |key: &str, value: Dynamic, anew: Dynamic| {
            monotonic(key, &value, Some(duration_seconds(&anew)?))
        });
}

/// What counts as a change.
#[derive(Default)]
struct Options {
    /// Places that are not looked at.
    ignore: Vec<Path>,
    /// How far numbers may be from what they were.
    tolerance: f64,
}

impl Options {
    /// Reads the options of a call, and how long a time without a look may be for `stale`.
    fn read(function: &str, opts: &Map) -> Fallible<(Self, Option<f64>)> {
        let mut options = Self::default();
        let mut gap = None;
        for (name, value) in opts {
            match name.as_str() {
                "ignore" => {
                    let paths = strings(value).ok_or_else(|| {
                        problem(format!(
                            "`ignore` is an array of paths such as [\"$.generated_at\"], not {}",
                            kind_name(value)
                        ))
                    })?;
                    options.ignore = paths
                        .iter()
                        .map(|path| parse(path))
                        .collect::<Fallible<_>>()?;
                }
                "tolerance" => options.tolerance = float(value)?,
                "gap" => gap = Some(duration_seconds(value)?),
                other => {
                    return Err(problem(format!(
                        "`{function}` has no option `{other}`; track and stale have ignore and tolerance, stale gap too"
                    )));
                }
            }
        }
        Ok((options, gap))
    }
}

/// What is remembered of a value between runs, times in milliseconds.
struct Sighting {
    digest: String,
    /// The value that later ones are held against; null where it is too large.
    value: Json,
    previous: Json,
    since: i64,
    seen: i64,
    changes: i64,
    samples: i64,
    gap: i64,
}

impl Sighting {
    fn read(json: &Json) -> Option<Self> {
        let whole = |name: &str| json.get(name)?.as_number()?.as_i64();
        let since = whole("since")?;
        Some(Self {
            digest: json.get("digest")?.as_str()?.to_owned(),
            value: json.get("value").cloned().unwrap_or_default(),
            previous: json.get("previous").cloned().unwrap_or_default(),
            since,
            seen: whole("seen").unwrap_or(since),
            changes: whole("changes").unwrap_or(0),
            samples: whole("samples").unwrap_or(1),
            gap: whole("gap").unwrap_or(0),
        })
    }

    fn to_json(&self) -> Json {
        Json::object([
            ("digest", Json::from(self.digest.as_str())),
            ("value", self.value.clone()),
            ("previous", self.previous.clone()),
            ("since", self.since.into()),
            ("seen", self.seen.into()),
            ("changes", self.changes.into()),
            ("samples", self.samples.into()),
            ("gap", self.gap.into()),
        ])
    }

    /// Returns this after one more look at the same value.
    fn seen_again(mut self, now: i64) -> Self {
        // A clock that was set back must not make a value older than its sighting.
        self.since = self.since.min(now);
        self.gap = self.gap.max(now.saturating_sub(self.seen));
        self.samples = self.samples.saturating_add(1);
        self.seen = now;
        self
    }
}

/// Compares a value with what it was in earlier runs, and remembers since when it is what it is.
fn track(key: &str, value: &Dynamic, options: &Options) -> Fallible<Map> {
    let (json, origin) = tree(value)?;
    let looked_at = without(&json, &options.ignore)?;
    let text = canonical(&looked_at)?;
    let is_small = text.len() <= KEPT_BYTES;
    if options.tolerance > 0.0 && !is_small {
        return Err(problem(format!(
            "`tolerance` is for values of at most {KEPT_BYTES} bytes; track the number itself"
        )));
    }
    // What is kept is a part of what is written: at the deepest level it could not be read again.
    let is_kept = is_small && json_part(value).is_ok();
    let hash = Sha256::digest(text.as_bytes());
    let (first, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    let digest = format!("{:032x}", u128::from_be_bytes(*first));
    let name = format!("track:{key}");
    let now = run::now()?.as_millisecond();
    run::matcher(|matcher, limits| {
        let old = matcher.memory.get(&name).and_then(Sighting::read);
        let first = old.is_none();
        let same = match &old {
            Some(old) => old.digest == digest || near(&old.value, &looked_at, options.tolerance)?,
            None => false,
        };
        let changed = !first && !same;
        let sighting = match old {
            Some(old) if same => old.seen_again(now),
            old => Sighting {
                digest,
                value: if is_kept { looked_at } else { Json::Null },
                changes: old.as_ref().map_or(0, |old| old.changes.saturating_add(1)),
                previous: old.map(|old| old.value).unwrap_or_default(),
                since: now,
                seen: now,
                samples: 1,
                gap: 0,
            },
        };
        matcher.remember(&name, sighting.to_json(), None, limits)?;
        let mut map = Map::new();
        map.insert("changed".into(), changed.into());
        map.insert("first".into(), first.into());
        map.insert(
            "unchanged_for".into(),
            from_millis(now.saturating_sub(sighting.since)),
        );
        map.insert("since".into(), from_millis(sighting.since));
        map.insert("previous".into(), view(&sighting.previous, Origin::Own));
        map.insert("changes".into(), sighting.changes.into());
        map.insert("samples".into(), sighting.samples.into());
        map.insert("gap".into(), from_millis(sighting.gap));
        map.insert("value".into(), view(&json, origin));
        Ok(map)
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of any date are exact in f64"
)]
fn from_millis(millis: i64) -> Dynamic {
    seconds(millis as f64 / 1000.0)
}

/// Tells whether two values differ in nothing but numbers, and those by no more than the tolerance.
fn near(old: &Json, new: &Json, tolerance: f64) -> Fallible<bool> {
    guard::charge(1)?;
    if tolerance <= 0.0 {
        return Ok(false);
    }
    Ok(match (old, new) {
        (Json::Number(old), Json::Number(new)) => (old.as_f64() - new.as_f64()).abs() <= tolerance,
        (Json::Array(old), Json::Array(new)) => {
            old.len() == new.len() && all(old.iter().zip(new.iter()), tolerance)?
        }
        (Json::Object(old), Json::Object(new)) => {
            let pairs = old
                .iter()
                .filter_map(|(key, value)| Some((value, new.get(key)?)));
            let pairs: Vec<(&Json, &Json)> = pairs.collect();
            pairs.len() == old.len() && old.len() == new.len() && all(pairs, tolerance)?
        }
        (old, new) => old == new,
    })
}

fn all<'a>(
    pairs: impl IntoIterator<Item = (&'a Json, &'a Json)>,
    tolerance: f64,
) -> Fallible<bool> {
    for (old, new) in pairs {
        if !near(old, new, tolerance)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Tells whether a value is the same for too long.
fn stale(key: &str, value: &Dynamic, age: &Dynamic, opts: &Map) -> Fallible<bool> {
    let age = duration_seconds(age)?;
    let (options, gap) = Options::read("stale", opts)?;
    let seen = track(key, value, &options)?;
    let part = |name: &str| seen.get(name).map_or(Ok(0.0), float);
    let looked_often = match gap {
        Some(gap) => part("gap")? <= gap,
        None => true,
    };
    Ok(part("unchanged_for")? >= age && part("samples")? >= 2.0 && looked_often)
}

/// Tells whether a number is at least the highest seen so far. After `anew` seconds below that, a lower one is taken
/// for a new beginning.
fn monotonic(key: &str, value: &Dynamic, anew: Option<f64>) -> Fallible<bool> {
    let (json, origin) = tree(value)?;
    let Some(number) = json.as_number() else {
        let what = format!("`{key}` is {}, not a number", json.summary(60));
        return Err(misshapen(origin, what));
    };
    let anew = anew.map(lasting).transpose()?;
    let name = format!("monotonic:{key}");
    let now = run::now()?.as_millisecond();
    run::matcher(|matcher, limits| {
        let old = matcher.memory.get(&name);
        let part = |part: &str| -> Option<Number> { old?.get(part)?.as_number() };
        let is_lower = part("highest").is_some_and(|highest| number.compare(highest).is_lt());
        let at = part("at").and_then(Number::as_i64).unwrap_or(now);
        let is_beginning = anew.is_some_and(|anew| {
            u128::try_from(now.saturating_sub(at)).is_ok_and(|below| below >= anew.as_millis())
        });
        if is_lower && !is_beginning {
            return Ok(false);
        }
        let entry = Json::object([("highest", Json::Number(number)), ("at", now.into())]);
        matcher.remember(&name, entry, None, limits)?;
        Ok(true)
    })
}
