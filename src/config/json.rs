//! JSON to tree. A slip that leaves no doubt about the meaning (a comment, a comma too many or too few, the wrong
//! quotes) is reported and read past, so that the mistakes behind it are reported in the same run.

use std::collections::HashSet;
use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::tokens::{Token, TokenAndRange};
use jsonc_parser::{
    CollectOptions, CommentCollectionStrategy, ParseOptions, ParseResult, parse_to_ast,
};

use crate::config::quotes;
use crate::config::tree::{Format, Member, Node, Value};
use crate::model::code::Code;
use crate::model::json::Number;
use crate::model::span::Mistake;

/// Returns the tree, if the text could be read at all, with everything that is wrong with the text.
pub(super) fn parse(text: &str) -> (Option<Node>, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    let error = match parse_to_ast(text, &CollectOptions::default(), &strict()) {
        Ok(parsed) => {
            mistakes.extend(unclosed_string(text));
            return (root(parsed.value, &mut mistakes), mistakes);
        }
        Err(error) => error,
    };
    if let Some(repaired) = quotes::repair(text, Format::Json) {
        let mut node = None;
        if let Ok(parsed) = lenient(&repaired.text) {
            mistakes.extend(deviations(&repaired.text, &parsed));
            node = root(parsed.value, &mut mistakes);
        }
        mistakes.extend(repaired.mistakes);
        return (node, mistakes);
    }
    if let Some(mistake) = unclosed_string(text) {
        return (None, vec![mistake]);
    }
    match lenient(text) {
        Ok(parsed) => {
            mistakes.extend(deviations(text, &parsed));
            if mistakes.is_empty() {
                mistakes.push(syntax(text, &error));
            }
            let node = root(parsed.value, &mut mistakes);
            (node, mistakes)
        }
        Err(second) => {
            mistakes.push(syntax(text, &error));
            if second.range().start != error.range().start {
                mistakes.push(syntax(text, &second));
            }
            (None, mistakes)
        }
    }
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn lenient(text: &str) -> Result<ParseResult<'_>, ParseError> {
    let collect = CollectOptions {
        comments: CommentCollectionStrategy::AsTokens,
        tokens: true,
    };
    let options = ParseOptions {
        allow_extended_string_escapes: false,
        ..ParseOptions::default()
    };
    parse_to_ast(text, &collect, &options)
}

/// Returns every place where a text that reads as loose JSON is not JSON, in order.
fn deviations(text: &str, parsed: &ParseResult<'_>) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let tokens = parsed.tokens.as_deref().unwrap_or_default();
    let mut before: Option<&TokenAndRange<'_>> = None;
    for token in tokens {
        let span = token.range.start..token.range.end;
        if let Token::CommentLine(_) | Token::CommentBlock(_) = token.token {
            mistakes.push(comment(span));
            continue;
        }
        if let Some(before) = before {
            mistakes.extend(between(before, token));
        }
        if let Token::String(_) = token.token {
            let written = text.get(span.clone()).unwrap_or_default();
            if written.starts_with('\'') {
                let message = "single quotes around a string";
                mistakes.push(
                    Mistake::error(Code::Syntax, span, message).help("JSON strings take \"…\""),
                );
            }
        }
        before = Some(token);
    }
    mistakes
}

