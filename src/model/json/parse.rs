//! Text to tree in one pass, with limits inside the pass.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

use super::{DEPTH_MAX, Json, NODES_MAX, Number, Object};

/// A parsed JSON text.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The value.
    pub root: Json,
    /// Keys that came more than once within one object, each once; the last value counts. At most 20.
    pub repeated_keys: Vec<String>,
}

/// Why bytes are not a usable JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JsonError {
    /// Nothing but white space.
    #[error("the text is empty")]
    Empty,
    /// Not JSON.
    #[error("{message} at line {line} column {column}")]
    Syntax {
        /// What the parser met, a lower-case fragment.
        message: String,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
    /// Nests deeper than the limit.
    #[error("nests deeper than {0} levels")]
    TooDeep(usize),
    /// Holds more values than the limit.
    #[error("holds more than {0} values")]
    TooMany(usize),
}

/// Parses one JSON text within [`DEPTH_MAX`] and [`NODES_MAX`]. A UTF-8 byte order mark is skipped.
///
/// # Errors
/// [`JsonError`] says what is wrong and where.
pub fn parse(bytes: &[u8]) -> Result<Document, JsonError> {
    parse_with(bytes, DEPTH_MAX, NODES_MAX)
}

/// Parses one JSON text with limits of the caller's; a depth above 128 is cut there.
///
/// # Errors
/// [`JsonError`] says what is wrong and where.
pub fn parse_with(bytes: &[u8], depth_max: usize, nodes_max: usize) -> Result<Document, JsonError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(JsonError::Empty);
    }
    let pass = RefCell::new(Pass {
        nodes_left: nodes_max,
        ..Pass::default()
    });
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let seed = Seed {
        pass: &pass,
        depth_left: depth_max,
    };
    let parsed = seed
        .deserialize(&mut deserializer)
        .and_then(|root| deserializer.end().map(|()| root));
    let pass = pass.into_inner();
    match (parsed, pass.stopped) {
        (Ok(root), _) => Ok(Document {
            root,
            repeated_keys: pass.repeated_keys,
        }),
        (Err(_), Some(Stop::Depth)) => Err(JsonError::TooDeep(depth_max)),
        (Err(_), Some(Stop::Nodes)) => Err(JsonError::TooMany(nodes_max)),
        (Err(error), None) => Err(syntax(&error)),
    }
}

fn syntax(error: &serde_json::Error) -> JsonError {
    let text = error.to_string();
    if text.starts_with("recursion limit") {
        return JsonError::TooDeep(128);
    }
    let message = text
        .split_once(" at line ")
        .map_or(text.as_str(), |(message, _)| message);
    JsonError::Syntax {
        message: message.to_owned(),
        line: error.line(),
        column: error.column(),
    }
}

/// Reads a value from any deserializer, with the same limits.
pub(super) fn from_deserializer<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Json, D::Error> {
    let pass = RefCell::new(Pass {
        nodes_left: NODES_MAX,
        ..Pass::default()
    });
    Seed {
        pass: &pass,
        depth_left: DEPTH_MAX,
    }
    .deserialize(deserializer)
}

/// What one pass over a text carries along.
#[derive(Default)]
struct Pass {
    nodes_left: usize,
    repeated_keys: Vec<String>,
    stopped: Option<Stop>,
    /// Keys seen before, so that the objects of a long array share theirs.
    keys: Vec<Arc<str>>,
    next_key: usize,
}

/// Keys that are remembered for sharing.
const KEYS_KEPT: usize = 32;
/// Repeated keys that are reported.
const REPEATED_KEPT: usize = 20;

enum Stop {
    Depth,
    Nodes,
}

