//! Faults that a body may have: what is there, changed in one place.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::json::{Json, Number};
use crate::model::path::{Path, Step};

/// Elements of an array that are all changed; of a longer one the first, the middle and the last.
const ELEMENTS_MAX: usize = 20;
/// Faults of one body.
const FAULTS_MAX: usize = 5_000;
/// What no price, height or count should be.
const HUGE: f64 = 1e15;

/// A year that is no leap year.
const YEAR: Duration = Duration::from_hours(365 * 24);

/// What is done to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Change {
    Missing,
    Null,
    Empty,
    Zero,
    Negative,
    TenTimes,
    Huge,
    Opposite,
    AnotherText,
    YearEarlier,
    AnotherKind,
}

impl Change {
    /// Returns its name, which does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Null => "null",
            Self::Empty => "empty",
            Self::Zero => "zero",
            Self::Negative => "negative",
            Self::TenTimes => "ten_times",
            Self::Huge => "huge",
            Self::Opposite => "opposite",
            Self::AnotherText => "another_text",
            Self::YearEarlier => "year_earlier",
            Self::AnotherKind => "another_kind",
        }
    }
}

/// One fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The place.
    pub path: Path,
    /// What is done there.
    pub change: Change,
    /// What is there then; absent if nothing is.
    pub value: Option<Json>,
}

impl Fault {
    /// Returns the body with this fault.
    pub fn apply(&self, body: &Json) -> Json {
        replaced(body, self.path.steps(), self.value.as_ref())
    }
}

/// Returns the faults that a body may have, in its order, and whether there are too many to list.
pub fn faults(body: &Json) -> (Vec<Fault>, bool) {
    let mut faults = Vec::new();
    collect(body, &Path::root(), &mut faults);
    let cut = faults.len() > FAULTS_MAX;
    faults.truncate(FAULTS_MAX);
    (faults, cut)
}

fn collect(value: &Json, path: &Path, faults: &mut Vec<Fault>) {
    if faults.len() > FAULTS_MAX {
        return;
    }
    if matches!(path.steps().last(), Some(Step::Key(_))) {
        faults.push(Fault {
            path: path.clone(),
            change: Change::Missing,
            value: None,
        });
    }
    for (change, changed) in changes(value) {
        let is_new = changed != *value;
        if is_new {
            faults.push(Fault {
                path: path.clone(),
                change,
                value: Some(changed),
            });
        }
    }
    match value {
        Json::Array(elements) => {
            let last = elements.len().saturating_sub(1);
            let is_changed = |index: usize| {
                elements.len() <= ELEMENTS_MAX || [0, elements.len() / 2, last].contains(&index)
            };
            for (index, element) in elements.iter().enumerate() {
                if is_changed(index) {
                    collect(element, &path.index(index), faults);
                }
            }
        }
        Json::Object(members) => {
            for (key, member) in members.iter() {
                collect(member, &path.key(Arc::clone(key)), faults);
            }
        }
        _ => {}
    }
}

/// Returns what may be there instead of a value.
fn changes(value: &Json) -> Vec<(Change, Json)> {
    let mut changes = vec![(Change::Null, Json::Null)];
    match value {
        Json::Null => changes.push((Change::AnotherKind, "x".into())),
        Json::Bool(value) => changes.extend([
            (Change::Opposite, Json::from(!value)),
            (Change::AnotherKind, Json::string(value.to_string())),
        ]),
        Json::Number(number) => {
            let numbers = [
                (Change::Zero, Some(Number::Int(0))),
                (Change::Negative, negative(*number)),
                (Change::TenTimes, ten_times(*number)),
                (Change::Huge, Some(Number::Float(HUGE))),
            ];
            for (change, changed) in numbers {
                changes.extend(changed.map(|number| (change, Json::Number(number))));
            }
            changes.push((Change::AnotherKind, Json::string(number.to_string())));
        }
        Json::String(text) => {
            changes.push((Change::Empty, "".into()));
            let other = if &**text == "x" { "y" } else { "x" };
            changes.push((Change::AnotherText, other.into()));
            changes.extend(year_earlier(text).map(|text| (Change::YearEarlier, text)));
            changes.push((Change::AnotherKind, Json::from(1_i64)));
        }
        Json::Array(_) => changes.extend([
            (Change::Empty, Json::from_iter([])),
            (Change::AnotherKind, Json::object::<&str>([])),
        ]),
        Json::Object(_) => changes.extend([
            (Change::Empty, Json::object::<&str>([])),
            (Change::AnotherKind, Json::from_iter([])),
        ]),
    }
    changes
}

fn negative(number: Number) -> Option<Number> {
    match number.as_i64() {
        Some(whole) => whole.checked_neg().map(Number::Int),
        None => Some(Number::Float(-number.as_f64())),
    }
}

