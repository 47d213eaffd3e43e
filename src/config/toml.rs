//! TOML to tree.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::quotes;
use crate::config::tree::{Format, Member, Node, Value};
use crate::model::json::Number;
use crate::model::span::Mistake;

/// How many mistakes of syntax are shown; after a broken line the parser finds many that follow from it.
const MISTAKES_MAX: usize = 20;

/// Returns the tree with everything that is wrong with the text. The tree is absent where so much is broken that
/// mistakes found in it could mislead.
pub(super) fn parse(text: &str) -> (Option<Node>, Vec<Mistake>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut mistakes = Vec::new();
    if errors.is_empty() {
        let node = tree(table, text, &mut mistakes);
        return (Some(node), mistakes);
    }
    if let Some(repaired) = quotes::repair(text, Format::Toml) {
        let (table, errors) = DeTable::parse_recoverable(&repaired.text);
        let node = errors
            .is_empty()
            .then(|| tree(table, &repaired.text, &mut mistakes));
        mistakes.extend(repaired.mistakes);
        return (node, mistakes);
    }
    let only_repeated = errors
        .iter()
        .all(|error| error.message() == "duplicate key");
    mistakes.extend(
        errors
            .iter()
            .take(MISTAKES_MAX)
            .map(|error| syntax(error, text)),
    );
    let node = only_repeated.then(|| tree(table, text, &mut mistakes));
    (node, mistakes)
}

fn tree(table: Spanned<DeTable<'_>>, text: &str, mistakes: &mut Vec<Mistake>) -> Node {
    Node {
        span: 0..text.len(),
        value: members(table.into_inner(), mistakes),
    }
}

/// Depth is bounded by the parser, which refuses more than 80 levels of brackets and of dotted keys.
fn node(value: Spanned<DeValue<'_>>, mistakes: &mut Vec<Mistake>) -> Node {
    let span = value.span();
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into()),
        DeValue::Boolean(value) => Value::Boolean(value),
        DeValue::Datetime(datetime) => Value::Text(datetime.to_string().into()),
        DeValue::Integer(integer) => {
            let (digits, radix) = (integer.as_str(), integer.radix());
            i64::from_str_radix(digits, radix)
                .map(Number::Int)
                .or_else(|_| u64::from_str_radix(digits, radix).map(Number::UInt))
                .map_or_else(|_| too_large(&span, mistakes), Value::Number)
        }
        DeValue::Float(float) => float
            .as_str()
            .parse()
            .ok()
            .filter(|float: &f64| float.is_finite())
            .map_or_else(
                || too_large(&span, mistakes),
                |float| Value::Number(Number::Float(float)),
            ),
        DeValue::Array(items) => {
            Value::List(items.into_iter().map(|item| node(item, mistakes)).collect())
        }
        DeValue::Table(table) => members(table, mistakes),
    };
    Node { span, value }
}

fn too_large(span: &Range<usize>, mistakes: &mut Vec<Mistake>) -> Value {
    mistakes.push(
        Mistake::error(span.clone(), "this number is too large or not finite")
            .help("whole numbers have 64 bits, others reach about 1e308"),
    );
    Value::Broken
}

/// The parser keeps keys in the order of the alphabet; their places bring back the order of the file.
fn members(table: DeTable<'_>, mistakes: &mut Vec<Mistake>) -> Value {
    let mut members: Vec<Member> = table
        .into_iter()
        .map(|(key, value)| Member {
            key_span: key.span(),
            key: key.into_inner().into(),
            node: node(value, mistakes),
        })
        .collect();
    members.sort_by_key(|member| member.key_span.start);
    Value::Table(members)
}

fn syntax(error: &toml::de::Error, text: &str) -> Mistake {
    let span = error.span().unwrap_or(text.len()..text.len());
    let message = error.message();
    if message == "duplicate key" {
        let key = text.get(span.clone()).unwrap_or_default();
        return Mistake::error(span.clone(), format!("the key `{key}` is there twice"))
            .help("keep one of the two; it is not clear which counts");
    }
    if message.contains("recurs") {
        return Mistake::error(span, "nested too deeply")
            .help("an ops config needs a few levels only");
    }
    let mut message = message.replace('\n', ", ");
    if let Some(first) = message.get_mut(0..1) {
        first.make_ascii_lowercase();
    }
    let mistake = Mistake::error(span.clone(), message);
    match text.get(span.start..).and_then(|rest| rest.chars().next()) {
        Some('{' | '}') if span.start == 0 => {
            mistake.help("this looks like JSON: name the file .json")
        }
        _ => {
            mistake.help("strings take quotes: key = \"value\"; a service begins with [[services]]")
        }
    }
}
