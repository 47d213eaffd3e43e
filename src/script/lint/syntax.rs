//! Texts that are no script, in words for a person who does not know the interpreter's.

use std::ops::Range;

use rhai::{LexError, ParseError, ParseErrorType, Position};

use super::brackets::{Lone, lone};
use super::foreign;
use crate::model::code::Code;
use crate::model::quotes;
use crate::model::span::{Mistake, did_you_mean};
use crate::script::engine::VALUES;
use crate::script::{bare, error};

/// How a text may be read on behind a mistake, places kept, to see what else is wrong.
pub(super) enum Mend {
    /// As if there were such a variable.
    Variable(String),
    /// With this in place of so many bytes where the mistake is.
    Text(usize, String),
    /// With another name for what is called so there.
    Rename(String),
    /// With a `;` behind what comes before.
    Semicolon,
}

/// Returns the mistake that keeps a text from being a script, and how to read on.
pub(super) fn read(failed: &ParseError, text: &str) -> (Mistake, Option<Mend>) {
    let position = failed.position();
    let at = error::span(text, position);
    let rest = text.get(at.start..).unwrap_or_default();
    if let Some(quote) = rest
        .chars()
        .next()
        .filter(|letter| quotes::is_typographic(*letter))
    {
        return (quotes::mistake(Code::ScriptSyntax, at.start, quote), None);
    }
    if let Some(found) = foreign::find(failed.err_type(), rest) {
        let span = at.start..at.start + found.length;
        let mistake = Mistake::error(Code::ScriptSyntax, span, found.message).help(found.help);
        let mend = found.mended.map(|mended| Mend::Text(found.length, mended));
        return (mistake, mend);
    }
    let mistake = error::syntax(failed, text);
    match failed.err_type() {
        ParseErrorType::VariableUndefined(name) => {
            let mistake = unknown(mistake, name, text, position);
            (mistake, Some(Mend::Variable(name.clone())))
        }
        ParseErrorType::ForbiddenVariable(name)
        | ParseErrorType::FnDuplicatedDefinition(name, _) => {
            let mut mistake = mistake;
            if let Some(start) = find_word(text, at.start, name) {
                mistake.span = start..start + name.len();
            }
            (mistake, Some(Mend::Rename(name.clone())))
        }
        ParseErrorType::MissingToken(token, _) => missing(mistake, token, text, at.start),
        ParseErrorType::FnMissingBody(_) => missing(mistake, "{", text, at.start),
        ParseErrorType::UnexpectedEOF => (unclosed(text, at.start).unwrap_or(mistake), None),
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            let message = "nothing closes this text";
            let mistake = Mistake::error(Code::ScriptSyntax, at, message);
            (
                mistake.help("write the same quote again where it ends"),
                None,
            )
        }
        ParseErrorType::BadInput(LexError::UnexpectedInput(_)) => {
            let lone = unopened(text, at.start).or_else(|| without_condition(text, at.end));
            (lone.unwrap_or(mistake), None)
        }
        ParseErrorType::VariableExpected => (counted_loop(text, &at).unwrap_or(mistake), None),
        _ => (without_condition(text, at.end).unwrap_or(mistake), None),
    }
}

/// Says more of a variable that is not known where it is read.
fn unknown(mut mistake: Mistake, name: &str, text: &str, position: Position) -> Mistake {
    let code = bare::code(text);
    let defined: Vec<(&str, usize)> = definitions(&code).collect();
    if let Some((_, line)) = defined.iter().find(|(known, _)| *known == name) {
        let help = if position.line() == Some(*line) {
            format!("`{name}` is defined here, and there is none before")
        } else {
            format!(
                "the `{name}` of line {line} is not seen here: give it to the function as a parameter, or define it \
                 before, and outside of blocks"
            )
        };
        mistake.help = Some(help);
        return mistake;
    }
    // Of very short names each is like every other.
    let own = defined
        .iter()
        .map(|(known, _)| *known)
        .filter(|known| known.len() > 2);
    if let Some(near) = did_you_mean(name, VALUES.iter().copied().chain(own)) {
        mistake.help = Some(format!("did you mean `{near}`?"));
    }
    mistake
}

/// Returns the variables that a text defines, each with its line.
fn definitions(code: &str) -> impl Iterator<Item = (&str, usize)> {
    code.lines().enumerate().flat_map(|(line, text)| {
        let mut words = text
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .filter(|word| !word.is_empty());
        let mut found = Vec::new();
        while let Some(word) = words.next() {
            if matches!(word, "let" | "const" | "for") {
                found.extend(words.next().map(|name| (name, line + 1)));
            }
        }
        found
    })
}

