//! Regular expressions, which take a time linear in the text.

use regex::{Regex, RegexBuilder};
use rhai::{Array, Dynamic, Engine};

use crate::script::guard::{self, Fallible};
use crate::script::run;
use crate::script::value::{cut, problem};

/// Bytes of a compiled expression: it bounds how long a match takes for each byte of the text.
pub(super) const COMPILED_BYTES: usize = 128 << 10;
/// Bytes of the automaton that is built while matching.
pub(super) const CACHE_BYTES: usize = 1 << 20;
/// Bytes of an expression.
const PATTERN_BYTES: usize = 1000;
/// Expressions of one run that are kept.
const PATTERNS_MAX: usize = 64;
/// How deep an expression nests.
const NEST_MAX: u32 = 50;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("matches", |text: &str, pattern: &str| {
            with(text, pattern, |regex| regex.is_match(text))
        })
        .register_fn("captures", |text: &str, pattern: &str| {
            with(text, pattern, |regex| captures(regex, text))
        });
}

/// Finds with an expression, which is compiled once in a run.
fn with<T>(text: &str, pattern: &str, find: impl FnOnce(&Regex) -> T) -> Fallible<T> {
    guard::charge(1 + text.len() as u64 / 16)?;
    let known = run::with(|run| Ok(run.patterns.get(pattern).cloned()))?;
    let regex = if let Some(regex) = known {
        regex
    } else {
        let regex = compiled(pattern)?;
        run::with(|run| {
            if run.patterns.len() >= PATTERNS_MAX {
                run.patterns.clear();
            }
            run.patterns.insert(pattern.to_owned(), regex.clone());
            Ok(())
        })?;
        regex
    };
    let found = find(&regex);
    guard::charge(1)?;
    Ok(found)
}

fn compiled(pattern: &str) -> Fallible<Regex> {
    guard::charge(1 + pattern.len() as u64)?;
    build(pattern).map_err(problem)
}

/// Compiles a regular expression within the bounds that one has.
///
/// # Errors
/// What is wrong with it, for a person.
pub(in crate::script) fn build(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > PATTERN_BYTES {
        return Err(format!(
            "a regular expression has at most {PATTERN_BYTES} bytes, this one has {}",
            pattern.len()
        ));
    }
    RegexBuilder::new(pattern)
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(CACHE_BYTES)
        .nest_limit(NEST_MAX)
        .build()
        .map_err(|error| {
            let why = match error {
                regex::Error::CompiledTooBig(_) => {
                    "it is too large; repeat less, or write [0-9] and [A-Za-z] for \\d and \\w"
                        .to_owned()
                }
                other => {
                    let text = other.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    last.trim_start_matches("error: ").to_owned()
                }
            };
            format!("`{}` is no regular expression: {why}", cut(pattern, 60))
        })
}

/// Returns the match and its groups, `()` for those that took no part; `()` if there is no match.
fn captures(regex: &Regex, text: &str) -> Dynamic {
    let Some(found) = regex.captures(text) else {
        return Dynamic::UNIT;
    };
    found
        .iter()
        .map(|group| group.map_or(Dynamic::UNIT, |group| group.as_str().to_owned().into()))
        .collect::<Array>()
        .into()
}
