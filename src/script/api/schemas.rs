//! JSON schemas: those that parameters hold, and those in files beside a script.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path as File;
use std::rc::Rc;
use std::sync::{Arc, Once};

use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use rhai::{Array, Dynamic, Engine, NativeCallContext, Position};

use super::data::tree;
use super::patterns::{CACHE_BYTES, COMPILED_BYTES};
use super::verdict::Mismatch;
use crate::model::code::FindingCode;
use crate::model::json::Json;
use crate::model::judgement::Finding;
use crate::model::path::{Path, Step};
use crate::script::guard::{self, Fallible};
use crate::script::run;
use crate::script::value::{cut, kind_name, problem};

/// Places that `schema` returns at most.
const MISMATCHES_MAX: usize = 20;
/// Schemas of files that a thread keeps ready.
const READY_MAX: usize = 64;

pub(super) fn register(engine: &mut Engine) {
    engine.register_fn(
        "schema",
        |context: NativeCallContext<'_>, value: Dynamic, name: &str| {
            let validator = if is_file(name) {
                of_file(name, context.call_position())?
            } else {
                Rc::new(of_param(name)?)
            };
            mismatches(&validator, &value)
        },
    );
}

/// Tells whether `schema(value, name)` means a file rather than a parameter.
pub(in crate::script) fn is_file(name: &str) -> bool {
    File::new(name)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// Tells why a value is no JSON schema.
pub(in crate::script) fn check(schema: &Json) -> Result<(), String> {
    let plain = serde_json::to_value(schema).map_err(|error| error.to_string())?;
    build(schema, &plain).map(drop)
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

/// Returns the schema that a parameter is.
///
/// The schema is the config's, never one that a service or a script makes up: what a schema costs has no bound of its own.
fn of_param(param: &str) -> Fallible<Validator> {
    let schema =
        run::matcher(|matcher, _| Ok(matcher.param(param).cloned()))?.ok_or_else(|| {
            problem(format!(
                "schema(v, \"{0}\") needs the JSON schema as the parameter `{0}`",
                cut(param, 60)
            ))
        })?;
    build(&schema, &plain(&schema)?)
        .map_err(|why| problem(format!("the parameter `{param}` is no JSON schema: {why}")))
}

/// Schemas by the version of the script and the file.
type Ready = HashMap<(Arc<str>, String), Rc<Validator>>;

thread_local! {
    /// They belong to no run.
    static READY: RefCell<Ready> = RefCell::default();
}

/// Returns the schema in a file, which was read with the script that names it at this position.
fn of_file(name: &str, position: Position) -> Fallible<Rc<Validator>> {
    let (version, schema) = run::with(|run| {
        let part = run.source.spot(position).part;
        Ok((Arc::clone(&part.version), part.schemas.get(name).cloned()))
    })?;
    let schema = schema.ok_or_else(|| {
        problem(format!(
            "OES reads schemas with the script that names them: write the name of the file {} out where `schema` is called",
            cut(name, 60)
        ))
    })?;
    guard::exempt(|| {
        let key = (version, name.to_owned());
        if let Some(ready) = READY.with_borrow(|ready| ready.get(&key).cloned()) {
            return Ok(ready);
        }
        let plain = serde_json::to_value(&schema).map_err(|error| problem(error.to_string()))?;
        let built = build(&schema, &plain)
            .map_err(|why| problem(format!("{name} is no JSON schema: {why}")))?;
        let built = Rc::new(built);
        READY.with_borrow_mut(|ready| {
            if ready.len() >= READY_MAX {
                ready.clear();
            }
            ready.insert(key, Rc::clone(&built));
        });
        Ok(built)
    })
}

/// Holds a value against a schema.
fn mismatches(validator: &Validator, value: &Dynamic) -> Fallible<Array> {
    let (json, _) = tree(value)?;
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

fn build(schema: &Json, plain: &serde_json::Value) -> Result<Validator, String> {
    if !matches!(schema, Json::Object(_)) {
        return Err(format!(
            "it is {}",
            kind_name(&crate::script::value::copy(schema))
        ));
    }
    warm_up();
    let patterns = PatternOptions::regex()
        .size_limit(COMPILED_BYTES)
        .dfa_size_limit(CACHE_BYTES);
    jsonschema::options()
        .with_pattern_options(patterns)
        .with_retriever(Offline)
        .build(plain)
        .map_err(|error| match error.instance_path().as_str() {
            "" => error.to_string(),
            place => format!("{error}, at {place}"),
        })
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