/// Returns what is wrong between two neighbouring tokens.
fn between(before: &TokenAndRange<'_>, token: &TokenAndRange<'_>) -> Option<Mistake> {
    let begins = matches!(
        token.token,
        Token::String(_)
            | Token::Number(_)
            | Token::Boolean(_)
            | Token::Null
            | Token::Word(_)
            | Token::OpenBrace
            | Token::OpenBracket
    );
    let before_span = before.range.start..before.range.end;
    match (&before.token, &token.token) {
        (Token::Comma, Token::CloseBrace | Token::CloseBracket) => Some(
            Mistake::error(
                Code::Syntax,
                before_span,
                "a comma before the closing bracket",
            )
            .help("JSON has no trailing commas: remove it"),
        ),
        (Token::Word(word), Token::Colon) => Some(
            Mistake::error(
                Code::Syntax,
                before_span,
                format!("the key {word} has no quotes"),
            )
            .help(format!("write \"{word}\"")),
        ),
        (Token::Number(_) | Token::Boolean(_) | Token::Null, Token::Colon) => Some(
            Mistake::error(Code::Syntax, before_span, "a key without quotes")
                .help("write it as \"…\""),
        ),
        (Token::Comma | Token::Colon | Token::OpenBrace | Token::OpenBracket, _) => None,
        _ if begins => Some(
            Mistake::error(
                Code::Syntax,
                before.range.end..before.range.end,
                "a comma is missing here",
            )
            .help("put `,` between two values"),
        ),
        _ => None,
    }
}

fn comment(span: Range<usize>) -> Mistake {
    Mistake::error(Code::Syntax, span, "a comment, which JSON does not have")
        .help("remove it, or write the config as TOML, where comments begin with `#`")
}

fn root(value: Option<ast::Value<'_>>, mistakes: &mut Vec<Mistake>) -> Option<Node> {
    value.map(|value| node(value, mistakes))
}

/// Depth is bounded: the text was measured before it was parsed, and the parser has a limit of its own.
fn node(value: ast::Value<'_>, mistakes: &mut Vec<Mistake>) -> Node {
    let range = value.range();
    let span = range.start..range.end;
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(literal) => Value::Boolean(literal.value),
        ast::Value::StringLit(literal) => Value::Text(literal.value.into()),
        ast::Value::NumberLit(literal) => number(literal.value, &span, mistakes),
        ast::Value::Array(array) => Value::List(
            array
                .elements
                .into_iter()
                .map(|element| node(element, mistakes))
                .collect(),
        ),
        ast::Value::Object(object) => table(object, mistakes),
    };
    Node { span, value }
}

fn table(object: ast::Object<'_>, mistakes: &mut Vec<Mistake>) -> Value {
    let mut seen = HashSet::with_capacity(object.properties.len());
    let mut members = Vec::with_capacity(object.properties.len());
    for property in object.properties {
        let range = property.name.range();
        let key_span = range.start..range.end;
        let key: std::sync::Arc<str> = property.name.as_str().into();
        if !seen.insert(std::sync::Arc::clone(&key)) {
            let message = format!("the key `{key}` is there twice");
            mistakes.push(
                Mistake::error(Code::Duplicate, key_span, message)
                    .help("keep one of the two; it is not clear which counts"),
            );
            continue;
        }
        let node = node(property.value, mistakes);
        members.push(Member {
            key,
            key_span,
            node,
        });
    }
    Value::Table(members)
}

fn number(written: &str, span: &Range<usize>, mistakes: &mut Vec<Mistake>) -> Value {
    let plain = written
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'))
        && !written.starts_with(['+', '.'])
        && !written.ends_with('.');
    let number = written
        .parse()
        .map(Number::Int)
        .or_else(|_| written.parse().map(Number::UInt))
        .ok()
        .or_else(|| {
            written
                .parse()
                .ok()
                .filter(|float: &f64| float.is_finite())
                .map(Number::Float)
        })
        .filter(|_| plain);
    number.map_or_else(
        || {
            let message = format!("{} is not a number of JSON", cut(written));
            let help = "write digits, such as 12, -0.5 or 1e9; at most about 1e308";
            mistakes.push(Mistake::error(Code::Syntax, span.clone(), message).help(help));
            Value::Broken
        },
        Value::Number,
    )
}

fn cut(written: &str) -> String {
    let mut text: String = written.chars().take(40).collect();
    if text.len() < written.len() {
        text.push('…');
    }
    text
}

