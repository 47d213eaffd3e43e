//! What changed between two values.

use std::sync::Arc;

use crate::model::json::Json;
use crate::model::path::Path;

use super::place::Place;

/// Differences that are told of two values.
pub const DIFFERENCES_MAX: usize = 200;

/// One place at which two values differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The place, which is in `new` unless the change is [`Change::Removed`].
    pub path: Path,
    /// What happened there.
    pub change: Change,
    /// What was there, absent if added.
    pub old: Option<Json>,
    /// What is there, absent if removed.
    pub new: Option<Json>,
}

/// What happened at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another scalar, or of another kind.
    Changed,
}

impl Change {
    /// Returns the stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// Returns where two values differ, as deep as they agree in kind, at most [`DIFFERENCES_MAX`] places.
///
/// Members come in the order of `old`, then those that are new; elements are compared by position.
pub fn diff(old: &Json, new: &Json) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(old, new, &Place::ROOT, &mut differences);
    differences
}

fn compare(old: &Json, new: &Json, place: &Place<'_>, found: &mut Vec<Difference>) {
    if found.len() >= DIFFERENCES_MAX {
        return;
    }
    match (old, new) {
        (Json::Array(before), Json::Array(after)) => {
            if Arc::ptr_eq(before, after) {
                return;
            }
            for (index, (old, new)) in before.iter().zip(after.iter()).enumerate() {
                compare(old, new, &place.index(index), found);
            }
            for (index, gone) in before.iter().enumerate().skip(after.len()) {
                add(found, &place.index(index), Some(gone), None);
            }
            for (index, come) in after.iter().enumerate().skip(before.len()) {
                add(found, &place.index(index), None, Some(come));
            }
        }
        (Json::Object(before), Json::Object(after)) => {
            if Arc::ptr_eq(before, after) {
                return;
            }
            for (key, old) in before.iter() {
                match after.get(key) {
                    Some(new) => compare(old, new, &place.key(key), found),
                    None => add(found, &place.key(key), Some(old), None),
                }
            }
            for (key, new) in after.iter().filter(|(key, _)| !before.contains_key(key)) {
                add(found, &place.key(key), None, Some(new));
            }
        }
        // Two of one kind that are no containers, or of two kinds.
        _ if old == new => {}
        _ => add(found, place, Some(old), Some(new)),
    }
}

fn add(found: &mut Vec<Difference>, place: &Place<'_>, old: Option<&Json>, new: Option<&Json>) {
    if found.len() >= DIFFERENCES_MAX {
        return;
    }
    let change = match (old, new) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        _ => Change::Changed,
    };
    found.push(Difference {
        path: place.path(),
        change,
        old: old.cloned(),
        new: new.cloned(),
    });
}
