//! Regular expressions, which take a time linear in the text, and JSON schemas.

use std::sync::Once;

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use regex::{Regex, RegexBuilder};
use rhai::{Array, Dynamic, Engine};

use super::data::tree;
use super::verdict::Mismatch;
use crate::model::code::FindingCode;
use crate::model::json::Json;
use crate::model::judgement::Finding;
use crate::model::path::{Path, Step};
use crate::script::guard::{self, Fallible, Fault};
use crate::script::run;
use crate::script::value::{cut, kind_name, problem};

/// Bytes of a compiled expression: it bounds how long a match takes for each byte of the text.
const COMPILED_BYTES: usize = 128 << 10;
/// Bytes of the automaton that is built while matching.
const CACHE_BYTES: usize = 1 << 20;
/// Bytes of an expression.
const PATTERN_BYTES: usize = 1000;
/// Expressions of one run that are kept.
const PATTERNS_MAX: usize = 64;
/// How deep an expression nests.
const NEST_MAX: u32 = 50;
/// Places that `schema` returns at most.
const MISMATCHES_MAX: usize = 20;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("matches", |text: &str, pattern: &str| {
            with(text, pattern, |regex| regex.is_match(text))
        })
        .register_fn("captures", |text: &str, pattern: &str| {
            with(text, pattern, |regex| captures(regex, text))
        })
        .register_fn("schema", |value: Dynamic, param: &str| {
            schema(&value, param)
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
    if pattern.len() > PATTERN_BYTES {
        return Err(problem(format!(
            "a regular expression has at most {PATTERN_BYTES} bytes, this one has {}",
            pattern.len()
        )));
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
            problem(format!(
                "`{}` is no regular expression: {why}",
                cut(pattern, 60)
            ))
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

/// Refuses to fetch what a schema refers to.
struct Offline;

impl Retrieve for Offline {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<serde_json::Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("{uri} is not part of the schema, and nothing is fetched").into())
    }
}

/// Holds a value against the JSON schema that a parameter is, and returns the mismatches.
///
/// The schema is the config's, never one that a service or a script makes up: what a schema costs has no bound of its own.
fn schema(value: &Dynamic, param: &str) -> Fallible<Array> {
    let (json, _) = tree(value)?;
    let schema =
        run::matcher(|matcher, _| Ok(matcher.param(param).cloned()))?.ok_or_else(|| {
            problem(format!(
                "schema(v, \"{0}\") needs the JSON schema as the parameter `{0}`",
                cut(param, 60)
            ))
        })?;
    let validator = validator(&schema, param)?;
    let instance = plain(&json)?;
    let found: Vec<Dynamic> = validator
        .iter_errors(&instance)
        .take(MISMATCHES_MAX)
        .map(|error| {
            let place = place(error.instance_path().as_str(), &json);
            let message = cut(&error.to_string(), 300);
            Dynamic::from(Mismatch(
                Finding::error(FindingCode::Schema, message).at_path(&place),
            ))
        })
        .collect();
    guard::charge(1)?;
    Ok(found)
}

/// Builds what the schema library keeps for ever, once, so that no run is blamed for it.
fn warm_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        guard::exempt(|| {
            for draft in [
                "http://json-schema.org/draft-04/schema#",
                "http://json-schema.org/draft-06/schema#",
                "http://json-schema.org/draft-07/schema#",
                "https://json-schema.org/draft/2019-09/schema",
                "https://json-schema.org/draft/2020-12/schema",
            ] {
                let schema = serde_json::json!({ "$schema": draft, "type": "object" });
                drop(jsonschema::options().with_retriever(Offline).build(&schema));
            }
        });
    });
}

fn validator(schema: &Json, param: &str) -> Fallible<Validator> {
    let bad = |why: &dyn std::fmt::Display| -> Fault {
        problem(format!("the parameter `{param}` is no JSON schema: {why}"))
    };
    if !matches!(schema, Json::Object(_)) {
        return Err(bad(&format!(
            "it is {}",
            kind_name(&crate::script::value::copy(schema))
        )));
    }
    warm_up();
    let patterns = PatternOptions::regex()
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(CACHE_BYTES);
    jsonschema::options()
        .with_pattern_options(patterns)
        .with_retriever(Offline)
        .build(&plain(schema)?)
        .map_err(|error| bad(&error))
}

/// Returns the tree as the schema library reads it.
fn plain(json: &Json) -> Fallible<serde_json::Value> {
    guard::charge(1 + nodes(json) / 4)?;
    serde_json::to_value(json).map_err(|error| problem(error.to_string()))
}

fn nodes(json: &Json) -> u64 {
    1 + match json {
        Json::Array(items) => items.iter().map(nodes).sum(),
        Json::Object(members) => members.iter().map(|(_, value)| nodes(value)).sum(),
        _ => 0,
    }
}

/// Returns the place that a JSON pointer names in a value.
fn place(pointer: &str, json: &Json) -> Path {
    let mut path = Path::root();
    let mut here = Some(json);
    for part in pointer.split('/').skip(1) {
        let key = part.replace("~1", "/").replace("~0", "~");
        let step = match (here, key.parse()) {
            (Some(Json::Array(_)), Ok(index)) => Step::Index(index),
            _ => Step::Key(key.into()),
        };
        here = here.and_then(|here| match &step {
            Step::Index(index) => here.as_array()?.get(usize::try_from(*index).ok()?),
            Step::Key(key) => here.get(key),
            Step::Any => None,
        });
        path = path.then(step);
    }
    path
}
