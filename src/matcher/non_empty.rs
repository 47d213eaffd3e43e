//! `non_empty`: the body holds something, at the places that matter.

use crate::model::code::FindingCode;
use crate::model::exchange::Response;
use crate::model::json::{Json, JsonError};
use crate::model::judgement::Finding;
use crate::model::path::{Path, Step};
use crate::policy::shape::{Collector, Mismatch, Place, bounded, count, named, near_key, one_line};

use super::body::{self, at_root, says_json};
use super::spec::NonEmptyOptions;

/// Returns what is wrong with the body.
pub(super) fn judge(options: &NonEmptyOptions, response: &Response) -> Vec<Finding> {
    // Asking for places or for a number of items asks for JSON; else any text will do unless it claims to be JSON.
    let needs_json = !options.paths.is_empty() || options.min > 1 || says_json(response);
    if !needs_json {
        match response.body.json() {
            Err(JsonError::Empty) => {
                let message = "expected something, got an empty body";
                return vec![at_root(FindingCode::EmptyBody, message.to_owned())];
            }
            Err(JsonError::Syntax { .. }) => return Vec::new(),
            // A cut text is not empty, and what it would have meant as JSON is not known.
            _ if response.body.truncated => return Vec::new(),
            Ok(_) | Err(_) => {}
        }
    }
    body::judge(response, |root| {
        let mut search = Search {
            min: options.min.max(1),
            found: Collector::default(),
        };
        if options.paths.is_empty() {
            search.holds(root, &Place::ROOT);
        }
        for path in &options.paths {
            search.enter(path.steps(), root, &Place::ROOT);
        }
        search.found.finish()
    })
}

/// Returns advice where the top level is an object that passes although its only array is empty.
pub(super) fn hint(options: &NonEmptyOptions, response: &Response) -> Option<String> {
    if !options.paths.is_empty() || response.body.truncated {
        return None;
    }
    let root = response.body.json().ok()?.root.as_object()?;
    let mut arrays = root
        .iter()
        .filter_map(|(key, value)| value.as_array().map(|elements| (key, elements)));
    let (key, elements) = arrays.next()?;
    let is_it = elements.is_empty() && arrays.next().is_none();
    is_it.then(|| {
        let path = Path::root().key(std::sync::Arc::clone(key)).to_string();
        format!(
            "did you mean non_empty `{}`? It is an empty array",
            one_line(&path)
        )
    })
}

struct Search {
    min: usize,
    found: Collector,
}

impl Search {
    /// Follows the steps to every place they name; one that is not there is a finding.
    fn enter(&mut self, steps: &[Step], value: &Json, place: &Place<'_>) {
        let Some((step, rest)) = steps.split_first() else {
            return self.holds(value, place);
        };
        match (step, value) {
            (Step::Key(key), Json::Object(members)) => match members.get(key) {
                Some(inner) => self.enter(rest, inner, &place.key(key)),
                None => self.add(&place.key(key), FindingCode::Missing, None, || {
                    let near = near_key(key, members, |_| true)
                        .map(|near| format!(" (did you mean `{}`?)", one_line(near)))
                        .unwrap_or_default();
                    format!("missing, expected a value{near}")
                }),
            },
            (Step::Index(index), Json::Array(elements)) => {
                let position = if *index < 0 {
                    usize::try_from(index.unsigned_abs())
                        .ok()
                        .and_then(|back| elements.len().checked_sub(back))
                } else {
                    usize::try_from(*index).ok()
                };
                match position.and_then(|position| Some((position, elements.get(position)?))) {
                    Some((position, inner)) => self.enter(rest, inner, &place.index(position)),
                    None => self.add(place, FindingCode::Missing, Some(value), || {
                        format!("no element {index}, got {}", count(elements.len(), "item"))
                    }),
                }
            }
            (Step::Any, Json::Array(elements)) if !elements.is_empty() => {
                for (index, inner) in elements.iter().enumerate() {
                    self.enter(rest, inner, &place.index(index));
                }
            }
            (Step::Any, Json::Object(members)) if !members.is_empty() => {
                for (key, inner) in members.iter() {
                    self.enter(rest, inner, &place.any_key(key));
                }
            }
            (Step::Any, Json::Array(_) | Json::Object(_)) => self.holds(value, place),
            _ => self.add(place, FindingCode::Missing, Some(value), || {
                let wanted = match step {
                    Step::Key(key) => format!("object with `{}`", one_line(key)),
                    Step::Index(_) => "array".to_owned(),
                    Step::Any => "array or object".to_owned(),
                };
                format!("expected {wanted}, got {}", named(value))
            }),
        }
    }

    /// Looks whether a value holds something. `0` and `false` are values.
    fn holds(&mut self, value: &Json, place: &Place<'_>) {
        let (size, wanted) = match value {
            Json::Null => (Some(0), "a value"),
            Json::String(text) if text.is_empty() => (Some(0), "text"),
            Json::Array(elements) => (Some(elements.len()), "items"),
            Json::Object(members) => (Some(members.len()), "keys"),
            _ => (None, ""),
        };
        let min = self.min;
        match size {
            Some(0) => self.add(place, FindingCode::Empty, Some(value), || {
                format!("expected {wanted}, got {}", empty(value))
            }),
            Some(size) if size < min => self.add(place, FindingCode::Length, Some(value), || {
                format!("expected at least {min} {wanted}, got {size}")
            }),
            None if min > 1 => self.add(place, FindingCode::Type, Some(value), || {
                format!("expected at least {min} items, got {}", named(value))
            }),
            _ => {}
        }
    }

    fn add(
        &mut self,
        place: &Place<'_>,
        code: FindingCode,
        actual: Option<&Json>,
        message: impl FnOnce() -> String,
    ) {
        let severity = crate::model::judgement::Severity::Error;
        self.found.add(place, code, severity, || Mismatch {
            message: message(),
            expected: None,
            actual: actual.map(bounded),
        });
    }
}

fn empty(value: &Json) -> String {
    match value {
        Json::String(_) => "an empty string".to_owned(),
        other => named(other),
    }
}
