//! JSON as a script sees it, and a script's values as JSON and as text.
//!
//! A JSON container is not copied into the interpreter: it is a view that shares the tree. Scalars are plain values.

#![expect(
    clippy::unnecessary_box_returns,
    reason = "the interpreter takes its errors boxed"
)]

mod metered;

use std::fmt::{self, Write as _};
use std::sync::Arc;

use rhai::{Array, Dynamic, EvalAltResult, FnPtr, ImmutableString, Map, Position};
use serde::{Deserialize, Serialize};

use super::api::verdict::Mismatch;
use super::guard::{self, Fallible, Fault};
use crate::model::code::FindingCode;
use crate::model::json::{DEPTH_MAX, Json, Number, Object};
pub(super) use metered::{json_bytes, json_text};

/// Where a JSON value came from, which decides what it means that a key is missing in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Origin {
    /// The probed response: the service is wrong.
    Probed,
    /// The answer to a request of the script's: a dependency is wrong.
    Dependency,
    /// The config, memory, or the script itself: the script is wrong.
    Own,
}

/// An array of a JSON tree.
#[derive(Debug, Clone)]
pub(super) struct ArrayView {
    pub(super) items: Arc<[Json]>,
    pub(super) origin: Origin,
}

/// An object of a JSON tree.
#[derive(Debug, Clone)]
pub(super) struct ObjectView {
    pub(super) members: Arc<Object>,
    pub(super) origin: Origin,
}

/// What a script catches when a value is not shaped as it expects, or a dependency fails.
#[derive(Debug, Clone)]
pub(super) struct Raised {
    pub(super) code: &'static str,
    /// Which operand of an operator is of the wrong kind, from 0, where that is known.
    pub(super) operand: Option<usize>,
    pub(super) origin: Origin,
    pub(super) message: String,
}

/// Returns an error of the script's own making.
pub(super) fn problem(message: impl Into<String>) -> Fault {
    let message: String = message.into();
    Box::new(EvalAltResult::ErrorRuntime(message.into(), Position::NONE))
}

/// The code of the finding that a value is not shaped as the script expects.
pub(super) const SHAPE: &str = FindingCode::Shape.as_str();

/// Returns the error for a value of the wrong kind that may be anybody's: a scalar of a response is a plain value.
pub(super) fn mistyped(message: impl Into<String>) -> Fault {
    misshapen(Origin::Own, message)
}

/// Returns the error for two operands that do not go together. It is the rarer kind that is wrong: not the number beside
/// something else, nor the text beside what is neither.
pub(super) fn mismatched(message: String, a: &Dynamic, b: &Dynamic) -> Fault {
    let operand = odd_one(a.type_name(), b.type_name());
    raised(Raised {
        code: SHAPE,
        operand,
        origin: Origin::Own,
        message,
    })
}

/// Returns which of two kinds, as the interpreter names them, is the odd one; absent if neither is.
pub(super) fn odd_one(a: &str, b: &str) -> Option<usize> {
    let rank = |kind: &str| match kind {
        "i64" | "f64" => 0,
        "string" | "char" | "ImmutableString" | "&str | ImmutableString | String" => 1,
        _ => 2,
    };
    match rank(a).cmp(&rank(b)) {
        std::cmp::Ordering::Less => Some(1),
        std::cmp::Ordering::Greater => Some(0),
        std::cmp::Ordering::Equal => None,
    }
}

/// Returns the error for a value that is not shaped as the script expects.
pub(super) fn misshapen(origin: Origin, message: impl Into<String>) -> Fault {
    let message = message.into();
    raised(Raised {
        code: SHAPE,
        operand: None,
        origin,
        message,
    })
}

/// Returns the error that whoever was asked is wrong.
pub(super) fn dependency(origin: Origin, message: String) -> Fault {
    raised(Raised {
        code: FindingCode::Dependency.as_str(),
        operand: None,
        origin,
        message,
    })
}

pub(super) fn raised(raised: Raised) -> Fault {
    Box::new(EvalAltResult::ErrorRuntime(
        Dynamic::from(raised),
        Position::NONE,
    ))
}

