//! One walker for both modes: a pattern and a value, side by side.

use std::cmp::Ordering;

use crate::model::code::FindingCode;
use crate::model::json::{Json, Number, Object};
use crate::model::judgement::{Finding, Severity};

use super::collector::{Collector, Mismatch};
use super::near::near_key;
use super::node::{Member, Members, Node};
use super::place::Place;
use super::text::{bounded, count, named, one_line, shown};
use super::{Extra, Options, Tolerance};

/// Returns what is wrong with a value, in document order.
pub(super) fn findings(root: &Node, options: &Options, value: &Json) -> Vec<Finding> {
    let mut walk = Walk {
        options,
        sink: Sink::Tell(Collector::default()),
    };
    walk.node(root, value, &Place::ROOT);
    match walk.sink {
        Sink::Tell(collector) => collector.finish(),
        Sink::Ask { .. } => Vec::new(),
    }
}

/// A walk over one value.
pub(super) struct Walk<'p> {
    pub(super) options: &'p Options,
    sink: Sink,
}

/// What becomes of a mismatch.
enum Sink {
    /// It is told.
    Tell(Collector),
    /// Only whether there is one is asked.
    Ask { failed: bool },
}

impl Walk<'_> {
    /// Tells whether a value matches; warnings do not count.
    pub(super) fn matches(&self, node: &Node, value: &Json, place: &Place<'_>) -> bool {
        let mut walk = Walk {
            options: self.options,
            sink: Sink::Ask { failed: false },
        };
        walk.node(node, value, place);
        !walk.is_over()
    }

    /// Tells whether the answer is known already.
    fn is_over(&self) -> bool {
        matches!(self.sink, Sink::Ask { failed: true })
    }

    pub(super) fn report(
        &mut self,
        place: &Place<'_>,
        code: FindingCode,
        make: impl FnOnce() -> Mismatch,
    ) {
        self.weigh(place, code, Severity::Error, make);
    }

    fn weigh(
        &mut self,
        place: &Place<'_>,
        code: FindingCode,
        severity: Severity,
        make: impl FnOnce() -> Mismatch,
    ) {
        match &mut self.sink {
            Sink::Tell(collector) => collector.add(place, code, severity, make),
            Sink::Ask { failed } => *failed |= severity == Severity::Error,
        }
    }

    /// Reports that `value` is not what `node` wants, in the usual words.
    fn contrast(&mut self, place: &Place<'_>, code: FindingCode, node: &Node, value: &Json) {
        self.report(place, code, || Mismatch {
            message: node.contrast(value),
            expected: Some(node.expected()),
            actual: Some(bounded(value)),
        });
    }

    fn is_ignored(&self, place: &Place<'_>) -> bool {
        self.options.ignore.iter().any(|path| place.is_at(path))
    }

    /// Holds one value against one node.
    pub(super) fn node(&mut self, node: &Node, value: &Json, place: &Place<'_>) {
        if self.is_over() || self.is_ignored(place) {
            return;
        }
        let wrong = match (node, value) {
            (Node::Any | Node::Ignore, _)
            | (Node::Null | Node::Nullable(_), Json::Null)
            | (Node::Boolean { .. }, Json::Bool(_))
            | (Node::Text { length: None, .. }, Json::String(_)) => None,
            (Node::NotNull, value) => matches!(value, Json::Null).then_some(FindingCode::Type),
            (Node::Nullable(inner), _) => return self.node(inner, value, place),
            (Node::Absent, _) => return self.unexpected(place, value, Severity::Error),
            (Node::Number { whole, range, .. }, Json::Number(number)) => {
                let in_range = range.as_ref().is_none_or(|range| range.holds(*number));
                if *whole && !number.is_whole() {
                    Some(FindingCode::Type)
                } else {
                    (!in_range).then_some(FindingCode::Range)
                }
            }
            (
                Node::Text {
                    length: Some(length),
                    ..
                },
                Json::String(text),
            ) => {
                let characters = text.chars().count();
                if length.holds_size(characters) {
                    return;
                }
                return self.report(place, FindingCode::Length, || Mismatch {
                    message: format!(
                        "expected {}, got {characters}: {}",
                        node.describe(),
                        shown(value)
                    ),
                    expected: Some(node.expected()),
                    actual: Some(bounded(value)),
                });
            }
            (Node::Format(format), Json::String(text)) => {
                (!format.holds(text)).then_some(FindingCode::Format)
            }
            (Node::Regex(regex), Json::String(text)) => {
                (!regex.is_match(text)).then_some(FindingCode::Format)
            }
            (Node::OneOf(values), _) => {
                let is_one = values.iter().any(|wanted| is_equal(wanted, value));
                (!is_one).then_some(FindingCode::Value)
            }
            (Node::Value(expected), _) => return self.scalar(node, expected, value, place),
            (Node::Elements { .. } | Node::List(_), Json::Array(elements)) => {
                return self.array(node, elements, value, place);
            }
            (Node::Object(members), Json::Object(object)) => {
                return self.object(members, object, place);
            }
            _ => Some(FindingCode::Type),
        };
        if let Some(code) = wrong {
            self.contrast(place, code, node, value);
        }
    }

    fn scalar(&mut self, node: &Node, expected: &Json, value: &Json, place: &Place<'_>) {
        if expected.kind() != value.kind() {
            return self.contrast(place, FindingCode::Type, node, value);
        }
        if let (Json::Number(expected), Json::Number(actual)) = (expected, value)
            && let Some(tolerance) = self.tolerance(place)
        {
            return self.near(*expected, *actual, tolerance, place);
        }
        // Scalars only: a container in a sample is a node of its own.
        if !is_equal(expected, value) {
            self.report(place, FindingCode::Value, || Mismatch {
                message: unequal(expected, value),
                expected: Some(bounded(expected)),
                actual: Some(bounded(value)),
            });
        }
    }

    fn tolerance(&self, place: &Place<'_>) -> Option<Tolerance> {
        let mut all = self.options.tolerance.iter();
        all.find(|(path, _)| place.is_at(path))
            .map(|(_, tolerance)| *tolerance)
    }

    fn near(&mut self, expected: Number, actual: Number, by: Tolerance, place: &Place<'_>) {
        if expected.compare(actual) == Ordering::Equal {
            return;
        }
        let (allowed, words) = match by {
            Tolerance::Absolute(by) => (by, format!("±{by}")),
            Tolerance::Percent(by) => (expected.as_f64().abs() * by / 100.0, format!("±{by}%")),
        };
        let off = distance(expected, actual);
        // The last bits of 1.1 - 1.0 must not decide whether it is within 0.1.
        let slack = f64::EPSILON * 2.0 * expected.as_f64().abs().max(actual.as_f64().abs());
        let slack = if allowed > 0.0 && allowed > slack {
            slack
        } else {
            0.0
        };
        if off > allowed + slack {
            self.report(place, FindingCode::Value, || Mismatch {
                message: format!(
                    "expected {expected} {words}, got {actual} (off by {})",
                    rounded(off)
                ),
                expected: Some(Json::string(format!("{expected} {words}"))),
                actual: Some(Json::Number(actual)),
            });
        }
    }

    fn array(&mut self, node: &Node, elements: &[Json], value: &Json, place: &Place<'_>) {
        match node {
            Node::Elements { like, size } => {
                if size
                    .as_ref()
                    .is_some_and(|size| !size.holds_size(elements.len()))
                {
                    self.wrong_size(node, value, elements.len(), place);
                }
                for (index, element) in elements.iter().enumerate() {
                    if self.is_over() || like.is_empty() {
                        return;
                    }
                    self.element(like, element, &place.index(index));
                }
            }
            Node::List(nodes) => {
                let options = self.options;
                if options.unordered.iter().any(|path| place.is_at(path)) {
                    return self.unordered(nodes, elements, place);
                }
                if nodes.len() != elements.len() {
                    self.wrong_size(node, value, elements.len(), place);
                }
                for (index, (node, element)) in nodes.iter().zip(elements).enumerate() {
                    self.node(node, element, &place.index(index));
                }
            }
            _ => {}
        }
    }

    pub(super) fn wrong_size(&mut self, node: &Node, value: &Json, size: usize, place: &Place<'_>) {
        self.report(place, FindingCode::Length, || Mismatch {
            message: format!("expected {}, got {}", node.describe(), count(size, "item")),
            expected: Some(node.expected()),
            actual: Some(bounded(value)),
        });
    }

    /// Holds an element against alternatives; if none fits, the first one says why.
    fn element(&mut self, like: &[Node], element: &Json, place: &Place<'_>) {
        let Some((first, others)) = like.split_first() else {
            return;
        };
        if others.is_empty() {
            return self.node(first, element, place);
        }
        match like.iter().find(|node| self.matches(node, element, place)) {
            None => self.node(first, element, place),
            // Once more for its warnings.
            Some(fits) if self.options.extra == Extra::Warn => self.node(fits, element, place),
            Some(_) => {}
        }
    }

    fn object(&mut self, members: &Members, object: &Object, place: &Place<'_>) {
        let mut met = 0;
        for member in &members.named {
            if self.is_over() {
                return;
            }
            let here = place.key(&member.key);
            match object.get(&member.key) {
                Some(value) => {
                    met += 1;
                    if !(member.optional && matches!(value, Json::Null)) {
                        self.node(&member.node, value, &here);
                    }
                }
                None => self.missing(member, members, object, &here),
            }
        }
        if met == object.len() || (members.open && members.rest.is_none()) {
            return;
        }
        let others = object
            .iter()
            .filter(|(key, _)| !members.keys.contains(*key));
        match (&members.rest, self.options.extra) {
            (Some(rest), _) => {
                for (key, value) in others {
                    if self.is_over() {
                        return;
                    }
                    self.node(rest, value, &place.any_key(key));
                }
            }
            (None, Extra::Allow) => {}
            (None, extra) => {
                let severity = if extra == Extra::Warn {
                    Severity::Warning
                } else {
                    Severity::Error
                };
                for (key, value) in others {
                    let here = place.key(key);
                    let is_missing = self.options.null_is_missing && matches!(value, Json::Null);
                    if !is_missing && !self.is_ignored(&here) {
                        self.unexpected(&here, value, severity);
                    }
                }
            }
        }
    }

    fn unexpected(&mut self, place: &Place<'_>, value: &Json, severity: Severity) {
        self.weigh(place, FindingCode::UnexpectedKey, severity, || Mismatch {
            message: format!("unexpected key, got {}", named(value)),
            expected: None,
            actual: Some(bounded(value)),
        });
    }

    fn missing(&mut self, member: &Member, members: &Members, object: &Object, place: &Place<'_>) {
        let null_is_missing =
            self.options.null_is_missing && matches!(member.node, Node::Value(Json::Null));
        if member.optional
            || member.node.may_be_missing()
            || null_is_missing
            || self.is_ignored(place)
        {
            return;
        }
        self.report(place, FindingCode::Missing, || {
            let near = near_key(&member.key, object, |key| !members.keys.contains(key))
                .map(|key| format!(" (did you mean `{}`?)", one_line(key)))
                .unwrap_or_default();
            Mismatch {
                message: format!("missing, expected {}{near}", member.node.describe()),
                expected: Some(member.node.expected()),
                actual: None,
            }
        });
    }
}

