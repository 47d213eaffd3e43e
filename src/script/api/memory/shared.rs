//! What the scripts of all services remember together: `memory.shared("prices").set("btc", 1)`.
//!
//! It is in the memory of the run, under keys of OES's own; whoever runs scripts keeps it apart.

use std::sync::Arc;

use rhai::{Dynamic, Engine};

use super::{MemoryHandle, del, get, push, set};
use crate::model::judgement::SHARED;
use crate::script::api::time::duration_seconds;
use crate::script::guard::Fallible;
use crate::script::run;
use crate::script::value::{cut, problem};

/// Bytes of the name of a space.
const NAME_BYTES: usize = 64;

/// The handle of one space.
#[derive(Debug, Clone)]
struct SharedHandle(Arc<str>);

impl SharedHandle {
    fn key(&self, key: &str) -> Fallible<String> {
        if key.is_empty() {
            return Err(problem("a key of memory must not be empty"));
        }
        Ok(format!("{}{key}", self.0))
    }
}

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<SharedHandle>("shared_memory")
        .register_fn("shared", |_: &mut MemoryHandle, space: &str| handle(space))
        .register_fn("get", |space: &mut SharedHandle, key: &str| {
            get(&space.key(key)?, Dynamic::UNIT)
        })
        .register_fn(
            "get",
            |space: &mut SharedHandle, key: &str, default: Dynamic| get(&space.key(key)?, default),
        )
        .register_fn(
            "set",
            |space: &mut SharedHandle, key: &str, value: Dynamic| {
                set(&space.key(key)?, &value, None)
            },
        )
        .register_fn(
            "set",
            |space: &mut SharedHandle, key: &str, value: Dynamic, ttl: Dynamic| {
                set(&space.key(key)?, &value, Some(duration_seconds(&ttl)?))
            },
        )
        .register_fn("del", |space: &mut SharedHandle, key: &str| {
            del(&space.key(key)?)
        })
        .register_fn(
            "push",
            |space: &mut SharedHandle, key: &str, value: Dynamic, keep: i64| {
                push(&space.key(key)?, &value, keep)
            },
        );
}

fn handle(name: &str) -> Fallible<SharedHandle> {
    // A run sees the spaces that the script was read to use.
    let is_seen = run::with(|run| Ok(run.source.spaces.contains(name)))?;
    if !is_seen {
        return Err(problem(format!(
            "write the name `{}` out where `memory.shared` is called",
            cut(name, 60)
        )));
    }
    Ok(SharedHandle(format!("{SHARED}{name}:").into()))
}

/// Tells what is wrong with the name of a space.
pub(in crate::script) fn check_name(name: &str) -> Result<(), String> {
    let is_name = (1..=NAME_BYTES).contains(&name.len())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.'));
    if is_name {
        return Ok(());
    }
    Err(format!("`{}` is no name of shared memory", cut(name, 80)))
}

/// Returns what the keys begin with of the space that a key is in; empty for the service's own.
pub(super) fn space(key: &str) -> &str {
    let Some(rest) = key.strip_prefix(SHARED) else {
        return "";
    };
    let name = rest.find(':').map_or(rest.len(), |colon| colon + 1);
    key.get(..SHARED.len() + name).unwrap_or(key)
}

/// Returns whose memory a space is, for a person.
pub(super) fn whose(space: &str) -> String {
    let name = space
        .strip_prefix(SHARED)
        .map(|name| name.trim_end_matches(':'));
    name.map_or_else(
        || "the service".to_owned(),
        |name| format!("the shared memory `{name}`"),
    )
}
