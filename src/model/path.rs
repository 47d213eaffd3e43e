//! JSON paths as people write them: `$.items[3].name`, `$['odd key']`, and in patterns `[*]` and `.*`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use super::json::Json;

/// A place in a JSON value, or with wildcards a set of places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path {
    steps: Vec<Step>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `.name` or `['name']`
    Key(Arc<str>),
    /// `[3]`; negative counts from the end
    Index(i64),
    /// `[*]` or `.*`: every element or member
    Any,
}

/// A text that is no path.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a path: {problem} at character {at}")]
pub struct PathError {
    text: String,
    problem: &'static str,
    at: usize,
}

/// Why a path does not lead anywhere in a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Missing {
    /// The last place that is there.
    pub reached: Path,
    message: String,
}

impl Path {
    /// Returns `$`.
    pub fn root() -> Self {
        Self::default()
    }

    /// Returns this path with one more step.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        let mut steps = self.steps.clone();
        steps.push(step);
        Self { steps }
    }

    /// Returns this path with one more key.
    #[must_use]
    pub fn key(&self, key: impl Into<Arc<str>>) -> Self {
        self.then(Step::Key(key.into()))
    }

    /// Returns this path with one more index.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(i64::try_from(index).unwrap_or(i64::MAX)))
    }

    /// Returns the steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns the path with every index replaced by `[*]`: the shape that equal findings share.
    #[must_use]
    pub fn shape(&self) -> Self {
        let steps = self.steps.iter().map(|step| match step {
            Step::Index(_) => Step::Any,
            other => other.clone(),
        });
        Self {
            steps: steps.collect(),
        }
    }

    /// Tells whether this pattern covers `place` exactly.
    pub fn covers(&self, place: &Self) -> bool {
        self.steps.len() == place.steps.len()
            && self
                .steps
                .iter()
                .zip(&place.steps)
                .all(|(pattern, step)| match pattern {
                    Step::Any => true,
                    fixed => fixed == step,
                })
    }

    /// Returns the one value at this path.
    ///
    /// # Errors
    /// [`Missing`] names the last place that is there and what was there instead. A wildcard finds nothing here; use
    /// [`Path::select`].
    pub fn find<'a>(&self, value: &'a Json) -> Result<&'a Json, Missing> {
        let mut here = value;
        for (count, step) in self.steps.iter().enumerate() {
            here = step.enter(here).ok_or_else(|| {
                let reached = Self {
                    steps: self.steps.iter().take(count).cloned().collect(),
                };
                Missing {
                    message: step.absence(&reached, here),
                    reached,
                }
            })?;
        }
        Ok(here)
    }

    /// Returns every value at this path in document order with its place; none if there is nothing.
    pub fn select<'a>(&self, value: &'a Json) -> Vec<(Self, &'a Json)> {
        let mut found = vec![(Self::root(), value)];
        for step in &self.steps {
            let mut next = Vec::new();
            for (place, here) in found {
                match step {
                    Step::Any => next.extend(children(&place, here)),
                    one => next.extend(
                        one.enter(here)
                            .map(|child| (place.then(one.clone()), child)),
                    ),
                }
            }
            found = next;
        }
        found
    }
}

fn children<'a>(place: &Path, value: &'a Json) -> Vec<(Path, &'a Json)> {
    match value {
        Json::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(index, child)| (place.index(index), child))
            .collect(),
        Json::Object(members) => members
            .iter()
            .map(|(key, child)| (place.key(Arc::clone(key)), child))
            .collect(),
        _ => Vec::new(),
    }
}

impl Step {
    /// Returns the child that this step leads to; none for [`Step::Any`], which leads to many.
    pub fn enter<'a>(&self, value: &'a Json) -> Option<&'a Json> {
        match self {
            Self::Key(key) => value.get(key),
            Self::Index(index) => {
                let elements = value.as_array()?;
                let from_end = usize::try_from(index.unsigned_abs()).ok()?;
                let position = if *index < 0 {
                    elements.len().checked_sub(from_end)?
                } else {
                    from_end
                };
                elements.get(position)
            }
            Self::Any => None,
        }
    }

    /// Says why `value` at `reached` has no such child.
    fn absence(&self, reached: &Path, value: &Json) -> String {
        match (self, value) {
            (Self::Key(key), Json::Object(members)) => {
                let keys: Vec<&str> = members.keys().take(8).collect();
                let more = if members.len() > keys.len() {
                    ", …"
                } else {
                    ""
                };
                format!(
                    "{reached} has no key `{key}` (keys: {}{more})",
                    keys.join(", ")
                )
            }
            (Self::Index(index), Json::Array(elements)) => {
                format!(
                    "{reached} has no element {index} ({} elements)",
                    elements.len()
                )
            }
            (Self::Any, _) => format!("{reached}[*] names many places where one is wanted"),
            (_, other) => format!(
                "{reached} is {}, so there is no {reached}{self}",
                other.kind()
            ),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) if is_name(key) => write!(f, ".{key}"),
            Self::Key(key) => {
                write!(f, "['{}']", key.replace('\\', "\\\\").replace('\'', "\\'"))
            }
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Any => f.write_str("[*]"),
        }
    }
}