/// Tells whether a value is the expected one. A number that was rounded is none that a sample may hold.
fn is_equal(expected: &Json, value: &Json) -> bool {
    expected == value && !value.as_number().is_some_and(Number::is_beyond_exact)
}

/// Returns `expected "ok", got "down"`; two texts that look alike when cut are told apart by place.
fn unequal(expected: &Json, actual: &Json) -> String {
    let (left, right) = (shown(expected), shown(actual));
    let differs = match (expected, actual) {
        (Json::String(a), Json::String(b)) if left == right => {
            let same = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
            format!(" (they differ from character {} on)", same + 1)
        }
        _ => String::new(),
    };
    format!("expected {left}, got {right}{differs}")
}

/// Returns how far apart two numbers are; of integers exactly, rounded once.
#[expect(
    clippy::cast_precision_loss,
    reason = "the difference is exact; only its last form is rounded"
)]
fn distance(a: Number, b: Number) -> f64 {
    let integer = |number| match number {
        Number::Int(number) => Some(i128::from(number)),
        Number::UInt(number) => Some(i128::from(number)),
        Number::Float(_) => None,
    };
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => (a - b).unsigned_abs() as f64,
        _ => (a.as_f64() - b.as_f64()).abs(),
    }
}

fn rounded(off: f64) -> String {
    if (0.0001..1e15).contains(&off) {
        format!("{off:.4}")
    } else {
        format!("{off:e}")
    }
}
