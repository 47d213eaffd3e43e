//! Reads what can be read of a TOML text with mistakes, so that one does not hide the others.
//!
//! The parser goes on after a value that it cannot read. After anything else it may read a whole file as the inside of a
//! list: such a statement is told and taken out, a header is put right, and the rest is parsed anew.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::statements::{self, Statement};
use super::words;
use crate::model::code::Code;
use crate::model::span::Mistake;

/// How many statements are mended; a text with more is no config that someone wrote.
const MENDED_MAX: usize = 20;

/// A text that parses but for values that are known to be broken.
pub(super) struct Recovered {
    pub(super) text: String,
    /// What is wrong, at its place in the text as it was.
    pub(super) mistakes: Vec<Mistake>,
    /// The values that were not read, in order.
    pub(super) broken: Vec<Range<usize>>,
    /// Where bytes were put in.
    added: Vec<usize>,
    /// Whether so much is broken that mistakes found in the rest could mislead.
    pub(super) hopeless: bool,
}

/// Returns what is left of a text that does not parse.
pub(super) fn recover(text: &str) -> Recovered {
    let mut recovered = Recovered {
        text: text.to_owned(),
        mistakes: Vec::new(),
        broken: Vec::new(),
        added: Vec::new(),
        hopeless: false,
    };
    for _ in 0..=MENDED_MAX {
        let parsed = recovered.text.clone();
        let (table, errors) = DeTable::parse_recoverable(&parsed);
        let Some(next) = recovered.look(&table, &errors) else {
            return recovered;
        };
        recovered.mend(&next);
    }
    recovered.hopeless = true;
    recovered
}

impl Recovered {
    /// Returns the place in the text as it was.
    pub(super) fn original(&self, span: &Range<usize>) -> Range<usize> {
        let place = |at: usize| at - self.added.iter().filter(|added| **added < at).count();
        place(span.start)..place(span.end)
    }

    fn tell(&mut self, mut mistake: Mistake) {
        mistake.span = self.original(&mistake.span);
        self.mistakes.push(mistake);
    }

    /// Takes in the errors where all are such that the parser went on after them; else tells of the first that is not,
    /// and returns its statement.
    fn look(
        &mut self,
        table: &Spanned<DeTable<'_>>,
        errors: &[toml::de::Error],
    ) -> Option<Statement> {
        let statements = statements::of(&self.text);
        // Whatever the parser says of the lines after a bracket that is never closed, it takes them for something else.
        if let Some(open) = statements
            .iter()
            .find(|statement| statement.open_bracket.is_some())
        {
            let at = open.span.clone();
            self.tell(words::mistake(
                &self.text,
                open,
                "a bracket is never closed",
                at,
            ));
            return Some(open.clone());
        }
        let mut scalars = Vec::new();
        collect(table.get_ref(), &mut scalars);
        scalars.sort_by_key(|span| span.start);
        let mut told: Vec<Mistake> = Vec::new();
        let mut broken = Vec::new();
        let mut last = None;
        for error in errors {
            let span = error.span().unwrap_or(self.text.len()..self.text.len());
            if error.message().contains("recurs") {
                self.hopeless = true;
                self.tell(
                    Mistake::error(Code::Syntax, span, "nested too deeply")
                        .help("an ops config needs a few levels only"),
                );
                return None;
            }
            if error.message() == "duplicate key" {
                let key = self.text.get(span.clone()).unwrap_or_default();
                let message = format!("the key `{key}` is there twice");
                told.push(
                    Mistake::error(Code::Duplicate, span, message)
                        .help("keep one of the two; it is not clear which counts"),
                );
                continue;
            }
            let number = statements
                .partition_point(|statement| statement.span.start <= span.start)
                .checked_sub(1);
            let Some((number, statement)) =
                number.and_then(|number| Some((number, statements.get(number)?)))
            else {
                self.hopeless = true;
                self.tell(words::other(error.message(), span));
                return None;
            };
            let scalar = containing(&scalars, &span);
            let mistake = || words::mistake(&self.text, statement, error.message(), span.clone());
            let is_mended =
                !statement.is_header(&self.text) || statement.right_header(&self.text).is_some();
            if scalar.is_none() && is_mended {
                let mistake = mistake();
                self.tell(mistake);
                return Some(statement.clone());
            }
            if last != Some(number) || scalar.is_some_and(|scalar| !broken.contains(scalar)) {
                told.push(mistake());
            }
            broken.extend(scalar.cloned());
            last = Some(number);
        }
        for mistake in told {
            self.tell(mistake);
        }
        self.broken.extend(broken);
        self.broken.sort_by_key(|span| span.start);
        None
    }

    /// Puts a header right, a value that is known to be broken in the place of a statement's, or nothing where it has no
    /// key.
    fn mend(&mut self, statement: &Statement) {
        if let Some((span, right)) = statement.right_header(&self.text) {
            self.put_right(span, &right);
            return;
        }
        let value = statement.value(&self.text);
        let whole = value.clone().unwrap_or_else(|| statement.span.clone());
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        for byte in bytes.get_mut(whole).into_iter().flatten() {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        if let Some(value) = value {
            if let Some(first) = bytes.get_mut(value.start) {
                *first = b'0';
            }
            self.broken.push(value.start..value.start + 1);
        }
        self.text = String::from_utf8_lossy(&bytes).into_owned();
    }

    fn put_right(&mut self, span: Range<usize>, right: &str) {
        let padding = " ".repeat(span.len().saturating_sub(right.len()));
        let end = span.end;
        let more = right.len().saturating_sub(span.len());
        self.text.replace_range(span, &format!("{right}{padding}"));
        let shift = |at: &mut usize| *at += if *at >= end { more } else { 0 };
        self.added.iter_mut().for_each(shift);
        for broken in &mut self.broken {
            shift(&mut broken.start);
            shift(&mut broken.end);
        }
        self.added.extend(end..end + more);
    }
}

/// Returns the scalar that a span lies in.
fn containing<'a>(scalars: &'a [Range<usize>], span: &Range<usize>) -> Option<&'a Range<usize>> {
    let after = scalars.partition_point(|scalar| scalar.start <= span.start);
    scalars
        .get(after.checked_sub(1)?)
        .filter(|scalar| span.end <= scalar.end)
}

fn collect(table: &DeTable<'_>, scalars: &mut Vec<Range<usize>>) {
    for value in table.values() {
        collect_of(value, scalars);
    }
}

/// Depth is bounded by the parser.
fn collect_of(value: &Spanned<DeValue<'_>>, scalars: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().for_each(|item| collect_of(item, scalars)),
        DeValue::Table(table) => collect(table, scalars),
        _ if value.span().is_empty() => {}
        _ => scalars.push(value.span()),
    }
}
