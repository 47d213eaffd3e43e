//! The pattern that a sample is compiled into: a tree of what may stand where.

use std::collections::HashSet;
use std::sync::Arc;

use regex::Regex;

use crate::model::json::Json;

use super::format::Format;
use super::range::Range;

/// What may stand at one place.
#[derive(Debug)]
pub(super) enum Node {
    /// Any value.
    Any,
    /// Any value, or no such key.
    Ignore,
    /// No such key.
    Absent,
    /// `null`
    Null,
    /// Anything but `null`.
    NotNull,
    /// This, or `null`, or no such key.
    Nullable(Box<Node>),
    /// A boolean.
    Boolean {
        /// The sample's own value.
        like: Option<Json>,
    },
    /// A number.
    Number {
        /// Whether it must be whole.
        whole: bool,
        /// Where it must lie.
        range: Option<Range>,
        /// The sample's own value.
        like: Option<Json>,
    },
    /// A string.
    Text {
        /// How many characters it must have.
        length: Option<Range>,
        /// The sample's own value.
        like: Option<Json>,
    },
    /// A string of a format.
    Format(Format),
    /// A string that matches.
    Regex(Regex),
    /// One of these scalars.
    OneOf(Vec<Json>),
    /// Exactly this scalar.
    Value(Json),
    /// An array of which every element is like one of `like`; without any, an array of whatever.
    Elements {
        /// Patterns of elements.
        like: Vec<Node>,
        /// How many elements it must have.
        size: Option<Range>,
    },
    /// An array of exactly these elements.
    List(Vec<Node>),
    /// An object.
    Object(Members),
}

/// What an object must hold.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// The members that the sample names, in its order.
    pub(super) named: Vec<Member>,
    /// The keys of `named`.
    pub(super) keys: HashSet<Arc<str>>,
    /// What every other value must be.
    pub(super) rest: Option<Box<Node>>,
    /// Whether other keys are fine whatever the options say.
    pub(super) open: bool,
}

/// One member that the sample names.
#[derive(Debug)]
pub(super) struct Member {
    /// Its key.
    pub(super) key: Arc<str>,
    /// What it must be.
    pub(super) node: Node,
    /// Whether it may be absent or `null`.
    pub(super) optional: bool,
}

impl Node {
    /// Tells whether the key may be missing.
    pub(super) fn may_be_missing(&self) -> bool {
        matches!(self, Self::Ignore | Self::Absent | Self::Nullable(_))
    }

    /// Tells whether a string is what is asked for.
    pub(super) fn takes_text(&self) -> bool {
        match self {
            Self::Text { .. } | Self::Format(_) | Self::Regex(_) => true,
            Self::Value(value) => value.as_str().is_some(),
            Self::OneOf(values) => values.iter().any(|value| value.as_str().is_some()),
            Self::Nullable(inner) => inner.takes_text(),
            _ => false,
        }
    }
}
