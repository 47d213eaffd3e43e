//! The key that a missing one may have become.

use crate::model::json::Object;
use crate::model::span::did_you_mean;

/// Bytes of a key up to which near keys are looked for.
const KEY_BYTES_MAX: usize = 64;
/// Keys of the object that are looked at.
const KEYS_MAX: usize = 1_000;

/// Returns the object's key that is a slip of the finger away from the missing one, among those that `may_be` it.
pub(crate) fn near_key<'a>(
    missing: &str,
    object: &'a Object,
    may_be: impl Fn(&str) -> bool,
) -> Option<&'a str> {
    if missing.len() > KEY_BYTES_MAX {
        return None;
    }
    let others = object
        .keys()
        .take(KEYS_MAX)
        .filter(|key| key.len() <= KEY_BYTES_MAX && may_be(key));
    did_you_mean(missing, others)
}
