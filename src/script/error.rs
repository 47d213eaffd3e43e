//! The interpreter's errors as findings and mistakes, with their place.

mod words;

use std::sync::Arc;

use rhai::{AST, EvalAltResult, ParseError, ParseErrorType, Position};

use self::words::{changes, is_word, no_key, parts, reworded, reworded_syntax};
use super::api::http::asked_only_the_service;
use super::bench::Compiled;
use super::blame::{self, Reads};
use super::guard::Trip;
use super::lint;
use super::source::Source;
use super::value::{Origin, Raised, SHAPE, odd_one, text};
use crate::model::code::Code;
use crate::model::counted::counted;
use crate::model::judgement::{Call, Finding, Severity};
use crate::model::span::{Mistake, Place, did_you_mean};

/// Bytes of the name of a function that are shown.
const NAME_BYTES: usize = 60;
/// What a script does that calls too deep.
pub(super) const TOO_DEEP: &str = "calls functions within functions too deep";
/// Bytes of a thrown value that are shown.
const THROWN_BYTES: usize = 1024;

/// Returns a syntax error at its place.
pub(super) fn syntax(error: &ParseError, source: &str) -> Mistake {
    if let ParseErrorType::ForbiddenVariable(name) = error.err_type() {
        let message = format!("`{name}` is a value of OES and cannot be defined again");
        return Mistake::error(Code::Redefined, span(source, error.position()), message)
            .help("give yours another name");
    }
    if let ParseErrorType::VariableUndefined(name) = error.err_type() {
        let mistake = Mistake::error(
            Code::UnknownVariable,
            span(source, error.position()),
            format!("there is no variable `{name}`"),
        );
        return match did_you_mean(name, super::engine::VALUES.iter().copied()) {
            Some(near) => mistake.help(format!("did you mean `{near}`?")),
            None => mistake,
        };
    }
    if let ParseErrorType::FnDuplicatedDefinition(name, count) = error.err_type() {
        let message = format!(
            "the function `{name}` with {} is defined twice",
            counted(*count, "parameter")
        );
        return Mistake::error(Code::Redefined, span(source, error.position()), message)
            .help("give one of them another name");
    }
    let limit = match error.err_type() {
        ParseErrorType::ExprTooDeep => Some((
            "this nests too deep",
            "work parts of it out before, or raise `limits.expression_depth` (in functions \
             `limits.function_expression_depth`)",
        )),
        ParseErrorType::TooManyFunctions => Some((
            "the script has too many functions",
            "closures count, too; make them fewer, or raise `limits.functions`",
        )),
        _ => None,
    };
    if let Some((message, help)) = limit {
        let span = span(source, error.position());
        return Mistake::error(Code::ScriptTooLarge, span, message).help(help);
    }
    let message = match error.err_type() {
        ParseErrorType::Reserved(word) => format!("`{word}` is a word that the language reserves"),
        other => reworded_syntax(&other.to_string()),
    };
    Mistake::error(Code::ScriptSyntax, span(source, error.position()), message)
}

/// Returns the bytes of the word at a position; empty at the end of the text.
pub(super) fn span(source: &str, position: Position) -> std::ops::Range<usize> {
    let Some(line) = position.line() else {
        return source.len()..source.len();
    };
    let begin: usize = source
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let rest = source.get(begin..).unwrap_or_default();
    let column = position.position().unwrap_or(1).saturating_sub(1);
    let start = rest
        .char_indices()
        .nth(column)
        .map_or(rest.len(), |(offset, _)| offset);
    let word = rest
        .get(start..)
        .unwrap_or_default()
        .chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .map(char::len_utf8)
        .sum::<usize>();
    let first = rest
        .get(start..)
        .and_then(|rest| rest.chars().next())
        .filter(|letter| *letter != '\n')
        .map_or(0, char::len_utf8);
    begin + start..begin + start + word.max(first)
}

