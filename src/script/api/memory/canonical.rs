//! Values in a form in which equal ones are the same text, and values without some of their parts.

use std::sync::Arc;

use crate::model::json::{Json, Number};
use crate::model::path::{Path, Step};
use crate::script::guard::{self, Fallible};
use crate::script::value::charge_text;

/// Returns a text that is the same for equal values: keys in order, `1.0` as `1`.
pub(in crate::script::api) fn canonical(json: &Json) -> Fallible<String> {
    let mut text = String::new();
    write(json, &mut text)?;
    Ok(text)
}

fn write(json: &Json, out: &mut String) -> Fallible<()> {
    match json {
        Json::Array(items) => {
            guard::charge(1 + items.len() as u64 / 8)?;
            out.push('[');
            for item in items.iter() {
                write(item, out)?;
                out.push(',');
            }
            out.push(']');
        }
        Json::Object(members) => {
            guard::charge(1 + members.len() as u64 / 8)?;
            let mut members: Vec<(&Arc<str>, &Json)> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (key, item) in members {
                out.push_str(&Json::String(Arc::clone(key)).to_string());
                out.push(':');
                write(item, out)?;
                out.push(',');
            }
            out.push('}');
        }
        Json::Number(number) => {
            let number = number.as_i64().map_or(*number, Number::Int);
            out.push_str(&number.to_string());
        }
        Json::String(text) => {
            charge_text(text)?;
            out.push_str(&json.to_string());
        }
        other => out.push_str(&other.to_string()),
    }
    Ok(())
}

/// Returns the value without what is at these places.
pub(super) fn without(json: &Json, places: &[Path]) -> Fallible<Json> {
    if places.is_empty() {
        return Ok(json.clone());
    }
    let steps: Vec<&[Step]> = places.iter().map(Path::steps).collect();
    Ok(pruned(json, &steps)?.unwrap_or_default())
}

/// Returns what is left of a value; absent if all of it is to go.
fn pruned(json: &Json, places: &[&[Step]]) -> Fallible<Option<Json>> {
    guard::charge(1)?;
    if places.iter().any(|steps| steps.is_empty()) {
        return Ok(None);
    }
    if places.is_empty() {
        return Ok(Some(json.clone()));
    }
    let below = |is_here: &dyn Fn(&Step) -> bool| -> Vec<&[Step]> {
        places
            .iter()
            .filter_map(|steps| steps.split_first())
            .filter(|(step, _)| is_here(step))
            .map(|(_, rest)| rest)
            .collect()
    };
    match json {
        Json::Object(members) => {
            let mut left = Vec::with_capacity(members.len());
            for (key, value) in members.iter() {
                let places = below(&|step| match step {
                    Step::Any => true,
                    Step::Key(wanted) => wanted == key,
                    Step::Index(_) => false,
                });
                left.extend(pruned(value, &places)?.map(|value| (Arc::clone(key), value)));
            }
            Ok(Some(Json::object(left)))
        }
        Json::Array(items) => {
            let mut left = Vec::with_capacity(items.len());
            for (index, value) in items.iter().enumerate() {
                let from_end = index as i128 - items.len() as i128;
                let places = below(&|step| match step {
                    Step::Any => true,
                    Step::Index(wanted) => [index as i128, from_end].contains(&(*wanted).into()),
                    Step::Key(_) => false,
                });
                left.extend(pruned(value, &places)?);
            }
            Ok(Some(left.into_iter().collect()))
        }
        scalar => Ok(Some(scalar.clone())),
    }
}