/// Returns the first string that goes on after the end of its line. The parser reads on to the next quote, and what it
/// says then is about a place where nothing is wrong.
fn unclosed_string(text: &str) -> Option<Mistake> {
    let mut characters = text.char_indices().peekable();
    let mut open = None;
    while let Some((at, character)) = characters.next() {
        match (open, character) {
            (Some(start), '\n') => {
                return Some(
                    Mistake::error(
                        Code::Syntax,
                        start..at,
                        "this string has no closing quote on its line",
                    )
                    .help("add the missing `\"`; a line break within a string is written \\n"),
                );
            }
            (Some(_), '\\') => {
                characters.next_if(|(_, escaped)| *escaped != '\n');
            }
            (Some(_), '"') => open = None,
            (None, '"') => open = Some(at),
            (None, '/') if characters.next_if(|(_, next)| *next == '/').is_some() => {
                while characters.next_if(|(_, next)| *next != '\n').is_some() {}
            }
            _ => {}
        }
    }
    None
}

/// Says in words what the parser met.
fn syntax(text: &str, error: &ParseError) -> Mistake {
    use ParseErrorKind as Kind;
    let range = error.range();
    let span = range.start..range.end;
    let (message, help) = match error.kind() {
        Kind::CommentsNotAllowed => return comment(span),
        Kind::ExpectedColonAfterObjectKey => {
            ("a key needs a `:` and a value", "write \"key\": value")
        }
        Kind::ExpectedObjectValue => ("a value is missing after the `:`", "write \"key\": value"),
        Kind::ExpectedComma => ("a comma is missing here", "put `,` between two values"),
        Kind::MultipleRootJsonValues => (
            "text after the end of the config",
            "an ops config is one object: { … }; a bracket may close too early above",
        ),
        Kind::SingleQuotedStringsNotAllowed => {
            ("single quotes around a string", "JSON strings take \"…\"")
        }
        Kind::TrailingCommasNotAllowed => (
            "a comma before the closing bracket",
            "JSON has no trailing commas: remove it",
        ),
        Kind::UnexpectedCloseBrace | Kind::UnexpectedCloseBracket => (
            "a closing bracket that nothing opened, or a value is missing before it",
            "every `{` needs one `}`, every `[` one `]`",
        ),
        Kind::UnexpectedColon => ("a `:` without a key before it", "write \"key\": value"),
        Kind::UnexpectedComma => (
            "a comma where a value should be",
            "one comma between two values",
        ),
        Kind::ExpectedStringObjectProperty => ("a key without quotes", "write it as \"…\""),
        Kind::UnterminatedArray => ("this list is never closed", "add the missing `]`"),
        Kind::UnterminatedObject => ("this object is never closed", "add the missing `}`"),
        Kind::UnterminatedCommentBlock => (
            "this comment is never closed",
            "JSON has no comments: remove it",
        ),
        Kind::NestingDepthExceeded => {
            ("nested too deeply", "an ops config needs a few levels only")
        }
        Kind::UnexpectedTokenInObject => ("a key in quotes should be here", "write \"key\": value"),
        Kind::String(problem) => return string(span, problem, text),
        Kind::UnexpectedWord | Kind::UnexpectedToken => (
            "this is no value of JSON",
            "strings take \"…\"; the only words are true, false and null",
        ),
        _ => (
            "this is no number of JSON",
            "write digits, such as 12, -0.5 or 1e9",
        ),
    };
    Mistake::error(Code::Syntax, span, message).help(help)
}

fn string(span: Range<usize>, problem: &jsonc_parser::ParseStringErrorKind, text: &str) -> Mistake {
    use jsonc_parser::ParseStringErrorKind as Kind;
    match problem {
        Kind::UnterminatedStringLiteral => {
            let line = text.get(span.clone()).and_then(|string| string.lines().next());
            let span = line.map_or(span.clone(), |line| span.start..span.start + line.len());
            Mistake::error(Code::Syntax, span, "this string has no closing quote")
                .help("add the missing `\"`; a string ends on the line where it begins")
        }
        _ => Mistake::error(Code::Syntax, span, "an escape that JSON does not know").help(
            "JSON has \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u0041; a backslash itself is written \\\\",
        ),
    }
}