/// Returns the value as a script sees it: containers as views, scalars as plain values.
///
/// A whole number above `i64::MAX` becomes the nearest float.
pub(super) fn view(json: &Json, origin: Origin) -> Dynamic {
    match json {
        Json::Null => Dynamic::UNIT,
        Json::Bool(value) => (*value).into(),
        Json::Number(Number::Int(number)) => (*number).into(),
        Json::Number(number) => number.as_f64().into(),
        Json::String(text) => ImmutableString::from(&**text).into(),
        Json::Array(items) => Dynamic::from(ArrayView {
            items: Arc::clone(items),
            origin,
        }),
        Json::Object(members) => Dynamic::from(ObjectView {
            members: Arc::clone(members),
            origin,
        }),
    }
}

/// Returns the value as plain arrays and maps of the script's own. A JSON tree is never deep enough to matter here.
pub(super) fn copy(json: &Json) -> Dynamic {
    match json {
        Json::Array(items) => items.iter().map(copy).collect::<Array>().into(),
        Json::Object(members) => members
            .iter()
            .map(|(key, value)| (rhai::Identifier::from(&**key), copy(value)))
            .collect::<Map>()
            .into(),
        scalar => view(scalar, Origin::Own),
    }
}

/// Returns how many values a tree holds, itself included.
pub(super) fn nodes(json: &Json) -> usize {
    match json {
        Json::Array(items) => 1 + items.iter().map(nodes).sum::<usize>(),
        Json::Object(members) => 1 + members.iter().map(|(_, json)| nodes(json)).sum::<usize>(),
        _ => 1,
    }
}

/// Returns the JSON behind a view with its origin, absent for the script's own values.
pub(super) fn viewed(value: &Dynamic) -> Option<(Json, Origin)> {
    if let Some(array) = value.read_lock::<ArrayView>() {
        return Some((Json::Array(Arc::clone(&array.items)), array.origin));
    }
    value
        .read_lock::<ObjectView>()
        .map(|object| (Json::Object(Arc::clone(&object.members)), object.origin))
}

/// Returns a script's value as JSON. What is shared in it is charged each time that it is there: written out it takes
/// its place each time.
///
/// # Errors
/// It nests too deep, or holds something that is no JSON: a function, a handle, a number that is not finite.
pub(super) fn to_json(value: &Dynamic) -> Fallible<Json> {
    match viewed(value) {
        // It came from a text, or from here.
        Some((json, _)) => Ok(json),
        None => json_within(value, DEPTH_MAX),
    }
}

/// Returns a script's value as JSON that becomes an element or a member of another one.
///
/// # Errors
/// As [`to_json`], one level sooner.
pub(super) fn json_part(value: &Dynamic) -> Fallible<Json> {
    json_within(value, DEPTH_MAX - 1)
}

fn json_within(value: &Dynamic, depth_left: usize) -> Fallible<Json> {
    if let Some((json, _)) = viewed(value) {
        charge_tree(&json, depth_left)?;
        return Ok(json);
    }
    if value.is_array() || value.is_map() {
        guard::charge(1)?;
        let depth_left = below(depth_left)?;
        if let Ok(items) = value.as_array_ref() {
            let items: Fallible<Vec<Json>> = items
                .iter()
                .map(|item| json_within(item, depth_left))
                .collect();
            return Ok(items?.into_iter().collect());
        }
        if let Ok(members) = value.as_map_ref() {
            let members: Fallible<Vec<(Arc<str>, Json)>> = members
                .iter()
                .map(|(key, item)| Ok((Arc::from(key.as_str()), json_within(item, depth_left)?)))
                .collect();
            return Ok(Json::object(members?));
        }
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        charge_text(&text)?;
    }
    scalar_json(value).ok_or_else(|| {
        problem(format!(
            "{} is no JSON value and cannot be kept or sent",
            kind_name(value)
        ))
    })
}

fn below(depth_left: usize) -> Fallible<usize> {
    depth_left
        .checked_sub(1)
        .ok_or_else(|| problem(format!("the value nests deeper than {DEPTH_MAX} levels")))
}

/// Counts a tree that becomes a part of another one, down to where it nests too deep.
fn charge_tree(json: &Json, depth_left: usize) -> Fallible<()> {
    let scalars = |count: usize| guard::charge(1 + count as u64 / 8);
    match json {
        Json::Array(items) => {
            let below = below(depth_left)?;
            scalars(items.len())?;
            items.iter().try_for_each(|item| charge_tree(item, below))
        }
        Json::Object(members) => {
            let below = below(depth_left)?;
            scalars(members.len())?;
            let mut members = members.iter();
            members.try_for_each(|(_, item)| charge_tree(item, below))
        }
        Json::String(text) => charge_text(text),
        _ => Ok(()),
    }
}

