//! What a service's scripts remember, and `track`. Writes take effect only if the run is no error.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rhai::{Array, Dynamic, Engine, Map};
use sha2::{Digest as _, Sha256};

use super::data::tree;
use super::time::{duration_seconds, seconds};
use crate::model::json::{Json, Number};
use crate::model::judgement::{Memory, MemoryDiff, MemoryEntry};
use crate::script::guard::{self, Fallible};
use crate::script::limits::Limits;
use crate::script::run;
use crate::script::value::{Origin, charge_text, json_bytes, json_part, problem, to_json, view};

/// Keys that begin so are `track`'s own.
const RESERVED: &str = "track:";
/// Values up to this many bytes of JSON are kept by `track` as they are, others by their digest.
const TRACKED_BYTES: usize = 1024;
/// What the map has that `track` returns.
pub(in crate::script) const TRACKED: &[&str] = &[
    "changed",
    "first",
    "unchanged_for",
    "since",
    "previous",
    "changes",
    "value",
];
/// Bytes of a key.
const KEY_BYTES: usize = 200;

/// The handle `memory`.
#[derive(Debug, Clone)]
pub(super) struct MemoryHandle;

/// A service's memory as a run sees it.
#[derive(Debug)]
pub(in crate::script) struct Remembered {
    base: Arc<Memory>,
    now: Timestamp,
    set: BTreeMap<Arc<str>, MemoryEntry>,
    removed: BTreeSet<Arc<str>>,
    /// Bytes of everything that is there, known from the first write on.
    bytes: Option<usize>,
}

impl Remembered {
    pub(in crate::script) fn new(base: Arc<Memory>, now: Timestamp) -> Self {
        Self {
            base,
            now,
            set: BTreeMap::new(),
            removed: BTreeSet::new(),
            bytes: None,
        }
    }

    fn get(&self, key: &str) -> Option<&Json> {
        if self.removed.contains(key) {
            return None;
        }
        self.set
            .get(key)
            .or_else(|| self.base.get(key))
            .filter(|entry| entry.expires_at.is_none_or(|end| end > self.now))
            .map(|entry| &entry.value)
    }

    fn live(&self) -> impl Iterator<Item = (&Arc<str>, &MemoryEntry)> {
        self.base
            .iter()
            .filter(|(key, _)| !self.set.contains_key(*key) && !self.removed.contains(*key))
            .chain(&self.set)
            .filter(|(_, entry)| entry.expires_at.is_none_or(|end| end > self.now))
    }

    /// Returns the bytes of everything that is there.
    pub(in crate::script) fn bytes(&self) -> usize {
        self.bytes.unwrap_or_else(|| {
            self.live()
                .map(|(key, entry)| key.len() + entry.value.to_string().len())
                .sum()
        })
    }

    fn set(
        &mut self,
        key: &str,
        value: Json,
        expires_at: Option<Timestamp>,
        limits: &Limits,
    ) -> Fallible<()> {
        if key.is_empty() || key.len() > KEY_BYTES {
            return Err(problem(format!(
                "a key of memory has 1 to {KEY_BYTES} bytes"
            )));
        }
        let size = json_bytes(&value)?;
        if size > limits.memory_value_bytes {
            return Err(problem(format!(
                "limit memory_value_bytes: `{key}` would have {size} bytes, {} are allowed; keep less of it, or raise \
                 `limits.memory_value_bytes`",
                limits.memory_value_bytes
            )));
        }
        let old = self.get(key).map(|old| key.len() + old.to_string().len());
        let total = (self.bytes() + key.len() + size).saturating_sub(old.unwrap_or(0));
        if total > limits.memory_bytes {
            return Err(problem(format!(
                "limit memory_bytes: the service would remember {total} bytes, {} are allowed; forget something, or \
                 raise `limits.memory_bytes`",
                limits.memory_bytes
            )));
        }
        if old.is_none() && self.live().count() >= limits.memory_keys {
            return Err(problem(format!(
                "limit memory_keys: the service remembers {} keys already; delete some, or raise `limits.memory_keys`",
                limits.memory_keys
            )));
        }
        self.bytes = Some(total);
        self.removed.remove(key);
        self.set
            .insert(key.into(), MemoryEntry { value, expires_at });
        Ok(())
    }

    fn remove(&mut self, key: &str) {
        self.bytes = None;
        self.set.remove(key);
        if self.base.contains_key(key) {
            self.removed.insert(key.into());
        }
    }

    /// Returns what the run changed.
    pub(in crate::script) fn diff(self) -> MemoryDiff {
        MemoryDiff {
            set: self.set,
            removed: self.removed.into_iter().collect(),
        }
    }
}