/// Returns the place of a position.
pub(super) fn place(file: &Arc<str>, position: Position) -> Option<Place> {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(Place {
        file: Arc::clone(file),
        line: number(position.line()?),
        column: number(position.position().unwrap_or(1)),
    })
}

/// Returns the line of the source at a position, as it is indented there: columns count from its beginning.
pub(super) fn line(source: &str, position: Position) -> Option<String> {
    let line = source.lines().nth(position.line()?.checked_sub(1)?)?;
    Some(super::value::cut(line.trim_end(), 200))
}

/// Returns the finding that a limit amounts to.
pub(super) fn limit(trip: &Trip) -> Finding {
    Finding::error(
        format!("limit.{}", trip.limit),
        format!(
            "the script {}; make it do less, or raise `limits.{}`",
            trip.message, trip.limit
        ),
    )
    .weighing(Severity::Broken)
}

/// Returns the finding that an error of a run amounts to.
///
/// A value of the wrong kind is the fault of whoever gave it: of the service where the script reads the response, of a
/// dependency where it reads the answer of one, else of the script.
pub(super) fn finding(error: &EvalAltResult, source: &Source, script: &Compiled) -> Finding {
    let stack = stack(error, source, script);
    let (error, positions) = unwound(error);
    let spot = source.spot(innermost(&positions));
    let reads = |operand| read_at(source, script, &positions, operand);
    let ast = script.part(spot.library());
    let broken = |message: String| Finding::error("script", message).weighing(Severity::Broken);
    let mut finding = match error {
        EvalAltResult::ErrorRuntime(thrown, _) => match thrown.read_lock::<Raised>() {
            Some(raised) => match raised.origin {
                Origin::Probed => Finding::error(raised.code, raised.message.clone()),
                Origin::Dependency => {
                    Finding::error(raised.code, raised.message.clone()).weighing(Severity::Unknown)
                }
                Origin::Own => blamed(raised.message.clone(), reads(raised.operand)),
            },
            None => broken(text(thrown, THROWN_BYTES)),
        },
        EvalAltResult::ErrorPropertyNotFound(key, _) => {
            match blame::keys(ast, innermost(&positions)) {
                Some(keys) => broken(no_key(key, &keys)),
                None => blamed(reworded(error, ast), reads(None)),
            }
        }
        other => match interpreters_limit(other) {
            Some(trip) => limit(&trip),
            None if is_about_kinds(other, ast) => {
                blamed(reworded(other, ast), reads(odd_operand(other)))
            }
            None => broken(reworded(other, ast)),
        },
    };
    (finding.at, finding.source) = spot.shown();
    finding.stack = stack;
    finding
}

/// Returns whose value is wrong: what is read there, else what a library was given where it was called.
fn read_at(
    source: &Source,
    script: &Compiled,
    positions: &[Position],
    operand: Option<usize>,
) -> Option<Reads> {
    let mut operand = operand;
    for position in positions.iter().rev() {
        let library = source.spot(*position).library();
        let reads = blame::at(script.part(library), *position, operand.take());
        if reads.is_some() || library.is_empty() {
            return reads;
        }
    }
    None
}

/// Returns where a run was ended by force; the interpreter says where it was, of functions only from where they were
/// called.
pub(super) fn ended(error: &EvalAltResult, source: &Source) -> (Option<Place>, Option<String>) {
    let (_, positions) = unwound(error);
    source.spot(innermost(&positions)).shown()
}

/// Returns the finding with the script that it is about: where nobody knows the line, with its first one.
pub(super) fn about(mut finding: Finding, source: &Source) -> Finding {
    finding.at.get_or_insert_with(|| Place {
        file: Arc::clone(&source.file),
        line: 1,
        column: 1,
    });
    finding
}

/// Returns the finding for a value of the wrong kind that was read from there.
fn blamed(message: String, reads: Option<Reads>) -> Finding {
    let (whose, severity) = match reads {
        None => return Finding::error("script", message).weighing(Severity::Broken),
        Some(Reads::Response) => ("response", Severity::Error),
        Some(Reads::Answer) if asked_only_the_service() => ("answer", Severity::Error),
        Some(Reads::Answer) => ("answer", Severity::Unknown),
    };
    let message = format!("the {whose} is not as the script expects: {message}");
    Finding::error(SHAPE, message).weighing(severity)
}

