//! The text of an ops config as a tree in which every key and value knows its place. JSON and TOML meet here; nothing
//! after this knows which of them a person wrote, except to word a hint.

use std::ops::Range;
use std::sync::Arc;

use crate::model::json::{Json, Number};
use crate::model::path::{Path, Step};

/// The two languages of an ops config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.json`
    Json,
    /// `.toml`
    Toml,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// The bytes of the file that hold the value.
    pub(super) span: Range<usize>,
    /// The value.
    pub(super) value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// JSON's `null`
    Null,
    /// `true`, `false`
    Boolean(bool),
    /// A number, finite
    Number(Number),
    /// A string; a date or time of TOML as it is written
    Text(Arc<str>),
    /// An array
    List(Vec<Node>),
    /// A table, in the order of the file; keys differ
    Table(Vec<Member>),
    /// Something that was already reported; nothing more is said of it
    Broken,
}

/// One key of a table with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    /// The key.
    pub(super) key: Arc<str>,
    /// The bytes of the file that hold the key.
    pub(super) key_span: Range<usize>,
    /// Its value.
    pub(super) node: Node,
}

impl Node {
    /// Returns the members of a table; nothing for any other value.
    pub(super) fn members(&self) -> &[Member] {
        if let Value::Table(members) = &self.value {
            members
        } else {
            &[]
        }
    }

    /// Returns the elements of a list; nothing for any other value.
    pub(super) fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value {
            items
        } else {
            &[]
        }
    }

    /// Returns the member of a table.
    pub(super) fn member(&self, key: &str) -> Option<&Member> {
        self.members().iter().find(|member| *member.key == *key)
    }

    /// Returns the value of a table's key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.member(key).map(|member| &member.node)
    }

    /// Returns the text of a string.
    pub(super) fn text(&self) -> Option<&Arc<str>> {
        if let Value::Text(text) = &self.value {
            Some(text)
        } else {
            None
        }
    }

    /// Returns a boolean.
    pub(super) fn boolean(&self) -> Option<bool> {
        if let Value::Boolean(value) = self.value {
            Some(value)
        } else {
            None
        }
    }

    /// Returns a number.
    pub(super) fn number(&self) -> Option<Number> {
        if let Value::Number(number) = self.value {
            Some(number)
        } else {
            None
        }
    }

    /// Tells whether something in the value was already reported as unreadable.
    pub(super) fn holds_broken(&self) -> bool {
        match &self.value {
            Value::Broken => true,
            Value::List(items) => items.iter().any(Self::holds_broken),
            Value::Table(members) => members.iter().any(|member| member.node.holds_broken()),
            _ => false,
        }
    }

    /// Returns what the value is, with its article.
    pub(super) fn what(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Boolean(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
            Value::Broken => "something unreadable",
        }
    }

    /// Returns the value as JSON.
    pub(super) fn json(&self) -> Json {
        match &self.value {
            Value::Null | Value::Broken => Json::Null,
            Value::Boolean(value) => Json::Bool(*value),
            Value::Number(number) => Json::Number(*number),
            Value::Text(text) => Json::String(Arc::clone(text)),
            Value::List(items) => Json::Array(items.iter().map(Self::json).collect()),
            Value::Table(members) => Json::object(
                members
                    .iter()
                    .map(|member| (Arc::clone(&member.key), member.node.json())),
            ),
        }
    }

    /// Returns the place of `path` in this value: of the key there if `key` is set, else of the value. Where the path
    /// leads out of the tree, the last place on it that exists.
    pub(super) fn place(&self, path: &Path, key: bool) -> Range<usize> {
        let mut here = self;
        let mut key_span = None;
        for step in path.steps() {
            let next = match step {
                Step::Key(name) => here.member(name).map(|member| {
                    key_span = Some(member.key_span.clone());
                    &member.node
                }),
                Step::Index(index) => usize::try_from(*index)
                    .ok()
                    .and_then(|index| here.items().get(index)),
                Step::Any => None,
            };
            let Some(next) = next else { break };
            here = next;
        }
        key_span
            .filter(|_| key)
            .unwrap_or_else(|| here.span.clone())
    }
}