fn ten_times(number: Number) -> Option<Number> {
    match number.as_i64().and_then(|whole| whole.checked_mul(10)) {
        Some(whole) => Some(Number::Int(whole)),
        None => Some(number.as_f64() * 10.0)
            .filter(|number| number.is_finite())
            .map(Number::Float),
    }
}

/// Returns the same time a year earlier, if the text is a time.
fn year_earlier(text: &str) -> Option<Json> {
    let at: Timestamp = text.parse().ok()?;
    let earlier = at.checked_sub(YEAR).ok()?;
    Some(Json::string(earlier.to_string()))
}

/// Returns a value with another one, or none, at a place in it.
fn replaced(value: &Json, steps: &[Step], with: Option<&Json>) -> Json {
    let Some((step, rest)) = steps.split_first() else {
        return with.cloned().unwrap_or_default();
    };
    match (value, step) {
        (Json::Object(members), Step::Key(wanted)) => {
            let changed = members.iter().filter_map(|(key, member)| {
                let member = match (key == wanted, rest.is_empty()) {
                    (false, _) => member.clone(),
                    (true, true) => with?.clone(),
                    (true, false) => replaced(member, rest, with),
                };
                Some((Arc::clone(key), member))
            });
            Json::object(changed)
        }
        (Json::Array(elements), Step::Index(wanted)) => elements
            .iter()
            .zip(0_i64..)
            .map(|(element, index)| {
                if index == *wanted {
                    replaced(element, rest, with)
                } else {
                    element.clone()
                }
            })
            .collect(),
        (other, _) => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::json::parse;

    fn json(text: &str) -> Json {
        parse(text.as_bytes()).unwrap().root
    }

    #[test]
    fn each_place_is_changed_in_every_way_that_makes_a_difference() {
        let body = json(r#"{"a":[1,true],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}"#);
        let (faults, cut) = faults(&body);
        assert!(!cut);
        let told: Vec<String> = faults
            .iter()
            .map(|fault| {
                let changed = fault.apply(&body);
                assert_ne!(changed, body, "{fault:?}");
                format!("{} {} {changed}", fault.path, fault.change.as_str())
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        $ null null
        $ empty {}
        $ another_kind []
        $.a missing {"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a null {"a":null,"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a empty {"a":[],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a another_kind {"a":{},"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a[0] null {"a":[null,true],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a[0] zero {"a":[0,true],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a[0] negative {"a":[-1,true],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a[0] ten_times {"a":[10,true],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a[0] huge {"a":[1000000000000000.0,true],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a[0] another_kind {"a":["1",true],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a[1] null {"a":[1,null],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a[1] opposite {"a":[1,false],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.a[1] another_kind {"a":[1,"true"],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.b missing {"a":[1,true],"c":null,"d":0,"e":""}
        $.b null {"a":[1,true],"b":null,"c":null,"d":0,"e":""}
        $.b empty {"a":[1,true],"b":"","c":null,"d":0,"e":""}
        $.b another_text {"a":[1,true],"b":"x","c":null,"d":0,"e":""}
        $.b year_earlier {"a":[1,true],"b":"2025-03-01T00:00:00Z","c":null,"d":0,"e":""}
        $.b another_kind {"a":[1,true],"b":1,"c":null,"d":0,"e":""}
        $.c missing {"a":[1,true],"b":"2026-03-01T00:00:00Z","d":0,"e":""}
        $.c another_kind {"a":[1,true],"b":"2026-03-01T00:00:00Z","c":"x","d":0,"e":""}
        $.d missing {"a":[1,true],"b":"2026-03-01T00:00:00Z","c":null,"e":""}
        $.d null {"a":[1,true],"b":"2026-03-01T00:00:00Z","c":null,"d":null,"e":""}
        $.d huge {"a":[1,true],"b":"2026-03-01T00:00:00Z","c":null,"d":1000000000000000.0,"e":""}
        $.d another_kind {"a":[1,true],"b":"2026-03-01T00:00:00Z","c":null,"d":"0","e":""}
        $.e missing {"a":[1,true],"b":"2026-03-01T00:00:00Z","c":null,"d":0}
        $.e null {"a":[1,true],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":null}
        $.e another_text {"a":[1,true],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":"x"}
        $.e another_kind {"a":[1,true],"b":"2026-03-01T00:00:00Z","c":null,"d":0,"e":1}
        "#);
    }

    #[test]
    fn of_a_long_array_three_elements_are_changed() {
        let body: Json = (0_i64..1_000).map(Json::from).collect();
        let (faults, _) = faults(&body);
        let zero = faults.iter().filter(|fault| fault.change == Change::Huge);
        let paths: Vec<String> = zero.map(|fault| fault.path.to_string()).collect();
        assert_eq!(paths, ["$[0]", "$[500]", "$[999]"]);
        let wide = Json::object((0..2_000).map(|n| (n.to_string(), Json::from(1_i64))));
        let (faults, cut) = super::faults(&wide);
        assert_eq!((faults.len(), cut), (FAULTS_MAX, true));
    }
}
