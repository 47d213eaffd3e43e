//! A script as text: its name, its header, and whether it compiles.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::json::Json;
use crate::model::span::Mistake;

/// A script that compiles.
#[derive(Debug)]
pub struct Source {
    /// Name: the file's stem, `price_chart_matcher`.
    pub name: Arc<str>,
    /// The file as a person would name it; of a shipped script `scripts/matchers/NAME.rhai`.
    pub file: Arc<str>,
    /// The source text.
    pub text: Arc<str>,
    /// First 16 hexadecimal digits of the SHA-256 of the text.
    pub version: Arc<str>,
    /// What it says of itself.
    pub header: Header,
    /// Whether it reads `prev`, so that the last exchange must be kept for it.
    pub uses_prev: bool,
}

/// What a script says of itself in the `//!` lines at its top, read without running it.
#[derive(Debug, Clone, Default)]
pub struct Header {
    /// What it checks, for `oes check` and listings.
    pub about: String,
    /// Its parameters in order.
    pub params: Vec<Param>,
    /// Hosts that it asks besides the service's own; a parameter of kind `url` grants its host by itself.
    pub hosts: Vec<String>,
    /// Secrets that it needs.
    pub secrets: Vec<String>,
    /// Whether OES sends the service's request first; a script with `request = false` makes its own calls.
    pub sends_request: bool,
    /// The status rule as written, `2xx` if absent.
    pub status: Option<String>,
}

/// One parameter of a script.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: ParamKind,
    /// The value where the config gives none; absent for a required one.
    pub default: Option<Json>,
    /// What it is for.
    pub help: String,
}

/// The kinds of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// Any value.
    Any,
    /// A string.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A duration: seconds, or `"15m"`.
    Duration,
    /// An `http` or `https` URL, whose host the script may then ask.
    Url,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// What is wrong with one parameter in a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamMistake {
    /// Its name; for a missing one the place is the matcher itself.
    pub name: Arc<str>,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Source {
    /// Compiles a script once to see whether it is one, and reads its header.
    ///
    /// Returns the script with warnings in the order of the text.
    ///
    /// # Errors
    /// Every mistake that keeps it from being used, in the order of the text.
    pub fn compile(
        name: &str,
        file: &str,
        text: &str,
    ) -> Result<(Self, Vec<Mistake>), Vec<Mistake>> {
        let _ = (name, file, text);
        Err(vec![])
    }

    /// Returns what is wrong with these parameters: unknown (with did-you-mean), missing, of the wrong kind.
    pub fn check_params(&self, params: &BTreeMap<Arc<str>, Json>) -> Vec<ParamMistake> {
        let _ = params;
        Vec::new()
    }
}
