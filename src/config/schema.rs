//! The JSON Schema of an ops config, for editors.

use serde_json::{Map, Value as JsonValue, json};

use crate::config::keys::{Kind, Place, TOP};
use crate::config::values::METHODS;

const DURATION: &str = r"^\s*([0-9]+(\.[0-9]+)?\s*(ms|s|sec|m|min|h|d|w)\s*)+$";
const SIZE: &str = r"^\s*[0-9]+\s*(B|KiB|MiB|GiB|kB|KB|MB|GB|K|k|M|G)?\s*$";
const STATUS: &str = r"^\s*(any|[1-5](xx|XX)|[1-5][0-9]{2}(\s*-\s*[1-5][0-9]{2})?)(\s*,\s*(any|[1-5](xx|XX)|[1-5][0-9]{2}(\s*-\s*[1-5][0-9]{2})?))*\s*$";

/// Returns the JSON Schema (draft 2020-12) of an ops config, which serves editors of JSON and of TOML.
///
/// It sees what one value can show: keys, kinds, ranges. What takes the whole config or a script (names that refer to
/// something, markers, secrets) only [`load`](super::load) sees.
pub fn schema() -> JsonValue {
    let mut definitions = Map::new();
    let mut root = place(&TOP, &mut definitions);
    if let Some(root) = root.as_object_mut() {
        root.insert(
            "$schema".into(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        root.insert("title".into(), json!("OES ops config"));
        root.insert("$defs".into(), JsonValue::Object(definitions));
    }
    root
}

fn place(place: &Place, definitions: &mut Map<String, JsonValue>) -> JsonValue {
    let mut properties = Map::new();
    for key in place.keys {
        let mut value = kind(&key.kind, definitions);
        if let Some(value) = value.as_object_mut() {
            let default = match key.default {
                "" => String::new(),
                default => format!(" Default: {default}."),
            };
            value.insert("description".into(), json!(format!("{}{default}", key.doc)));
        }
        properties.insert(key.name.into(), value);
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if let Some(schema) = schema.as_object_mut() {
        let others = if place.open {
            json!({ "type": ["string", "number", "boolean"] })
        } else {
            json!(false)
        };
        schema.insert("additionalProperties".into(), others);
        if !place.required.is_empty() {
            schema.insert("required".into(), json!(place.required));
        }
    }
    schema
}

/// Returns a reference to a table's schema, which is written once.
fn reference(table: &Place, definitions: &mut Map<String, JsonValue>) -> JsonValue {
    let name = table.title.trim_matches('`').replace(' ', "_");
    if !definitions.contains_key(&name) {
        let schema = place(table, definitions);
        definitions.insert(name.clone(), schema);
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn kind(of: &Kind, definitions: &mut Map<String, JsonValue>) -> JsonValue {
    match of {
        Kind::Text | Kind::Url => json!({ "type": "string" }),
        Kind::Word | Kind::File => json!({ "type": "string", "minLength": 1 }),
        Kind::Duration(..) => {
            json!({ "type": ["number", "string"], "minimum": 0, "pattern": DURATION })
        }
        Kind::Size(min, max) => {
            json!({ "type": ["integer", "string"], "minimum": min, "maximum": max, "pattern": SIZE })
        }
        Kind::Integer(min, max) if *max == i64::MAX => json!({ "type": "integer", "minimum": min }),
        Kind::Integer(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number(min, max) => {
            let mut schema = json!({ "type": "number" });
            if let Some(schema) = schema.as_object_mut() {
                if *min > f64::MIN {
                    schema.insert("minimum".into(), json!(min));
                }
                if *max < f64::MAX {
                    schema.insert("maximum".into(), json!(max));
                }
            }
            schema
        }
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Only(value) => json!({ "const": value }),
        Kind::Any => json!({}),
        Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
        Kind::Method => {
            let lower = METHODS.iter().map(|method| method.to_ascii_lowercase());
            let all: Vec<String> = METHODS
                .iter()
                .map(|method| (*method).to_owned())
                .chain(lower)
                .collect();
            json!({ "type": "string", "enum": all })
        }
        Kind::Status => json!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": STATUS },
            { "type": "array", "minItems": 1, "items": { "anyOf": [
                { "type": "integer", "minimum": 100, "maximum": 599 },
                { "type": "string", "pattern": STATUS } ] } } ] }),
        Kind::JsonPath => json!({ "type": "string", "pattern": r"^\$" }),
        Kind::List(of) => json!({ "type": "array", "items": kind(of, definitions) }),
        Kind::Map(of) => json!({ "type": "object", "additionalProperties": kind(of, definitions) }),
        Kind::Table(table) => reference(table, definitions),
        Kind::Cases(cases) => {
            let mut schema = reference(cases.other, definitions);
            for (text, place) in cases.own {
                let is = json!({ "properties": { cases.key: { "const": text } }, "required": [cases.key] });
                let then = reference(place, definitions);
                schema = json!({ "if": is, "then": then, "else": schema });
            }
            schema
        }
        Kind::Either(kinds) => {
            let all: Vec<JsonValue> = kinds.iter().map(|of| kind(of, definitions)).collect();
            json!({ "anyOf": all })
        }
    }
}
