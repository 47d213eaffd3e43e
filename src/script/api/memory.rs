//! What a service's scripts remember. Writes take effect only if the run is no error.

mod canonical;
mod ring;
pub(in crate::script) mod shared;
mod track;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rhai::{Array, Dynamic, Engine};

use super::time::duration_seconds;
use crate::model::json::Json;
use crate::model::judgement::{Memory, MemoryDiff, MemoryEntry, SHARED};
use crate::script::guard::{self, Fallible};
use crate::script::limits::Limits;
use crate::script::run;
use crate::script::value::{Origin, json_bytes, json_part, problem, to_json, view};
pub(super) use canonical::canonical;
pub(in crate::script) use track::TRACKED;

/// What keys begin with that are OES's own: they hold what `track`, `monotonic`, `memory.record` and `memory.shared` keep.
const RESERVED: &[&str] = &["track:", "monotonic:", "ring:", SHARED];
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
    /// Bytes of everything that is there by what the keys begin with, known from the first write on.
    bytes: BTreeMap<String, usize>,
}

impl Remembered {
    pub(in crate::script) fn new(base: Arc<Memory>, now: Timestamp) -> Self {
        Self {
            base,
            now,
            set: BTreeMap::new(),
            removed: BTreeSet::new(),
            bytes: BTreeMap::new(),
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

    /// Returns what is there in the space of a key.
    fn live(&self, space: &str) -> impl Iterator<Item = (&Arc<str>, &MemoryEntry)> {
        self.base
            .iter()
            .filter(|(key, _)| !self.set.contains_key(*key) && !self.removed.contains(*key))
            .chain(&self.set)
            .filter(move |(key, _)| shared::space(key) == space)
            .filter(|(_, entry)| entry.expires_at.is_none_or(|end| end > self.now))
    }

    /// Returns the bytes of everything that the service itself remembers.
    pub(in crate::script) fn bytes(&self) -> usize {
        self.bytes_in("")
    }

    fn bytes_in(&self, space: &str) -> usize {
        self.bytes.get(space).copied().unwrap_or_else(|| {
            self.live(space)
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
            return Err(guard::trip(
                "memory_value_bytes",
                format!(
                    "would remember {size} bytes as `{}`, {} are allowed",
                    key.strip_prefix(shared::space(key)).unwrap_or(key),
                    limits.memory_value_bytes
                ),
            ));
        }
        let old = self.get(key).map(|old| key.len() + old.to_string().len());
        let space = shared::space(key);
        let total = (self.bytes_in(space) + key.len() + size).saturating_sub(old.unwrap_or(0));
        if total > limits.memory_bytes {
            return Err(guard::trip(
                "memory_bytes",
                format!(
                    "would have {} remember {total} bytes, {} are allowed",
                    shared::whose(space),
                    limits.memory_bytes
                ),
            ));
        }
        // Counting takes time by what there is; it is done where there may be too many.
        let at_most = self.base.len() + self.set.len();
        if old.is_none()
            && at_most >= limits.memory_keys
            && self.live(space).count() >= limits.memory_keys
        {
            return Err(guard::trip(
                "memory_keys",
                format!(
                    "would have {} remember `{}` beside {} other keys, as many as are allowed",
                    shared::whose(space),
                    key.strip_prefix(space).unwrap_or(key),
                    limits.memory_keys
                ),
            ));
        }
        self.bytes.insert(space.to_owned(), total);
        self.removed.remove(key);
        self.set
            .insert(key.into(), MemoryEntry { value, expires_at });
        Ok(())
    }

    fn remove(&mut self, key: &str) {
        self.bytes.remove(shared::space(key));
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
        value: Json,
        expires_at: Option<Timestamp>,
        limits: &Limits,
    ) -> Fallible<()> {
        let value = self.hidden(value)?;
        self.memory.set(key, value, expires_at, limits)
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<MemoryHandle>("memory")
        .register_fn("get", |_: &mut MemoryHandle, key: &str| {
            get(own(key)?, Dynamic::UNIT)
        })
        .register_fn(
            "get",
            |_: &mut MemoryHandle, key: &str, default: Dynamic| get(own(key)?, default),
        )
        .register_fn("set", |_: &mut MemoryHandle, key: &str, value: Dynamic| {
            set(own(key)?, &value, None)
        })
        .register_fn(
            "set",
            |_: &mut MemoryHandle, key: &str, value: Dynamic, ttl: Dynamic| {
                set(own(key)?, &value, Some(duration_seconds(&ttl)?))
            },
        )
        .register_fn("del", |_: &mut MemoryHandle, key: &str| del(own(key)?))
        .register_fn(
            "push",
            |_: &mut MemoryHandle, key: &str, value: Dynamic, keep: i64| {
                push(own(key)?, &value, keep)
            },
        );
    ring::register(engine);
    shared::register(engine);
    track::register(engine);
}

/// Returns a key that a script may use for itself.
fn own(key: &str) -> Fallible<&str> {
    match RESERVED.iter().find(|prefix| key.starts_with(**prefix)) {
        Some(prefix) => Err(problem(format!(
            "keys that begin with `{prefix}` are OES's own"
        ))),
        None => Ok(key),
    }
}

fn get(key: &str, default: Dynamic) -> Fallible<Dynamic> {
    run::matcher(|matcher, _| {
        Ok(matcher
            .memory
            .get(key)
            .map_or(default, |json| view(json, Origin::Own)))
    })
}

fn set(key: &str, value: &Dynamic, ttl: Option<f64>) -> Fallible<()> {
    let value = to_json(value)?;
    let ttl = ttl.map(lasting).transpose()?;
    run::with(|run| {
        let expires_at = ttl.and_then(|ttl| run.now.saturating_add(ttl).ok());
        let limits = run.limits.clone();
        match &mut run.matcher {
            Some(matcher) => matcher.remember(key, value, expires_at, &limits),
            None => Err(problem("memory is available in matcher scripts only")),
        }
    })
}

fn del(key: &str) -> Fallible<()> {
    run::matcher(|matcher, _| {
        matcher.memory.remove(key);
        Ok(())
    })
}

/// Returns seconds as a length of time.
fn lasting(seconds: f64) -> Fallible<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| problem("how long to remember must be a positive duration"))
}

fn push(key: &str, value: &Dynamic, keep: i64) -> Fallible<Array> {
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
