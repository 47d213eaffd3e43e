//! The style sheet, which each page holds, and the script, which is a file of its own.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("templates/page.css");

/// The script: a page is complete without it.
pub(super) const SCRIPT: &str = include_str!("templates/page.js");

/// Returns the style sheet without what only its authors need.
pub(super) fn style() -> &'static str {
    static SMALL: LazyLock<String> = LazyLock::new(|| smaller(STYLE));
    &SMALL
}

/// Returns what pages may load and do. Nothing comes from elsewhere, and no text of a service can become a script: the
/// one style sheet is named by its digest.
pub(super) fn policy(frame_ancestors: &str) -> String {
    static STYLE_DIGEST: LazyLock<String> =
        LazyLock::new(|| STANDARD.encode(Sha256::digest(style().as_bytes())));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
         form-action 'self'; base-uri 'none'; frame-ancestors {frame_ancestors}",
        *STYLE_DIGEST
    )
}

/// Takes comments and indents out of a style sheet.
fn smaller(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("/*"));
    lines.collect::<Vec<&str>>().join("\n")
}
