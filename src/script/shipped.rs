//! The scripts that are part of the binary: `scripts/matchers/` and `scripts/channels/` as they were when it was built.

/// A script in the binary.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// Its name: the file's stem.
    pub name: &'static str,
    /// Its file in the repository.
    pub file: &'static str,
    /// Its source.
    pub text: &'static str,
}

/// Matcher scripts, by name.
pub const MATCHERS: &[Shipped] = &[];

/// Channel scripts, by name.
pub const CHANNELS: &[Shipped] = &[];

/// Returns the shipped script of this name; the suffix `_matcher` may be left out.
pub fn find(list: &'static [Shipped], name: &str) -> Option<&'static Shipped> {
    list.iter().find(|script| script.name == name).or_else(|| {
        list.iter()
            .find(|script| script.name.strip_suffix("_matcher") == Some(name))
    })
}
