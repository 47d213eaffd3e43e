//! A service over the `defaults`: what the service says itself wins.

use std::time::Duration;

use crate::config::tree::{Member, Node};
use crate::config::values::{self, Unit};

/// The table of a service and, below it, that of the defaults.
pub(super) struct Layers<'a> {
    pub(super) service: &'a Node,
    pub(super) defaults: Option<&'a Node>,
}

impl<'a> Layers<'a> {
    /// Returns the value that counts for a key.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.member(key).map(|member| &member.node)
    }

    /// Returns the member that counts for a key.
    pub(super) fn member(&self, key: &str) -> Option<&'a Member> {
        self.first(&[key])
    }

    /// Returns the first member of these keys, which say the same thing in different words: any of the service's own
    /// hides all of the defaults.
    pub(super) fn first(&self, keys: &[&str]) -> Option<&'a Member> {
        self.all(keys).into_iter().next()
    }

    /// Returns the members of these keys from the service, or if it has none of them, from the defaults.
    pub(super) fn all(&self, keys: &[&str]) -> Vec<&'a Member> {
        let of = |table: &'a Node| -> Vec<&'a Member> {
            keys.iter().filter_map(|key| table.member(key)).collect()
        };
        let own = of(self.service);
        if own.is_empty() {
            self.defaults.map(of).unwrap_or_default()
        } else {
            own
        }
    }

    /// Returns the members of a table that both layers may fill, those of the defaults first; `same` tells equal keys.
    pub(super) fn merged(&self, key: &str, same: impl Fn(&str, &str) -> bool) -> Vec<&'a Member> {
        let own = self.service.get(key).map_or(&[][..], Node::members);
        let defaults = self.defaults.and_then(|defaults| defaults.get(key));
        let defaults = defaults.map_or(&[][..], Node::members);
        defaults
            .iter()
            .filter(|member| !own.iter().any(|own| same(&own.key, &member.key)))
            .chain(own)
            .collect()
    }

    /// Returns a duration in seconds.
    pub(super) fn duration(&self, key: &str) -> Option<Duration> {
        self.get(key).and_then(seconds)
    }

    /// Returns a whole number.
    pub(super) fn integer<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        self.get(key).and_then(integer)
    }

    /// Returns the word of a key.
    pub(super) fn word(&self, key: &str) -> Option<&'a str> {
        self.get(key)?.text().map(|text| &**text)
    }
}

/// Returns a duration written in seconds or as text.
pub(super) fn seconds(node: &Node) -> Option<Duration> {
    values::duration(node, Unit::Seconds).ok()
}

/// Returns a whole number in the range of `T`.
pub(super) fn integer<T: TryFrom<i64>>(node: &Node) -> Option<T> {
    T::try_from(node.number()?.as_i64()?).ok()
}

/// Returns the texts of a list.
pub(super) fn words(node: &Node) -> Vec<String> {
    node.items()
        .iter()
        .filter_map(|item| item.text().map(ToString::to_string))
        .collect()
}

/// Returns the pauses of `confirm`: none for `false`.
pub(super) fn confirm(node: &Node) -> Vec<Duration> {
    node.items().iter().filter_map(seconds).collect()
}
