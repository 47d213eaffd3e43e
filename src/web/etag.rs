//! What tells an answer from another.

use axum::http::HeaderValue;

/// Tells whether `If-None-Match` names this tag, which is without the mark of a weak one; weak names count, as RFC 9110 says.
pub(super) fn names(known: &HeaderValue, tag: &str) -> bool {
    let known = known.to_str().unwrap_or_default();
    let mut each = known.split(',').map(str::trim);
    each.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}
