//! What the scripts of all services remember together.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::judgement::{Memory, MemoryDiff, SHARED};

/// The memory that services share; clones are the same one.
///
/// A run works on it as it was when the run began. What it changed is taken over at its end, key by key: of two runs that
/// set the same key at the same time, the one that ended last has set it.
#[derive(Debug, Clone, Default)]
pub struct Common(Arc<Mutex<Memory>>);

impl Common {
    /// Returns one that holds this.
    pub fn new(memory: Memory) -> Self {
        Self(Arc::new(Mutex::new(memory)))
    }

    /// Adds what some spaces hold to the memory that a run sees.
    pub fn show(&self, spaces: &BTreeSet<Arc<str>>, memory: &mut Arc<Memory>) {
        if spaces.is_empty() {
            return;
        }
        let common = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for space in spaces {
            let prefix: Arc<str> = format!("{SHARED}{space}:").into();
            let held = common.range(Arc::clone(&prefix)..);
            let held = held.take_while(|(key, _)| key.starts_with(&*prefix));
            for (key, entry) in held {
                Arc::make_mut(memory).insert(Arc::clone(key), entry.clone());
            }
        }
    }

    /// Takes over what a run changed, and has it written down in the same order.
    pub fn change(&self, diff: MemoryDiff, write: impl FnOnce(MemoryDiff)) {
        if diff.is_empty() {
            return;
        }
        let mut common = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        diff.apply(&mut common);
        write(diff);
    }
}