impl Pass {
    /// Returns the shared form of a key. Objects of one array mostly repeat their keys in order, so the key after the
    /// last one found is tried first.
    fn key(&mut self, text: &str) -> Arc<str> {
        let found = [self.next_key, 0]
            .into_iter()
            .find(|index| self.keys.get(*index).is_some_and(|key| **key == *text))
            .or_else(|| self.keys.iter().position(|key| **key == *text));
        if let Some(index) = found {
            self.next_key = index + 1;
            return self
                .keys
                .get(index)
                .map_or_else(|| Arc::from(text), Arc::clone);
        }
        let key = Arc::from(text);
        if self.keys.len() < KEYS_KEPT {
            self.keys.push(Arc::clone(&key));
            self.next_key = self.keys.len();
        }
        key
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    pass: &'a RefCell<Pass>,
    depth_left: usize,
}

impl Seed<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let Some(depth_left) = self.depth_left.checked_sub(1) else {
            self.pass.borrow_mut().stopped = Some(Stop::Depth);
            return Err(E::custom("nests too deep"));
        };
        Ok(Self { depth_left, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        let mut pass = self.pass.borrow_mut();
        let Some(nodes_left) = pass.nodes_left.checked_sub(1) else {
            pass.stopped = Some(Stop::Nodes);
            return Err(D::Error::custom("holds too many values"));
        };
        pass.nodes_left = nodes_left;
        drop(pass);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_none<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(Number::Int(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::string(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element_seed(inner)? {
            elements.push(element);
        }
        Ok(Json::Array(elements.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut members = Vec::new();
        while let Some(key) = map.next_key_seed(KeySeed(self.pass))? {
            members.push((key, map.next_value_seed(inner)?));
        }
        let repeated = has_repeats(&members).then(|| Object::dedup(&mut members));
        for key in repeated.into_iter().flatten() {
            let kept = &mut self.pass.borrow_mut().repeated_keys;
            if kept.len() < REPEATED_KEPT && !kept.iter().any(|known| **known == *key) {
                kept.push(String::from(&*key));
            }
        }
        Ok(Json::Object(Arc::new(Object::of_unique(members))))
    }
}

/// Tells whether any key may come twice; always true for large objects, where sorting is the cheaper test.
fn has_repeats(members: &[(Arc<str>, Json)]) -> bool {
    members.len() > super::object::SCAN_MAX
        || members
            .iter()
            .enumerate()
            .any(|(index, (key, _))| members.iter().take(index).any(|(other, _)| other == key))
}

struct KeySeed<'a>(&'a RefCell<Pass>);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Arc<str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Arc<str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, text: &str) -> Result<Arc<str>, E> {
        Ok(self.0.borrow_mut().key(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_and_where() {
        let cases: [(&[u8], JsonError); 7] = [
            (b" \n", JsonError::Empty),
            (b"<html>", syntax_at("expected value", 1, 1)),
            (b"{\"a\":NaN}", syntax_at("expected value", 1, 6)),
            (b"[1] [2]", syntax_at("trailing characters", 1, 5)),
            (b"1e400", syntax_at("number out of range", 1, 5)),
            (b"\"\xff\"", syntax_at("invalid unicode code point", 1, 2)),
            (b"{\"a\":", syntax_at("EOF while parsing a value", 1, 5)),
        ];
        for (bytes, error) in cases {
            assert_eq!(
                parse(bytes).unwrap_err(),
                error,
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    fn syntax_at(message: &str, line: usize, column: usize) -> JsonError {
        JsonError::Syntax {
            message: message.to_owned(),
            line,
            column,
        }
    }

    #[test]
    fn limits_hold() {
        let deep = "[".repeat(1000) + "]".repeat(1000).as_str();
        assert_eq!(
            parse(deep.as_bytes()).unwrap_err(),
            JsonError::TooDeep(DEPTH_MAX)
        );
        let deepest = "[".repeat(DEPTH_MAX) + "]".repeat(DEPTH_MAX).as_str();
        assert!(parse(deepest.as_bytes()).is_ok());
        assert_eq!(
            parse_with(b"[1,2,3]", 8, 3).unwrap_err(),
            JsonError::TooMany(3)
        );
        assert!(parse_with(b"[1,2,3]", 8, 4).is_ok());
    }
}