fn is_name(key: &str) -> bool {
    let mut characters = key.chars();
    characters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|next| next.is_alphanumeric() || next == '_' || next == '-')
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut reader = Reader { text, rest: text };
        reader.expect('$', "it begins with `$`")?;
        let mut steps = Vec::new();
        while !reader.rest.is_empty() {
            steps.push(reader.step()?);
        }
        Ok(Self { steps })
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn problem(&self, problem: &'static str) -> PathError {
        let at = self.text.chars().count() - self.rest.chars().count() + 1;
        PathError {
            text: self.text.to_owned(),
            problem,
            at,
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.rest
            .strip_prefix(token)
            .map(|rest| self.rest = rest)
            .is_some()
    }

    fn expect(&mut self, token: char, problem: &'static str) -> Result<(), PathError> {
        if self.eat(token.encode_utf8(&mut [0; 4])) {
            Ok(())
        } else {
            Err(self.problem(problem))
        }
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !accept(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn step(&mut self) -> Result<Step, PathError> {
        if self.eat(".*") || self.eat("[*]") {
            return Ok(Step::Any);
        }
        if self.eat(".") {
            let name = self.take_while(|c| !matches!(c, '.' | '['));
            return if name.is_empty() {
                Err(self.problem("a name or `*` follows a point"))
            } else {
                Ok(Step::Key(name.into()))
            };
        }
        self.expect('[', "`.` or `[` goes on")?;
        let step = if let Some(quote @ ('\'' | '"')) = self.rest.chars().next() {
            Step::Key(self.quoted(quote)?.into())
        } else {
            let number = self.take_while(|c| c.is_ascii_digit() || c == '-');
            Step::Index(
                number
                    .parse()
                    .map_err(|_| self.problem("an index is a whole number"))?,
            )
        };
        self.expect(']', "`]` closes it")?;
        Ok(step)
    }

    fn quoted(&mut self, quote: char) -> Result<String, PathError> {
        let mut key = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => key.extend(characters.next().map(|(_, escaped)| escaped)),
                end if end == quote => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Ok(key);
                }
                other => key.push(other),
            }
        }
        Err(self.problem("the quote is not closed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json::parse;

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "$",
            "$.a.b",
            "$.items[3].name",
            "$['odd key']",
            r"$['it\'s']",
            "$[-1]",
            "$[*].x",
        ] {
            assert_eq!(text.parse::<Path>().unwrap().to_string(), text);
        }
        assert_eq!("$.*".parse::<Path>().unwrap().to_string(), "$[*]");
        assert_eq!(r#"$["k"]"#.parse::<Path>().unwrap().to_string(), "$.k");
    }

    #[test]
    fn says_where_a_text_stops_being_a_path() {
        for (text, at) in [
            ("a", 1),
            ("$a", 2),
            ("$.", 3),
            ("$[x]", 3),
            ("$['a", 3),
            ("$[1", 4),
        ] {
            assert_eq!(text.parse::<Path>().unwrap_err().at, at, "{text}");
        }
    }

    #[test]
    fn finds_or_says_where_it_stops() {
        let value = parse(br#"{"data":{"price":1,"list":[10,20]}}"#)
            .unwrap()
            .root;
        let find = |path: &str| {
            path.parse::<Path>()
                .unwrap()
                .find(&value)
                .map(ToString::to_string)
        };
        assert_eq!(find("$.data.list[-1]").unwrap(), "20");
        let message = |path| find(path).unwrap_err().to_string();
        assert_eq!(
            message("$.data.prices"),
            "$.data has no key `prices` (keys: price, list)"
        );
        assert_eq!(
            message("$.data.list[7]"),
            "$.data.list has no element 7 (2 elements)"
        );
        assert_eq!(
            message("$.data.price.x"),
            "$.data.price is number, so there is no $.data.price.x"
        );
    }

    #[test]
    fn selects_in_document_order() {
        let value = parse(br#"{"b":[{"x":1},{"y":2},{"x":3}],"a":[{"x":4}]}"#)
            .unwrap()
            .root;
        let path: Path = "$.*[*].x".parse().unwrap();
        let places: Vec<String> = path
            .select(&value)
            .iter()
            .map(|(place, found)| format!("{place}={found}"))
            .collect();
        assert_eq!(places, ["$.b[0].x=1", "$.b[2].x=3", "$.a[0].x=4"]);
    }
}
