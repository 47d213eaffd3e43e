//! JSON as matchers and scripts read it: an immutable, shared tree with exact 64-bit integers.

mod number;
mod object;
mod parse;
mod write;

use std::fmt;
use std::sync::Arc;

pub use number::Number;
pub use object::Object;
pub use parse::{Document, JsonError, parse, parse_with};

/// How deep a text may nest.
pub const DEPTH_MAX: usize = 64;
/// How many values a text may hold: at 24 to 40 bytes a value, about 20 MiB.
pub const NODES_MAX: usize = 500_000;

/// A JSON value. Clones share.
#[derive(Debug, Clone, Default)]
pub enum Json {
    /// `null`
    #[default]
    Null,
    /// `true`, `false`
    Bool(bool),
    /// Any number
    Number(Number),
    /// A string
    String(Arc<str>),
    /// An array
    Array(Arc<[Json]>),
    /// An object
    Object(Arc<Object>),
}

/// The kind of a JSON value. There is one kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are JSON's own")]
pub enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        })
    }
}

impl Json {
    /// Returns a string value.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// Returns an object of these members; of equal keys the last one counts.
    pub fn object<K: Into<Arc<str>>>(members: impl IntoIterator<Item = (K, Self)>) -> Self {
        let members = members
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect();
        Self::Object(Arc::new(Object::new(members)))
    }

    /// Returns the kind of the value.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Boolean,
            Self::Number(_) => Kind::Number,
            Self::String(_) => Kind::String,
            Self::Array(_) => Kind::Array,
            Self::Object(_) => Kind::Object,
        }
    }

    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// Returns the number.
    pub fn as_number(&self) -> Option<Number> {
        if let Self::Number(number) = self {
            Some(*number)
        } else {
            None
        }
    }

    /// Returns the elements of an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(elements) = self {
            Some(elements)
        } else {
            None
        }
    }

    /// Returns the members of an object.
    pub fn as_object(&self) -> Option<&Object> {
        if let Self::Object(members) = self {
            Some(members)
        } else {
            None
        }
    }

    /// Returns the member of an object, absent if this is not an object or has no such key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// Returns the value as one line of at most `max` characters for a message: scalars as JSON, cut with `…`; a
    /// container that does not fit as `array of 120 items` or `object of 3 keys`.
    pub fn summary(&self, max: usize) -> String {
        let container = |what: &str, count: usize, part: &str| {
            format!(
                "{what} of {count} {part}{}",
                if count == 1 { "" } else { "s" }
            )
        };
        let mut text = Capped {
            text: String::new(),
            left: max,
        };
        let fits = fmt::write(&mut text, format_args!("{self}")).is_ok();
        match self {
            _ if fits => text.text,
            Self::Array(elements) => container("array", elements.len(), "item"),
            Self::Object(members) => container("object", members.len(), "key"),
            _ => text.text + "…",
        }
    }
}

/// A text that takes `left` more characters and then fails.
struct Capped {
    text: String,
    left: usize,
}

impl fmt::Write for Capped {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for character in part.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(character);
        }
        Ok(())
    }
}

/// Values are equal as `exact` sees them: numbers by value whatever their form, objects whatever their order.
impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(key, value)| b.get(key) == Some(value))
            }
            _ => false,
        }
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self::Number(Number::Int(number))
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).map_or(Number::UInt(number), Number::Int))
    }
}

/// A number that is not finite becomes `null`, as in JavaScript.
impl From<f64> for Json {
    fn from(number: f64) -> Self {
        if number.is_finite() {
            Self::Number(Number::Float(number))
        } else {
            Self::Null
        }
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::string(text)
    }
}

impl FromIterator<Json> for Json {
    fn from_iter<T: IntoIterator<Item = Self>>(elements: T) -> Self {
        Self::Array(elements.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        parse(text.as_bytes()).unwrap().root
    }

    #[test]
    fn numbers_compare_exactly() {
        for (a, b, equal) in [
            ("1", "1.0", true),
            ("9007199254740993", "9007199254740992", false),
            ("9007199254740993", "9007199254740992.0", false),
            ("18446744073709551615", "18446744073709551614", false),
            ("18446744073709551615", "18446744073709551615", true),
            ("-0.0", "0", true),
            ("1e300", "1e300", true),
            ("0.1", "0.10", true),
        ] {
            assert_eq!(json(a) == json(b), equal, "{a} and {b}");
        }
    }

    #[test]
    fn the_last_of_equal_keys_counts_in_any_size() {
        let small = parse(br#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(small.root.to_string(), r#"{"a":3,"b":2}"#);
        assert_eq!(small.repeated_keys, ["a"]);
        let members: Vec<String> = (0..100).map(|n| format!(r#""k{}":{n}"#, n % 50)).collect();
        let large = parse(format!("{{{}}}", members.join(",")).as_bytes()).unwrap();
        let object = large.root.as_object().unwrap();
        assert_eq!(object.len(), 50);
        assert_eq!(object.get("k7"), Some(&Json::from(57_i64)));
        assert_eq!(object.keys().next(), Some("k0"));
        assert_eq!(large.repeated_keys.len(), 20, "the report is capped");
    }

    #[test]
    fn summary_fits() {
        assert_eq!(json(r#"{"a":1}"#).summary(60), r#"{"a":1}"#);
        assert_eq!(json("[1,2,3]").summary(4), "array of 3 items");
        assert_eq!(json(r#""abcdefgh""#).summary(4), "\"abc…");
    }

    #[test]
    fn display_and_serde_agree() {
        let text = r#"{"b":[1,-2,18446744073709551615,1.5,true,null,"x\n\"é"],"a":{}}"#;
        assert_eq!(json(text).to_string(), text);
        assert_eq!(serde_json::to_string(&json(text)).unwrap(), text);
    }
}
