//! Reads a text that may be no script, and goes on behind mistakes to find them all.

use std::time::Duration;

use rhai::{AST, Engine, LexError, Module, ParseErrorType, Position};

use super::Subject;
use super::syntax::{self, Mend};
use crate::model::span::Mistake;
use crate::script::guard::cpu_time;
use crate::script::{bare, engine, error};

/// Mistakes behind which a text is read on.
const MENDED_MAX: usize = 30;
/// Times that a text is read, unknown libraries included.
const ATTEMPTS_MAX: usize = 50;

/// Compiles a text within an amount of processor time. Returns what was compiled, what keeps the text from being a script
/// left out or mended, with these mistakes; nothing where one of them hides the rest.
pub(super) fn parse(
    engine: &mut Engine,
    subject: &Subject<'_>,
    time: Duration,
) -> (Option<AST>, Vec<Mistake>) {
    let began = cpu_time();
    let mut text = subject.text.to_owned();
    let mut variables: Vec<String> = Vec::new();
    let mut mistakes: Vec<Mistake> = Vec::new();
    for _ in 0..ATTEMPTS_MAX {
        let used = began.and_then(|began| Some(cpu_time()?.saturating_sub(began)));
        let left = time.saturating_sub(used.unwrap_or_default());
        let failed = match engine::compile_with(engine, &text, &variables, left) {
            Ok(ast) => return (Some(ast), mistakes),
            Err(failed) => failed,
        };
        match failed.err_type() {
            ParseErrorType::ModuleUndefined(name) => {
                // The lint tells of each use.
                engine.register_static_module(name, Module::new().into());
                continue;
            }
            // What is wrong made it too slow.
            ParseErrorType::BadInput(LexError::Runtime(_)) if !mistakes.is_empty() => break,
            _ => {}
        }
        // Mending moves nothing: what is wrong is shown in the text as it was.
        let (mistake, mend) = syntax::read(&failed, subject.text);
        let is_told = mistakes.contains(&mistake);
        if !is_told {
            mistakes.push(mistake);
        }
        match mend {
            Some(mend) if !is_told && mistakes.len() < MENDED_MAX => {
                if let Mend::Variable(name) = &mend {
                    variables.push(name.clone());
                } else {
                    apply(&mend, &mut text, failed.position());
                }
            }
            _ => break,
        }
    }
    (None, mistakes)
}

/// Changes a text so that nothing in it moves.
fn apply(mend: &Mend, text: &mut String, position: Position) {
    let at = error::span(text, position).start;
    match mend {
        Mend::Variable(_) => {}
        Mend::Text(length, mended) => {
            let end = at + length;
            if text.is_char_boundary(at) && text.is_char_boundary(end) && end <= text.len() {
                text.replace_range(at..end, &format!("{mended:length$}"));
            }
        }
        Mend::Rename(name) => {
            let found = syntax::find_word(text, at, name);
            if let (Some(start), Some(other)) = (found, unused(name, text)) {
                text.replace_range(start..start + name.len(), &other);
            }
        }
        Mend::Semicolon => {
            let before = bare::without_comments(text.get(..at).unwrap_or_default());
            text.insert(before.trim_end().len(), ';');
        }
    }
}

/// Returns another name of the same length that is nowhere in a text.
fn unused(name: &str, text: &str) -> Option<String> {
    let (last, _) = name.char_indices().next_back()?;
    let start = name.get(..last)?;
    ('a'..='z')
        .chain('A'..='Z')
        .map(|letter| format!("{start}{letter}"))
        .find(|other| other.len() == name.len() && !text.contains(other.as_str()))
}
