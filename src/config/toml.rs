//! TOML to tree.

mod recover;
mod statements;
mod words;

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::quotes;
use crate::config::tree::{Format, Member, Node, Value};
use crate::config::values;
use crate::model::code::Code;
use crate::model::json::Number;
use crate::model::span::Mistake;
use recover::Recovered;

/// Returns the tree with everything that is wrong with the text. The tree is absent where so much is broken that
/// mistakes found in it could mislead.
pub(super) fn parse(text: &str) -> (Option<Node>, Vec<Mistake>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::default();
    let Some(first) = errors.first() else {
        let node = reader.tree(table, text);
        return (Some(node), reader.mistakes);
    };
    if text.trim_start().starts_with(['{', '}']) {
        let span = first.span().unwrap_or(0..0);
        let mistake = Mistake::error(Code::Syntax, span, "this looks like JSON");
        return (None, vec![mistake.help("name the file .json")]);
    }
    let repaired = quotes::repair(text, Format::Toml);
    let plain = repaired.as_ref().map_or(text, |repaired| &*repaired.text);
    let recovered = recover::recover(plain);
    let (table, _) = DeTable::parse_recoverable(&recovered.text);
    reader.recovered = Some(&recovered);
    let node = (!recovered.hopeless).then(|| reader.tree(table, text));
    let mut mistakes = repaired.map_or_else(Vec::new, |repaired| repaired.mistakes);
    mistakes.extend(reader.mistakes);
    mistakes.extend(recovered.mistakes);
    (node, mistakes)
}

/// Makes a tree of what the parser read.
#[derive(Default)]
struct Reader<'a> {
    mistakes: Vec<Mistake>,
    /// Where the text had mistakes: what is left of it.
    recovered: Option<&'a Recovered>,
}

impl Reader<'_> {
    fn place(&self, span: Range<usize>) -> Range<usize> {
        self.recovered
            .map_or_else(|| span.clone(), |recovered| recovered.original(&span))
    }

    fn tree(&mut self, table: Spanned<DeTable<'_>>, text: &str) -> Node {
        Node {
            span: 0..text.len(),
            value: self.members(table.into_inner()),
        }
    }

    /// Depth is bounded by the parser, which refuses more than 80 levels of brackets and of dotted keys.
    fn node(&mut self, value: Spanned<DeValue<'_>>) -> Node {
        let parsed = value.span();
        let span = self.place(parsed.clone());
        let value = match value.into_inner() {
            DeValue::Array(items) => {
                Value::List(items.into_iter().map(|item| self.node(item)).collect())
            }
            DeValue::Table(table) => self.members(table),
            _ if self.is_broken(&parsed) => Value::Broken,
            DeValue::String(text) => Value::Text(text.into()),
            DeValue::Boolean(value) => Value::Boolean(value),
            DeValue::Datetime(datetime) => Value::Text(datetime.to_string().into()),
            DeValue::Integer(integer) => {
                let (digits, radix) = (integer.as_str(), integer.radix());
                i64::from_str_radix(digits, radix)
                    .map(Number::Int)
                    .or_else(|_| u64::from_str_radix(digits, radix).map(Number::UInt))
                    .map_or_else(|_| self.too_large(&span), Value::Number)
            }
            DeValue::Float(float) => float
                .as_str()
                .parse()
                .ok()
                .filter(|float: &f64| float.is_finite())
                .map_or_else(
                    || self.too_large(&span),
                    |float| Value::Number(Number::Float(float)),
                ),
        };
        Node { span, value }
    }

    /// A value without a place is what the parser puts where there is none.
    fn is_broken(&self, span: &Range<usize>) -> bool {
        let broken = self
            .recovered
            .map_or(&[][..], |recovered| &recovered.broken);
        let after = broken.partition_point(|broken| broken.start < span.start);
        let broken = broken.get(after);
        let reported = broken.is_some_and(|broken| broken.start < span.end);
        reported || (span.is_empty() && self.recovered.is_some())
    }

    fn too_large(&mut self, span: &Range<usize>) -> Value {
        self.mistakes.push(
            Mistake::error(
                Code::Syntax,
                span.clone(),
                "this number is too large or not finite",
            )
            .help("whole numbers have 64 bits, others reach about 1e308"),
        );
        Value::Broken
    }

    /// The parser keeps keys in the order of the alphabet; their places bring back the order of the file.
    fn members(&mut self, table: DeTable<'_>) -> Value {
        let mut members: Vec<Member> = table
            .into_iter()
            .map(|(key, value)| Member {
                key_span: self.place(key.span()),
                key: key.into_inner().into(),
                node: self.node(value),
            })
            .collect();
        members.sort_by_key(|member| member.key_span.start);
        Value::Table(members)
    }
}
