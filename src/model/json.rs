//! JSON as matchers and scripts read it: an immutable, shared tree with exact 64-bit integers.

mod parse;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

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

/// A JSON number. Whole numbers of 64 bits are exact.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// A whole number in the range of `i64`.
    Int(i64),
    /// A whole number above `i64::MAX`.
    UInt(u64),
    /// Any other number; finite.
    Float(f64),
}

/// The members of an object in the order written; of equal keys the last one counts.
#[derive(Debug, Clone, Default)]
pub struct Object {
    members: Vec<(Arc<str>, Json)>,
    /// Positions in `members` ordered by key; empty for small objects, which are scanned.
    by_key: Vec<u32>,
}

/// Up to this many members are scanned.
const SCAN_MAX: usize = 12;

impl Object {
    /// Returns an object of these members, whose keys must differ; see [`Object::dedup`].
    fn of_unique(members: Vec<(Arc<str>, Json)>) -> Self {
        let by_key = if members.len() > SCAN_MAX {
            Self::sorted(&members)
        } else {
            Vec::new()
        };
        Self { members, by_key }
    }

    /// Returns an object of these members; of equal keys the last value takes the place of the first.
    pub fn new(mut members: Vec<(Arc<str>, Json)>) -> Self {
        Self::dedup(&mut members);
        Self::of_unique(members)
    }

    fn sorted(members: &[(Arc<str>, Json)]) -> Vec<u32> {
        let mut order: Vec<u32> = (0..u32::try_from(members.len()).unwrap_or(u32::MAX)).collect();
        order.sort_by(|a, b| Self::key(members, *a).cmp(Self::key(members, *b)));
        order
    }

    fn key(members: &[(Arc<str>, Json)], position: u32) -> &str {
        members.get(position as usize).map_or("", |(key, _)| key)
    }

    /// Keeps the last value of each key at the place of its first, and returns the keys that came more than once.
    fn dedup(members: &mut Vec<(Arc<str>, Json)>) -> Vec<Arc<str>> {
        let order = Self::sorted(members);
        let mut repeated: Vec<Arc<str>> = Vec::new();
        let mut drop = vec![false; members.len()];
        let mut run_start = 0;
        while let Some(&first) = order.get(run_start) {
            let key = Self::key(members, first);
            let run = order
                .iter()
                .skip(run_start)
                .take_while(|position| Self::key(members, **position) == key)
                .count();
            if let (true, Some(&last)) = (run > 1, order.get(run_start + run - 1)) {
                repeated.push(Arc::from(key));
                for &position in order.iter().skip(run_start + 1).take(run - 1) {
                    if let Some(slot) = drop.get_mut(position as usize) {
                        *slot = true;
                    }
                }
                members.swap(first as usize, last as usize);
            }
            run_start += run;
        }
        if !repeated.is_empty() {
            let mut flags = drop.into_iter();
            members.retain(|_| !flags.next().unwrap_or(false));
        }
        repeated
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        if self.by_key.is_empty() {
            return self
                .members
                .iter()
                .find(|(name, _)| **name == *key)
                .map(|(_, value)| value);
        }
        let found = self
            .by_key
            .binary_search_by(|position| Self::key(&self.members, *position).cmp(key))
            .ok()?;
        self.members
            .get(*self.by_key.get(found)? as usize)
            .map(|(_, value)| value)
    }

    /// Tells whether the key is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Returns the members in the order written.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Json)> {
        self.members.iter().map(|(key, value)| (key, value))
    }

    /// Returns the keys in the order written.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.members.iter().map(|(key, _)| &**key)
    }

    /// Returns how many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Tells whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
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

impl Number {
    /// Returns the nearest `f64`.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the nearest float is what is asked for"
    )]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::UInt(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// Returns the number as `i64` if it is whole and in range; `1.0` is whole.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked first"
    )]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(number),
            Self::UInt(_) => None,
            // 2^63 is exact in f64, so that the comparison is.
            Self::Float(number) => (number.fract() == 0.0
                && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number))
            .then_some(number as i64),
        }
    }

    /// Tells whether the number is whole; `1.0` is.
    pub fn is_whole(self) -> bool {
        !matches!(self, Self::Float(number) if number.fract() != 0.0)
    }

    /// Compares by value, exactly: an integer is never rounded to a float first.
    pub fn compare(self, other: Self) -> Ordering {
        match (self.whole(), other.whole()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => self
                .as_f64()
                .partial_cmp(&other.as_f64())
                .unwrap_or(Ordering::Equal),
        }
    }

    /// Returns the exact value of a whole number; a float of 1e38 and more counts as not whole.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked first"
    )]
    fn whole(self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(number.into()),
            Self::UInt(number) => Some(number.into()),
            Self::Float(number) => {
                (number.fract() == 0.0 && number.abs() < 1e38).then_some(number as i128)
            }
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other) == Ordering::Equal
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

/// Writes compact JSON.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::String(text) => write_string(f, text),
            Self::Array(elements) => {
                f.write_str("[")?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (key, value)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_string(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Whole floats keep their point: `1.0`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::UInt(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
        }
    }
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(Number::Int(number)) => serializer.serialize_i64(*number),
            Self::Number(Number::UInt(number)) => serializer.serialize_u64(*number),
            Self::Number(Number::Float(number)) => serializer.serialize_f64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(elements) => {
                let mut seq = serializer.serialize_seq(Some(elements.len()))?;
                for element in elements.iter() {
                    seq.serialize_element(element)?;
                }
                seq.end()
            }
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members.iter() {
                    map.serialize_entry(&**key, value)?;
                }
                map.end()
            }
        }
    }
}

/// Reads within [`DEPTH_MAX`] and [`NODES_MAX`].
impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse::from_deserializer(deserializer)
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
