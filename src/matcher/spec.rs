//! What a config says of one matcher, and what can be wrong with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::json::Json;
use crate::model::path::Path;
use crate::model::span::MistakeSeverity;
use crate::script::source::Source;

pub use super::Matcher;
pub use super::status::StatusRule;
pub use crate::policy::shape::{Extra, Tolerance};

/// One matcher as a config writes it.
#[derive(Debug, Clone)]
pub struct Spec {
    /// What it looks at.
    pub kind: SpecKind,
    /// Which statuses it accepts; 2xx unless the config or the script's header says otherwise.
    pub status: StatusRule,
}

/// What a matcher looks at.
#[derive(Debug, Clone)]
pub enum SpecKind {
    /// The status alone.
    StatusCode,
    /// The body is shaped like a sample.
    Types {
        /// The sample, with markers.
        sample: Json,
        /// Its options.
        options: TypesOptions,
    },
    /// The body equals a sample.
    Exact {
        /// The sample, with markers as holes; absent if only `sha256` is compared.
        sample: Option<Json>,
        /// Its options.
        options: ExactOptions,
    },
    /// The body holds something.
    NonEmpty(NonEmptyOptions),
    /// A script decides.
    Script {
        /// The script.
        source: Arc<Source>,
        /// Its parameters as the config gives them.
        params: BTreeMap<Arc<str>, Json>,
        /// The config's `response` sample, for the script's `expected`.
        expected: Option<Json>,
    },
}

/// Options of `types`.
#[derive(Debug, Clone, Default)]
pub struct TypesOptions {
    /// What an object's extra key is.
    pub extra: Extra,
    /// Whether a whole number in the sample demands a whole number.
    pub strict_numbers: bool,
    /// Places that are not looked at.
    pub ignore: Vec<Path>,
}

/// Options of `exact`.
#[derive(Debug, Clone, Default)]
pub struct ExactOptions {
    /// What an object's extra key is; `exact` denies it by default.
    pub extra: Option<Extra>,
    /// Places that are not looked at.
    pub ignore: Vec<Path>,
    /// Arrays that are compared without order.
    pub unordered: Vec<Path>,
    /// By how much numbers at a place may differ.
    pub tolerance: Vec<(Path, Tolerance)>,
    /// Whether a `null` in the sample accepts a missing key and the reverse.
    pub null_is_missing: bool,
    /// SHA-256 of the body, 64 hexadecimal digits in lower case.
    pub sha256: Option<String>,
}

/// Options of `non_empty`.
#[derive(Debug, Clone, Default)]
pub struct NonEmptyOptions {
    /// Places that must hold something; the whole body if empty.
    pub paths: Vec<Path>,
    /// How many elements a container must hold at least; 0 and 1 ask for one.
    pub min: usize,
}

/// What is wrong with a spec.
#[derive(Debug, Clone, PartialEq)]
pub struct SpecMistake {
    /// The part it is about.
    pub part: SpecPart,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// Whether the spec can be used all the same.
    pub severity: MistakeSeverity,
}

/// A part of a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecPart {
    /// A place in the sample; where `key` is set, the key of that member rather than its value.
    Sample {
        /// The place.
        path: Path,
        /// Whether the member's key is meant.
        key: bool,
    },
    /// The option of this name.
    Option(&'static str),
    /// A script parameter.
    Param(Arc<str>),
    /// The whole matcher.
    Whole,
}
