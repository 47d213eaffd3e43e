//! Holding values against samples and against one another.

use rhai::{Array, Dynamic, Engine};

use super::data::tree;
use super::verdict::Mismatch;
use crate::model::code::FindingCode;
use crate::model::json::Json;
use crate::model::judgement::Finding;
use crate::model::path::Path;
use crate::policy::shape::{self, PatternMistake};
use crate::script::guard::{self, Fallible};
use crate::script::value::{nodes, problem, to_json};

/// Bytes that a value of a sample takes once it is a pattern, about.
const PART_BYTES: usize = 256;
/// Differences that `diff` returns at most.
const DIFFERENCES_MAX: usize = 20;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("types", |value: Dynamic, sample: Dynamic| {
            against(&value, &sample, shape::types)
        })
        .register_fn("exact", |value: Dynamic, sample: Dynamic| {
            against(&value, &sample, shape::exact)
        })
        .register_fn("diff", |old: Dynamic, new: Dynamic| -> Fallible<Array> {
            let (old, new) = (tree(&old)?.0, tree(&new)?.0);
            let mut found = Vec::new();
            differ(&Path::root(), &old, &new, &mut found)?;
            Ok(mismatches(found))
        });
}

type Shape = fn(&Json, &Json) -> Result<Vec<Finding>, Vec<PatternMistake>>;

fn against(value: &Dynamic, sample: &Dynamic, hold: Shape) -> Fallible<Array> {
    let value = tree(value)?.0;
    let sample = to_json(sample)?;
    let parts = nodes(&sample);
    guard::reserve(parts.saturating_mul(PART_BYTES))?;
    guard::charge((parts + nodes(&value)) as u64 / 2)?;
    let found = hold(&sample, &value).map_err(|mistakes| {
        let texts: Vec<String> = mistakes
            .into_iter()
            .map(|mistake| mistake.message)
            .collect();
        problem(format!("the sample: {}", texts.join("; ")))
    })?;
    Ok(mismatches(found))
}

fn mismatches(found: Vec<Finding>) -> Array {
    found
        .into_iter()
        .map(|finding| Dynamic::from(Mismatch(finding)))
        .collect()
}

/// Collects where two trees differ. Data is compared with data: nothing in it is read as a marker.
fn differ(path: &Path, old: &Json, new: &Json, found: &mut Vec<Finding>) -> Fallible<()> {
    guard::charge(1)?;
    if found.len() >= DIFFERENCES_MAX {
        return Ok(());
    }
    match (old, new) {
        (Json::Object(before), Json::Object(after)) => {
            for (key, value) in before.iter() {
                let place = path.key(std::sync::Arc::clone(key));
                match after.get(key) {
                    Some(other) => differ(&place, value, other, found)?,
                    None => found.push(changed(&place, FindingCode::Missing, Some(value), None)),
                }
            }
            for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(key)) {
                let place = path.key(std::sync::Arc::clone(key));
                found.push(changed(
                    &place,
                    FindingCode::UnexpectedKey,
                    None,
                    Some(value),
                ));
            }
        }
        (Json::Array(before), Json::Array(after)) if before.len() == after.len() => {
            for (index, (value, other)) in before.iter().zip(after.iter()).enumerate() {
                differ(&path.index(index), value, other, found)?;
            }
        }
        (old, new) if old == new => {}
        (Json::Array(_), Json::Array(_)) => {
            found.push(changed(path, FindingCode::Length, Some(old), Some(new)));
        }
        (old, new) => found.push(changed(path, FindingCode::Value, Some(old), Some(new))),
    }
    Ok(())
}

fn changed(path: &Path, code: FindingCode, old: Option<&Json>, new: Option<&Json>) -> Finding {
    let message = match (old, new) {
        (Some(old), Some(new)) => format!("was {}, is {}", old.summary(60), new.summary(60)),
        (Some(old), None) => format!("was {}, is missing", old.summary(60)),
        (None, Some(new)) => format!("is new: {}", new.summary(60)),
        (None, None) => "changed".to_owned(),
    };
    let mut finding = Finding::error(code, message).at_path(path);
    finding.expected = old.map(|old| old.summary(200).into());
    finding.actual = new.map(|new| new.summary(200).into());
    finding
}