/// Tells whether an error says that a value is of another kind, or has another size, than the script takes it for.
fn is_about_kinds(error: &EvalAltResult, ast: &AST) -> bool {
    match error {
        EvalAltResult::ErrorDotExpr(what, _) => !what.contains("setter"),
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let (name, kinds) = parts(signature);
            let is_own = ast.iter_functions().any(|function| function.name == name);
            // A function that takes no kind of value at all, or not so many, is a mistake in the script.
            !signature.contains("set$")
                && !changes(name, &kinds)
                && !is_own
                && (!is_word(name) || lint::takes(name, kinds.len()))
        }
        EvalAltResult::ErrorPropertyNotFound(..)
        | EvalAltResult::ErrorIndexNotFound(..)
        | EvalAltResult::ErrorArrayBounds(..)
        | EvalAltResult::ErrorStringBounds(..)
        | EvalAltResult::ErrorMismatchDataType(..)
        | EvalAltResult::ErrorIndexingType(..)
        | EvalAltResult::ErrorFor(..) => true,
        _ => false,
    }
}

/// Returns which operand of an operator is of the wrong kind.
fn odd_operand(error: &EvalAltResult) -> Option<usize> {
    let EvalAltResult::ErrorFunctionNotFound(signature, _) = error else {
        return None;
    };
    match parts(signature) {
        (name, kinds) if !is_word(name) => match kinds.as_slice() {
            [a, b] => odd_one(a, b),
            _ => None,
        },
        (name, kinds) => lint::odd_one(name, &kinds),
    }
}

/// Follows calls to the error that began it all, and returns it with where the run was, the innermost last.
fn unwound(error: &EvalAltResult) -> (&EvalAltResult, Vec<Position>) {
    let mut error = error;
    let mut positions = vec![error.position()];
    while let EvalAltResult::ErrorInFunctionCall(_, _, inner, _) = error {
        error = inner;
        if !inner.position().is_none() {
            positions.push(inner.position());
        }
    }
    (error, positions)
}

fn innermost(positions: &[Position]) -> Position {
    positions.last().copied().unwrap_or(Position::NONE)
}

/// Returns the functions of the script and of its libraries that were running, the innermost first.
fn stack(error: &EvalAltResult, source: &Source, script: &Compiled) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut error = error;
    // A native function that calls a closure knows where it was called itself.
    let mut from = Position::NONE;
    while let EvalAltResult::ErrorInFunctionCall(name, _, inner, position) = error {
        if !position.is_none() {
            from = *position;
        }
        if script.defines(name) {
            let function = function_name(name);
            calls.push(Call {
                function,
                from: source.spot(from).shown().0,
            });
        }
        error = inner;
    }
    calls.reverse();
    calls
}

/// Returns what a person calls a function of a script.
pub(super) fn function_name(name: &str) -> String {
    if name.starts_with("anon$") {
        "a closure".to_owned()
    } else {
        super::value::cut(name, NAME_BYTES)
    }
}

/// Returns the limit that the interpreter itself held.
fn interpreters_limit(error: &EvalAltResult) -> Option<Trip> {
    let (limit, message) = match error {
        EvalAltResult::ErrorStackOverflow(_) => ("call_depth", TOO_DEEP.to_owned()),
        EvalAltResult::ErrorTooManyVariables(_) => {
            ("variables", "has too many variables at once".to_owned())
        }
        EvalAltResult::ErrorDataTooLarge(what, _) => {
            let what = reworded_syntax(what);
            let limit = if what.contains("string") {
                "string_bytes"
            } else if what.contains("map") {
                "map_keys"
            } else {
                "array_items"
            };
            (limit, format!("made a value that is too large ({what})"))
        }
        _ => return None,
    };
    Some(Trip { limit, message })
}
