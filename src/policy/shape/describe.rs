//! Patterns in words: what a message says after «expected».

use crate::model::json::Json;

use super::node::Node;
use super::text::{bounded, count, named, one_line, shown};

impl Node {
    /// Returns what is expected, in words: `number (like 1.28)`, `string of 1..64 characters`, `"ok"`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Any | Self::Ignore => "any value".to_owned(),
            Self::Absent => "no such key".to_owned(),
            Self::Null => "null".to_owned(),
            Self::NotNull => "anything but null".to_owned(),
            Self::Nullable(inner) => format!("{} or null", inner.describe()),
            Self::Boolean { like } => liked("boolean", like.as_ref()),
            Self::Number { whole, range, like } => {
                let noun = if *whole { "whole number" } else { "number" };
                match range {
                    Some(range) => format!("{noun} {range}"),
                    None => liked(noun, like.as_ref()),
                }
            }
            Self::Text { length, like } => match length {
                Some(range) => format!(
                    "string of {range} character{}",
                    if range.is_one() { "" } else { "s" }
                ),
                None => liked("string", like.as_ref()),
            },
            Self::Format(format) => format.noun().to_owned(),
            Self::Regex(regex) => format!("string matching {}", one_line(regex.as_str())),
            Self::OneOf(values) => {
                let values: Vec<String> = values.iter().map(shown).collect();
                format!("one of {}", values.join(", "))
            }
            Self::Value(value) => shown(value),
            Self::Elements { size, .. } => match size {
                Some(range) => format!(
                    "array of {range} item{}",
                    if range.is_one() { "" } else { "s" }
                ),
                None => "array".to_owned(),
            },
            Self::List(nodes) => format!("array of {}", count(nodes.len(), "item")),
            Self::Object(_) => "object".to_owned(),
        }
    }

    /// Returns what is expected as a finding carries it: a value where there is only one, else words.
    pub(super) fn expected(&self) -> Json {
        match self {
            Self::Value(value) => bounded(value),
            Self::Null => Json::Null,
            other => Json::string(other.describe()),
        }
    }

    /// Returns `expected number (like 1.28), got string "x"`.
    pub(super) fn contrast(&self, actual: &Json) -> String {
        format!("expected {}, got {}", self.describe(), named(actual))
    }
}

fn liked(noun: &str, like: Option<&Json>) -> String {
    like.map_or_else(
        || noun.to_owned(),
        |like| format!("{noun} (like {})", shown(like)),
    )
}