impl run::Matcher {
    /// Writes a value into the memory, without what must not be seen.
    fn remember(
        &mut self,
        key: &str,
        mut value: Json,
        expires_at: Option<Timestamp>,
        limits: &Limits,
    ) -> Fallible<()> {
        self.secrets.hide_in(&mut value);
        self.memory.set(key, value, expires_at, limits)
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<MemoryHandle>("memory")
        .register_fn("get", |_: &mut MemoryHandle, key: &str| {
            get(key, Dynamic::UNIT)
        })
        .register_fn(
            "get",
            |_: &mut MemoryHandle, key: &str, default: Dynamic| get(key, default),
        )
        .register_fn("set", |_: &mut MemoryHandle, key: &str, value: Dynamic| {
            set(key, &value, None)
        })
        .register_fn(
            "set",
            |_: &mut MemoryHandle, key: &str, value: Dynamic, ttl: Dynamic| {
                set(key, &value, Some(duration_seconds(&ttl)?))
            },
        )
        .register_fn("del", |_: &mut MemoryHandle, key: &str| {
            own(key)?;
            run::matcher(|matcher, _| {
                matcher.memory.remove(key);
                Ok(())
            })
        })
        .register_fn(
            "push",
            |_: &mut MemoryHandle, key: &str, value: Dynamic, keep: i64| push(key, &value, keep),
        )
        .register_fn("track", |key: &str, value: Dynamic| track(key, &value));
}

fn own(key: &str) -> Fallible<()> {
    if key.starts_with(RESERVED) {
        return Err(problem(format!(
            "keys that begin with `{RESERVED}` are OES's own"
        )));
    }
    Ok(())
}

fn get(key: &str, default: Dynamic) -> Fallible<Dynamic> {
    own(key)?;
    run::matcher(|matcher, _| {
        Ok(matcher
            .memory
            .get(key)
            .map_or(default, |json| view(json, Origin::Own)))
    })
}

fn set(key: &str, value: &Dynamic, ttl: Option<f64>) -> Fallible<()> {
    own(key)?;
    let value = to_json(value)?;
    let ttl = ttl
        .map(|ttl| {
            Duration::try_from_secs_f64(ttl)
                .map_err(|_| problem("how long to remember must be a positive duration"))
        })
        .transpose()?;
    run::with(|run| {
        let expires_at = ttl.and_then(|ttl| run.now.saturating_add(ttl).ok());
        let limits = run.limits.clone();
        match &mut run.matcher {
            Some(matcher) => matcher.remember(key, value, expires_at, &limits),
            None => Err(problem("memory is available in matcher scripts only")),
        }
    })
}

fn push(key: &str, value: &Dynamic, keep: i64) -> Fallible<Array> {
    own(key)?;
    let value = json_part(value)?;
    let keep = usize::try_from(keep).unwrap_or(0);
    run::matcher(|matcher, limits| {
        let mut items = match matcher.memory.get(key) {
            None => Vec::new(),
            Some(Json::Array(items)) => items.to_vec(),
            Some(_) => return Err(problem(format!("`{key}` holds no array to push to"))),
        };
        items.push(value);
        let kept = items.split_off(items.len().saturating_sub(keep));
        let array = kept.iter().map(|item| view(item, Origin::Own)).collect();
        matcher.remember(key, kept.into_iter().collect(), None, limits)?;
        Ok(array)
    })
}

/// Compares a value with what it was in earlier runs, and remembers since when it is what it is.
fn track(key: &str, value: &Dynamic) -> Fallible<Map> {
    let (json, origin) = tree(value)?;
    let canonical = canonical(&json)?;
    let hash = Sha256::digest(canonical.as_bytes());
    let (first, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    let digest = format!("{:032x}", u128::from_be_bytes(*first));
    let kept = if canonical.len() <= TRACKED_BYTES {
        // What is kept is a part of what is written: at the deepest level it could not be read again.
        json_part(value).unwrap_or_default()
    } else {
        Json::Null
    };
    let name = format!("{RESERVED}{key}");
    let now = run::now()?.as_millisecond();
    run::matcher(|matcher, limits| {
        let old = matcher.memory.get(&name).cloned();
        let part = |part: &str| old.as_ref().and_then(|old| old.get(part)).cloned();
        let whole = |part: Option<Json>| part.and_then(|json| json.as_number()?.as_i64());
        let first = old.is_none();
        let changed = !first && part("digest") != Some(Json::from(digest.as_str()));
        let since = match whole(part("since")) {
            // A clock that was set back must not make a value older than its sighting.
            Some(since) if !changed => since.min(now),
            _ => now,
        };
        let times = whole(part("changes")).unwrap_or(0) + i64::from(changed);
        let previous = if changed {
            part("value")
        } else {
            part("previous")
        }
        .unwrap_or_default();
        let entry = Json::object([
            ("digest", Json::from(digest.as_str())),
            ("value", kept),
            ("previous", previous.clone()),
            ("since", since.into()),
            ("changes", times.into()),
        ]);
        if old.as_ref() != Some(&entry) {
            matcher.remember(&name, entry, None, limits)?;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of any date are exact in f64"
        )]
        let (since, unchanged) = (since as f64 / 1000.0, (now - since) as f64 / 1000.0);
        let mut map = Map::new();
        map.insert("changed".into(), changed.into());
        map.insert("first".into(), first.into());
        map.insert("unchanged_for".into(), seconds(unchanged));
        map.insert("since".into(), seconds(since));
        map.insert("previous".into(), view(&previous, Origin::Own));
        map.insert("changes".into(), times.into());
        map.insert("value".into(), view(&json, origin));
        Ok(map)
    })
}

/// Returns a text that is the same for equal values: keys in order, `1.0` as `1`.
fn canonical(json: &Json) -> Fallible<String> {
    let mut text = String::new();
    write_canonical(json, &mut text)?;
    Ok(text)
}

fn write_canonical(json: &Json, out: &mut String) -> Fallible<()> {
    match json {
        Json::Array(items) => {
            guard::charge(1 + items.len() as u64 / 8)?;
            out.push('[');
            for item in items.iter() {
                write_canonical(item, out)?;
                out.push(',');
            }
            out.push(']');
        }
        Json::Object(members) => {
            guard::charge(1 + members.len() as u64 / 8)?;
            let mut members: Vec<(&Arc<str>, &Json)> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (key, item) in members {
                out.push_str(&Json::String(Arc::clone(key)).to_string());
                out.push(':');
                write_canonical(item, out)?;
                out.push(',');
            }
            out.push('}');
        }
        Json::Number(number) => {
            let number = number.as_i64().map_or(*number, Number::Int);
            out.push_str(&number.to_string());
        }
        Json::String(text) => {
            charge_text(text)?;
            out.push_str(&json.to_string());
        }
        other => out.push_str(&other.to_string()),
    }
    Ok(())
}