/// Says what a text lacks where something else comes.
fn missing(mistake: Mistake, token: &str, text: &str, at: usize) -> (Mistake, Option<Mend>) {
    let before = bare::without_comments(text.get(..at).unwrap_or_default());
    let end = before.trim_end().len();
    let next = text.get(at..).and_then(|rest| rest.chars().next());
    let starts_line = before.get(end..).unwrap_or_default().contains('\n');
    let starts_word = next.is_some_and(|letter| letter.is_alphabetic() || letter == '_');
    match (token, next) {
        (";", Some(_)) if starts_line || starts_word => {
            let last = before
                .get(..end)
                .and_then(|before| before.chars().next_back());
            let span = end - last.map_or(0, char::len_utf8)..end;
            let mistake = Mistake::error(Code::ScriptSyntax, span, "a `;` is missing behind this");
            let mistake = mistake.help("each statement ends with one, but for the last of a block");
            (mistake, Some(Mend::Semicolon))
        }
        ("{", Some(_)) => {
            let mistake = Mistake::error(Code::ScriptSyntax, mistake.span, "a `{` is missing here");
            let help = "a block stands in `{ … }`, also around a single statement";
            (mistake.help(help), None)
        }
        (";", Some('}' | ')' | ']')) => (unopened(text, at).unwrap_or(mistake), None),
        ("}" | ")" | "]", _) | (",", Some(';' | '}' | ')' | ']') | None) => {
            match unclosed(text, at) {
                Some(found) => (found, None),
                None => (mistake, None),
            }
        }
        _ => (
            without_condition(text, mistake.span.end).unwrap_or(mistake),
            None,
        ),
    }
}

/// Returns the mistake of a bracket that nothing closes before a place.
fn unclosed(text: &str, at: usize) -> Option<Mistake> {
    let Lone::Opening(open) = lone(text.get(..at)?)? else {
        return None;
    };
    let bracket = text.get(open..)?.chars().next()?;
    let closes = match bracket {
        '{' => '}',
        '[' => ']',
        _ => ')',
    };
    let message = format!("nothing closes this `{bracket}`");
    let mistake = Mistake::error(Code::ScriptSyntax, open..open + 1, message);
    Some(mistake.help(format!("write a `{closes}` where it ends")))
}

/// Returns the mistake of a bracket there that nothing opens.
fn unopened(text: &str, at: usize) -> Option<Mistake> {
    let bracket = text.get(at..)?.chars().next()?;
    let found = lone(text.get(..at + bracket.len_utf8())?);
    (found == Some(Lone::Closing(at))).then(|| {
        let message = format!("nothing opens this `{bracket}`");
        let mistake = Mistake::error(Code::ScriptSyntax, at..at + 1, message);
        mistake.help("take it out, or write the other one before")
    })
}

/// Returns the mistake of a `for (let i = 0; …)`.
fn counted_loop(text: &str, at: &Range<usize>) -> Option<Mistake> {
    let before = text.get(..at.start)?.trim_end().strip_suffix('(')?;
    before.trim_end().ends_with("for").then(|| {
        let message = "a `for` goes through values";
        let mistake = Mistake::error(Code::ScriptSyntax, at.clone(), message);
        mistake.help("write `for i in 0..3 { … }`, `for item in body.items { … }`")
    })
}

/// Returns where a word is in a text, from a place on.
pub(super) fn find_word(text: &str, from: usize, word: &str) -> Option<usize> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let rest = text.get(from..)?;
    let found = rest.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = rest
            .get(..*at)
            .and_then(|before| before.chars().next_back());
        let after = rest
            .get(at + word.len()..)
            .and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    });
    found.map(|at| from + at)
}

/// Returns the mistake of an `expect()` without anything to expect.
fn without_condition(text: &str, at: usize) -> Option<Mistake> {
    let before = text.get(..at).unwrap_or_default().trim_end();
    let before = before.strip_suffix(')').map_or(before, str::trim_end);
    let call = before.strip_suffix('(').map(str::trim_end)?;
    ["expect", "require"].into_iter().find_map(|name| {
        let start = call.strip_suffix(name)?;
        let is_word = !start.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        is_word.then(|| {
            Mistake::error(
                Code::ScriptSyntax,
                start.len()..start.len() + name.len(),
                format!("`{name}` needs a condition"),
            )
            .help(format!("say what must hold: {name}(body.price > 0)"))
        })
    })
}