/// Counts a text that is about to be copied; short ones count with what holds them.
pub(super) fn charge_text(text: &str) -> Fallible<()> {
    if text.len() < 1024 {
        return Ok(());
    }
    guard::reserve(text.len())
}

fn scalar_json(value: &Dynamic) -> Option<Json> {
    if value.is_unit() {
        return Some(Json::Null);
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Some(Json::string(text.as_str()));
    }
    if let Ok(value) = value.as_bool() {
        return Some(value.into());
    }
    if let Ok(number) = value.as_int() {
        return Some(number.into());
    }
    if let Ok(number) = value.as_float() {
        return number.is_finite().then(|| Json::from(number));
    }
    if let Some(found) = value.read_lock::<Mismatch>() {
        return Some(found.json());
    }
    value
        .as_char()
        .ok()
        .map(|character| Json::from(character.to_string()))
}

/// Returns what a person calls the kind of this value: `a number`, `an array`.
pub(super) fn kind_name(value: &Dynamic) -> &'static str {
    if value.is_unit() {
        "null"
    } else if value.is_string() || value.is_char() {
        "a string"
    } else if value.is_bool() {
        "a boolean"
    } else if value.is_int() || value.is_float() {
        "a number"
    } else if value.is_array() || value.is::<ArrayView>() {
        "an array"
    } else if value.is_map() || value.is::<ObjectView>() {
        "an object"
    } else if value.is::<FnPtr>() {
        "a function"
    } else {
        "a handle of OES"
    }
}

/// How deep a value is written out.
const RENDER_DEPTH: usize = 32;

/// Returns the value as text of at most about `max` bytes: strings as they are, the rest as JSON, cut with `…`.
pub(super) fn text(value: &Dynamic, max: usize) -> String {
    if let Ok(text) = value.as_immutable_string_ref() {
        return cut(&text, max);
    }
    if let Ok(character) = value.as_char() {
        return character.to_string();
    }
    rendered(value, max)
}

/// Returns the value as JSON-like text of at most about `max` bytes, strings in quotes.
pub(super) fn rendered(value: &Dynamic, max: usize) -> String {
    let mut writer = Bounded {
        text: String::new(),
        left: max,
    };
    if render(value, &mut writer, RENDER_DEPTH).is_err() {
        writer.text.push('…');
    }
    writer.text
}

/// Returns the text cut to at most `max` bytes, with `…` where something is missing.
pub(super) fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(max);
    format!("{}…", text.get(..end).unwrap_or_default())
}

struct Bounded {
    text: String,
    left: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if part.len() <= self.left {
            self.left -= part.len();
            self.text.push_str(part);
            return Ok(());
        }
        let end = part.floor_char_boundary(self.left);
        self.text.push_str(part.get(..end).unwrap_or_default());
        self.left = 0;
        Err(fmt::Error)
    }
}

fn render(value: &Dynamic, out: &mut Bounded, depth_left: usize) -> fmt::Result {
    if let Some((json, _)) = viewed(value) {
        return write!(out, "{json}");
    }
    if let Some(raised) = value.read_lock::<Raised>() {
        return out.write_str(&raised.message);
    }
    if let Some(found) = value.read_lock::<Mismatch>() {
        return write!(out, "{}", *found);
    }
    let Some(below) = depth_left.checked_sub(1) else {
        return Err(fmt::Error);
    };
    if let Ok(items) = value.as_array_ref() {
        out.write_char('[')?;
        for (index, item) in items.iter().enumerate() {
            out.write_str(if index == 0 { "" } else { "," })?;
            render(item, out, below)?;
        }
        return out.write_char(']');
    }
    if let Ok(members) = value.as_map_ref() {
        out.write_char('{')?;
        for (index, (key, item)) in members.iter().enumerate() {
            out.write_str(if index == 0 { "" } else { "," })?;
            write!(out, "{}:", Json::string(key.as_str()))?;
            render(item, out, below)?;
        }
        return out.write_char('}');
    }
    if let Ok(number) = value.as_float() {
        return write!(out, "{number:?}");
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        // A long text is cut before it is quoted, so that no second copy of it is made.
        return write!(out, "{}", Json::string(cut(&text, out.left)));
    }
    match scalar_json(value) {
        Some(json) => write!(out, "{json}"),
        None => write!(out, "({})", kind_name(value)),
    }
}
