//! Markers: strings of a sample that begin with `#`.
//!
//! There are no expressions in markers on purpose: anything more belongs in a script.

use regex::RegexBuilder;

use crate::model::json::{self, Json, Kind};
use crate::model::span::did_you_mean;

use super::format::Format;
use super::node::{Members, Node};
use super::range::Range;

/// Bytes that one compiled expression may take; the same again for its cache.
const REGEX_BYTES_MAX: usize = 1 << 20;
/// How deep an expression may nest.
const REGEX_DEPTH_MAX: u32 = 64;
/// How often `#[] #[] …` and `####…` may nest.
const NESTING_MAX: usize = 16;

/// The names of all markers, without `#`.
const NAMES: [&str; 18] = [
    "string", "number", "integer", "boolean", "array", "object", "null", "notnull", "any",
    "present", "ignore", "absent", "enum", "regex", "uuid", "datetime", "date", "url",
];
/// More of them: names that are formats only.
const MORE_NAMES: [&str; 3] = ["hex", "numeric", "tuple"];

/// What is wrong with a marker, and how to mend it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MarkerMistake {
    /// What is wrong.
    pub(super) message: String,
    /// How to mend it.
    pub(super) help: Option<String>,
}

impl MarkerMistake {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Reads a marker: a text that begins with `#`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(text: &str) -> Result<Node, MarkerMistake> {
    parse_nested(text, NESTING_MAX)
}

fn parse_nested(text: &str, depth_left: usize) -> Result<Node, MarkerMistake> {
    let Some(depth_left) = depth_left.checked_sub(1) else {
        return Err(MarkerMistake::new(format!(
            "the marker nests deeper than {NESTING_MAX} levels"
        )));
    };
    let body = text.strip_prefix('#').unwrap_or(text);
    if let Some(nullable) = body.strip_prefix('#') {
        return nullable_of(text, nullable, depth_left);
    }
    if body.starts_with('[') {
        let (size, element) = sized(text)?;
        let like = if element.is_empty() {
            Vec::new()
        } else {
            vec![element_of(text, element, depth_left)?]
        };
        return Ok(Node::Elements { like, size });
    }
    let (name, argument) = body
        .split_once(char::is_whitespace)
        .map_or((body, ""), |(name, argument)| (name, argument));
    named(text, name, argument)
}

/// Reads `##X`.
fn nullable_of(text: &str, inner: &str, depth_left: usize) -> Result<Node, MarkerMistake> {
    if inner.trim().is_empty() {
        return Err(
            MarkerMistake::new("`##` says «or null» of nothing".to_owned())
                .help("write what it is otherwise, such as `##string`, or `#any`"),
        );
    }
    match parse_nested(&format!("#{inner}"), depth_left)? {
        Node::Absent => Err(MarkerMistake::new(format!(
            "`{text}` contradicts itself: absent, or null"
        ))),
        Node::Any | Node::Ignore => Ok(Node::Ignore),
        inner => Ok(Node::Nullable(Box::new(inner))),
    }
}

/// Reads `#[3] P` as far as the closing bracket: the size and the rest.
fn sized(text: &str) -> Result<(Option<Range>, &str), MarkerMistake> {
    let inside = text.strip_prefix("#[").unwrap_or(text);
    let Some((size, element)) = inside.split_once(']') else {
        return Err(MarkerMistake::new(format!("`{text}` lacks its `]`")));
    };
    let size = if size.trim().is_empty() {
        None
    } else {
        Some(Range::parse_sizes(size).map_err(MarkerMistake::new)?)
    };
    Ok((size, element.trim()))
}

/// Returns the size of a marker `#[…]` that says nothing of its elements, absent for any other text.
pub(super) fn bare_size(text: &str) -> Option<Result<Option<Range>, MarkerMistake>> {
    if !text.starts_with("#[") {
        return None;
    }
    match sized(text) {
        Ok((size, "")) => Some(Ok(size)),
        Ok(_) => None,
        Err(mistake) => Some(Err(mistake)),
    }
}

fn element_of(text: &str, element: &str, depth_left: usize) -> Result<Node, MarkerMistake> {
    if !element.starts_with('#') {
        return Err(
            MarkerMistake::new(format!("`{element}` after `#[…]` is not a marker"))
                .help("write `#[] #string`, or `[\"#[1..]\", {…}]` for elements like a sample"),
        );
    }
    match parse_nested(element, depth_left)? {
        Node::Absent => Err(MarkerMistake::new(format!(
            "`{text}`: an element cannot be absent"
        ))),
        node => Ok(node),
    }
}

fn named(text: &str, name: &str, argument: &str) -> Result<Node, MarkerMistake> {
    let trimmed = argument.trim();
    let range = |sizes: bool| {
        let parse = if sizes {
            Range::parse_sizes
        } else {
            Range::parse
        };
        let range = (!trimmed.is_empty()).then(|| parse(trimmed)).transpose();
        range.map_err(|problem| {
            MarkerMistake::new(format!("`{text}`: {problem}"))
                .help("ranges are written `>= 0`, `> 0`, `<= 9`, `< 9`, `0..1`, `1..`, `..5`")
        })
    };
    let like = None;
    let node = match name {
        "string" => {
            let length = range(true)?;
            return Ok(Node::Text { length, like });
        }
        "number" | "integer" => {
            let (whole, range) = (name == "integer", range(false)?);
            return Ok(Node::Number { whole, range, like });
        }
        "enum" => return one_of(text, argument),
        "regex" => return regex(text, argument),
        "boolean" => Node::Boolean { like },
        "array" => Node::Elements {
            like: Vec::new(),
            size: None,
        },
        "object" => Node::Object(Members {
            open: true,
            ..Members::default()
        }),
        "null" => Node::Null,
        "notnull" => Node::NotNull,
        "any" | "present" => Node::Any,
        "ignore" => Node::Ignore,
        "absent" => Node::Absent,
        "uuid" => Node::Format(Format::Uuid),
        "datetime" => Node::Format(Format::DateTime),
        "date" => Node::Format(Format::Date),
        "url" => Node::Format(Format::Url),
        "hex" => Node::Format(Format::Hex),
        "numeric" => Node::Format(Format::Numeric),
        "tuple" => {
            return Err(MarkerMistake::new("`#tuple` stands alone")
                .help("it comes first in an array: [\"#tuple\", A, B]"));
        }
        _ => return Err(unknown(text, name)),
    };
    if trimmed.is_empty() {
        Ok(node)
    } else {
        Err(MarkerMistake::new(format!(
            "`#{name}` takes nothing after it, found `{trimmed}`"
        )))
    }
}

fn unknown(text: &str, name: &str) -> MarkerMistake {
    let candidates = NAMES.into_iter().chain(MORE_NAMES);
    let near = did_you_mean(&name.to_lowercase(), candidates)
        .map(|near| format!("did you mean `#{near}`? "))
        .unwrap_or_default();
    let text: String = text.chars().take(60).collect();
    MarkerMistake::new(format!("`{text}` is not a marker")).help(format!(
        "{near}for the text itself put a backslash before it: `\\{text}`, which JSON and TOML write \"\\\\{text}\""
    ))
}

/// Reads `ok|degraded`: an alternative is a number, `true`, `false` or `null` where JSON reads it so, else a text; in
/// quotes it is always a text.
fn one_of(text: &str, argument: &str) -> Result<Node, MarkerMistake> {
    let values: Vec<Json> = argument
        .split('|')
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .map(|value| match json::parse(value.as_bytes()) {
            Ok(document) if !matches!(document.root.kind(), Kind::Array | Kind::Object) => {
                document.root
            }
            _ => Json::string(value),
        })
        .collect();
    if values.is_empty() || argument.split('|').any(|value| value.trim().is_empty()) {
        return Err(
            MarkerMistake::new(format!("`{text}` has an empty alternative"))
                .help("alternatives are written `#enum ok|degraded`"),
        );
    }
    match values.iter().find_map(beyond_exact) {
        Some(mistake) => Err(mistake),
        None => Ok(Node::OneOf(values)),
    }
}

/// Returns why a body cannot be held against exactly this value, `None` if it can.
pub(super) fn beyond_exact(value: &Json) -> Option<MarkerMistake> {
    let number = value
        .as_number()
        .filter(|number| number.is_beyond_exact())?;
    let message = format!("{number} is too large to be compared exactly; integers of 64 bits are");
    let help = format!("write a range of numbers, such as \"#number >= {number}\"");
    Some(MarkerMistake::new(message).help(help))
}

fn regex(text: &str, expression: &str) -> Result<Node, MarkerMistake> {
    if expression.is_empty() {
        return Err(
            MarkerMistake::new(format!("`{}` has no expression", text.trim_end()))
                .help("write `#regex ^[0-9a-f]{8}$`"),
        );
    }
    RegexBuilder::new(expression)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .nest_limit(REGEX_DEPTH_MAX)
        .build()
        .map(Node::Regex)
        .map_err(|error| {
            let problem = match error {
                regex::Error::CompiledTooBig(limit) => {
                    format!("is larger than {limit} bytes when compiled")
                }
                other => last_line(&other.to_string()),
            };
            MarkerMistake::new(format!("the expression `{expression}`: {problem}"))
        })
}

/// Returns the last line of a regex error, which says what is wrong; the lines before draw the place.
fn last_line(error: &str) -> String {
    let line = error.lines().last().unwrap_or(error).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
